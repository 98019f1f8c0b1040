/** What commands print: one JSON document for programs, lines for people. */

/** Options that every command has; `main.ts` adds them. */
export interface OutputOptions {
  readonly json?: boolean;
}

/** Prints a command's result on standard output. `lines` is only asked for when people read. */
export function show(options: OutputOptions, value: unknown, lines: () => readonly string[]): void {
  const text = options.json === true ? `${JSON.stringify(value, null, 2)}\n` : lines().map((line) => `${line}\n`).join("");
  process.stdout.write(text);
}

/** Rows as aligned columns, two spaces between; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("  ").trimEnd());
}

/** A stretch of time for people: `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const parts: readonly [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor((whole % 86_400) / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts.slice(first, first + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`).join(" ");
}
