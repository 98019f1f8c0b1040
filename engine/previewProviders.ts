/** The providers that a preview has at hand, none of which touches anything. */
import { kubernetesPreview } from "./kubernetes.ts";
import type { ProviderLookup } from "./provider.ts";

/** Finds a package's provider for previews. */
export const previewProvider: ProviderLookup = (pkg) => (pkg === "kubernetes" ? kubernetesPreview : undefined);
