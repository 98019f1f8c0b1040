/** Every rule once through Pulumi's own runner: what passes, what fails, what is unknown, what is waived. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { exampleResources } from "../../policies/example-findings.ts";
import type { Resource } from "../../policies/resource.ts";
import type { Example, Rule } from "../../policies/rule.ts";
import { RULES } from "../../policies/rules/index.ts";
import { PackProcess, type Diagnostic, type Registration } from "./packProcess.ts";
import { waiverFor } from "./waiverFor.ts";

const UNKNOWN_OBJECT = "dd056dcd-154b-4c76-9bd3-c8f88648b5ff";
const TOMORROW = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);

function registrations(example: Example): { registration: Registration; resource: Resource }[] {
  return exampleResources(example).map((resource, index) => ({
    resource,
    registration: { type: `kubernetes:${resource.group === "" ? "core" : resource.group}/${resource.version}:${resource.kind}`, name: `subject-${index}`, properties: asSent(resource.data) },
  }));
}

/** What Pulumi would send: keys without a value are not there. */
function asSent(data: object): object {
  return JSON.parse(JSON.stringify(data)) as object;
}

/** The same, with all but what names it unknown. */
function hidden({ properties, ...registration }: Registration): Registration {
  const keys = Object.keys(properties).filter((key) => !["apiVersion", "kind", "metadata"].includes(key));
  return { ...registration, properties: { ...properties, ...Object.fromEntries((keys.length > 0 ? keys : ["metadata"]).map((key) => [key, UNKNOWN_OBJECT])) } };
}

describe("rules under Pulumi's runner", () => {
  let pack: PackProcess;
  before(async () => {
    execFileSync(process.execPath, ["policies/build.mjs"]);
    pack = await PackProcess.start();
  });
  after(() => pack.stop());

  const ask = async (rule: Rule, subjects: readonly Registration[]): Promise<Diagnostic[]> => {
    const found = rule.scope === "stack" ? await pack.analyzeStack(subjects) : (await Promise.all(subjects.map((subject) => pack.analyze(subject)))).flat();
    return found.filter(({ policy }) => policy === rule.id);
  };

  for (const rule of RULES) {
    it(rule.id, async () => {
      const configured = { [rule.id]: { enforcementLevel: "mandatory", ...rule.examples.parameters } };
      const [sound, bad] = [registrations(rule.examples.pass[0]!), registrations(rule.examples.fail[0]!)];
      const declared = bad.map(({ registration }) => registration);
      await pack.configure(configured);
      assert.deepEqual(await ask(rule, sound.map(({ registration }) => registration)), [], "passes");
      const violations = await ask(rule, declared);
      assert(violations.length > 0 && violations.every(({ level, message }) => level === "mandatory" && message.includes(`[${rule.id}] `)), "fails");
      const undecided = await ask(rule, declared.map(hidden));
      assert(undecided.length > 0, "is not silent about what is unknown");
      if (rule.onUnknown === "deny") assert(undecided.some(({ level }) => level === "mandatory"), "an unknown value doesn't open it");
      await pack.configure({ ...configured, waivers: { enforcementLevel: "mandatory", list: bad.map(({ resource }) => waiverFor(rule, resource, TOMORROW)) } });
      // The waivers' own policy stands first and sees each resource before a stack is judged.
      for (const subject of declared) await pack.analyze(subject);
      const waived = await ask(rule, declared);
      assert(waived.length > 0 && waived.every(({ level, message }) => level === "advisory" && message.includes(`[${rule.id} waived] `)), "is waived");
    });
  }
});
