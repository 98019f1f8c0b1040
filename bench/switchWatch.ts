/** The live Service's selector, as the API server tells of its changes. */
import { KubeConfig, Watch } from "@kubernetes/client-node";
import { monotonicMs } from "./switchRequests.ts";

/** One value of the selector, and when this process was told (`monotonicMs`): a moment after the server had it. */
export interface Selected {
  slot: string;
  at: number;
}

/** Follows one Service until closed. */
export class SwitchWatch {
  /** The first is what was there at the start; each other is a change. */
  readonly selected: Selected[] = [];
  readonly #watch: Watch;
  readonly #path: string;
  readonly #name: string;
  #request: AbortController | undefined;
  #closed = false;

  private constructor(kubeconfig: string, namespace: string, name: string) {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    this.#watch = new Watch(config);
    this.#path = `/api/v1/namespaces/${namespace}/services`;
    this.#name = name;
  }

  /** Returns once the selector is known. */
  static async open(kubeconfig: string, namespace: string, name: string): Promise<SwitchWatch> {
    const watch = new SwitchWatch(kubeconfig, namespace, name);
    await new Promise<void>((resolve, reject) => void watch.#follow(resolve).catch(reject));
    return watch;
  }

  async #follow(known: () => void): Promise<void> {
    const query = { fieldSelector: `metadata.name=${this.#name}` };
    const tell = (_phase: string, service: { spec?: { selector?: Record<string, string> } }): void => {
      const slot = service.spec?.selector?.["version"] ?? "none";
      if (slot !== this.selected.at(-1)?.slot) this.selected.push({ slot, at: monotonicMs() });
      known();
    };
    // The server ends a watch now and then; the next one begins with what is there.
    const again = (): void => {
      if (!this.#closed) void this.#follow(known);
    };
    this.#request = await this.#watch.watch(this.#path, query, tell, again);
  }

  close(): void {
    this.#closed = true;
    this.#request?.abort();
  }
}
