/** The package `kubernetes` in previews, without a cluster: names, immutable fields, and outputs as the provider would record them. */
import { diffMaps } from "./diff.ts";
import type { Provider } from "./provider.ts";

export const kubernetesPreview: Provider = {
  check: ({ newInputs }) => Promise.resolve({ inputs: newInputs, failures: [] }),
  diff: ({ oldInputs, newInputs }) => Promise.resolve({ changes: diffMaps(oldInputs, newInputs), deleteBeforeReplace: false }),
  create: ({ inputs }) => Promise.resolve({ id: "", outputs: inputs }),
  update: ({ newInputs }) => Promise.resolve({ outputs: newInputs }),
  delete: () => Promise.resolve(),
  read: ({ id, inputs }) => Promise.resolve({ id, inputs, outputs: inputs }),
};
