/** A Canary's phases and its route's weights, as the API server tells of their changes. */
import { KubeConfig, Watch } from "@kubernetes/client-node";
import { canaryNames } from "./canaryStack.ts";
import { monotonicMs } from "./switchRequests.ts";

/** One value, and when this process was told (`monotonicMs`): a moment after the server had it. */
export interface Told<T> {
  value: T;
  at: number;
}

/** A Canary, or the route that Flagger made for it: the part of both that is read. */
interface Watched {
  status?: { phase?: string };
  spec?: { rules?: { backendRefs?: { name: string; weight?: number }[]; filters?: { type: string }[] }[] };
}

/** Follows both until closed. */
export class CanaryWatch {
  readonly phases: Told<string>[] = [];
  /** The new version's share of the traffic, in percent, by the route. */
  readonly weights: Told<number>[] = [];
  /** Whether the route has copies of all requests made. */
  readonly mirrored: Told<boolean>[] = [];
  readonly #config = new KubeConfig();
  readonly #requests = new Set<AbortController>();
  readonly #watchers = new Set<() => void>();
  #closed = false;

  /** Begins to follow; what is there already is told first. */
  constructor(kubeconfig: string) {
    this.#config.loadFromFile(kubeconfig);
    const { app, namespace } = canaryNames;
    this.#follow(`/apis/flagger.app/v1beta1/namespaces/${namespace}/canaries`, ({ status }) => this.#note(this.phases, status?.phase ?? ""));
    this.#follow(`/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`, ({ spec }) => {
      const backends = spec?.rules?.flatMap(({ backendRefs = [] }) => backendRefs) ?? [];
      this.#note(this.mirrored, spec?.rules?.some(({ filters = [] }) => filters.some(({ type }) => type === "RequestMirror")) ?? false);
      // Under sticky sessions whoever has the cookie has a rule of their own, which comes first; what counts is the last.
      this.#note(this.weights, backends.findLast(({ name }) => name === `${app}-canary`)?.weight ?? 0);
    });
  }

  #follow(path: string, tell: (item: Watched) => void): void {
    const fieldSelector = `metadata.name=${canaryNames.app}`;
    // The server ends a watch now and then; the next one begins with what is there. Before the kind is there, it is refused.
    const again = (): void => {
      if (!this.#closed) setTimeout(() => this.#follow(path, tell), 500).unref();
    };
    const asked = new Watch(this.#config).watch(path, { fieldSelector }, (_type, item: Watched) => tell(item), again);
    asked.then((request) => (this.#closed ? request.abort() : this.#requests.add(request)), again);
  }

  #note<T>(known: Told<T>[], value: T): void {
    if (known.at(-1)?.value === value) return;
    known.push({ value, at: monotonicMs() });
    for (const watch of this.#watchers) watch();
  }

  /** Waits until it holds, asked again with every change. */
  async until(what: string, holds: () => boolean, limitMs = 600_000): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const watch = (): void => {
      if (holds()) resolve(undefined);
    };
    const timer = setTimeout(() => reject(new Error(`not within ${limitMs / 1000} s: ${what}; phases ${JSON.stringify(this.phases)}, weights ${JSON.stringify(this.weights)}`)), limitMs);
    this.#watchers.add(watch);
    try {
      watch();
      await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(watch);
    }
  }

  close(): void {
    this.#closed = true;
    for (const request of this.#requests) request.abort();
  }
}
