import { appendFile } from "node:fs/promises";
import type { Logger } from "./log.ts";

/** One line of the record: a decision with all it was made from, or an event that Flagger reported. Plain JSON. */
export type RecordLine = Readonly<{ kind: "gate-verdict" | "flagger-event"; time: string } & Record<string, unknown>>;

/** Where decisions and events are written down: Kubernetes' own events lose texts. */
export interface Recorder {
  /** Resolves when the line is written. @throws when it cannot be; then a decision must not let a release through. */
  write: (line: RecordLine) => Promise<void>;
}

/** Records on the log, and in a file of JSON lines where one is configured: one write each, so that lines never mix. */
export function createRecorder(log: Logger, file: string | undefined): Recorder {
  return {
    write: async (line) => {
      if (file !== undefined) await appendFile(file, `${JSON.stringify(line)}\n`, { mode: 0o640 });
      log.info({ record: line }, "Recorded");
    },
  };
}
