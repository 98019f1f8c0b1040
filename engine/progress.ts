/** What is shown while an operation runs: one line that renews itself on a terminal, plain lines elsewhere. */
import { type EngineEvent } from "./model.ts";
import { type Style } from "./style.ts";
import { resourceTitle } from "./displayPolicies.ts";

/** Where text goes: standard output, or a collector in tests. */
export interface Terminal {
  write(text: string): void;
  isTTY: boolean;
  columns: number;
}

const frameMs = 100;
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
    } else if (event.kind === "step-finished") {
      this.#finished++;
      if (event.error !== undefined) this.line(this.#style("bad", `${event.step.name}: ${event.error}`));
    } else if (event.kind === "status") {
      this.#last = event.message;
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

  #draw(): void {
    this.#frame = (this.#frame + 1) % frames.length;
    const text = `${frames[this.#frame] ?? ""} ${this.#title}: ${this.#registered} registered, ${this.#finished} done  ${this.#last}`;
    this.#terminal.write(`\r\u001b[2K${text.slice(0, Math.max(20, this.#terminal.columns - 1))}`);
  }

  #clear(): void {
    if (this.#terminal.isTTY) this.#terminal.write("\r\u001b[2K");
  }
}
