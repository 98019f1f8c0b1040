/** What is shown while an operation runs: on a terminal a picture that renews itself, with what is waited for and why; plain lines elsewhere. */
import { type EngineEvent, type Step, type Urn } from "./model.ts";
import { type Style } from "./style.ts";
import { resourceTitle } from "./displayPolicies.ts";

/** Where text goes: standard output, or a collector in tests. */
export interface Terminal {
  write(text: string): void;
  isTTY: boolean;
  columns: number;
}

const frameMs = 100;
/** Resources under way that are shown at most; the others are counted. */
const shownAtOnce = 8;
/** A resource that took longer is told where nothing renews itself, in milliseconds. */
const worthTellingMs = 1000;
const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** Shows a running operation. `stop` must be called before anything else is printed. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #style: Style;
  readonly #title: string;
  readonly #mask: (text: string) => string;
  readonly #partial = { stdout: "", stderr: "" };
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;
  #registered = 0;
  #finished = 0;
  #last = "";
  /** Resources that are being changed, in order of their beginning. */
  readonly #underWay = new Map<Urn, { step: Step; since: number; status: string }>();
  /** Lines of the picture that is on the terminal now. */
  #drawn = 0;
  readonly #started = performance.now();

  /** @param title e.g. `Previewing production` */
  constructor(terminal: Terminal, style: Style, title: string, mask: (text: string) => string) {
    this.#terminal = terminal;
    this.#style = style;
    this.#title = title;
    this.#mask = mask;
    if (!terminal.isTTY) return;
    this.#timer = setInterval(() => this.#draw(), frameMs);
    this.#timer.unref();
  }

  /** Takes an event of the engine. */
  readonly take = (event: EngineEvent): void => {
    if (event.kind === "resource-registering") {
      this.#registered++;
      this.#last = resourceTitle(event.urn);
    } else if (event.kind === "step-started") {
      const { urn, custom, operation } = event.step;
      if (custom && operation !== "same") this.#underWay.set(urn, { step: event.step, since: performance.now(), status: "" });
    } else if (event.kind === "step-finished") {
      this.#finished++;
      this.#settle(event.step.urn, event.error);
      if (event.error !== undefined) this.line(this.#style("bad", `${event.step.name}: ${event.error}`));
    } else if (event.kind === "status") {
      const waiting = this.#underWay.get(event.urn);
      if (waiting === undefined) this.#last = event.message;
      else waiting.status = event.message;
      if (!this.#terminal.isTTY) this.line(`${resourceTitle(event.urn)}: ${event.message}`);
    } else if (event.kind === "program-output") this.#programOutput(event.stream, event.text);
  };

  /** Prints a line above the renewing one. */
  line(text: string): void {
    this.#clear();
    this.#terminal.write(`${this.#mask(text)}\n`);
  }

  /** Ends the renewing line and prints what the program left unfinished on its last line. */
  stop(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    this.#timer = undefined;
    this.#clear();
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#partial[stream] !== "") this.#programLine(this.#partial[stream]);
      this.#partial[stream] = "";
    }
  }

  /** Whole lines only: halves of both streams would run into each other. */
  #programOutput(stream: "stdout" | "stderr", text: string): void {
    const lines = (this.#partial[stream] + text).split("\n");
    this.#partial[stream] = lines.pop() ?? "";
    for (const line of lines) this.#programLine(line);
  }

  #programLine(line: string): void {
    this.line(`${this.#style("faint", "program |")} ${line}`);
  }

  /** One that was waited for, and of which something was said, is told to be done. */
  #settle(urn: Urn, error: string | undefined): void {
    const waited = this.#underWay.get(urn);
    this.#underWay.delete(urn);
    if (waited === undefined || waited.status === "" || error !== undefined || this.#terminal.isTTY) return;
    const took = performance.now() - waited.since;
    if (took > worthTellingMs) this.line(`${resourceTitle(urn)}: done after ${seconds(took)}`);
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % frames.length;
    const now = performance.now();
    const waiting = [...this.#underWay.values()];
    const title = `${frames[this.#frame] ?? ""} ${this.#title}: ${this.#registered} registered, ${this.#finished} done, ${seconds(now - this.#started)}`;
    const rows = waiting.slice(0, shownAtOnce).map(({ step, since, status }) => `  ${step.operation} ${resourceTitle(step.urn)}  ${seconds(now - since)}  ${status}`);
    if (waiting.length > shownAtOnce) rows.push(`  and ${waiting.length - shownAtOnce} more`);
    const lines = [waiting.length === 0 ? `${title}  ${this.#last}` : title, ...rows];
    const width = Math.max(20, this.#terminal.columns - 1);
    this.#clear();
    this.#terminal.write(lines.map((line) => this.#mask(line).replaceAll(/\s*\n\s*/g, " ").slice(0, width)).join("\n"));
    this.#drawn = lines.length;
  }

  #clear(): void {
    if (!this.#terminal.isTTY) return;
    this.#terminal.write(`${"\r\u001b[2K\u001b[1A".repeat(Math.max(0, this.#drawn - 1))}\r\u001b[2K`);
    this.#drawn = 0;
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
