import type { Context } from "hono";

/** An answer for people and programs when a request cannot be done: RFC 9457 problem details. */
export class Problem extends Error {
  readonly status: 400 | 404 | 409 | 413 | 415 | 422 | 500 | 503;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly { field: string; rule: string }[] | undefined;
  constructor(status: Problem["status"], title: string, detail: string, errors?: Problem["errors"]) {
    super(`${title}: ${detail}`);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
  }
}

/** Writes a Problem as `application/problem+json`; a 503 says when to try again. */
export function answerProblem(c: Context, problem: Problem): Response {
  if (problem.status === 503) c.header("Retry-After", "1");
  return c.body(
    JSON.stringify({ type: "about:blank", title: problem.title, status: problem.status, detail: problem.detail, errors: problem.errors }),
    problem.status,
    { "Content-Type": "application/problem+json" },
  );
}
