import assert from "node:assert/strict";
import { join } from "node:path";
import { sources } from "../../cluster/paths.ts";
import { run } from "../../cluster/run.ts";

/** One line of `go test -json`; a line without `Test` speaks of the whole package. */
interface TestEvent {
  Action: string;
  Package: string;
  Test?: string;
  Output?: string;
}

async function go(module: string, ...args: string[]): Promise<{ code: number; stdout: string; said: string }> {
  const { code, stdout, stderr } = await run("go", args, { cwd: join(sources, module), env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" } });
  return { code, stdout, said: `${stdout}${stderr}` };
}

/** What the tests of a module ended with, by name, and the words of those that failed. */
async function goTest(module: string): Promise<{ ends: Map<string, string>; words: string }> {
  const { stdout, said, code } = await go(module, "test", "-count=1", "-json", "./...");
  const events = stdout.trim().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as TestEvent);
  const ends = new Map(events.flatMap(({ Action, Test, Package }) => (Test !== undefined && ["pass", "fail", "skip"].includes(Action) ? [[`${Package} ${Test}`, Action] as const] : [])));
  const words = events.length === 0 ? said : events.map(({ Output }) => Output ?? "").join("");
  // A package that does not compile has no tests that could fail.
  if (code !== 0 && ![...ends.values()].includes("fail")) throw new Error(words);
  return { ends, words };
}

describe("the node's own Go modules", function () {
  this.timeout(1_800_000);

  it("gofmt would change nothing", async () => {
    const { code, stdout, stderr } = await run("gofmt", ["-l", "."], { cwd: sources });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
  });

  for (const module of ["launcher", "netpol", "storage"]) {
    it(`${module}: vet finds nothing`, async () => {
      const { code, said } = await go(module, "vet", "./...");
      assert.equal(code, 0, said);
    });
  }

  for (const module of ["launcher", "netpol"]) {
    it(`${module}: all of its tests pass`, async () => {
      const { ends, words } = await goTest(module);
      assert.ok(ends.size > 0, "no test ran");
      assert.deepEqual([...ends].filter(([, end]) => end !== "pass"), [], words);
    });
  }
});
