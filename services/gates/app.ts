import type { HttpBindings } from "@hono/node-server";
import { Hono, type Context, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { requestId, type RequestIdVariables } from "hono/request-id";
import type { Role } from "./config.ts";
import type { Decide } from "./decide.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { maxEventBytes, maxQuestionBytes, readPayload, type Payload } from "./payload.ts";
import { challengeHeader, isChallenge, proofHeader, type ProofKeys } from "./proof.ts";
import type { Readiness } from "./readiness.ts";
import type { Recorder } from "./record.ts";
import { statuses } from "./verdict.ts";

/** Where each role is asked: the seed's addresses. */
export const questionPaths: Readonly<Record<Role, string>> = { compliance: "/validate", performance: "/validate", security: "/scan", approval: "/approve" };

/** Everything the handlers lean on. */
export type AppParts = Readonly<{
  role: Role;
  environment: string;
  decide: Decide;
  keys: ProofKeys;
  /** Whether a token is one that counts; undefined where nobody needs one. @throws when it cannot be told. */
  accepts: ((token: string | undefined) => Promise<boolean>) | undefined;
  readiness: Readiness;
  recorder: Recorder;
  metrics: Metrics;
  log: Logger;
}>;

type AppEnv = { Bindings: HttpBindings; Variables: RequestIdVariables };

/** The gate as a function from request to answer; it opens no socket. Answers are one line of text, as it becomes the text of an event. */
export function createApp(parts: AppParts): Hono<AppEnv> {
  const { role, environment, decide, keys, readiness, recorder, metrics, log } = parts;
  const question = questionPaths[role];
  const app = new Hono<AppEnv>();

  app.use(requestId({ limitLength: 64 }));
  app.use(async (c, next) => {
    await next();
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Cache-Control", "no-store");
    if (readiness.draining) c.header("Connection", "close");
  });

  app.get("/live", (c) => c.text("live\n"));
  app.get("/ready", async (c) => {
    const problem = await readiness.problem();
    return problem === undefined ? c.text("ready\n") : c.text(`${problem}\n`, 503);
  });
  app.get("/metrics", async (c) => {
    metrics.ready.set((await readiness.problem()) === undefined ? 1 : 0);
    return c.body(await metrics.registry.metrics(), 200, { "Content-Type": metrics.registry.contentType });
  });

  for (const [path, limit] of [
    [question, maxQuestionBytes],
    ["/event", maxEventBytes],
  ] as const) {
    app.use(path, observe(metrics, path));
    app.on(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"], path, (c) => c.text("Not answered: a gate is asked by POST.\n", 405, { Allow: "POST" }));
    app.post(path, admit(parts), bodyLimit({ maxSize: limit, onError: (c) => c.text(`Not answered: a body has at most ${limit} bytes.\n`, 413) }));
  }

  app.post(question, async (c) => {
    const read = await payloadOf(c);
    if (read instanceof Response) return read;
    const challenge = c.req.header(challengeHeader);
    if (challenge !== undefined && !isChallenge(challenge)) return c.text(`Not answered: ${challengeHeader} must be 32 to 64 letters, digits, - or _.\n`, 422);
    // Either mark is enough: a question that a proxy has taken one from must not be asked on.
    const asker = challenge === undefined && read.metadata["asker"] === undefined ? "flagger" : "gate";
    const { outcome, reason, template } = await decide(read, c.get("requestId"), asker);
    if (challenge !== undefined) c.header(proofHeader, await keys.prove(challenge, { gate: role, environment, namespace: read.namespace, canary: read.name, template, outcome, reason }));
    return c.text(`${reason}\n`, statuses[outcome]);
  });

  app.post("/event", async (c) => {
    const read = await payloadOf(c);
    if (read instanceof Response) return read;
    const { name: canary, namespace, phase, checksum, metadata } = read;
    await recorder.write({ kind: "flagger-event", time: new Date().toISOString(), canary, namespace, phase, checksum, metadata, request: c.get("requestId") });
    return c.text("Recorded.\n");
  });

  app.notFound((c) => c.text(`Not answered: this is the ${role} gate, which is asked at ${question}.\n`, 404));
  app.onError((error, c) => {
    log.error({ err: error, request: c.get("requestId") }, "A request failed");
    return c.text("Not yet: this gate failed; its log has the error.\n", 409);
  });
  return app;
}

/** Lets in who sends JSON, and has a token where one is needed. The answers name neither the token nor whether one was near. */
function admit({ accepts, log }: AppParts): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (accepts !== undefined) {
      try {
        if (!(await accepts(c.req.query("token")))) return c.text("Not answered: the address has no token that counts.\n", 401);
      } catch (error) {
        log.error({ err: error, request: c.get("requestId") }, "The token file cannot be used");
        return c.text("Not yet: this gate's token file cannot be used.\n", 409);
      }
    }
    const type = c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase();
    const encoding = c.req.header("Content-Encoding") ?? "identity";
    if (type !== "application/json" || encoding !== "identity") return c.text("Not answered: send application/json without a Content-Encoding.\n", 415);
    await next();
    return undefined;
  };
}

async function payloadOf(c: Context<AppEnv>): Promise<Payload | Response> {
  const read = readPayload(new Uint8Array(await c.req.arrayBuffer()));
  return "payload" in read ? read.payload : c.text(`Not answered: this is not Flagger's payload: ${read.problem}.\n`, 422);
}

function observe(metrics: Metrics, route: string): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const start = performance.now();
    await next();
    metrics.answers.inc({ route, status: String(c.res.status) });
    metrics.duration.observe({ route }, (performance.now() - start) / 1000);
  };
}
