/** What people and programs see of a release while it runs. */
import type { OutputOptions } from "./output.ts";
import type { ReleaseEvent, Tell } from "./releaseEvents.ts";

/** Where lines go: standard error, so that standard output stays for results. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Tells of a release. */
export interface Progress {
  readonly tell: Tell;
  /** A line that the next one replaces, on a terminal only: what is waited for now. */
  readonly now: (text: string) => void;
}

const clear = "\r\u001b[2K";
/** Milliseconds between two lines of the same watch where lines can't be replaced. */
const quietMs = 5000;

/**
 * One JSON document a line on standard output for programs; for people a line for each step, and the watch's measures in place, or every
 * five seconds where nothing can be replaced.
 */
export function showProgress({ json }: OutputOptions, screen: Screen = process.stderr, out: Pick<Screen, "write"> = process.stdout): Progress {
  const begun = performance.now();
  let last = -Infinity;
  let shown = false;
  const wipe = (): void => {
    if (shown) screen.write(clear);
    shown = false;
  };
  const place = (text: string): void => {
    const width = Math.max(20, (screen.columns ?? 80) - 1);
    screen.write(`${clear}${text.length > width ? `${text.slice(0, width - 1)}…` : text}`);
    shown = true;
  };
  const stamped = (step: string, text: string): string => `${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${step.padEnd(12)}  ${text}`;
  return {
    tell: (step, text, judgement) => {
      if (json === true) {
        const event: ReleaseEvent = { step, at: new Date().toISOString(), text, ...(judgement !== undefined && { judgement }) };
        out.write(`${JSON.stringify(event)}\n`);
        return;
      }
      const line = stamped(step, judgement === undefined ? text : `${text}${measured(judgement.measures)}`);
      if (judgement?.decision === "wait") {
        if (screen.isTTY === true) place(line);
        else if (performance.now() - last > quietMs) {
          last = performance.now();
          screen.write(`${line}\n`);
        }
        return;
      }
      wipe();
      screen.write(`${line}\n`);
    },
    now: (text) => {
      if (json !== true && screen.isTTY === true) place(stamped("", text.trim()));
    },
  };
}

function measured({ requests, errorRatio, p95, ready }: Readonly<Record<string, number | null>>): string {
  const parts = [
    `${ready ?? 0} pods ready`,
    ...(requests === null || requests === undefined ? ["nothing measured yet"] : [`${requests} requests`, `${((errorRatio ?? 0) * 100).toFixed(2)} % errors`, `p95 ${Math.round((p95 ?? 0) * 1000)} ms`]),
  ];
  return ` (${parts.join(", ")})`;
}
