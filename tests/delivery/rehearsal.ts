/** A cluster in memory, and a release context on it: what a release does, step by step, without a real one. */
import { exitCodes } from "../../delivery/exitCodes.ts";
import { FIELD_MANAGER, type JsonMap } from "../../delivery/kubernetes.ts";
import type { Lease } from "../../delivery/lease.ts";
import type { Note, ReleaseContext } from "../../delivery/releaseContext.ts";
import type { ReleaseRecord } from "../../delivery/releaseRecord.ts";
import type { Slot, SlotSettings } from "../../delivery/slots.ts";
import type { RunningCanary, Stack } from "../../delivery/stack.ts";
import type { ImageSettings } from "../../delivery/stackSettings.ts";
import type { Updated } from "../../delivery/stackUpdate.ts";
import { ApiError, type ApiClient, type RequestParts } from "../../engine/kubernetes/client.ts";

export { exitCodes };

export const reference = (letter: string): string => `ghcr.io/a/b@sha256:${letter.repeat(64)}`;
const clean: Updated = { result: "clean", problems: [], output: "", policies: { packs: [], findings: [], remediations: [] } };
export const failing = (problem: string, result: Updated["result"] = "error"): Updated => ({ ...clean, result, problems: [problem] });

/** What the cluster does with an update: by default it moves the selector as asked. */
type Update = (settings: SlotSettings | ImageSettings, world: World, signal: AbortSignal) => Updated | Promise<Updated>;

export class World {
  /** Everything that was done, in order. */
  readonly log: string[] = [];
  readonly notes: { release: string; note: Note }[] = [];
  readonly records: ReleaseRecord[] = [];
  selector: Slot = "blue";
  /** Answers so far of the slot that has the traffic, as its pod tells them. */
  answers = { requests: 0, errors: 0 };
  /** Ready pods of three. */
  ready = 3;
  update: Update = () => clean;
  /** The kind of entry that the ledger has no room for. */
  unrecordable: Note["kind"] | undefined;
  /** Phase and revision of the Canary, and the Deployment that it judges. */
  canary: JsonMap = { phase: "Succeeded", lastAppliedSpec: "spec-1" };
  target: JsonMap = { metadata: { name: "audit", annotations: {} }, spec: { selector: { matchLabels: { app: "audit" } } } };
  /** Pods of the Canary's target: what each look finds, the last one ever after. */
  canaryPods: JsonMap[][] = [[]];
  /** What the canary's users are served. */
  primary = reference("1");
  /** Answers that the API server owes: it is away for so many questions about the Canary. */
  outages = 0;
  readonly #stop = new AbortController();

  readonly client = {
    request: (method: string, path: string, { body, query }: RequestParts): Promise<JsonMap> => {
      if (path.includes("/services/")) {
        if (method !== "GET") {
          this.selector = ((body as { spec: { selector: { version: Slot } } }).spec.selector.version);
          this.log.push(`traffic to ${this.selector}`);
        }
        return Promise.resolve({ metadata: { name: "audit-service", namespace: "local", resourceVersion: "1" }, spec: { selector: { app: "audit", version: this.selector } } });
      }
      if (path.endsWith("/pods") && query?.["labelSelector"] === "app=audit") return Promise.resolve({ items: (this.canaryPods.length > 1 ? this.canaryPods.shift() : this.canaryPods[0]) ?? [] });
      if (path.endsWith("/pods")) return Promise.resolve({ items: [{ metadata: { name: "p" }, spec: { containers: [{ ports: [{ name: "http", containerPort: 8000 }] }] } }] });
      if (path.includes("/canaries/") && this.outages-- > 0) return Promise.reject(new ApiError("the server is away", 503, "ServiceUnavailable", []));
      if (path.includes("/canaries/")) return Promise.resolve({ spec: { targetRef: { name: "audit" } }, status: { ...this.canary } });
      if (path.endsWith("/deployments/audit")) {
        if (method !== "GET") {
          this.target = body as JsonMap;
          this.log.push("target annotated");
        }
        return Promise.resolve(this.target);
      }
      if (path.endsWith("/deployments/audit-primary")) return Promise.resolve({ spec: { template: { spec: { containers: [{ image: "mesh/proxy@sha256:0" }, { image: this.primary }] } } } });
      if (path.includes("/deployments/")) return Promise.resolve({ spec: { replicas: 3 }, status: { readyReplicas: this.ready } });
      return Promise.reject(new ApiError("not found", 404, "NotFound", []));
    },
    text: (): Promise<string> => {
      const { requests, errors } = this.answers;
      this.answers = { requests: requests + 100, errors: errors + this.errorsPerLook };
      return Promise.resolve(`http_requests_total{status="200"} ${requests - errors}\nhttp_requests_total{status="500"} ${errors}\nhttp_request_duration_seconds_sum 1\nhttp_request_duration_seconds_bucket{le="+Inf"} ${requests}\n`);
    },
  } as unknown as ApiClient;
  errorsPerLook = 0;

  /** A context as a command has it, with what the lease found. */
  context(found?: ReleaseRecord, running: Partial<ReleaseContext["running"]> = {}): ReleaseContext {
    return {
      ...this.#shared(found),
      running: {
        active: "blue",
        images: { blue: reference("1") },
        namespace: "local",
        liveService: { apiVersion: "v1", kind: "Service", metadata: { name: "audit-service", namespace: "local" }, spec: { selector: { app: "audit", version: "blue" } } },
        manager: FIELD_MANAGER,
        prometheus: undefined,
        bake: { durationSeconds: 1, maxErrorRatio: 0.05, maxLatencySeconds: 2, maxMemoryShare: 0.85, maxCpuShare: 0.8, minRequests: 20, availability: 0.999, unjudged: "roll-back" },
        ...running,
      },
    };
  }

  canaryContext(found?: ReleaseRecord): ReleaseContext<RunningCanary> {
    const canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "audit", namespace: "local" } };
    return { ...this.#shared(found), running: { image: reference("1"), namespace: "local", canary } };
  }

  #shared(found: ReleaseRecord | undefined): Omit<ReleaseContext, "running"> {
    const lease: Lease = {
      found,
      lost: this.#stop.signal,
      write: (record) => {
        this.records.push(record);
        this.log.push(`lease ${record.phase}`);
        return Promise.resolve();
      },
      release: () => Promise.resolve(),
    };
    return {
      stack: { choice: { stack: "local" }, file: new URL(import.meta.url).pathname, freezes: [], cluster: { client: this.client } } as unknown as Stack,
      lease,
      deploy: async (settings, { interrupts, skipPreview = false }) => {
        const verb = skipPreview ? "restore" : "deploy";
        this.log.push("image" in settings ? `${verb} ${settings.image.slice(-1)}` : `${verb} ${settings.active}: ${Object.entries(settings.images).flatMap(([slot, image]: [string, string | undefined]) => image === undefined ? [] : `${slot} ${image.slice(-1)}`).join(", ")}`);
        const updated = await this.update(settings, this, interrupts.signal);
        if (updated.result === "clean" && "active" in settings) this.selector = settings.active;
        return updated;
      },
      update: { interrupts: { signal: this.#stop.signal, onKill: () => undefined, dispose: () => undefined }, verbose: true },
      tell: () => undefined,
      history: { releases: [], freeze: undefined },
      note: (release, note) => {
        if (note.kind === this.unrecordable) throw new Error("no space left on device");
        this.notes.push({ release, note });
        this.log.push(`note ${note.kind}`);
      },
    };
  }
}
