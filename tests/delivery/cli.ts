import { run } from "../../delivery/run.ts";

/** What a run of `delivery` left behind. */
export interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

const variables = ["DELIVERY_LEDGER", "DELIVERY_LEDGER_KEY", "DELIVERY_LEDGER_SIGNING_KEY", "DELIVERY_PEOPLE"];

/** Runs `delivery` in a folder, in this process, which takes a hundredth of a new one's time. */
export async function delivery(cwd: string, ...args: readonly string[]): Promise<Run> {
  const before = process.cwd();
  const streams = [process.stdout, process.stderr] as const;
  const writes = streams.map((stream) => stream.write.bind(stream));
  const texts: [string, string] = ["", ""];
  const saved = variables.map((name) => [name, process.env[name]] as const);
  for (const name of variables) Reflect.deleteProperty(process.env, name);
  process.chdir(cwd);
  for (const [at, stream] of ([0, 1] as const).map((place) => [place, streams[place]] as const)) {
    stream.write = (chunk: string | Uint8Array): boolean => {
      texts[at] += String(chunk);
      return true;
    };
  }
  try {
    const status = await run(args);
    return { status, out: texts[0], err: texts[1] };
  } finally {
    for (const [at, stream] of streams.entries()) stream.write = writes[at]!;
    for (const [name, value] of saved) if (value !== undefined) process.env[name] = value;
    process.chdir(before);
    process.exitCode = undefined;
  }
}
