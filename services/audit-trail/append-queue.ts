import type { Outcome, Submission } from "./trail.ts";

/** The queue is full: the caller should try again a little later. */
export class QueueFullError extends Error {
  constructor(limit: number) {
    super(`${limit} events are waiting to be recorded`);
    this.name = "QueueFullError";
  }
}

type Waiting = Readonly<{ submission: Submission; resolve: (outcome: Outcome) => void; reject: (error: unknown) => void }>;

/**
 * Group commit: appends must follow each other, so whatever arrives while one transaction runs goes into the next one together.
 * One event alone is recorded at once; under load one lock and one disk flush serve many.
 */
export class AppendQueue {
  readonly #append: (batch: readonly Submission[]) => Promise<Outcome[]>;
  readonly #batchSize: number;
  readonly #limit: number;
  readonly #waiting: Waiting[] = [];
  #running = false;

  /**
   * @param append records a batch, all or nothing, in order.
   * @param options batchSize: events per transaction (64); limit: events that may wait (1024).
   */
  constructor(append: (batch: readonly Submission[]) => Promise<Outcome[]>, options: Readonly<{ batchSize?: number; limit?: number }> = {}) {
    this.#append = append;
    this.#batchSize = options.batchSize ?? 64;
    this.#limit = options.limit ?? 1024;
  }

  /**
   * Records one event.
   * @throws QueueFullError when too many wait; otherwise what `append` threw, for each event of its batch.
   */
  async submit(submission: Submission): Promise<Outcome> {
    if (this.#waiting.length >= this.#limit) throw new QueueFullError(this.#limit);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ submission, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#batchSize);
      try {
        const outcomes = await this.#append(batch.map((item) => item.submission));
        for (const [place, item] of batch.entries()) {
          const outcome = outcomes[place];
          if (outcome === undefined) item.reject(new Error("The append answered for fewer events than it was given"));
          else item.resolve(outcome);
        }
      } catch (error) {
        for (const item of batch) item.reject(error);
      }
    }
    this.#running = false;
  }
}
