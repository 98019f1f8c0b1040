/** IP addresses and ranges, both families. */

interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** An IPv4 or IPv6 address as a number; undefined when it is none. IPv4 in IPv6 (`::ffff:10.0.0.1`) counts as IPv6. */
function parseAddress(text: string): Address | undefined {
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

function parseV4(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return { bits: 32, value: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
}

function parseV6(text: string): Address | undefined {
  const last = text.slice(text.lastIndexOf(":") + 1);
  const embedded = last.includes(".") ? parseV4(last) : undefined;
  if (last.includes(".") && !embedded) return undefined;
  const groupsOnly = embedded ? `${text.slice(0, -last.length)}${(embedded.value >> 16n).toString(16)}:${(embedded.value & 0xffffn).toString(16)}` : text;
  const [head = "", tail, ...more] = groupsOnly.split("::");
  if (more.length > 0) return undefined;
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return { bits: 128, value: all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n) };
}

/** Whether an address lies in a range as Kubernetes writes it (`10.0.0.0/8`, `fd00::/8`); false when either is malformed or they are of two families. */
export function cidrContains(cidr: string, address: string): boolean {
  const [base = "", length = "", ...more] = cidr.split("/");
  const [range, found] = [parseAddress(base), parseAddress(address)];
  if (!range || range.bits !== found?.bits || more.length > 0 || !/^\d{1,3}$/.test(length) || Number(length) > range.bits) return false;
  const shift = BigInt(range.bits - Number(length));
  return range.value >> shift === found.value >> shift;
}
