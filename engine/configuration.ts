/**
 * A stack's configuration as Pulumi's CLI hands it to a program: `namespace:key` → text, objects as JSON with sorted keys,
 * project defaults filled in, secure values decrypted.
 */
import { UserError } from "./errors.ts";
import { type Crypter, openCrypter, passphraseFromEnvironment } from "./passphrase.ts";
import { type ConfigDeclaration, type ItemsType, type Project, stackFile } from "./project.ts";
import { type StackConfiguration } from "./model.ts";
import { type YamlValue, isMapping, readYamlFile } from "./yamlFile.ts";

/** A stack's file, read. */
export interface StackFile {
  path: string;
  /** `encryptionsalt`, when the passphrase provider is set up. */
  salt?: string;
  /** Values by full key, as YAML has them. */
  values: Map<string, YamlValue>;
}

/**
 * Reads `Pulumi.<stack>.yaml`.
 * @throws UserError for an unknown stack, broken YAML, a malformed key, or what the embedded engine does not do (ESC environments)
 */
export function readStackFile(project: Project, stack: string): StackFile {
  const path = stackFile(project, stack);
  const raw = readYamlFile(path);
  const values = new Map<string, YamlValue>();
  if (raw === null) return { path, values };
  if (!isMapping(raw)) throw new UserError(`${path} must be a mapping with config below it.`);
  if (raw["environment"] !== undefined) {
    throw new UserError(
      `${path} imports ESC environments, which the embedded engine cannot open.`,
      "Use --engine pulumi for this stack.",
    );
  }
  const config = raw["config"] ?? {};
  if (!isMapping(config)) throw new UserError(`${path}: config must be a mapping of keys.`);
  for (const [key, value] of Object.entries(config)) values.set(fullKey(key, project.name, path), value);
  const salt = raw["encryptionsalt"];
  if (salt !== undefined && typeof salt !== "string") throw new UserError(`${path}: encryptionsalt must be a string.`);
  if (
    typeof raw["secretsprovider"] === "string" &&
    raw["secretsprovider"] !== "passphrase" &&
    [...values.values()].some(holdsSecret)
  ) {
    throw new UserError(
      `${path}: its secrets belong to the provider ${raw["secretsprovider"]}; the embedded engine opens passphrase secrets only.`,
      "Use --engine pulumi for this stack.",
    );
  }
  return { path, salt, values };
}

/** `key` → `project:key`; `ns:config:key` → `ns:key`. */
function fullKey(key: string, project: string, path: string): string {
  const parts = key.split(":");
  if (parts.length === 1) return `${project}:${key}`;
  if (parts.length === 2) return key;
  if (parts.length === 3 && parts[1] === "config") return `${parts[0] ?? ""}:${parts[2] ?? ""}`;
  throw new UserError(`${path}: config.${key} is not a configuration key; it must read <namespace>:<name>.`);
}

/**
 * The configuration of a stack.
 * @param env where the passphrase is looked for; needed only when a secret is there
 * @throws UserError as `readStackFile`, and for values that Pulumi.yaml's declarations do not admit
 */
export async function loadConfiguration(
  project: Project,
  stack: string,
  env: NodeJS.ProcessEnv,
): Promise<StackConfiguration> {
  const file = readStackFile(project, stack);
  const secret = [...file.values.values()].some(holdsSecret);
  let crypter: Crypter | undefined;
  if (secret) {
    if (file.salt === undefined)
      throw new UserError(`${file.path} holds secure values and no encryptionsalt to open them with.`);
    crypter = await openCrypter(file.salt, passphraseFromEnvironment(env), file.path);
  }
  const values: { [key: string]: string } = {};
  const secretKeys: string[] = [];
  const secretTexts: string[] = [];
  for (const [key, value] of withDefaults(project, stack, file.values)) {
    values[key] = configurationText(
      crypter === undefined ? value : decrypted(value, crypter, `${file.path}: ${key}`, secretTexts),
    );
    if (holdsSecret(value)) secretKeys.push(key);
  }
  checkDeclarations(project, stack, file, values);
  return { values, secretKeys, secretTexts };
}

function isSecure(value: YamlValue): value is { secure: string } {
  return isMapping(value) && Object.keys(value).length === 1 && typeof value["secure"] === "string";
}

function holdsSecret(value: YamlValue): boolean {
  if (Array.isArray(value)) return value.some(holdsSecret);
  return isMapping(value) && (isSecure(value) || Object.values(value).some(holdsSecret));
}

/** The value with its secrets opened; their texts are added to `found`. */
function decrypted(value: YamlValue, crypter: Crypter, where: string, found: string[]): YamlValue {
  if (Array.isArray(value)) return value.map((item, index) => decrypted(item, crypter, `${where}[${index}]`, found));
  if (!isMapping(value)) return value;
  if (!isSecure(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, decrypted(item, crypter, `${where}.${key}`, found)]),
    );
  }
  try {
    const text = crypter.decrypt(value.secure);
    found.push(text);
    return text;
  } catch (cause) {
    throw new UserError(
      `${where} cannot be decrypted: it was encrypted with another passphrase, or changed.`,
      "Set it again with pulumi config set --secret.",
      { cause },
    );
  }
}

function withDefaults(project: Project, stack: string, values: Map<string, YamlValue>): Map<string, YamlValue> {
  const merged = new Map(values);
  const missing: string[] = [];
  for (const [declared, declaration] of project.config) {
    const key = declared.includes(":") ? declared : `${project.name}:${declared}`;
    if (merged.has(key)) continue;
    const fallback = declaration.default ?? declaration.value;
    if (fallback !== undefined) merged.set(key, fallback);
    else if (key.startsWith(`${project.name}:`)) missing.push(declared);
  }
  if (missing.length > 0) {
    throw new UserError(
      `Stack ${stack} has no value for ${missing.sort().join(", ")}, which Pulumi.yaml declares without a default.`,
      `Set ${missing.length === 1 ? "it" : "them"} in Pulumi.${stack}.yaml, below config.`,
    );
  }
  return new Map([...merged].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The text a program reads: strings as they are, everything else as JSON as Go writes it. An empty YAML value is an empty string. */
export function configurationText(value: YamlValue): string {
  if (value === null) return "";
  return typeof value === "string" ? value : json(value);
}

function json(value: YamlValue): string {
  if (Array.isArray(value)) return `[${value.map(json).join(",")}]`;
  if (isMapping(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${jsonString(key)}:${json(value[key] ?? null)}`).join(",")}}`;
  }
  if (typeof value === "string") return jsonString(value);
  return typeof value === "bigint" ? value.toString() : JSON.stringify(value);
}

// Go escapes these three in JSON; programs that compare raw text see the same as under Pulumi.
function jsonString(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function checkDeclarations(project: Project, stack: string, file: StackFile, values: { [key: string]: string }): void {
  for (const [declared, declaration] of project.config) {
    const key = declared.includes(":") ? declared : `${project.name}:${declared}`;
    const given = file.values.get(key);
    if (declaration.type === undefined) continue;
    if (declaration.secret && given !== undefined && !holdsSecret(given)) {
      throw new UserError(
        `${file.path}: ${key} is a secret and stands there in clear.`,
        `Set it again with: pulumi config set --secret ${key} --stack ${stack}`,
      );
    }
    const text = values[key] ?? "";
    const value = given ?? declaration.default ?? null;
    const content: unknown = (isMapping(value) && !isSecure(value)) || Array.isArray(value) ? JSON.parse(text) : text;
    if (!matches(declaration.type, declaration.items, content)) {
      throw new UserError(
        `${given === undefined ? "Pulumi.yaml, default" : file.path}: ${key} must be of type ${typeName(declaration)}.`,
      );
    }
  }
}

function typeName(declaration: Pick<ConfigDeclaration, "type" | "items"> | ItemsType): string {
  return declaration.items === undefined ? (declaration.type ?? "any") : `array<${typeName(declaration.items)}>`;
}

/** Pulumi's own admission rule for declared types. */
function matches(type: string, items: ItemsType | undefined, value: unknown): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "integer":
      return typeof value === "number"
        ? Number.isInteger(value)
        : typeof value === "string" && /^[-+]?\d+$/.test(value);
    case "boolean":
      return typeof value === "boolean" || value === "true" || value === "false";
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    default:
      return (
        Array.isArray(value) && items !== undefined && value.every((item) => matches(items.type, items.items, item))
      );
  }
}
