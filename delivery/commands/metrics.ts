import { type Command, InvalidArgumentError } from "commander";
import { type Dora, dora, type Measure } from "../dora.ts";
import { type ReadOptions, readOptions } from "../ledgerOptions.ts";
import { columns, duration, type OutputOptions, show } from "../output.ts";
import { readLedger } from "../readLedger.ts";

interface Options extends OutputOptions, ReadOptions {
  readonly stack: string;
  readonly days: number;
  readonly until?: number;
}

export function define(command: Command): void {
  readOptions(command)
    .option("--stack <name>", "of which stack", "production")
    .option("--days <count>", "how far back", days, 30)
    .option("--until <time>", "end of the window, RFC 3339 (default: now)", time)
    .addHelpText("after", "\nExamples:\n  $ delivery metrics\n  $ delivery metrics --days 7 --json\n\nThe targets are the project's; docs/delivery.md says how each is measured.")
    .action((options: Options) => {
      const until = options.until ?? Date.now();
      const { releases } = readLedger(options);
      const measures = dora(releases.filter((release) => release.stack === options.stack), until - options.days * 86_400_000, until);
      show(options, { stack: options.stack, ...measures }, () => lines(options.stack, measures));
    });
}

function lines(stack: string, measures: Dora): string[] {
  const row = (title: string, { value, unit, of, worst, target, met }: Measure): string[] => [
    title,
    value === undefined ? "no data" : written(value, unit),
    target === undefined ? "" : `target ${target.above === undefined ? "<" : ">"} ${written(target.above ?? target.below ?? 0, unit)}`,
    met === undefined ? "" : met ? "met" : "missed",
    `${of} release${of === 1 ? "" : "s"}${worst === undefined ? "" : `, worst ${duration(worst)}`}`,
  ];
  return [
    `${stack}, ${measures.from} to ${measures.until}: ${measures.deployments} deployments`,
    ...columns([
      row("Change lead time (median)", measures.leadTime),
      row("Deployment frequency", measures.frequency),
      row("Failed deployment recovery time (median)", measures.recoveryTime),
      row("Change fail rate", measures.changeFailRate),
      row("Deployment rework rate", measures.reworkRate),
    ]),
  ];
}

function written(value: number, unit: Measure["unit"]): string {
  if (unit === "s") return duration(value);
  if (unit === "ratio") return `${Number((value * 100).toFixed(1))} %`;
  return `${Number(value.toFixed(1))} a day`;
}

function days(text: string): number {
  const count = Number(text);
  if (!(count > 0 && count <= 36_500)) throw new InvalidArgumentError("must be a number of days above 0.");
  return count;
}

function time(text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new InvalidArgumentError("must be a time such as 2026-11-23T20:00:00Z.");
  return at;
}
