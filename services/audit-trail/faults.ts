import { noFaults, type FaultSettings } from "./fault-settings.ts";
import type { Logger } from "./log.ts";

const mebibyte = 1024 * 1024;
const burnPeriodMs = 100;

/** A digest that no image has. */
export const wrongDigest = `sha256:${"0".repeat(64)}`;

/** Makes the process misbehave as set. Exists only where FAULTS_ENABLED is true. */
export class Faults {
  readonly #log: Logger;
  readonly #exit: (code: number) => void;
  #settings: FaultSettings = noFaults;
  #timers: NodeJS.Timeout[] = [];
  #ballast: Buffer[] = [];

  /** @param exit ends the process; replaced in tests. */
  constructor(log: Logger, exit: (code: number) => void = (code) => process.exit(code)) {
    this.#log = log;
    this.#exit = exit;
  }

  get settings(): FaultSettings {
    return this.#settings;
  }

  /** Memory taken so far, in MiB. */
  get ballastMebibytes(): number {
    return this.#ballast.length;
  }

  /** Replaces all faults at once; what the former ones took is given back. */
  set(settings: FaultSettings): void {
    this.stop();
    this.#settings = settings;
    this.#log.warn({ faults: settings }, "The faults were set");
    const { memory, cpuBurn, crashAfterMs } = settings;
    if (memory !== null) {
      // At most ten steps a second, each of whole mebibytes; filled, as untouched pages are not resident.
      const perStep = Math.max(1, Math.round(memory.mebibytesPerSecond / 10));
      this.#every((perStep / memory.mebibytesPerSecond) * 1000, () => {
        for (let i = 0; i < perStep && this.#ballast.length < memory.maxMebibytes; i += 1) this.#ballast.push(Buffer.alloc(mebibyte, 1));
      });
    }
    if (cpuBurn > 0)
      this.#every(burnPeriodMs, () => {
        const end = performance.now() + burnPeriodMs * cpuBurn;
        while (performance.now() < end) Math.sqrt(end);
      });
    if (crashAfterMs !== null)
      this.#timers.push(
        setTimeout(() => {
          this.#log.fatal("Crashing, as the faults say");
          this.#exit(1);
        }, crashAfterMs).unref(),
      );
  }

  /** Ends all faults. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    this.#ballast = [];
    this.#settings = noFaults;
  }

  #every(ms: number, work: () => void): void {
    this.#timers.push(setInterval(work, ms).unref());
  }
}
