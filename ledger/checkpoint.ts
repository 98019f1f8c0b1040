/** Checkpoints (C2SP tlog-checkpoint): the signed sentence "this ledger has `size` entries, and this is the root of their Merkle tree". */
import { LedgerError } from "./errors.ts";
import { openNote, type PublicKey, type SecretKey, signNote } from "./note.ts";

/** What a checkpoint says. */
export interface Checkpoint {
  /** Which ledger: the name of the key that signs it. */
  readonly origin: string;
  /** Entries covered. */
  readonly size: number;
  /** Root of the RFC 6962 tree over them, 32 bytes. */
  readonly root: Buffer;
}

/** A checkpoint whose signature holds, with its note as it was written. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: string;
  /** The trusted keys that signed it. */
  readonly signers: readonly PublicKey[];
}

/** The note for a checkpoint. The origin is the ledger's name; after a change of keys it stays while the signing key's id changes. */
export function signCheckpoint({ origin, size, root }: Checkpoint, key: SecretKey): string {
  return signNote(`${origin}\n${size}\n${root.toString("base64")}\n`, key);
}

/**
 * Opens a checkpoint.
 * @param where named in errors, such as a file's path
 * @throws LedgerError `bad-checkpoint`, `bad-signature`, `other-key`; `other-key` also for another ledger's name under a trusted key
 */
export function openCheckpoint(note: string, trusted: readonly PublicKey[], where: string): SignedCheckpoint {
  const { text, signers } = openNote(note, trusted, where);
  const [origin = "", size = "", root = "", ...rest] = text.split("\n");
  const bytes = Buffer.from(root, "base64");
  // Nothing but the three lines: we sign no extension lines.
  const fits = origin !== "" && /^(0|[1-9]\d{0,14})$/.test(size) && bytes.length === 32 && bytes.toString("base64") === root && rest.length === 1;
  if (!fits) throw new LedgerError("bad-checkpoint", `${where} is signed, but is no checkpoint (origin, size, root in base64, each on its line).`, "It was signed by other software under this key: use one key for one ledger.");
  if (!signers.some((key) => key.name === origin)) {
    throw new LedgerError("other-key", `${where} speaks of the ledger "${origin}", and is signed for ${signers.map((key) => `"${key.name}"`).join(", ")}.`, "Look whether the right file and key were given.");
  }
  return { origin, size: Number(size), root: bytes, note, signers };
}
