/** starting: not ready yet. serving: ready. draining: still answers, but asks not to be sent more. */
export type Phase = "starting" | "serving" | "draining";

/** Where the process is in its life. It only moves forward. */
export class Lifecycle {
  #phase: Phase = "starting";

  get phase(): Phase {
    return this.#phase;
  }

  /** All checks have passed once. Ignored while draining. */
  started(): void {
    if (this.#phase === "starting") this.#phase = "serving";
  }

  drain(): void {
    this.#phase = "draining";
  }
}
