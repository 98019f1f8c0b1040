import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { eventRequest, parseRecord, type EventRequest } from "./event.ts";
import type { Metrics } from "./metrics.ts";
import { Problem } from "./problem.ts";
import type { TrailService } from "./trail-service.ts";

/** The largest body of POST /v1/events, in bytes; a valid event needs less than 3 KiB. */
export const maxEventBytes = 16 * 1024;

const keyPattern = /^[\x21-\x7e]{1,200}$/;
const hex = (bytes: Buffer): string => bytes.toString("hex");

/** Reads and checks a posted event; a Problem names every field that is wrong, without its value. */
async function readEvent(request: { header: (name: string) => string | undefined; arrayBuffer: () => Promise<ArrayBuffer> }): Promise<EventRequest> {
  const type = request.header("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new Problem(415, "Not JSON", "Send the event with Content-Type: application/json.");
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(await request.arrayBuffer()));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) throw new Problem(400, "Not JSON", "The body is not JSON in UTF-8.");
    throw error;
  }
  const parsed = eventRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => ({ field: issue.path.map(String).join("."), rule: issue.message }));
  throw new Problem(422, "Not a valid event", `${errors.length} rule${errors.length === 1 ? " is" : "s are"} broken; see errors.`, errors);
}

/** POST /v1/events and GET /v1/events/:id. */
export function eventRoutes(trail: TrailService, metrics: Metrics): Hono {
  const routes = new Hono();
  const limit = bodyLimit({
    maxSize: maxEventBytes,
    onError: () => {
      throw new Problem(413, "Too large", `An event has at most ${maxEventBytes} bytes.`);
    },
  });

  routes.post("/v1/events", limit, async (c) => {
    const idempotencyKey = c.req.header("Idempotency-Key") ?? "";
    if (!keyPattern.test(idempotencyKey))
      throw new Problem(400, "No usable Idempotency-Key", "Send a header Idempotency-Key of 1 to 200 visible ASCII characters, new for each event and the same when a request is repeated.");
    const { kind, event } = await trail.submit({ idempotencyKey, request: await readEvent(c.req) });
    metrics.appended.inc({ outcome: kind });
    if (kind === "conflict") throw new Problem(422, "Idempotency-Key used before", "This Idempotency-Key recorded another event. Use a new key for a new event.");
    if (kind === "repeated") c.header("Idempotency-Replayed", "true");
    c.header("Location", `/v1/events/${event.id}`);
    return c.json(
      { id: event.id, index: event.seq, recorded_at: parseRecord(event.record).recorded_at, leaf_hash: hex(event.leafHash), link: hex(event.link) },
      kind === "recorded" ? 201 : 200,
    );
  });

  routes.get("/v1/events/:id", async (c) => {
    const id = c.req.param("id").toLowerCase();
    if (!z.uuid().safeParse(id).success) throw new Problem(400, "Not an event's id", "An event's id is a UUID, as POST /v1/events answered it.");
    const event = await trail.find(id);
    if (event === undefined) throw new Problem(404, "No such event", "No event with this id is recorded.");
    const newestSize = await trail.size();
    const size = c.req.query("tree_size") === undefined ? newestSize : Number(c.req.query("tree_size"));
    if (!Number.isSafeInteger(size) || size <= event.seq || size > newestSize)
      throw new Problem(400, "No such tree", `tree_size must be a whole number from ${event.seq + 1}, which first holds the event, to ${newestSize}.`);
    const { root, leaf, path } = await trail.proof(event.seq, size);
    if (!leaf.equals(event.leafHash)) throw new Error(`Event ${event.seq} and the Merkle tree disagree about its leaf hash`);
    return c.json({
      event: parseRecord(event.record),
      leaf: { index: event.seq, data: event.record.toString("base64"), hash: hex(event.leafHash) },
      link: { previous: hex(event.previousLink), hash: hex(event.link) },
      proof: { tree_size: size, root_hash: hex(root), path: path.map(hex) },
    });
  });
  return routes;
}
