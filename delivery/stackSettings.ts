/** The part of `Pulumi.<stack>.yaml` that a release changes. Everything else in the file stays, comments too. */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { type Document, isNode, parseDocument } from "yaml";
import { z } from "zod";
import { systemCode, UserError } from "../engine/errors.ts";
import type { SlotSettings } from "./slots.ts";

const slot = z.object({ image: z.string().optional() }).optional();
const section = z.object({ active: z.enum(["blue", "green"]).default("blue"), slots: z.object({ blue: slot, green: slot }).prefault({}) });

const sectionPath = (project: string): string[] => ["config", `${project}:blueGreen`];

/**
 * Reads the slots' settings.
 * @param project the project's name: the namespace of its keys
 * @throws UserError when the file is not readable or its slots are not as the program takes them
 */
export function readSlotSettings(path: string, project: string): SlotSettings {
  const checked = section.safeParse(plainAt(open(path), sectionPath(project)));
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new UserError(`${path}: ${project}:blueGreen.${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "can't be read"}.`, "npm run preview names everything that is wrong with it.");
  }
  const { active, slots } = checked.data;
  return { active, images: { ...(slots.blue?.image !== undefined && { blue: slots.blue.image }), ...(slots.green?.image !== undefined && { green: slots.green.image }) } };
}

/** Writes the slots' settings, whole or not at all. */
export function writeSlotSettings(path: string, project: string, { active, images }: SlotSettings): void {
  const document = open(path);
  document.setIn([...sectionPath(project), "active"], active);
  for (const slotName of ["blue", "green"] as const) {
    const at = [...sectionPath(project), "slots", slotName];
    const image = images[slotName];
    if (image !== undefined) document.setIn([...at, "image"], image);
    else if (document.hasIn(at)) document.deleteIn(at);
  }
  const draft = `${path}.${process.pid}.draft`;
  try {
    writeFileSync(draft, document.toString({ lineWidth: 0 }));
    renameSync(draft, path);
  } catch (cause) {
    throw new UserError(`${path} can't be written: ${systemCode(cause) ?? String(cause)}. It is as it was.`, "Its folder must be writable and have room.", { cause });
  }
}

/** Digest of the file as it stands, `sha256:…`. */
export function settingsDigest(path: string): string {
  return `sha256:${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
}

function open(path: string): Document {
  const document = parseDocument(readFileSync(path, "utf8"));
  const [error] = document.errors;
  if (error !== undefined) throw new UserError(`${path}: ${error.message}`);
  return document;
}

function plainAt(document: Document, path: readonly string[]): unknown {
  const node = document.getIn(path);
  return isNode(node) ? node.toJS(document) : (node ?? {});
}
