/** Policy hosts of one test, and what they said. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type PackRequest, type StartingPolicyHost, startPolicyHost } from "../../engine/analyzer.ts";
import { UserError } from "../../engine/errors.ts";
import { makeFolder } from "./folders.ts";
import { makeTarget } from "./packs.ts";

/** Hosts of one test, closed after it. */
const hosts: StartingPolicyHost[] = [];
export const messages: string[] = [];

/** Starts packs: their folders, or folders with configuration. */
export function start(...packs: (PackRequest | string)[]): StartingPolicyHost {
  const host = startPolicyHost({
    packs: packs.map((pack) => (typeof pack === "string" ? { path: pack } : pack)),
    target: makeTarget(),
    dryRun: true,
    onMessage: (message) => messages.push(message),
  });
  hosts.push(host);
  return host;
}

/** A pack with a configuration file beside it. */
export function configured(path: string, config: string): PackRequest {
  const configPath = join(makeFolder({ "config.json": config }), "config.json");
  return { path, configPath };
}

/** The message and fix with which a host refuses to start. */
export async function refusal(host: StartingPolicyHost): Promise<string> {
  const error: unknown = await host.ready.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert(error instanceof UserError, String(error));
  return `${error.message} ${error.fix ?? ""}`;
}

/** Root hook of mocha: ends the hosts of a test. */
export async function closeHosts(): Promise<void> {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
  messages.length = 0;
}
