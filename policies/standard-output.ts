/** Standard output, written at once: what Node's stream can't pass on to a slow reader it would keep in memory. */
import { writeSync } from "node:fs";

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of a text, waiting for the reader. Ends the process where there is no reader any more, as in `scan … | head`, which is no error. */
export function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") process.exit();
      if (code !== "EAGAIN") throw error;
      Atomics.wait(PAUSE, 0, 0, 5);
    }
  }
}
