import type { Cluster } from "./cluster.ts";
import type { Judge } from "./judge.ts";
import type { ProofKeys } from "./proof.ts";
import type { Tokens } from "./token.ts";
import { Halt } from "./verdict.ts";

/** How long what was found is believed, and how long the search may take, in milliseconds. */
const believedMs = 2_000;
const searchMs = 1_500;

type Parts = Readonly<{ judge: Judge; cluster: Cluster; tokens: Tokens | undefined; keys: ProofKeys }>;

/** Whether this pod can decide: it is not leaving, its keys and tokens can be used, and the API server answers its ServiceAccount. */
export class Readiness {
  readonly #parts: Parts;
  readonly #now: () => number;
  #draining = false;
  #found: { readonly at: number; readonly problem: Promise<string | undefined> } | undefined;

  /** @param now monotonic milliseconds */
  constructor(parts: Parts, now: () => number = () => performance.now()) {
    this.#parts = parts;
    this.#now = now;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** From now on the pod asks not to be sent more. */
  drain(): void {
    this.#draining = true;
  }

  /** Why the pod is not ready; undefined when it is. Callers at the same time share one search. */
  async problem(): Promise<string | undefined> {
    if (this.#draining) return "draining";
    if (this.#found === undefined || this.#now() - this.#found.at >= believedMs) this.#found = { at: this.#now(), problem: this.#search() };
    return this.#found.problem;
  }

  async #search(): Promise<string | undefined> {
    const { judge, cluster, tokens, keys } = this.#parts;
    try {
      await judge.prepare();
    } catch (error) {
      if (error instanceof Halt) return error.message;
      throw error;
    }
    try {
      await tokens?.accepts(undefined);
    } catch {
      return "this gate's token file cannot be used";
    }
    try {
      await keys.prepare();
    } catch {
      return "this gate's file of proof keys cannot be used";
    }
    const reachable = await cluster.reachable(AbortSignal.timeout(searchMs));
    return reachable ? undefined : "the API server does not answer this gate's ServiceAccount, which needs get on configmaps";
  }
}
