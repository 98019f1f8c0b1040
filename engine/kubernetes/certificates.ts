/** Why a certificate is refused, in words: whose it is, and since when. A handshake's error says neither. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";

/** For the second handshake, which only explains. */
const LOOK_MS = 5000;
/** Certificates of a chain that are looked at. */
const LONGEST_CHAIN = 10;

/** What is looked at: TLS options as requests have them. */
type TlsOptions = Pick<ConnectionOptions, "ca" | "cert" | "servername">;

/**
 * Says of our own certificate that it is out of its time.
 * @param now default: the present
 * @returns `our own certificate (CN=admin) expired on 2026-01-31T00:00:00Z`; undefined when there is none, it can't be read, or it is valid
 */
export function ownCertificateProblem({ cert }: TlsOptions, now = new Date()): string | undefined {
  // What follows the first one in the file are its issuers.
  const [own] = parse(cert);
  const problem = own === undefined ? undefined : outOfTime(own, now);
  return own === undefined || problem === undefined ? undefined : `our own certificate (${titleOf(own)}) ${problem}`;
}

/**
 * Says which certificate of a server, of its issuers, or of the authority that we trust is out of its time. It makes a handshake of its own, in
 * which nothing of ours is shown or sent.
 * @param now default: the present
 * @returns `the server's certificate (CN=kube-apiserver) expired on 2026-01-31T00:00:00Z`; undefined when all are valid, or can't be seen
 */
export async function serverCertificateProblem(server: URL, { ca, servername }: TlsOptions, now = new Date()): Promise<string | undefined> {
  const shown = await chainOf(server, { ca, servername });
  const known = parse(ca).map((certificate) => ({ whose: "the certificate of the authority that the kubeconfig names", certificate }));
  const chain = shown.map((certificate, depth) => ({ whose: depth === 0 ? "the server's certificate" : "the certificate of the server's issuer", certificate }));
  for (const { whose, certificate } of [...chain.slice(0, 1), ...known, ...chain.slice(1)]) {
    const problem = outOfTime(certificate, now);
    if (problem !== undefined) return `${whose} (${titleOf(certificate)}) ${problem}`;
  }
  return undefined;
}

function outOfTime({ validFromDate, validToDate }: X509Certificate, now: Date): string | undefined {
  const inWords = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, "Z");
  if (validToDate < now) return `expired on ${inWords(validToDate)}`;
  if (validFromDate > now) return `is valid only from ${inWords(validFromDate)} on, and this machine's clock says ${inWords(now)}`;
  return undefined;
}

/** The subject in one line. */
function titleOf({ subject }: X509Certificate): string {
  return subject.split("\n").join(", ");
}

/** The certificates of a PEM text, whatever form the option has; those that can't be read are left out. */
function parse(option: TlsOptions["ca"]): X509Certificate[] {
  const texts = (Array.isArray(option) ? option : option === undefined ? [] : [option]).map(String);
  const blocks = texts.flatMap((text) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []);
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return []; // the handshake's own error tells of it
    }
  });
}

/** What the server shows, itself first; empty when it can't be reached in this way (through a proxy, say). */
async function chainOf({ hostname, port }: URL, { ca, servername }: TlsOptions): Promise<X509Certificate[]> {
  const host = hostname.replace(/^\[|\]$/g, "");
  const name = servername ?? (isIP(host) === 0 ? host : undefined);
  return await new Promise((resolve) => {
    const socket = connect({ host, port: Number(port === "" ? 443 : port), ca, rejectUnauthorized: false, ...(name === undefined ? {} : { servername: name }) });
    const end = (chain: X509Certificate[]): void => {
      resolve(chain);
      socket.destroy();
    };
    socket.setTimeout(LOOK_MS, () => end([]));
    socket.once("error", () => end([]));
    socket.once("secureConnect", () => {
      const chain: X509Certificate[] = [];
      for (let next = socket.getPeerX509Certificate(); next !== undefined && chain.length < LONGEST_CHAIN; next = next.issuerCertificate) {
        const { fingerprint256 } = next;
        if (chain.some((seen) => seen.fingerprint256 === fingerprint256)) break;
        chain.push(next);
      }
      end(chain);
    });
  });
}
