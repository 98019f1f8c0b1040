import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Objection } from "./invalidArgument.ts";
import { appLabels, loadLabels } from "./labels.ts";
import { containerSecurity, podDns, podSecurity } from "./podSecurity.ts";

/** Requests of our own to a canary, for services that are too quiet to be judged by their users. */
export interface LoadArgs {
  /** Requests a second. Their answers count like anybody's, so keep them few beside real ones. @default 5 */
  readonly requestsPerSecond?: number;
  /** What is asked: a path that changes nothing and is counted as a request. @default "/version" */
  readonly path?: string;
}

/** Who asks whom. */
interface LoadPlace {
  readonly app: string;
  readonly namespace: pulumi.Input<string>;
  /** An image with `node` in it: the application's own, which is on the node already. */
  readonly image: pulumi.Input<string>;
  readonly imagePullSecrets?: readonly pulumi.Input<string>[] | undefined;
  readonly serviceAccountName: pulumi.Input<string>;
  /** Port of the Services that Flagger makes. */
  readonly servicePort: pulumi.Input<number>;
}

/**
 * What the pod runs (`node -e`): GET at a steady rate, each on a new connection, to the Service of the canary alone. Between analyses that
 * Service has no pods, so that every attempt fails at once and nothing is asked of anyone; a failed attempt is not repeated. Its probes are
 * answered on port 8080. Environment: TARGET, RATE.
 */
export const loadScript = `
const http = require("node:http");
const { TARGET, RATE } = process.env;
const ask = () => {
  const request = http.get(TARGET, { agent: false, timeout: 5000, headers: { connection: "close" } }, (response) => response.resume().on("error", () => {}));
  request.on("timeout", () => request.destroy());
  request.on("error", () => {});
};
setInterval(ask, 1000 / Number(RATE));
http.createServer((request, response) => response.end("asking")).listen(8080);
process.on("SIGTERM", () => process.exit(0));
`.trim();

/** What is wrong with the arguments, if anything. */
export function objectionsToLoad({ requestsPerSecond = 5, path = "/version" }: LoadArgs): Objection[] {
  const objections: Objection[] = [];
  if (!(requestsPerSecond >= 0.1 && requestsPerSecond <= 100)) {
    objections.push({ path: "load.requestsPerSecond", value: requestsPerSecond, rule: "from 0.1 to 100", fix: "A few requests a second suffice to judge by." });
  }
  if (!/^\/[\x21-\x7e]*$/.test(path)) objections.push({ path: "load.path", value: path, rule: "a path that begins with /", fix: 'Write "/version".' });
  return objections;
}

/** The Deployment of one pod that asks. It is not awaited: a release whose image can't run is Flagger's to refuse. */
export function loadDeployment({ requestsPerSecond = 5, path = "/version" }: LoadArgs, place: LoadPlace): k8s.apps.v1.DeploymentArgs {
  const labels = { ...loadLabels(place.app) };
  return {
    metadata: { name: `${place.app}-load`, namespace: place.namespace, labels: { ...appLabels(place.app) }, annotations: { "pulumi.com/skipAwait": "true" } },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 1,
      selector: { matchLabels: { app: `${place.app}-load` } },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: place.serviceAccountName,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          dnsConfig: podDns,
          securityContext: podSecurity(),
          terminationGracePeriodSeconds: 5,
          ...(place.imagePullSecrets === undefined ? {} : { imagePullSecrets: place.imagePullSecrets.map((name) => ({ name })) }),
          containers: [
            {
              name: "load",
              image: place.image,
              imagePullPolicy: "IfNotPresent",
              command: ["node", "-e", loadScript],
              env: [
                { name: "TARGET", value: pulumi.interpolate`http://${place.app}-canary:${place.servicePort}${path}` },
                { name: "RATE", value: String(requestsPerSecond) },
              ],
              ports: [{ name: "probes", containerPort: 8080 }],
              readinessProbe: { httpGet: { path: "/", port: "probes" }, periodSeconds: 5, timeoutSeconds: 3 },
              livenessProbe: { httpGet: { path: "/", port: "probes" }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
              resources: {
                requests: { cpu: "20m", memory: "96Mi", "ephemeral-storage": "16Mi" },
                limits: { cpu: "200m", memory: "96Mi", "ephemeral-storage": "64Mi" },
              },
              securityContext: containerSecurity(),
            },
          ],
        },
      },
    },
  };
}
