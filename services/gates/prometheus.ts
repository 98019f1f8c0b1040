import { z } from "zod";
import type { Histogram } from "./histogram.ts";
import { ReadFailure, type JsonReader } from "./reader.ts";
import { sha256 } from "./release.ts";
import { Halt } from "./verdict.ts";

const answerSchema = z.object({
  status: z.literal("success"),
  data: z.object({
    resultType: z.literal("vector"),
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })).max(10_000),
  }),
});

type Series = readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

/** Asks Prometheus, and remembers what it answered. */
export class Prometheus {
  /** SHA-256 of every answer, by the query's name. */
  readonly seen: Record<string, string> = {};
  readonly #address: string;
  readonly #reader: JsonReader;
  readonly #time: Date;
  readonly #signal: AbortSignal;

  /** @param time moment of all queries, so that their answers belong together */
  constructor(address: string, reader: JsonReader, time: Date, signal: AbortSignal) {
    this.#address = address;
    this.#reader = reader;
    this.#time = time;
    this.#signal = signal;
  }

  /** The one value of a query; undefined where there is no series or no number. @throws Halt `not-yet` when Prometheus does not say. */
  async number(name: string, query: string): Promise<number | undefined> {
    const [first, ...more] = await this.#ask(name, query);
    if (more.length > 0) throw new Halt("not-yet", `Prometheus answered several values for ${name}`);
    return first;
  }

  /** A histogram of a query that yields `le` buckets; empty where there is no series. @throws Halt as `number` does. */
  async histogram(name: string, query: string): Promise<Histogram> {
    const series = await this.#series(name, query);
    const buckets = series.flatMap(({ labels, value }) => {
      const le = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
      return Number.isNaN(le) || Number.isNaN(value) ? [] : [{ le, count: value }];
    });
    return buckets.sort((a, b) => a.le - b.le);
  }

  async #ask(name: string, query: string): Promise<number[]> {
    return (await this.#series(name, query)).map(({ value }) => value).filter((value) => !Number.isNaN(value));
  }

  async #series(name: string, query: string): Promise<Series> {
    const address = new URL("api/v1/query", this.#address.endsWith("/") ? this.#address : `${this.#address}/`);
    address.searchParams.set("query", query);
    address.searchParams.set("time", String(this.#time.getTime() / 1000));
    try {
      const { status, body, bytes } = await this.#reader.get(address, {}, this.#signal);
      const parsed = answerSchema.safeParse(body);
      if (status !== 200 || !parsed.success) throw new Halt("not-yet", `Prometheus answered ${status} for ${name}, which cannot be used`);
      this.seen[`prometheus/${name}`] = sha256(bytes);
      return parsed.data.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    } catch (error) {
      if (error instanceof ReadFailure) throw new Halt("not-yet", `Prometheus ${error.message}`, { cause: error });
      throw error;
    }
  }
}
