import { z } from "zod";
import { key } from "./key.ts";
import { address, duration, flag, headerName, image, integer, line, oneOf, percent, tickDuration } from "./values.ts";

/** The two slots of a blue-green stack. */
const slotNames = ["blue", "green"] as const;
/** A slot of a blue-green stack. */
export type SlotName = (typeof slotNames)[number];

const slot = (name: SlotName) =>
  key(
    z
      .strictObject({
        image: image({
          description: `Image of the ${name} slot; an absent image leaves the slot empty.`,
          example: "ghcr.io/terragonlabs/rlhf-audit-trail@sha256:<digest>",
        }).optional(),
      })
      .prefault({}),
    { description: `The ${name} slot.` },
  );

const bake = key(
  z
    .strictObject({
      duration: duration({ description: "How long a new version is watched after the switch.", min: "10s", max: "24h" }).default("5m"),
      errorRatio: percent(0, 100, { description: "Largest share of requests that the new version may fail." }).default(5),
      latency: duration({
        description: "Longest 95th percentile, and longest mean, of the new version's time to answer; best a bound of its histogram.",
        min: "1ms",
        max: "5m",
      }).default("2s"),
      memory: percent(1, 100, { description: "Largest share of its memory's limit that a pod of the new version may use, as far as the program tells it." }).default(85),
      cpu: percent(1, 100, { description: "Largest share of the processor's limit that its pods may use for half a minute, as far as the program tells it." }).default(80),
      minRequests: integer(0, 1_000_000, {
        description: "Answers below which nothing can be judged; what can't be judged never passes. 0: a version that nobody asks may pass.",
        unit: "requests",
      }).default(20),
      unjudged: oneOf(["rollBack", "wait"], {
        description: "What follows when the release can't be judged: take it back at once, or watch on, up to once more the duration, and then take it back.",
      }).default("rollBack"),
      source: oneOf(["prometheus", "pods"], {
        description: "Where the measures come from: `canary.prometheus`, or the pods' own /metrics, through the API server.",
      }).default("prometheus"),
    })
    .prefault({}),
  { description: "What a release must hold to after its switch; otherwise it is taken back." },
);

/** Two slots, one of them live. */
export const blueGreen = key(
  z
    .strictObject({
      active: oneOf(slotNames, { description: "The live slot: where the live Service sends the traffic." }).default(
        "blue",
      ),
      slots: key(z.strictObject({ blue: slot("blue"), green: slot("green") }).prefault({}), {
        description: "What runs in the slots.",
      }),
      progressDeadline: duration({
        description: "Time that a slot's pods have to become ready; after it `up` fails and the traffic stays where it is.",
        min: "10s",
        max: "1h",
      }).default("5m"),
      bake,
      verificationTimeout: duration({
        description: "Time that the verification Job has to find a slot healthy before traffic moves there.",
        min: "10s",
        max: "1h",
      }).default("2m"),
    })
    .prefault({}),
  { description: "The blue-green strategy; read when `strategy` is `blueGreen`." },
);

const gateTimeout = (name: string, hook: string) =>
  tickDuration({ description: `Time that the ${name} gate has for its answer, in ${hook}.`, min: "1s", max: "2m" }).default("5s");

const gate = (name: string, hook: string) =>
  key(z.strictObject({ timeout: gateTimeout(name, hook) }).prefault({}), { description: `The ${name} gate.` });

const approval = key(
  z
    .strictObject({
      required: flag({
        description: "Whether a person's signed approval is needed before the promotion; where absent, in production only.",
      }).optional(),
      timeout: gateTimeout("approval", "confirm-promotion"),
    })
    .prefault({}),
  { description: "The approval gate." },
);

const metric = <Limit extends z.ZodRawShape>(description: string, limit: Limit, interval: string) =>
  key(
    z
      .strictObject({
        ...limit,
        interval: tickDuration({
          description: "Window of the query, back from each tick.",
          min: "10s",
          max: "30m",
        }).default(interval),
      })
      .prefault({} as never),
    { description },
  );

const traffic = key(
  z
    .strictObject({
      kind: oneOf(["weights", "abTest", "mirror"], {
        description:
          "Who meets the new version while it is judged: a growing share of the requests, those with a header, or nobody, with copies of all requests going to it.",
      }).default("weights"),
      iterations: integer(1, 100, { description: "How long an A/B test or mirroring is judged; weights follow from their steps.", unit: "ticks" }).default(5),
      header: key(
        z
          .strictObject({
            name: headerName({ description: "Its name." }).default("x-canary"),
            value: line(200, { description: "Its value, exactly." }).default("insider"),
          })
          .prefault({}),
        { description: "Header of the requests that belong to the A/B test." },
      ),
      sessionAffinity: key(
        z
          .strictObject({
            enabled: flag({ description: "Whether a user who met the new version stays on it until the verdict, by a cookie." }).default(false),
            cookieName: headerName({ description: "The cookie's name." }).default("rlhf-audit-trail-version"),
            maxAge: duration({ description: "The cookie's lifetime.", min: "1s", max: "8760h" }).default("24h"),
          })
          .prefault({}),
        { description: "Sticky sessions, under weights." },
      ),
    })
    .prefault({}),
  { description: "Who meets the new version while it is judged." },
);

/** Flagger's analysis: 0 to 50 in steps of 10, a tick every 30 s, five failed checks. */
export const canary = key(
  z
    .strictObject({
      provider: oneOf(["gatewayapi:v1", "gatewayapi:v1beta1"], {
        description: "Flagger's routing provider: the version of the Gateway API that the cluster serves.",
      }).default("gatewayapi:v1"),
      interval: tickDuration({ description: "Time between two ticks of the analysis.", min: "10s", max: "1h" }).default(
        "30s",
      ),
      threshold: integer(1, 100, {
        description: "Failed checks, counted over the whole analysis, at which the release is taken back.",
        unit: "checks",
      }).default(5),
      maxWeight: integer(1, 100, {
        description: "Share of the traffic at which the analysis ends and the release is promoted.",
        unit: "percent",
      }).default(50),
      stepWeight: integer(1, 100, {
        description: "Share of the traffic that is added at each tick; it divides `canary.maxWeight` evenly.",
        unit: "percent",
      }).default(10),
      traffic,
      progressDeadline: tickDuration({
        description: "Time that the canary's pods have to become ready.",
        min: "10s",
        max: "1h",
      }).default("60s"),
      prometheus: address({
        description: "Prometheus that the metrics are asked of.",
        schemes: ["http", "https"],
      }).default("http://prometheus.monitoring:9090"),
      lock: flag({
        description:
          "Whether another revision is refused while one is judged: a ValidatingAdmissionPolicy, which is an object of the cluster.",
      }).default(true),
      load: key(
        z
          .strictObject({
            enabled: flag({ description: "Whether a pod asks the new version while it is judged." }).default(false),
            requestsPerSecond: integer(1, 100, { description: "How often.", unit: "requests per second" }).default(5),
            path: line(200, { description: "What is asked: a path that changes nothing and is counted as a request." }).default("/version"),
          })
          .prefault({}),
        { description: "Requests of our own, for stacks with too few users to judge a release by." },
      ),
      metrics: key(
        z
          .strictObject({
            counters: oneOf(["application", "traefik"], {
              description: "Who counts requests and their time: the application, or the data plane where it does not.",
            }).default("application"),
            successRate: metric(
              "Requests that the canary answers without a server error.",
              { min: percent(0, 100, { description: "Smallest share that passes." }).default(99) },
              "1m",
            ),
            latency: metric(
              "99th percentile of the time to answer.",
              { max: duration({ description: "Longest time that passes.", min: "1ms", max: "5m" }).default("500ms") },
              "30s",
            ),
            cpu: metric(
              "CPU use of the canary's pods, of their limit.",
              { max: percent(1, 100, { description: "Largest share that passes." }).default(80) },
              "1m",
            ),
            memory: metric(
              "Memory use of the canary's pods, of their limit.",
              { max: percent(1, 100, { description: "Largest share that passes." }).default(85) },
              "1m",
            ),
            requests: metric(
              "Requests that the canary answered: too few to judge is a failed check, never a success.",
              {
                min: integer(1, 1_000_000, {
                  description: "Fewest requests in the window that can be judged.",
                  unit: "requests",
                }).default(20),
              },
              "1m",
            ),
          })
          .prefault({}),
        { description: "What is measured at every tick." },
      ),
      // Timeouts of 30 s, 60 s and 120 s never fit a tick of 30 s: hooks run one after another inside the tick, and Flagger
      // drops the ticks that come late.
      gates: key(
        z
          .strictObject({
            compliance: gate("compliance", "pre-rollout and confirm-promotion"),
            performance: gate("performance", "rollout, at every tick"),
            security: gate("security", "pre-rollout and confirm-promotion"),
            approval,
            enabled: flag({ description: "Whether the gates are asked. Outside of local stacks they always are." }).default(true),
          })
          .prefault({}),
        {
          description:
            "The gates that Flagger asks. At the last weight all are asked in one tick, and an event is recorded, so their timeouts together stay below `canary.interval`.",
        },
      ),
    })
    .prefault({}),
  { description: "The canary strategy; read when `strategy` is `canary`." },
);
