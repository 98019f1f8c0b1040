import { randomUUID } from "node:crypto";
import type { EventRequest } from "../../services/audit-trail/event.ts";
import { createLog, type Logger } from "../../services/audit-trail/log.ts";

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** A valid event; every call may change any part. */
export function anEvent(change: Partial<EventRequest> = {}): EventRequest {
  return {
    occurred_at: "2026-01-31T12:00:00Z",
    annotator: "ada@example.org",
    preference: { prompt_digest: digest("1"), chosen_digest: digest("2"), rejected_digest: digest("3"), strength: 2 },
    model: { name: "assistant-7b", digest: digest("a") },
    policy: { name: "guidelines-4", digest: digest("b") },
    ...change,
  };
}

/** A POST of an event, with a new Idempotency-Key unless one is given. */
export function post(event: unknown, key: string = randomUUID()): RequestInit {
  return { method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": key }, body: JSON.stringify(event) };
}

/** A log whose lines can be read. */
export function memoryLog(level: "debug" | "info" = "debug"): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const log = createLog({ LOG_LEVEL: level, ENVIRONMENT: "test", SLOT: "blue", HOSTNAME: "pod-1" }, { write: (line) => void lines.push(line) });
  return { log, lines };
}
