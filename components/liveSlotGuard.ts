import * as pulumi from "@pulumi/pulumi";
import { stableJson } from "./contentHash.ts";
import { slotRoleAnnotation } from "./workload.ts";

/** What the guard reads of a Deployment: as recorded, or as it is about to become. */
interface SlotDeployment {
  readonly metadata?: { readonly name?: string; readonly annotations?: Readonly<Record<string, unknown>> };
  readonly spec?: { readonly template?: { readonly spec?: { readonly containers?: unknown } } };
}

/**
 * Decides whether a slot's Deployment may be changed as asked. The recorded role counts, not the wanted one: a slot that loses traffic is
 * written only after the live Service has moved, so what is recorded as `live` may have traffic, and what is recorded as `idle` has none.
 *
 * - recorded idle: anything may change;
 * - recorded live and to stay live: the pod template must stay, or it would be a rolling update with no way back;
 * - recorded live and to become idle: the image must stay, for it is the way back. Settings that both slots share may change:
 *   this write comes after the switch, and without it no shared setting could ever be changed.
 *
 * @returns why not, as a sentence for the person who asked, or undefined if it may.
 */
export function refuseLiveSlotChange(recorded: SlotDeployment, wanted: SlotDeployment): string | undefined {
  if (recorded.metadata?.annotations?.[slotRoleAnnotation] !== "live") return undefined;
  const before = recorded.spec?.template;
  const after = wanted.spec?.template;
  if (hasUnknown(after) || stableJson(before) === stableJson(after)) return undefined;

  const name = recorded.metadata.name ?? "the live slot";
  const images = { before: imagesOf(before), after: imagesOf(after) };
  const changed =
    stableJson(images.before) === stableJson(images.after) ? "its pod template" : `its image from ${images.before.join(", ")} to ${images.after.join(", ")}`;

  if (wanted.metadata?.annotations?.[slotRoleAnnotation] === "live") {
    return (
      `${name} is the slot that carries traffic; changing ${changed} in place would be a rolling update without a way back. ` +
      "Give the change to the other slot and make that one active; settings that both slots share change together with the active slot. " +
      "After a switch that failed half-way both slots count as live: set the active slot back and run up once."
    );
  }
  if (changed === "its pod template") return undefined;
  return `${name} carries traffic until this switch is done and is the way back after it; changing ${changed} in the same step would take that away. Switch first, then change it in a step of its own.`;
}

/** The hook that asks {@link refuseLiveSlotChange} before every change of a slot's Deployment, in previews too. `name` must be unique in the program. */
export function liveSlotGuard(name: string): pulumi.ResourceHook {
  return new pulumi.ResourceHook(
    name,
    async (change) => {
      const refusal = refuseLiveSlotChange(await plain(change.oldInputs), await plain(change.newInputs));
      if (refusal !== undefined) throw new Error(refusal);
    },
    { onDryRun: true },
  );
}

/** A hook's inputs as data: secrets laid open for the comparison, unknown values as Pulumi's mark for them. */
async function plain(inputs: Record<string, unknown> | undefined): Promise<SlotDeployment> {
  return laidOpen(await pulumi.runtime.serializeProperties("slot", inputs ?? {})) as SlotDeployment;
}

function laidOpen(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(laidOpen);
  if (pulumi.runtime.isRpcSecret(value)) return laidOpen(pulumi.runtime.unwrapRpcSecret(value));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, laidOpen(item)]));
}

function imagesOf(template: NonNullable<SlotDeployment["spec"]>["template"]): string[] {
  const containers = template?.spec?.containers;
  if (!Array.isArray(containers)) return [];
  return containers.map((container: { image?: string }) => container.image ?? "none");
}

/** A preview may not know a value yet; `up` asks again when it does. */
function hasUnknown(value: unknown): boolean {
  if (value === pulumi.runtime.unknownValue) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasUnknown);
}
