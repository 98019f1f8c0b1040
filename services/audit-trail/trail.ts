import { createHash, randomUUID } from "node:crypto";
import { genesis, linkHash } from "./chain.ts";
import { transaction, type Client, type Pool } from "./database.ts";
import { eventRecord, parseRecord, recordBytes, sameContent, type EventRequest } from "./event.ts";
import { appendedNodes, frontier, inclusionNodes, inclusionPath, leafHash, lookupIn, nodeKey, treeRoot, type NodeId, type NodeLookup } from "../../ledger/merkle.ts";
import { appendLock } from "./migrations.ts";
import type { PrivacyEngine, SealedIdentity } from "./pseudonyms.ts";

/** One event as it stands in the trail. Hashes are 32 bytes. */
export type StoredEvent = Readonly<{ seq: number; id: string; record: Buffer; leafHash: Buffer; previousLink: Buffer; link: Buffer }>;
/** An event to be appended, with the client's key for repeating the request. */
export type Submission = Readonly<{ idempotencyKey: string; request: EventRequest }>;
/** What became of a submission: recorded now, recorded before by the same request, or refused as its key was used for another event. */
export type Outcome = Readonly<{ kind: "recorded" | "repeated" | "conflict"; event: StoredEvent }>;
/** The trail's newest event and the Merkle root over all of them; undefined parts when it is empty. */
export type Head = Readonly<{ size: number; root: Buffer; event: StoredEvent | undefined }>;

/** A new event and the hash of its Idempotency-Key. */
type Keyed = Readonly<{ event: StoredEvent; key: Buffer }>;
type EventRow = { seq: string; id: string; record: Buffer; leaf_hash: Buffer; previous_link: Buffer; link: Buffer };
const eventColumns = "seq, id, record, leaf_hash, previous_link, link";

const fromRow = (row: EventRow): StoredEvent => ({
  seq: Number(row.seq),
  id: row.id,
  record: row.record,
  leafHash: row.leaf_hash,
  previousLink: row.previous_link,
  link: row.link,
});

/** The event with this id, or undefined. */
export async function findEvent(pool: Pool, id: string): Promise<StoredEvent | undefined> {
  const { rows } = await pool.query<EventRow>(`SELECT ${eventColumns} FROM audit_event WHERE id = $1`, [id]);
  return rows[0] && fromRow(rows[0]);
}

/** Up to `limit` events in order, from number `from` on. */
export async function readEvents(pool: Pool, from: number, limit: number): Promise<StoredEvent[]> {
  const { rows } = await pool.query<EventRow>(`SELECT ${eventColumns} FROM audit_event WHERE seq >= $1 ORDER BY seq LIMIT $2`, [from, limit]);
  return rows.map(fromRow);
}

async function newest(client: Pool | Client): Promise<StoredEvent | undefined> {
  const { rows } = await client.query<EventRow>(`SELECT ${eventColumns} FROM audit_event ORDER BY seq DESC LIMIT 1`);
  return rows[0] && fromRow(rows[0]);
}

async function nodes(client: Pool | Client, ids: readonly NodeId[]): Promise<NodeLookup> {
  const { rows } = await client.query<{ level: number; index: string; hash: Buffer }>(
    "SELECT level, index, hash FROM merkle_node JOIN unnest($1::smallint[], $2::bigint[]) AS wanted(level, index) USING (level, index)",
    [ids.map((id) => id.level), ids.map((id) => id.index)],
  );
  return lookupIn(new Map(rows.map((row) => [nodeKey({ level: row.level, index: Number(row.index) }), row.hash])));
}

/** The head of the trail. Rows never change, so its parts agree though they are read one after the other. */
export async function readHead(pool: Pool): Promise<Head> {
  const event = await newest(pool);
  const size = event === undefined ? 0 : event.seq + 1;
  return { size, root: treeRoot(size, await nodes(pool, frontier(size))), event };
}

/** How many events there are. */
export async function readSize(pool: Pool): Promise<number> {
  return ((await newest(pool))?.seq ?? -1) + 1;
}

/** How many leaves the stored tree has: as many as there are events, unless events were cut off. */
export async function readLeafCount(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ index: string }>("SELECT index FROM merkle_node WHERE level = 0 ORDER BY index DESC LIMIT 1");
  return rows[0] === undefined ? 0 : Number(rows[0].index) + 1;
}

/** The proof that leaf `index` is in the tree of the first `size` events. */
export async function readProof(pool: Pool, index: number, size: number): Promise<{ root: Buffer; leaf: Buffer; path: Buffer[] }> {
  const own: NodeId = { level: 0, index };
  const lookup = await nodes(pool, [own, ...inclusionNodes(index, size), ...frontier(size)]);
  return { root: treeRoot(size, lookup), leaf: lookup(own), path: inclusionPath(index, size, lookup) };
}

/**
 * Appends submissions in order, in one transaction that holds the append lock: all are recorded or none.
 * Repeats are found by their key, within the batch too. Two outcomes of one batch never share a new event except as "repeated".
 */
export async function appendEvents(pool: Pool, privacy: PrivacyEngine, submissions: readonly Submission[]): Promise<Outcome[]> {
  return transaction(pool, async (client) => {
    await client.query("SET LOCAL lock_timeout = '4s'");
    await client.query("SELECT pg_advisory_xact_lock($1, $2)", [...appendLock]);
    const { rows } = await client.query<{ now: Date }>("SELECT clock_timestamp() AS now");
    const recordedAt = (rows[0]?.now ?? new Date()).toISOString();
    const keys = submissions.map((submission) => createHash("sha256").update(submission.idempotencyKey, "utf8").digest());
    const known = await eventsByKey(client, keys);
    const identities = new Identities(privacy, await storedIdentities(client, submissions.flatMap((s) => privacy.lookups(s.request.annotator))));
    const head = await newest(client);
    const size = (head?.seq ?? -1) + 1;
    let previousLink = head?.link ?? genesis;
    const added: Keyed[] = [];
    const outcomes = submissions.map((submission, place): Outcome => {
      const key = keys[place] ?? Buffer.alloc(0);
      const earlier = known.get(key.toString("hex"));
      const pseudonym = identities.pseudonym(submission.request.annotator, earlier === undefined);
      const record = eventRecord(submission.request, { id: randomUUID(), recordedAt, pseudonym });
      if (earlier !== undefined) return { kind: sameContent(record, parseRecord(earlier.record)) ? "repeated" : "conflict", event: earlier };
      const bytes = recordBytes(record);
      const leaf = leafHash(bytes);
      const event = { seq: size + added.length, id: record.id, record: bytes, leafHash: leaf, previousLink, link: linkHash(previousLink, leaf) };
      previousLink = event.link;
      added.push({ event, key });
      known.set(key.toString("hex"), event);
      return { kind: "recorded", event };
    });
    if (added.length > 0) {
      await insertIdentities(client, identities.added);
      await insertEvents(client, added);
      await insertNodes(client, size, added.map(({ event }) => event.leafHash));
    }
    return outcomes;
  });
}

async function eventsByKey(client: Client, keys: readonly Buffer[]): Promise<Map<string, StoredEvent>> {
  const { rows } = await client.query<EventRow & { idempotency_hash: Buffer }>(
    `SELECT ${eventColumns}, idempotency_hash FROM audit_event WHERE idempotency_hash = ANY($1::bytea[])`,
    [keys],
  );
  return new Map(rows.map((row) => [row.idempotency_hash.toString("hex"), fromRow(row)]));
}

async function storedIdentities(client: Client, lookups: readonly Buffer[]): Promise<Map<string, string>> {
  const { rows } = await client.query<{ lookup: Buffer; pseudonym: string }>("SELECT lookup, pseudonym FROM annotator_identity WHERE lookup = ANY($1::bytea[])", [lookups]);
  return new Map(rows.map((row) => [row.lookup.toString("hex"), row.pseudonym]));
}

async function insertIdentities(client: Client, identities: readonly SealedIdentity[]): Promise<void> {
  if (identities.length === 0) return;
  await client.query(
    "INSERT INTO annotator_identity (lookup, pseudonym, key_id, sealed) SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bytea[])",
    [identities.map((i) => i.lookup), identities.map((i) => i.pseudonym), identities.map((i) => i.keyId), identities.map((i) => i.sealed)],
  );
}

async function insertEvents(client: Client, added: readonly Keyed[]): Promise<void> {
  await client.query(
    `INSERT INTO audit_event (seq, id, idempotency_hash, record, leaf_hash, previous_link, link)
     SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[]) AS fresh(seq, id, key, record, leaf, previous, link) ORDER BY seq`,
    [
      added.map(({ event }) => event.seq),
      added.map(({ event }) => event.id),
      added.map(({ key }) => key),
      added.map(({ event }) => event.record),
      added.map(({ event }) => event.leafHash),
      added.map(({ event }) => event.previousLink),
      added.map(({ event }) => event.link),
    ],
  );
}

async function insertNodes(client: Client, size: number, leaves: readonly Buffer[]): Promise<void> {
  const made = appendedNodes(size, leaves, await nodes(client, frontier(size)));
  await client.query("INSERT INTO merkle_node (level, index, hash) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])", [
    made.map((node) => node.level),
    made.map((node) => node.index),
    made.map((node) => node.hash),
  ]);
}

/** The pseudonyms of one batch. A person known under an older key keeps the pseudonym, sealed again under the newest. */
class Identities {
  readonly added: SealedIdentity[] = [];
  readonly #privacy: PrivacyEngine;
  readonly #known: Map<string, string>;

  constructor(privacy: PrivacyEngine, known: Map<string, string>) {
    this.#privacy = privacy;
    this.#known = known;
  }

  /** @param keep whether a new identity is to be stored; a repeated request stores none. */
  pseudonym(identifier: string, keep: boolean): string {
    const [newestLookup, ...older] = this.#privacy.lookups(identifier).map((lookup) => lookup.toString("hex"));
    const current = this.#known.get(newestLookup ?? "");
    if (current !== undefined) return current;
    const former = older.map((lookup) => this.#known.get(lookup)).find((pseudonym) => pseudonym !== undefined);
    const identity = this.#privacy.seal(identifier, former);
    if (keep) {
      this.added.push(identity);
      this.#known.set(identity.lookup.toString("hex"), identity.pseudonym);
    }
    return identity.pseudonym;
  }
}
