/** OSCAL reports against the official schema, by another maker's validator: a Go module carries both, no package of npm does. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "../../cluster/run.ts";
import { FORMATS } from "../../policies/reports/index.ts";
import type { Report } from "../../policies/reports/report.ts";
import { everything, nothing, sample } from "./sampleReports.ts";

interface Problem {
  readonly file: string;
  readonly location: string;
  readonly message: string;
}

describe("OSCAL reports", function () {
  this.timeout(600_000);
  let folder: string;
  let checker: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "oscal-"));
    checker = join(folder, "check");
    await mustRun("go", ["build", "-o", checker, "."], { cwd: join(import.meta.dirname, "oscal"), env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" } });
  });
  after(() => rmSync(folder, { recursive: true }));

  async function problems(content: string): Promise<Problem[]> {
    const file = join(folder, "document.json");
    writeFileSync(file, content);
    return JSON.parse(await mustRun(checker, [file])) as Problem[];
  }

  const reports: Record<string, () => Report> = { "every kind of finding": sample, "what every rule says of its examples": everything, "nothing at all": nothing };
  for (const format of ["oscal", "oscal-component"]) {
    for (const [name, make] of Object.entries(reports)) {
      it(`${format}: ${name} is what the schema of 1.1.2 admits`, async () => {
        assert.deepEqual(await problems(FORMATS[format]!(make())), []);
      });
    }
  }

  it("are refused by this validator when something is out of place", async () => {
    const found = await problems(FORMATS.oscal!(sample()).replace('"state": "satisfied"', '"state": "fine"'));
    assert(found.some(({ location }) => location.endsWith("/status/state")), JSON.stringify(found));
  });
});
