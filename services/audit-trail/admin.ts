import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { faultSettings } from "./fault-settings.ts";
import type { Faults } from "./faults.ts";
import { answerProblem, Problem } from "./problem.ts";

type AdminParts = Readonly<{
  /** Retires all open connections and closes the idle ones after `graceMs`; returns how many were open. */
  shed: (graceMs: number) => number;
  /** Only where faults are enabled. */
  faults?: Faults;
}>;

/** With less grace, a connection that only pauses between two requests would be closed under its client's hands. */
const minGraceMs = 250;
const shedRequest = z.strictObject({ graceMs: z.number().int().min(minGraceMs).max(60_000).default(2_000) });

async function readJson<T>(text: string, format: z.ZodType<T>): Promise<T> {
  let value: unknown;
  try {
    value = JSON.parse(text === "" ? "{}" : text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Problem(400, "Not JSON", "The body is not JSON.");
    throw error;
  }
  const parsed = await format.safeParseAsync(value);
  if (parsed.success) return parsed.data;
  throw new Problem(422, "Not valid", "See errors.", parsed.error.issues.map((issue) => ({ field: issue.path.map(String).join("."), rule: issue.message })));
}

/** The commands of operators and of the delivery, on a port of its own that only the pod itself reaches (use a port-forward). */
export function createAdmin({ shed, faults }: AdminParts): Hono {
  const admin = new Hono();
  admin.use(
    bodyLimit({
      maxSize: 4096,
      onError: () => {
        throw new Problem(413, "Too large", "A command has at most 4096 bytes.");
      },
    }),
  );
  admin.post("/admin/connections/shed", async (c) => c.json({ shed: shed((await readJson(await c.req.text(), shedRequest)).graceMs) }));
  if (faults !== undefined) {
    admin.get("/admin/faults", (c) => c.json(faults.settings));
    admin.put("/admin/faults", async (c) => {
      faults.set(await readJson(await c.req.text(), faultSettings));
      return c.json(faults.settings);
    });
    admin.delete("/admin/faults", (c) => {
      faults.stop();
      return c.json(faults.settings);
    });
  }
  admin.notFound((c) => answerProblem(c, new Problem(404, "No such command", "See docs/audit-trail.md; the faults are there only where FAULTS_ENABLED is true.")));
  admin.onError((error, c) => answerProblem(c, error instanceof Problem ? error : new Problem(500, "Internal error", error.name)));
  return admin;
}
