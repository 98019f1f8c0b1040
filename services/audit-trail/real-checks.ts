import { linkHash } from "./chain.ts";
import { CheckFailure, type Check, type CheckName } from "./checks.ts";
import type { EventCache } from "./cache.ts";
import type { Config } from "./config.ts";
import type { Pool } from "./database.ts";
import { leafHash } from "../../ledger/merkle.ts";
import { modelCheck } from "./model.ts";
import type { PrivacyEngine } from "./pseudonyms.ts";
import { probeStorage, readCheckpoint, writeCheckpoint } from "./storage.ts";
import { readEvents, readHead } from "./trail.ts";

type Parts = Readonly<{ config: Pick<Config, "AUDIT_STORAGE_DIR" | "HOSTNAME" | "MODEL_ARTEFACT" | "MODEL_DIGEST">; pool: Pool; cache: EventCache; privacy: PrivacyEngine }>;

/** The six checks against the real things. */
export function realChecks({ config, pool, cache, privacy }: Parts): Record<CheckName, Check> {
  return {
    database: async () => {
      await pool.query("SELECT 1");
    },
    redis: () => cache.ping(),
    audit_storage: () => probeStorage(config.AUDIT_STORAGE_DIR, config.HOSTNAME),
    privacy_engine: () => checkPrivacy(pool, privacy),
    compliance_module: () => checkTrail(pool, config.AUDIT_STORAGE_DIR, config.HOSTNAME),
    ml_model: modelCheck(config.MODEL_ARTEFACT, config.MODEL_DIGEST),
  };
}

/** A round trip of a fresh identifier, and whether the newest stored identity opens: a release with a wrong key would split people in two. */
async function checkPrivacy(pool: Pool, privacy: PrivacyEngine): Promise<void> {
  if (!privacy.roundTrip()) throw new CheckFailure("an identifier did not survive pseudonymisation and back");
  const { rows } = await pool.query<{ pseudonym: string; key_id: string; sealed: Buffer }>(
    "SELECT pseudonym, key_id, sealed FROM annotator_identity ORDER BY created_at DESC LIMIT 1",
  );
  const newest = rows[0];
  if (newest === undefined) return;
  try {
    privacy.open({ pseudonym: newest.pseudonym, keyId: newest.key_id, sealed: newest.sealed });
  } catch (error) {
    throw new CheckFailure(`the newest stored identity does not open (${error instanceof Error ? error.message : "unknown error"})`);
  }
}

/** Hashes the newest event again, follows its link, and holds the trail against the checkpoint on the storage volume before moving that on. */
async function checkTrail(pool: Pool, folder: string, pod: string): Promise<void> {
  const head = await readHead(pool);
  const { event } = head;
  if (event !== undefined) {
    if (!leafHash(event.record).equals(event.leafHash) || !linkHash(event.previousLink, event.leafHash).equals(event.link))
      throw new CheckFailure(`event ${event.seq}, the newest, does not have the hashes it is stored with`);
    const before = event.seq === 0 ? undefined : (await readEvents(pool, event.seq - 1, 1))[0];
    if (event.seq > 0 && !before?.link.equals(event.previousLink)) throw new CheckFailure(`event ${event.seq}, the newest, does not link to the one before`);
  }
  const checkpoint = await readCheckpoint(folder);
  if (checkpoint !== undefined) {
    const remembered = (await readEvents(pool, checkpoint.size - 1, 1))[0];
    if (remembered?.seq !== checkpoint.size - 1 || remembered.link.toString("hex") !== checkpoint.link)
      throw new CheckFailure(`the trail does not contain the ${checkpoint.size} events of the checkpoint on the audit storage: it was cut back or rewritten`);
  }
  if (head.size > (checkpoint?.size ?? 0)) await writeCheckpoint(folder, pod, head);
}
