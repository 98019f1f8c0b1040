import { z } from "zod";

const slot = z.enum(["blue", "green"]);
const settings = z.object({ active: slot, images: z.object({ blue: z.string().optional(), green: z.string().optional() }) });

const common = {
  /** `r-` and the time of its start: `r-20261124-001500-ab12`. */
  id: z.string(),
  stack: z.string(),
  image: z.string(),
  /**
   * Where it stands. `updating`: the new version is started and verified, and as a canary judged; `baking`: it has the traffic and is
   * watched; `reverting`: it is being taken back; the last three are ends.
   */
  phase: z.enum(["updating", "baking", "reverting", "released", "taken-back", "failed"]),
  startedAt: z.string(),
  /** Why it ended as it did. */
  because: z.string().optional(),
};
const blueGreen = z.object({
  strategy: z.literal("blue-green"),
  ...common,
  /** The slot that had the traffic, and the one that the release goes to. */
  from: slot,
  to: slot,
  /** The settings before it, which taking back restores but for the slot of the release. */
  before: settings,
  /** When it got the traffic. */
  switchedAt: z.string().optional(),
});
const canary = z.object({
  strategy: z.literal("canary"),
  ...common,
  /** The image before it, which taking back restores. */
  before: z.object({ image: z.string() }),
});
const schema = z.discriminatedUnion("strategy", [blueGreen, canary]);

/** Where a release stands, as the Lease carries it. Enough for whoever comes after a crash to go on or to take it back. */
export type ReleaseRecord = z.output<typeof schema>;
export type BlueGreenRecord = z.output<typeof blueGreen>;
export type CanaryRecord = z.output<typeof canary>;

/** Reads what a Lease carries; undefined when that is no record of ours. */
export function parseRecord(text: string): ReleaseRecord | undefined {
  if (text === "") return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined; // another program's annotation, or a version of ours that is not known here
  }
}

/** A release that neither ended well nor was taken back. */
export function isUnfinished({ phase }: Pick<ReleaseRecord, "phase">): boolean {
  return phase === "updating" || phase === "baking" || phase === "reverting";
}

/** An id that sorts by time. */
export function releaseId(now: Date, random: number): string {
  const [day = "", time = ""] = now.toISOString().replace(/[-:]/g, "").split("T");
  return `r-${day}-${time.slice(0, 6)}-${Math.floor(random * 0x10000).toString(16).padStart(4, "0")}`;
}

/** A record that its strategy's command has to go on with or to take back; undefined when there is none. */
export function unfinished<Strategy extends ReleaseRecord["strategy"]>(record: ReleaseRecord | undefined, strategy: Strategy): Extract<ReleaseRecord, { strategy: Strategy }> | undefined {
  return record !== undefined && isUnfinished(record) && isOf(record, strategy) ? record : undefined;
}

function isOf<Strategy extends ReleaseRecord["strategy"]>(record: ReleaseRecord, strategy: Strategy): record is Extract<ReleaseRecord, { strategy: Strategy }> {
  return record.strategy === strategy;
}
