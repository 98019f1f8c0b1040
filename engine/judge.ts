/** Puts resources before the policies, and keeps what they said. */
import { UserError } from "./errors.ts";
import type { Goal } from "./goal.ts";
import type { Finding, PolicyHost, PolicyResource, Remediation, ResourceState, Urn } from "./model.ts";
import type { ProviderRegistry } from "./providerRegistry.ts";
import { parseUrn } from "./urn.ts";

export interface JudgeOptions {
  policies: PolicyHost | undefined;
  providers: ProviderRegistry;
  preview: boolean;
  onFinding: (finding: Finding) => void;
  onRegistering: (urn: Urn) => void;
}

export class Judge {
  readonly findings: Finding[] = [];
  readonly remediations: Remediation[] = [];
  /** Reasons of failure that do not stop a preview. */
  readonly errors: string[] = [];
  readonly #options: JudgeOptions;
  readonly #goals = new Map<Urn, Goal>();

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  /** Tells whoever watches that a resource is being looked at. */
  announce(urn: Urn): void {
    this.#options.onRegistering(urn);
  }

  /** Records a failure that lets a preview go on. */
  fail(message: string): void {
    this.errors.push(message);
  }

  /**
   * Lets the policies change the inputs (`state.inputs`), then judge them.
   * Rejects on a mandatory violation, unless this is a preview: that goes on, to show all of them.
   */
  async judge(state: ResourceState, goal: Goal): Promise<void> {
    const { policies, preview } = this.#options;
    this.#goals.set(state.urn, goal);
    if (policies === undefined) return;
    const remedied = await policies.remediate(this.#view(state, state.inputs));
    state.inputs = remedied.properties;
    this.remediations.push(...remedied.remediations);
    const found = [...remedied.findings, ...(await policies.analyze(this.#view(state, state.inputs)))];
    this.#record(found);
    if (!preview && found.some(({ level }) => level === "mandatory")) {
      throw new UserError(`${state.urn} violates a mandatory policy; it was not touched.`);
    }
  }

  /** Lets the policies change inputs once more that were computed anew after `judge`: the same changes, not told again. */
  async remedyAgain(state: ResourceState): Promise<void> {
    const { policies } = this.#options;
    if (policies === undefined || !this.remediations.some(({ urn }) => urn === state.urn)) return;
    state.inputs = (await policies.remediate(this.#view(state, state.inputs))).properties;
  }

  /** Lets the policies judge the stack as a whole, by the outputs of its resources. */
  async judgeStack(states: ResourceState[]): Promise<void> {
    const { policies } = this.#options;
    if (policies === undefined) return;
    this.#record(await policies.analyzeStack(states.map((state) => this.#view(state, state.outputs))));
  }

  #record(findings: Finding[]): void {
    for (const finding of findings) {
      this.findings.push(finding);
      this.#options.onFinding(finding);
    }
  }

  #view(state: ResourceState, properties: PolicyResource["properties"]): PolicyResource {
    const goal = this.#goals.get(state.urn);
    const provider = this.#options.providers.stateOf(state.provider);
    return {
      urn: state.urn,
      type: state.type,
      name: parseUrn(state.urn).name,
      properties,
      ...(state.parent === undefined ? {} : { parent: state.parent }),
      ...(provider === undefined
        ? {}
        : { provider: { type: provider.type, name: parseUrn(provider.urn).name, urn: provider.urn, properties: provider.inputs } }),
      dependencies: state.dependencies,
      propertyDependencies: state.propertyDependencies,
      options: {
        protect: state.protect === true,
        ignoreChanges: state.ignoreChanges ?? [],
        deleteBeforeReplace: goal?.deleteBeforeReplace,
        aliases: state.aliases,
        additionalSecretOutputs: state.additionalSecretOutputs,
        customTimeouts: { create: 0, update: 0, delete: 0, ...state.customTimeouts },
      },
    };
  }
}
