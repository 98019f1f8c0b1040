/**
 * Lets the process go on when whoever reads its output is gone, as in `up | head` or with a broken connection to a terminal: what is under way is
 * brought to its end, and its exit status says how it went.
 */
export function outliveReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
}
