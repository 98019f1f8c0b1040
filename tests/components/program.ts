import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { type Inputs, type Registered, underMocks, valueOf } from "./mocks.ts";

const root = resolve(__dirname, "../..");

/** Runs the whole program as a stack, with further keys over those of its file. */
export async function runStack(stack: string, preview: boolean, more: Record<string, unknown> = {}): Promise<{ outputs: Inputs; registered: Registered[] }> {
  const file = parse(readFileSync(resolve(root, `Pulumi.${stack}.yaml`), "utf8")) as { config: Inputs };
  const keys = Object.entries({ ...file.config, ...Object.fromEntries(Object.entries(more).map(([key, value]) => [`rlhf-audit-trail:${key}`, value])) });
  const { made, registered } = await underMocks(
    () => {
      pulumi.runtime.setAllConfig(
        Object.fromEntries(keys.map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : (value as string)])),
      );
      const program = require.resolve("../../index.ts");
      Reflect.deleteProperty(require.cache, program);
      // oxlint-disable-next-line typescript/no-require-imports -- each run must register anew, as a fresh process would
      return require(program) as Inputs;
    },
    { preview },
  );
  return { outputs: await valueOf(made), registered };
}
