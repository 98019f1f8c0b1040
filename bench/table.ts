import type { Figure } from "./measure.ts";

/** Figures as aligned text: name, unit, min, median, 95th percentile, max. */
export function table(figures: Figure[]): string {
  const rows = [["", "unit", "min", "median", "p95", "max"], ...figures.map((f) => [f.name, f.unit, ...spread(f.samples).map((n) => n.toFixed(f.digits))])];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ")).join("\n");
}

function spread(samples: number[]): number[] {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1]!;
  return [sorted[0]!, median, p95, sorted.at(-1)!];
}
