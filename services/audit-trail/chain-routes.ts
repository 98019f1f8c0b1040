import { Hono } from "hono";
import { genesis } from "./chain.ts";
import { Problem } from "./problem.ts";
import type { TrailService } from "./trail-service.ts";

const maxStretch = 100_000;

function wholeNumber(text: string | undefined, name: string, fallback: number, min: number, max: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) throw new Problem(400, "Not a valid stretch", `${name} must be a whole number from ${min} to ${max}.`);
  return value;
}

/** GET /v1/chain/head and GET /v1/chain/verify. */
export function chainRoutes(trail: TrailService): Hono {
  const routes = new Hono();

  routes.get("/v1/chain/head", async (c) => {
    const { size, root, event } = await trail.head();
    return c.json({ size, root_hash: root.toString("hex"), link: (event?.link ?? genesis).toString("hex"), event_id: event?.id ?? null });
  });

  routes.get("/v1/chain/verify", async (c) => {
    const from = wholeNumber(c.req.query("from"), "from", 0, 0, Number.MAX_SAFE_INTEGER - maxStretch);
    const limit = wholeNumber(c.req.query("limit"), "limit", maxStretch, 1, maxStretch);
    return c.json(await trail.verify(from, limit));
  });
  return routes;
}
