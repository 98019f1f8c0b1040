import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "yaml";
import { configurationText, loadConfiguration } from "../../engine/configuration.ts";
import { UserError } from "../../engine/errors.ts";
import { newCrypter } from "../../engine/passphrase.ts";
import { loadProject } from "../../engine/project.ts";
import { parseYaml } from "../../engine/yamlFile.ts";
import { makeFolder, removeFolders } from "./folders.ts";

/** The configuration of stack `dev` of a project made of two texts. */
function load(project: string, stack: string, env: NodeJS.ProcessEnv = {}) {
  const root = makeFolder({ "Pulumi.yaml": `name: shop\nruntime: nodejs\n${project}`, "Pulumi.dev.yaml": stack });
  return loadConfiguration(loadProject(root), "dev", env);
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert(error instanceof UserError, String(error));
  return `${error.message} ${error.fix ?? ""}`;
}

describe("configuration", () => {
  afterEach(removeFolders);

  it("gives every value as Pulumi's text", async () => {
    const { values, secretKeys } = await load(
      "",
      `config:
  plain: text
  shop:count: 3
  other:config:flag: true
  big: 12345678901234567890
  share: 0.5
  "yes": no
  nothing:
  quoted: "007"
  object: { b: [1, two, null], a: { z: 1, y: "<&>" } }
  list: [true, 1.5]
`,
    );
    assert.deepEqual(values, {
      "shop:plain": "text",
      "shop:count": "3",
      "other:flag": "true",
      "shop:big": "12345678901234567890",
      "shop:share": "0.5",
      "shop:yes": "no",
      "shop:nothing": "",
      "shop:quoted": "007",
      "shop:object": '{"a":{"y":"\\u003c\\u0026\\u003e","z":1},"b":[1,"two",null]}',
      "shop:list": "[true,1.5]",
    });
    assert.deepEqual(secretKeys, []);
  });

  it("fills in the project's defaults and values, but not over the stack's", async () => {
    const { values } = await load(
      "config:\n  replicas: { type: integer, default: 3 }\n  port: { type: integer, default: 80 }\n  short: brief\n  aws:region: here\n  zones: { type: array, items: { type: string }, default: [a, b] }\n",
      "config:\n  port: 8000\n",
    );
    assert.deepEqual(values, {
      "shop:replicas": "3",
      "shop:port": "8000",
      "shop:short": "brief",
      "aws:region": "here",
      "shop:zones": '["a","b"]',
    });
  });

  it("an empty stack file is a stack without values", async () => {
    assert.deepEqual((await load("", "")).values, {});
  });

  it("any JSON value of an object key comes out as the same JSON", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 3, stringUnit: "binary" })),
        (value) => {
          // `secure` alone in a mapping is Pulumi's mark of a secret.
          fc.pre(!JSON.stringify(value).includes('"secure"'));
          const text = configurationText(
            parseYaml(stringify({ config: value }, { defaultStringType: "QUOTE_DOUBLE" }), "x"),
          );
          // YAML has no negative zero for integers; JSON neither, once written.
          assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify({ config: value })));
          return Promise.resolve();
        },
      ),
      { numRuns: 200 },
    );
  });

  describe("with secrets", () => {
    let salt: string;
    let sealed: { text: string; nested: string };
    before(async () => {
      const crypter = await newCrypter("open sesame");
      salt = crypter.salt;
      sealed = { text: crypter.encrypt("hunter2"), nested: crypter.encrypt("deep") };
    });
    const stackText = (): string =>
      `encryptionsalt: ${salt}\nconfig:\n  token: { secure: "${sealed.text}" }\n  db:\n    user: sa\n    password: { secure: "${sealed.nested}" }\n  plain: 1\n`;

    it("opens them with the passphrase of the environment, and says which keys are secret", async () => {
      const { values, secretKeys, secretTexts } = await load("", stackText(), {
        PULUMI_CONFIG_PASSPHRASE: "open sesame",
      });
      assert.equal(values["shop:token"], "hunter2");
      assert.equal(values["shop:db"], '{"password":"deep","user":"sa"}');
      assert.deepEqual(secretKeys, ["shop:db", "shop:token"]);
      assert.deepEqual(secretTexts?.toSorted(), ["deep", "hunter2"]);
    });

    it("says that a passphrase is needed, and that one is wrong", async () => {
      assert.match(
        await refusal(load("", stackText())),
        /Pulumi\.dev\.yaml holds secrets and no passphrase is set\. Set PULUMI_CONFIG_PASSPHRASE/,
      );
      assert.match(
        await refusal(load("", stackText(), { PULUMI_CONFIG_PASSPHRASE: "wrong" })),
        /The passphrase does not open/,
      );
    });

    it("needs no passphrase when no secret is there, salt or not", async () => {
      assert.deepEqual((await load("", `encryptionsalt: ${salt}\nconfig:\n  a: 1\n`)).values, { "shop:a": "1" });
    });

    it("refuses a secret that stands in clear, without showing it", async () => {
      const words = await refusal(
        load("config:\n  token: { type: string, secret: true }\n", "config:\n  token: topsecretvalue\n"),
      );
      assert.match(words, /shop:token is a secret and stands there in clear/);
      assert.doesNotMatch(words, /topsecretvalue/);
    });

    it("refuses a changed ciphertext by name", async () => {
      const broken = stackText().replace(sealed.text, `${sealed.text.slice(0, -6)}AAAAA=`);
      assert.match(
        await refusal(load("", broken, { PULUMI_CONFIG_PASSPHRASE: "open sesame" })),
        /shop:token cannot be decrypted/,
      );
    });
  });

  const bad: { what: string; project?: string; stack: string; says: RegExp }[] = [
    {
      what: "broken YAML, with line and column",
      stack: "config:\n  a: [1\n  b: 2\n",
      says: /Pulumi\.dev\.yaml:3:\d+ is not valid YAML/,
    },
    {
      what: "a duplicate key",
      stack: "config:\n  a: 1\n  a: 2\n",
      says: /Pulumi\.dev\.yaml:3:3 is not valid YAML: Map keys must be unique/,
    },
    {
      what: "a leading zero that readers disagree about",
      stack: "config:\n  mode: 0644\n",
      says: /Pulumi\.dev\.yaml:2:9 holds a number with a leading zero without quotes.*Put quotes/,
    },
    { what: "an unquoted date", stack: "config:\n  day: 2026-11-23\n", says: /holds a date without quotes/ },
    {
      what: "a key with too many colons",
      stack: "config:\n  a:b:c: 1\n",
      says: /config\.a:b:c is not a configuration key/,
    },
    { what: "ESC environments", stack: "environment: [prod]\n", says: /imports ESC environments.*--engine pulumi/ },
    {
      what: "another secrets provider, when it is needed",
      stack: "secretsprovider: awskms://k\nconfig:\n  a: { secure: xyz }\n",
      says: /its secrets belong to the provider awskms:\/\/k/,
    },
    { what: "secrets without a salt", stack: "config:\n  a: { secure: xyz }\n", says: /no encryptionsalt/ },
    {
      what: "all missing values at once",
      project: "config:\n  b: { type: string }\n  a: { type: integer }\n",
      stack: "",
      says: /Stack dev has no value for a, b,/,
    },
    {
      what: "a value of the wrong type",
      project: "config:\n  n: { type: integer }\n",
      stack: "config:\n  n: many\n",
      says: /Pulumi\.dev\.yaml: shop:n must be of type integer/,
    },
    {
      what: "a list with a wrong item",
      project: "config:\n  xs: { type: array, items: { type: integer } }\n",
      stack: "config:\n  xs: [1, no]\n",
      says: /shop:xs must be of type array<integer>/,
    },
    {
      what: "a boolean that is a word",
      project: "config:\n  f: { type: boolean }\n",
      stack: "config:\n  f: maybe\n",
      says: /shop:f must be of type boolean/,
    },
  ];
  for (const { what, project = "", stack, says } of bad) {
    it(`refuses ${what}`, async () => {
      assert.match(await refusal(load(project, stack)), says);
    });
  }
});
