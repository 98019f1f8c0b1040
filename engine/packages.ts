/** Which package of which version a request means, and the default provider that serves it. */
import { createHash } from "node:crypto";
import type resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Goal } from "./goal.ts";
import { Secret, type PropertyMap, type StackConfiguration } from "./model.ts";
import { unsupported } from "./rpc.ts";
import { providerType } from "./urn.ts";

/** A package as a request names it. */
export interface PackageRequest {
  name: string;
  /** Empty: unversioned. */
  version: string;
  downloadUrl: string;
}

/** Packages announced by RegisterPackage, under references that the program sends back. */
export class Packages {
  readonly #byReference = new Map<string, PackageRequest>();

  /** The reference of a package; the same package always gets the same one. Parameterized packages are refused. */
  register(request: resourcePb.RegisterPackageRequest): string {
    const pkg = { name: request.getName(), version: request.getVersion(), downloadUrl: request.getDownloadUrl() };
    const parameter = request.getParameterization()?.getName() ?? request.getExtension$()?.getName();
    if (parameter !== undefined) throw unsupported(`the parameterized package "${parameter}" of "${pkg.name}"`);
    const reference = createHash("sha256").update(JSON.stringify(pkg)).digest("hex").slice(0, 32);
    this.#byReference.set(reference, pkg);
    return reference;
  }

  /** The package behind a reference, or `fallback` when the reference is empty. Throws when it was never announced. */
  lookup(reference: string, fallback: PackageRequest): PackageRequest {
    if (reference === "") return fallback;
    const pkg = this.#byReference.get(reference);
    if (pkg === undefined) throw new Error(`unknown package reference "${reference}"`);
    return pkg;
  }
}

/** Name of the default provider: `default_4_34_2`. */
export function defaultProviderName({ version, downloadUrl }: PackageRequest): string {
  let name = "default";
  if (version !== "") name += `_${version.replaceAll(/[^0-9A-Za-z]/g, "_")}`;
  if (downloadUrl !== "") name += `_${downloadUrl.replaceAll(/[^0-9A-Za-z]/g, "_")}`;
  return name;
}

/** The registration of a package's default provider: the stack's `<package>:*` configuration and the version as inputs. */
export function defaultProviderGoal(pkg: PackageRequest, configuration: StackConfiguration): Goal {
  const inputs: PropertyMap = {};
  const prefix = `${pkg.name}:`;
  for (const [key, value] of Object.entries(configuration.values)) {
    if (!key.startsWith(prefix)) continue;
    inputs[key.slice(prefix.length)] = configuration.secretKeys.includes(key) ? new Secret(value) : value;
  }
  if (pkg.version !== "") inputs["version"] = pkg.version;
  if (pkg.downloadUrl !== "") inputs["pluginDownloadURL"] = pkg.downloadUrl;
  return {
    type: providerType(pkg.name),
    name: defaultProviderName(pkg),
    custom: true,
    remote: false,
    parent: undefined,
    inputs,
    provider: "",
    dependencies: [],
    propertyDependencies: {},
    aliases: [],
    protect: undefined,
    retainOnDelete: undefined,
    deleteBeforeReplace: undefined,
    ignoreChanges: [],
    replaceOnChanges: [],
    additionalSecretOutputs: [],
    customTimeouts: {},
    deletedWith: undefined,
    hooks: {},
  };
}
