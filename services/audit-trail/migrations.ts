/**
 * The schema, as a list that only grows. Old and new releases run side by side during a release, so:
 * `expand` steps must leave every statement of the release before valid (new tables, nullable or defaulted columns, new indexes);
 * `contract` steps take away what the releases before `oldestRelease` need, and come one release later at the earliest.
 */
export type Migration = Readonly<{
  /** 1, 2, 3 … without gaps. */
  version: number;
  name: string;
  /** The lowest schema version that a release must know to run on the schema after this step. For `expand` steps: that of the step before. */
  oldestRelease: number;
  sql: string;
}>;

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: "audit trail",
    oldestRelease: 1,
    sql: `
      CREATE TABLE audit_event (
        seq bigint PRIMARY KEY CHECK (seq >= 0),
        id uuid NOT NULL UNIQUE,
        idempotency_hash bytea NOT NULL UNIQUE CHECK (length(idempotency_hash) = 32),
        record bytea NOT NULL,
        leaf_hash bytea NOT NULL CHECK (leaf_hash = sha256('\\x00'::bytea || record)),
        previous_link bytea NOT NULL CHECK (length(previous_link) = 32),
        link bytea NOT NULL UNIQUE CHECK (link = sha256('\\x02'::bytea || previous_link || leaf_hash))
      );
      CREATE TABLE merkle_node (
        level smallint NOT NULL CHECK (level >= 0),
        index bigint NOT NULL CHECK (index >= 0),
        hash bytea NOT NULL CHECK (length(hash) = 32),
        PRIMARY KEY (level, index)
      );
      CREATE TABLE annotator_identity (
        lookup bytea PRIMARY KEY CHECK (length(lookup) = 32),
        pseudonym text NOT NULL,
        key_id text NOT NULL,
        sealed bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX annotator_identity_by_pseudonym ON annotator_identity (pseudonym);
      CREATE INDEX annotator_identity_by_age ON annotator_identity (created_at);

      CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION '% on % is refused: the audit trail is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
      END $$;
      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON merkle_node FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON merkle_node FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

      -- The chain is guarded here and not in a release's code, so that no release, old or new, can fork it:
      -- of two events that follow the same head at the same time, the primary key refuses one.
      CREATE FUNCTION audit_check_link() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        head record;
      BEGIN
        SELECT seq, link INTO head FROM audit_event ORDER BY seq DESC LIMIT 1;
        IF NEW.seq <> COALESCE(head.seq + 1, 0)
          OR NEW.previous_link <> COALESCE(head.link, decode(repeat('00', 32), 'hex')) THEN
          RAISE EXCEPTION 'Event % does not follow the head of the chain', NEW.seq USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER follows_head BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_check_link();
    `,
  },
];

/** The advisory lock that appends hold until they commit, so that they wait for each other instead of failing. */
export const appendLock = [7305, 1] as const;
/** The advisory lock under which the schema is changed. */
export const migrationLock = [7305, 2] as const;
