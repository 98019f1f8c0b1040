/** A set of Kubernetes labels: plain, because selectors are compared with them before anything is registered. */
export type Labels = Readonly<Record<string, string>>;

/** The two places a blue-green release can stand in. */
export type SlotName = "blue" | "green";

/** Both slots, in the order in which they are shown. */
export const slotNames: readonly SlotName[] = ["blue", "green"];

/** The slot that `slot` alternates with. */
export function otherSlot(slot: SlotName): SlotName {
  return slot === "blue" ? "green" : "blue";
}

/**
 * Labels that every object of the application carries. They never change, so that selectors made of them need no replacement.
 * `app` is the seed's; it is also the one label that Flagger rewrites on the pods it makes (`<app>-primary`).
 */
export function appLabels(app: string): Labels {
  return { app, "app.kubernetes.io/name": app, "app.kubernetes.io/part-of": app };
}

/** What selects every pod that serves the application: both slots, a canary, and Flagger's `-primary` copies, which keep all labels but `app`. */
export function servingSelector(app: string): Labels {
  return { "app.kubernetes.io/name": app, "app.kubernetes.io/component": "api" };
}

/** Labels of the pods that serve: the application's, its component, and the slot as `version` when there are slots. */
export function servingLabels(app: string, slot?: SlotName): Labels {
  return { ...appLabels(app), ...servingSelector(app), ...(slot === undefined ? {} : { version: slot }) };
}

/** What selects the pods of one slot, or without a slot those of the canary's target: the seed's `app` and `version`, and nothing else. */
export function slotSelector(app: string, slot?: SlotName): Labels {
  return slot === undefined ? { app } : { app, version: slot };
}

/** Labels of the verification Job's pods: not the application's `app`, so that no Service ever sends them a request. */
export function verificationLabels(app: string): Labels {
  return { ...appLabels(app), app: `${app}-verification`, ...verificationSelector(app) };
}

/** What selects every pod that belongs to the application, whatever it does: those that serve, their verification, and gates beside them. */
export function belongingSelector(app: string): Labels {
  return { "app.kubernetes.io/part-of": app };
}

/** What selects the pods that send requests of our own to a canary. */
export function loadSelector(app: string): Labels {
  return { "app.kubernetes.io/name": app, "app.kubernetes.io/component": "load" };
}

/** Labels of those pods: not the application's `app`, so that no Service ever sends them a request. */
export function loadLabels(app: string): Labels {
  return { ...appLabels(app), app: `${app}-load`, ...loadSelector(app) };
}

/** What selects the verification Job's pods. */
export function verificationSelector(app: string): Labels {
  return { "app.kubernetes.io/name": app, "app.kubernetes.io/component": "verification" };
}

/** Labels of a pod that Flagger makes from a target with these labels: it rewrites the first of the selector labels and keeps the rest. */
export function primaryPodLabels(target: Labels): Labels {
  return { ...target, app: `${target["app"] ?? ""}-primary` };
}

/** Whether an equality selector picks a pod with these labels. */
export function selects(selector: Labels, pod: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => pod[key] === value);
}
