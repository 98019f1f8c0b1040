import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { systemCode } from "../engine/errors.ts";
import { ClusterError } from "./failure.ts";

export interface RunOptions {
  /** Added to this process's environment. */
  env?: Record<string, string>;
  cwd?: string;
  /** For the program's standard input. */
  input?: string | Readable;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end and returns what it wrote; a program that can't be started is an error, and so is input that can't be read. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const fed = options.input !== undefined && child.stdin ? feed(options.input, child.stdin) : undefined;
  const [code] = await Promise.all([exitCode(child, program), fed]);
  return { code, stdout, stderr };
}

/** As `run`, but a program that fails is an error with its own words. */
export async function mustRun(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(program, args, options);
  if (result.code !== 0) {
    const words = [result.stderr.trim(), result.stdout.trim()].filter((text) => text !== "").join("\n");
    throw new ClusterError(`${program} ${args.join(" ")} ended with code ${result.code}:\n${lastLines(words, 20)}`);
  }
  return result.stdout;
}

/** Runs a program on this terminal and returns its exit code. */
export async function runAttached(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  return await exitCode(spawn(program, args, { stdio: "inherit", env: { ...process.env, ...env } }), program);
}

/** The last lines of a longer text. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

async function feed(input: string | Readable, stdin: Writable): Promise<void> {
  try {
    await pipeline(typeof input === "string" ? [input] : input, stdin);
  } catch (error) {
    // A program that ends without reading all of its input says why in its exit code.
    if (!hungUp.has(systemCode(error) ?? "")) throw error;
  }
}

const hungUp = new Set(["EPIPE", "ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE"]);

async function exitCode(child: ChildProcess, program: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new ClusterError(`${program} can't be started: ${error.message}`)));
    child.on("close", (code) => resolve(code ?? 1));
  });
}
