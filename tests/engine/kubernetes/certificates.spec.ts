import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import { type AddressInfo, createServer as createPlainServer, type Server as PlainServer } from "node:net";
import type { TlsOptions } from "node:tls";
import { ApiClient } from "../../../engine/kubernetes/client.ts";
import { type Pair, makeCertificate } from "./certificates.ts";

const { signal } = new AbortController();
const valid = { from: "2020-01-01T00:00:00Z", to: "2049-01-01T00:00:00Z" };
const over = { from: "2020-01-01T00:00:00Z", to: "2021-02-03T04:05:06Z" };
const ahead = { from: "2048-01-01T00:00:00Z", to: "2049-01-01T00:00:00Z" };

describe("certificates that are out of their time are named, with the time and what to do", () => {
  let authority: Pair;
  let server: Pair;
  let client: Pair;
  let listening: Server | PlainServer | undefined;

  before(async () => {
    authority = await makeCertificate({ subject: "CN=authority", ...valid });
    server = await makeCertificate({ subject: "CN=kube-apiserver", ...valid, issuer: authority });
    client = await makeCertificate({ subject: "O=system:masters, CN=admin", ...over, issuer: authority });
  });
  afterEach(async () => {
    const ending = listening;
    if (ending !== undefined && "closeAllConnections" in ending) ending.closeAllConnections();
    await new Promise((resolve) => (ending === undefined ? resolve(undefined) : ending.close(resolve)));
    listening = undefined;
  });

  /** What a read says to a person, asked of this server. */
  const complaintAbout = async (answering: Server | PlainServer, ours: { ca: string; cert?: string; key?: string }): Promise<string> => {
    listening = answering;
    await new Promise<void>((resolve) => answering.listen(0, "127.0.0.1", resolve));
    const url = new URL(`https://127.0.0.1:${(answering.address() as AddressInfo).port}/`);
    const connection = { server: url, context: "test", origin: "test.kubeconfig, context test", namespace: "default", authorize: () => Promise.resolve(ours), close: () => undefined };
    const asking = new ApiClient(connection, { requestMs: 20_000, attempts: 1, pauseMs: 1 }).request("GET", "/api/v1/namespaces/kube-system", { signal });
    const error = await asking.then(() => assert.fail("it was answered"), (reason: unknown) => reason as { message: string; fix?: string });
    return `${error.message}\n${String(error.fix)}`;
  };
  /** Of one that speaks TLS with these options, and knows nobody. */
  const complaint = async (options: TlsOptions, ours: { ca: string; cert?: string; key?: string }): Promise<string> =>
    await complaintAbout(createServer(options, (_, response) => response.writeHead(401).end(JSON.stringify({ message: "Unauthorized" }))), ours);

  it("ours, where the server answers that it does not know us, as an API server does", async () => {
    const said = await complaint(server, { ca: authority.cert, ...client });
    assert.match(said, /does not know who we are: Unauthorized: our own certificate \(O=system:masters, CN=admin\) expired on 2021-02-03T04:05:06Z\.\nRenew the credentials of test\.kubeconfig, context test\./);
  });

  it("ours that is valid is not blamed", async () => {
    const good = await makeCertificate({ subject: "CN=admin", ...valid, issuer: authority });
    assert.match(await complaint(server, { ca: authority.cert, ...good }), /does not know who we are: Unauthorized\.\n/);
  });

  it("ours, where the server ends the handshake for it", async () => {
    // A fatal alert, certificate_expired, to whatever is said.
    const alerting = createPlainServer((socket) => socket.on("error", () => socket.destroy()).once("data", () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 45]))));
    const said = await complaintAbout(alerting, { ca: authority.cert, ...client });
    assert.match(said, /refused for a certificate: our own certificate \(O=system:masters, CN=admin\) expired on 2021-02-03T04:05:06Z\.\nRenew the kubeconfig: test\.kubeconfig/);
  });

  it("ours, where the server hangs up without a word", async () => {
    const said = await complaint({ ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true, maxVersion: "TLSv1.2" }, { ca: authority.cert, ...client });
    assert.match(said, /broke during GET .* Perhaps for this reason: our own certificate \(O=system:masters, CN=admin\) expired on 2021-02-03T04:05:06Z\./);
  });

  it("the server's", async () => {
    const expired = await makeCertificate({ subject: "CN=kube-apiserver", ...over, issuer: authority });
    const said = await complaint(expired, { ca: authority.cert });
    assert.match(said, /refused for a certificate: the server's certificate \(CN=kube-apiserver\) expired on 2021-02-03T04:05:06Z\.\nHave the server's certificates renewed/);
  });

  it("the server's that begins later: perhaps it is the clock", async () => {
    const early = await makeCertificate({ subject: "CN=kube-apiserver", ...ahead, issuer: authority });
    assert.match(await complaint(early, { ca: authority.cert }), /certificate \(CN=kube-apiserver\) is valid only from 2048-01-01T00:00:00Z on, and this machine's clock says 20\d\d-/);
  });

  it("the authority's", async () => {
    const ended = await makeCertificate({ subject: "CN=old authority", ...over });
    const issued = await makeCertificate({ subject: "CN=kube-apiserver", ...valid, issuer: ended });
    assert.match(await complaint(issued, { ca: ended.cert }), /the certificate of the authority that the kubeconfig names \(CN=old authority\) expired on 2021-02-03T04:05:06Z/);
  });

  it("a strange authority is no matter of time", async () => {
    const strange = await makeCertificate({ subject: "CN=somebody", ...valid });
    assert.match(await complaint(server, { ca: strange.cert }), /not signed by the authority that the kubeconfig names\.\nRenew the kubeconfig/);
  });
});
