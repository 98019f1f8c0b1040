import assert from "node:assert/strict";
import { applyDefinitions } from "../../cluster/definitions.ts";
import { Node } from "../../cluster/node.ts";

/** A cluster that answers each question about a definition with the next of these; the last one stays. */
class Told extends Node {
  readonly asked: string[] = [];
  readonly #answers: unknown[];

  constructor(...answers: unknown[]) {
    super("no-such-cluster");
    this.#answers = answers;
  }

  override async kubectl(args: readonly string[]): Promise<string> {
    this.asked.push(args.join(" "));
    if (args[0] === "apply") return "";
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    return await Promise.resolve(JSON.stringify(answer));
  }
}

const condition = (status: string) => ({ status: { conditions: [{ type: "NamesAccepted", status: "True" }, { type: "Established", status }] } });

describe("definitions of custom resources on a cluster", () => {
  it("are served when the server says so, not when it has not looked at them yet", async () => {
    const node = new Told({}, { status: { conditions: null } }, { status: { conditions: [] } }, condition("False"), condition("True"));
    await applyDefinitions(node, "the definitions", "shops.example.org");
    assert.equal(node.asked.filter((words) => words.includes("/customresourcedefinitions/shops.example.org")).length, 5);
  });

  it("are all waited for", async () => {
    const node = new Told(condition("True"));
    await applyDefinitions(node, "the definitions", "shops.example.org", "goods.example.org");
    assert.deepEqual(node.asked.slice(1).map((words) => words.split("/").at(-1)), ["shops.example.org", "goods.example.org"]);
  });
});
