/** Quantities, durations, image references, label selectors, unknowns: by table and by property. */
import assert from "node:assert/strict";
import { BlockList } from "node:net";
import fc from "fast-check";
import { cidrContains } from "../../policies/kubernetes/cidr.ts";
import { parseImage, underPrefix } from "../../policies/kubernetes/image.ts";
import { parseDuration, parseQuantity } from "../../policies/kubernetes/quantity.ts";
import { mapSelects, selects, selectsAll } from "../../policies/kubernetes/selector.ts";
import { copyPlain, get, join, Unknown, UnknownRead, within } from "../../policies/value.ts";

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,4}$/);
const labels = fc.dictionary(label, label, { maxKeys: 5 });

describe("quantity", () => {
  it("by table", () => {
    const table: [unknown, number | undefined][] = [["500m", 0.5], ["2", 2], [3, 3], ["1Gi", 2 ** 30], ["1G", 1e9], ["1.5Ki", 1536], ["1e3", 1000], ["1E3", 1000], ["1E", 1e18], [".5", 0.5], ["-1", -1], ["", undefined], ["1gi", undefined], ["x", undefined], [null, undefined], ["1 Gi", undefined]];
    for (const [text, value] of table) assert.equal(parseQuantity(text), value, String(text));
  });
  it("keeps the order of numbers under one suffix", () => {
    fc.assert(fc.property(fc.nat(1e6), fc.nat(1e6), fc.constantFrom("", "m", "k", "Mi", "Gi", "M"), (a, b, suffix) => Math.sign(parseQuantity(`${a}${suffix}`)! - parseQuantity(`${b}${suffix}`)!) === Math.sign(a - b)));
  });
});

describe("quantity against its own sum", () => {
  const factor: Readonly<Record<string, bigint>> = { "": 1n, k: 1000n, M: 10n ** 6n, G: 10n ** 9n, T: 10n ** 12n, Ki: 1n << 10n, Mi: 1n << 20n, Gi: 1n << 30n, Ti: 1n << 40n };
  it("is the whole number times its suffix", () => {
    fc.assert(fc.property(fc.nat(1000), fc.constantFrom(...Object.keys(factor)), (amount, suffix) => {
      assert.equal(parseQuantity(`${amount}${suffix}`), Number(BigInt(amount) * factor[suffix]!));
    }));
  });
});

describe("duration", () => {
  it("by table", () => {
    const table: [unknown, number | undefined][] = [["15m", 900], ["1h30m", 5400], ["0", 0], ["1h0m0s", 3600], ["500ms", 0.5], ["-2s", -2], ["15", undefined], ["", undefined], ["1d", undefined], ["m", undefined]];
    for (const [text, value] of table) assert.equal(parseDuration(text), value, String(text));
  });
  it("adds its parts", () => {
    fc.assert(fc.property(fc.nat(99), fc.nat(59), fc.nat(59), (h, m, s) => parseDuration(`${h}h${m}m${s}s`) === h * 3600 + m * 60 + s));
  });
});

describe("image", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  it("by table", () => {
    assert.deepEqual(parseImage("nginx"), { registry: "docker.io", repository: "library/nginx" });
    assert.deepEqual(parseImage("localhost:5000/a/b:1.0"), { registry: "localhost:5000", repository: "a/b", tag: "1.0" });
    assert.deepEqual(parseImage(`ghcr.io/a/b:1@${digest}`), { registry: "ghcr.io", repository: "a/b", tag: "1", digest });
    for (const bad of ["", "a b", "a@sha256:12", "a@b@c", `@${digest}`, "a:"]) assert.equal(parseImage(bad), undefined, bad);
  });
  it("keeps the parts it is made of", () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(fc.property(part, part, part, (host, repository, tag) => {
      assert.deepEqual(parseImage(`${host}.io/${repository}/x:${tag}@${digest}`), { registry: `${host}.io`, repository: `${repository}/x`, tag, digest });
    }));
  });
  it("a prefix ends at a path segment", () => {
    assert(underPrefix("ghcr.io/acme/app:1", "ghcr.io/acme"));
    assert(underPrefix("ghcr.io/acme/app", "ghcr.io/acme/app/"));
    assert(!underPrefix("ghcr.io/acme-evil/app:1", "ghcr.io/acme"));
    assert(!underPrefix("ghcr.io.evil/acme/app", "ghcr.io"));
    assert(underPrefix("eu.gcr.io/p/app", "*.gcr.io/p"));
    assert(underPrefix("nginx", "docker.io/library"));
  });
});

describe("cidr", () => {
  /** What Node itself says. */
  const contains = (base: string, bits: number, address: string, family: "ipv4" | "ipv6") => {
    const list = new BlockList();
    list.addSubnet(base, bits, family);
    return list.check(address, family);
  };
  it("agrees with Node about IPv4, near and far", () => {
    fc.assert(fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4(), (base, bits, address) => {
      assert.equal(cidrContains(`${base}/${bits}`, address), contains(base, bits, address, "ipv4"));
      assert(cidrContains(`${base}/${bits}`, base));
    }));
    fc.assert(fc.property(fc.ipV4(), fc.integer({ min: 24, max: 32 }), fc.nat(255), (base, bits, last) => {
      const address = base.replace(/\d+$/, String(last));
      assert.equal(cidrContains(`${base}/${bits}`, address), contains(base, bits, address, "ipv4"));
    }));
  });
  it("agrees with Node about IPv6, near and far", () => {
    fc.assert(fc.property(fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.ipV6(), (base, bits, address) => {
      assert.equal(cidrContains(`${base}/${bits}`, address), contains(base, bits, address, "ipv6"));
      assert(cidrContains(`${base}/${bits}`, base));
    }));
    fc.assert(fc.property(fc.integer({ min: 96, max: 128 }), fc.nat(0xffff), fc.nat(0xffff), (bits, a, b) => {
      const [base, address] = [`fd00:ec2::${a.toString(16)}`, `fd00:ec2::${b.toString(16)}`];
      assert.equal(cidrContains(`${base}/${bits}`, address), contains(base, bits, address, "ipv6"));
    }));
  });
  it("holds nothing when it is malformed or of the other family", () => {
    const table: [string, string][] = [["10.0.0.0", "10.0.0.0"], ["10.0.0.0/33", "10.0.0.0"], ["10.0.0/8", "10.0.0.0"], ["10.0.0.0/8/8", "10.0.0.0"], ["10.0.0.256/8", "10.0.0.0"], ["0.0.0.0/0", "::1"], ["::/0", "10.0.0.1"], ["::1::/0", "::1"], ["1:2:3/0", "::1"], ["::/129", "::1"], ["::g/0", "::1"], ["10.0.0.0/0", "10.0.0"], ["", ""]];
    for (const [cidr, address] of table) assert.equal(cidrContains(cidr, address), false, `${cidr} ${address}`);
    assert(cidrContains("::ffff:10.0.0.0/104", "::ffff:10.1.2.3") && !cidrContains("::ffff:10.0.0.0/104", "::ffff:11.0.0.0"));
  });
});

describe("selector", () => {
  it("matchLabels selects what has all of them", () => {
    fc.assert(fc.property(labels, labels, (wanted, extra) => {
      assert(selects({ matchLabels: wanted }, { ...extra, ...wanted }));
      assert.equal(mapSelects(wanted, { ...extra, ...wanted }), Object.keys(wanted).length > 0);
    }));
  });
  it("matchLabels is In with one value, and a stricter selector selects no more", () => {
    fc.assert(fc.property(labels, labels, labels, (wanted, more, own) => {
      const asExpressions = Object.entries(wanted).map(([key, value]) => ({ key, operator: "In", values: [value] }));
      assert.equal(selects({ matchLabels: wanted }, own), selects({ matchExpressions: asExpressions }, own));
      assert.equal(selects({ matchLabels: wanted }, own), Object.entries(wanted).every(([key, value]) => own[key] === value));
      if (selects({ matchLabels: { ...more, ...wanted } }, own)) assert(selects({ matchLabels: wanted }, own));
    }));
  });
  it("NotIn is the negation of In, DoesNotExist of Exists", () => {
    fc.assert(fc.property(label, fc.array(label), labels, (key, values, own) => {
      const one = (operator: string) => selects({ matchExpressions: [{ key, operator, values }] }, own);
      assert.equal(one("In"), !one("NotIn"));
      assert.equal(one("Exists"), !one("DoesNotExist"));
    }));
  });
  it("an operator nobody knows selects nothing, an empty selector everything", () => {
    assert(!selects({ matchExpressions: [{ key: "a", operator: "Gt", values: ["1"] }] }, { a: "2" }));
    assert(selects({}, {}) && selectsAll({}) && !selectsAll({ matchLabels: { a: "b" } }));
  });
});

describe("unknown", () => {
  const sentinel = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
  it("is marked with its path and throws when read", () => {
    const copy = copyPlain({ a: [{ "x.y/z": sentinel }], b: 1 });
    assert.equal(get(copy, "b"), 1);
    assert.throws(() => get(copy, "a", 0, "x.y/z", "deeper"), (error) => error instanceof UnknownRead && error.path === 'a[0]["x.y/z"]');
  });
  it("a property named __proto__ is copied like any other", () => {
    const copy = copyPlain(JSON.parse('{"a": {"__proto__": {"privileged": true}}}') as object);
    assert.deepEqual(Object.keys(copy.a as object), ["__proto__"]);
    assert.equal((copy.a as { privileged?: boolean }).privileged, undefined);
  });
  it("a copy without unknowns is the same value", () => {
    fc.assert(fc.property(fc.dictionary(label, fc.jsonValue()), (value) => {
      assert.deepEqual(JSON.parse(JSON.stringify(copyPlain(value))), JSON.parse(JSON.stringify(value)));
    }));
  });
  it("joins paths", () => {
    assert.equal(join(join("a", 0), "b-c"), "a[0].b-c");
    assert.equal(within("", "a.b"), "a.b");
    assert.equal(new Unknown("a").path, "a");
  });
});
