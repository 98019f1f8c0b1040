/** The part of `Pulumi.<stack>.yaml` that a release changes. Everything else in the file stays, comments too. */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { type Document, parseDocument } from "yaml";
import { systemCode, UserError } from "../engine/errors.ts";
import type { SlotSettings } from "./slots.ts";

const sectionPath = (project: string): string[] => ["config", `${project}:blueGreen`];

/** What a canary's stack is to run. */
export interface ImageSettings {
  readonly image: string;
}

/** Writes what a release changes, whole or not at all. */
export function writeSettings(path: string, project: string, settings: SlotSettings | ImageSettings): void {
  const document = open(path);
  if ("image" in settings) document.setIn(["config", `${project}:image`], settings.image);
  else setSlots(document, project, settings);
  const draft = `${path}.${process.pid}.draft`;
  try {
    writeFileSync(draft, document.toString({ lineWidth: 0 }));
    renameSync(draft, path);
  } catch (cause) {
    throw new UserError(`${path} can't be written: ${systemCode(cause) ?? String(cause)}. It is as it was.`, "Its folder must be writable and have room.", { cause });
  }
}

function setSlots(document: Document, project: string, { active, images }: SlotSettings): void {
  document.setIn([...sectionPath(project), "active"], active);
  for (const slotName of ["blue", "green"] as const) {
    const at = [...sectionPath(project), "slots", slotName];
    const image = images[slotName];
    if (image !== undefined) document.setIn([...at, "image"], image);
    else if (document.hasIn(at)) document.deleteIn(at);
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
