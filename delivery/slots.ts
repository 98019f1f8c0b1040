/** The two places that a blue-green release can stand in. */
export type Slot = "blue" | "green";

/** What a stack is to be: the slot with the traffic, and the image of each; a slot without one is empty. */
export interface SlotSettings {
  readonly active: Slot;
  readonly images: Readonly<Partial<Record<Slot, string>>>;
}

/** The other slot. */
export const otherSlot = (slot: Slot): Slot => (slot === "blue" ? "green" : "blue");
