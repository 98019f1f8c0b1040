/**
 * All policy packs behind one face. Packs start in parallel; every resource waits for them. A pack that throws or dies closes the gate:
 * it becomes a mandatory finding that names it, and what it did not get to see is counted and said.
 */
import { type PackFiles, preparePack, sha256 } from "./policyPack.ts";
import { PackProcess } from "./packProcess.ts";
import {
  type Finding,
  type PackRun,
  type PolicyHost,
  type PolicyResource,
  type ProjectStack,
  type PropertyMap,
  type Remediation,
} from "./model.ts";
import { type Reply, analyzeResource, analyzeResources, remediateResource } from "./packCalls.ts";
import { type ConfiguredPack, type GivenSettings, configurePack, readSettings } from "./packConfigure.ts";
import { diffMaps } from "./diff.ts";

/** One pack as named on the command line. */
export interface PackRequest {
  path: string;
  /** Configuration file, JSON. */
  configPath?: string;
}
export interface PolicyHostOptions {
  packs: readonly PackRequest[];
  target: ProjectStack;
  dryRun: boolean;
  /** What a pack's environment has besides, by its configuration file. Default: nothing. */
  environment?: (configPath: string | undefined) => NodeJS.ProcessEnv;
  /** Told what packs print, and that one is being built. */
  onMessage: (message: string) => void;
}

/** A policy host whose packs may still be starting. `ready` fails when one cannot run; `kill` ends them at once. */
export interface StartingPolicyHost extends PolicyHost {
  ready: Promise<void>;
  kill(): void;
}

/** Starts the packs without waiting for them. */
export function startPolicyHost(options: PolicyHostOptions): StartingPolicyHost {
  return new Host(options);
}

/** One pack and what it has seen. */
interface Member {
  pack: ConfiguredPack;
  resourcesAnalyzed: number;
  stackAnalyzed: boolean;
  /** Resources that it did not see after it failed. */
  unchecked: number;
  failed: boolean;
}

class Host implements StartingPolicyHost {
  readonly ready: Promise<void>;
  readonly #options: PolicyHostOptions;
  readonly #processes: PackProcess[] = [];
  #members: Member[] = [];
  #closed = false;

  constructor(options: PolicyHostOptions) {
    this.#options = options;
    this.ready = this.#start();
    // Whoever waits for `ready` hears of it; that nobody waits yet is no crash.
    this.ready.catch(() => undefined);
  }

  async #start(): Promise<void> {
    this.#members = await Promise.all(
      this.#options.packs.map(async (request) => {
        const settings = request.configPath === undefined ? undefined : readSettings(request.configPath);
        const files = await preparePack(request.path, this.#options.onMessage);
        const pack = await this.#run(files, settings);
        return { pack, resourcesAnalyzed: 0, stackAnalyzed: false, unchecked: 0, failed: false };
      }),
    );
  }

  async #run(files: PackFiles, settings: GivenSettings | undefined): Promise<ConfiguredPack> {
    const { target, dryRun, environment, onMessage } = this.#options;
    const running = new PackProcess(files, target, dryRun, environment?.(settings?.path) ?? {}, onMessage);
    this.#processes.push(running);
    if (this.#closed) running.kill();
    await running.serving;
    return configurePack(running, target, dryRun, settings);
  }

  async remediate(resource: PolicyResource): ReturnType<PolicyHost["remediate"]> {
    await this.ready;
    let properties: PropertyMap = resource.properties;
    const remediations: Remediation[] = [];
    const findings: Finding[] = [];
    for (const member of this.#members) {
      if (member.failed || !member.pack.remediates) continue;
      const reply = await remediateResource(member.pack, { ...resource, properties });
      findings.push(...this.#judged(member, reply));
      for (const { policy, properties: changed } of reply.changes) {
        remediations.push({
          pack: member.pack.name,
          policy,
          urn: resource.urn,
          changes: diffMaps(properties, changed),
        });
        properties = changed;
      }
    }
    return { properties, remediations, findings };
  }

  async analyze(resource: PolicyResource): Promise<Finding[]> {
    await this.ready;
    const replies = this.#members.map(async (member) => {
      if (member.failed) {
        member.unchecked++;
        return [];
      }
      const reply = await analyzeResource(member.pack, resource);
      if (!reply.failed) member.resourcesAnalyzed++;
      return this.#judged(member, reply);
    });
    return (await Promise.all(replies)).flat();
  }

  async analyzeStack(resources: PolicyResource[]): Promise<Finding[]> {
    await this.ready;
    const replies = this.#members.map(async (member) => {
      if (member.failed) return [];
      const reply = await analyzeResources(member.pack, resources);
      member.stackAnalyzed = !reply.failed;
      return this.#judged(member, reply);
    });
    return (await Promise.all(replies)).flat();
  }

  /** Findings of a reply; a failed pack is told once, however many calls were under way. */
  #judged(member: Member, reply: Reply): Finding[] {
    if (reply.failed && member.failed) {
      member.unchecked++;
      return [];
    }
    member.failed ||= reply.failed;
    return reply.findings;
  }

  runs(): PackRun[] {
    return this.#members.map(({ pack, resourcesAnalyzed, stackAnalyzed, unchecked }) => ({
      name: pack.name,
      version: pack.version,
      path: pack.process.files.path,
      digest: pack.process.files.digest,
      configPath: pack.configPath,
      configDigest: pack.configPath === undefined ? undefined : sha256(pack.configPath),
      policies: pack.policies.size,
      disabled: [...pack.policies.values()].filter(({ level }) => level === "disabled").map(({ name }) => name),
      resourcesAnalyzed,
      resourcesUnchecked: unchecked,
      stackAnalyzed,
    }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#processes.map((process) => process.close()));
  }

  kill(): void {
    this.#closed = true;
    for (const process of this.#processes) process.kill();
  }
}
