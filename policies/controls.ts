/** The control catalogue: which rule answers for which control, many to many. */
import catalogue from "./controls.json" with { type: "json" };

/** A control of a framework and the rules that answer for part of it. */
export interface Control {
  readonly id: string;
  readonly framework: string;
  readonly title: string;
  readonly rules: readonly string[];
}

/** Frameworks by id, with the edition meant. */
export const FRAMEWORKS: Readonly<Record<string, string>> = catalogue.frameworks;

/** Every control. */
export const CONTROLS: readonly Control[] = catalogue.controls;

const byRule = new Map<string, string[]>();
for (const control of CONTROLS) for (const rule of control.rules) byRule.set(rule, [...(byRule.get(rule) ?? []), control.id]);

/** Ids of the controls that a rule answers for. */
export function controlsOf(rule: string): readonly string[] {
  return byRule.get(rule) ?? [];
}
