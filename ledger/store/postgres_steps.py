"""Which steps has a PostgreSQL ledger taken, and what does each lock?

    1 tables ─► 2 stream_versions ─► 3 partitions ─► 4 storage ─┬─► 5 one index less
                                            release 0.1.0 works │ it does not

`entries` is partitioned by leaf index, and a unique index over partitions must hold the key they
are parted by. So what makes a version of a stream unique is a narrow table of its own, which a
trigger fills: whoever writes entries, of whatever release, cannot leave it out.

Source: https://www.postgresql.org/docs/15/ddl-partitioning.html, explicit-locking.html,
sql-altertable.html, sql-createtable.html#SQL-CREATETABLE-STORAGE-PARAMETERS,
runtime-config-autovacuum.html; docs/adr/0033-migrations.md.
"""

from __future__ import annotations

from typing import Final

from ledger.store.steps import Part, Step

# As release 0.1.0 made them; never changed again.
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS {s}.meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS {s}.head (
  id smallint PRIMARY KEY CHECK (id = 0),
  tree_size bigint NOT NULL, root bytea NOT NULL, frontier bytea NOT NULL) WITH (fillfactor = 10);
CREATE TABLE IF NOT EXISTS {s}.entries (
  leaf_index bigint PRIMARY KEY, stream text COLLATE "C" NOT NULL, version integer NOT NULL,
  topic text NOT NULL, entry bytea NOT NULL);
ALTER TABLE {s}.entries ALTER COLUMN entry SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX IF NOT EXISTS entries_stream ON {s}.entries (stream, version);
CREATE TABLE IF NOT EXISTS {s}.tile_hashes (
  level smallint NOT NULL, tile bigint NOT NULL, start smallint NOT NULL, hashes bytea NOT NULL,
  PRIMARY KEY (level, tile, start));
ALTER TABLE {s}.tile_hashes ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE TABLE IF NOT EXISTS {s}.disclosures (
  leaf_index bigint PRIMARY KEY, identity bytea UNIQUE, content bytea, fields bytea);
CREATE TABLE IF NOT EXISTS {s}.performers (
  digest bytea PRIMARY KEY, pseudonym text NOT NULL UNIQUE, agency text NOT NULL,
  user_id text, name text, badge text);
CREATE INDEX IF NOT EXISTS performers_user_id ON {s}.performers (user_id);
CREATE INDEX IF NOT EXISTS performers_name ON {s}.performers (name);
CREATE INDEX IF NOT EXISTS performers_badge ON {s}.performers (badge);
CREATE TABLE IF NOT EXISTS {s}.checkpoints (
  tree_size bigint PRIMARY KEY, published_us bigint NOT NULL, note bytea NOT NULL);
CREATE INDEX IF NOT EXISTS checkpoints_time ON {s}.checkpoints (published_us);
CREATE TABLE IF NOT EXISTS {s}.tracking (
  follower text PRIMARY KEY, notification_id bigint NOT NULL);
"""

# Whoever may read or write `source` may do the same to `target`.
_SAME_GRANTS: Final = """
DO $do$ DECLARE held record; BEGIN
  FOR held IN SELECT acl.grantee, acl.privilege_type, acl.is_grantable
    FROM pg_class, aclexplode(relacl) AS acl
    WHERE pg_class.oid = '{{s}}.{source}'::regclass AND acl.grantee <> relowner LOOP
    EXECUTE format('GRANT %s ON {{s}}.{target} TO %s%s', held.privilege_type,
      CASE held.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(held.grantee)) END,
      CASE WHEN held.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
END $do$;
"""

_STREAM_VERSIONS: Final = """
CREATE TABLE {s}.stream_versions (
  stream text COLLATE "C" NOT NULL, version integer NOT NULL, leaf_index bigint NOT NULL,
  PRIMARY KEY (stream, version));
CREATE FUNCTION {s}.place_streams() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO {s}.stream_versions SELECT stream, version, leaf_index FROM placed;
  RETURN NULL;
END $body$;
""" + _SAME_GRANTS.format(source="entries", target="stream_versions")
_TRIGGER: Final = """CREATE TRIGGER entries_placed AFTER INSERT ON {s}.entries
  REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION {s}.place_streams();
"""
# Where the copying of older entries is, and where it ends: what came later went by the trigger.
COPIED: Final = "stream_versions_copied"
TO_COPY: Final = "stream_versions_to_copy"
_FROM_HERE_ON: Final = (
    "LOCK TABLE {s}.entries IN SHARE ROW EXCLUSIVE MODE;\n"
    + _TRIGGER
    + "INSERT INTO {s}.meta SELECT '"
    + TO_COPY
    + "', tree_size FROM {s}.head;\n"
    + "INSERT INTO {s}.meta VALUES ('"
    + COPIED
    + "', '0');\n"
)
_COPY: Final = (
    "INSERT INTO {s}.stream_versions SELECT stream, version, leaf_index FROM {s}.entries"
    " WHERE leaf_index >= {start} AND leaf_index < {stop}"
)
_IS_PARTITIONED: Final = "SELECT relkind = 'p' FROM pg_class WHERE oid = '{s}.entries'::regclass"
BOUND: Final = "entries_bound"  # a CHECK that lets the table be attached without being read
_HAS_BOUND: Final = (
    "SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = '{s}.entries'::regclass"
    f" AND conname = '{BOUND}'%s) OR ({_IS_PARTITIONED})"
)

# VACUUM runs for inserts alone: to freeze rows, which never change, once and while they are still
# in memory, and to mark pages as all-visible. By default it waits for a fifth of the table, which
# is hours of reading at a hundred million entries. Truncation would take an exclusive lock, and
# nothing here ever shrinks.
_INSERTED: Final = (
    "autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000,"
    " autovacuum_freeze_min_age = 0, vacuum_truncate = off"
)
_INSERTED_TOAST: Final = (
    "toast.autovacuum_vacuum_insert_scale_factor = 0,"
    " toast.autovacuum_vacuum_insert_threshold = 200000, toast.autovacuum_freeze_min_age = 0,"
    " toast.vacuum_truncate = off"
)
_ENTRIES: Final = f"{_INSERTED}, {_INSERTED_TOAST}"

# LIKE and ATTACH, for CREATE … PARTITION OF would lock writers out of the parent.
PARTITION: Final = f"""
CREATE TABLE {{s}}.entries_{{start}} (LIKE {{s}}.entries INCLUDING ALL) WITH ({_ENTRIES});
ALTER TABLE {{s}}.entries_{{start}} ALTER COLUMN entry SET STATISTICS 0;
ALTER TABLE {{s}}.entries ATTACH PARTITION {{s}}.entries_{{start}}
  FOR VALUES FROM ({{start}}) TO ({{stop}});
"""

# No DEFAULT partition: attaching another one would have to read and lock it.
_SWAP: Final = (
    f"""
LOCK TABLE {{s}}.entries IN ACCESS EXCLUSIVE MODE;
ALTER TABLE {{s}}.entries RENAME TO entries_0;
ALTER TABLE {{s}}.entries_0 RENAME CONSTRAINT entries_pkey TO entries_0_pkey;
ALTER TABLE {{s}}.entries_0 RENAME CONSTRAINT {BOUND} TO entries_0_bound;
DROP TRIGGER entries_placed ON {{s}}.entries_0;
CREATE TABLE {{s}}.entries (
  leaf_index bigint PRIMARY KEY, stream text COLLATE "C" NOT NULL, version integer NOT NULL,
  topic text NOT NULL, entry bytea NOT NULL) PARTITION BY RANGE (leaf_index);
ALTER TABLE {{s}}.entries ALTER COLUMN entry SET STORAGE EXTERNAL;
ALTER TABLE {{s}}.entries ATTACH PARTITION {{s}}.entries_0 FOR VALUES FROM (MINVALUE) TO ({{bound}});
ALTER TABLE {{s}}.entries_0 DROP CONSTRAINT entries_0_bound;
"""
    + _TRIGGER
    + _SAME_GRANTS.format(source="entries_0", target="entries")
    + PARTITION.replace("{start}", "{bound}").replace("{stop}", "{next}")
)

# What is protected must not stand in pg_statistic, where samples outlive an erasure: none are
# taken any more, and a change to the same type drops those that were (it rewrites nothing).
_UNSAMPLED: Final = {"disclosures": ("fields",), "performers": ("user_id", "name", "badge")}
_NO_SAMPLES: Final = {
    table: "".join(
        f"ALTER TABLE {{s}}.{table} ALTER COLUMN {column} TYPE {kind};\n"
        f"ALTER TABLE {{s}}.{table} ALTER COLUMN {column} SET STATISTICS 0;\n"
        for column in columns
        for kind in ("bytea" if table == "disclosures" else "text",)
    )
    for table, columns in _UNSAMPLED.items()
}
_LZ4: Final = """DO $do$ BEGIN
  IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression'
      AND 'lz4' = ANY (enumvals)) THEN
    EXECUTE 'ALTER TABLE {s}.disclosures ALTER COLUMN fields SET COMPRESSION lz4';
  END IF;
END $do$;
"""
_STORAGE: Final = f"""
DO $do$ DECLARE part regclass; BEGIN
  FOR part IN SELECT inhrelid::regclass FROM pg_inherits
    WHERE inhparent = '{{s}}.entries'::regclass ORDER BY inhrelid LOOP
    EXECUTE format('ALTER TABLE %s SET ({_ENTRIES})', part);
    EXECUTE format('ALTER TABLE %s ALTER COLUMN entry SET STATISTICS 0', part);
  END LOOP;
END $do$;
ALTER TABLE {{s}}.stream_versions SET ({_INSERTED});
ALTER TABLE {{s}}.tile_hashes SET ({_INSERTED});
ALTER TABLE {{s}}.tile_hashes ALTER COLUMN hashes SET STATISTICS 0;
ALTER TABLE {{s}}.disclosures SET ({_INSERTED}, {_INSERTED_TOAST});
ALTER TABLE {{s}}.head SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_threshold = 1000000, vacuum_truncate = off);
ALTER TABLE {{s}}.tracking SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 1000, vacuum_truncate = off);
"""

STEPS: Final = (
    Step(
        1,
        "tables",
        "What release 0.1.0 made.",
        (Part(_TABLES, "nothing: the tables are new"),),
    ),
    Step(
        2,
        "stream_versions",
        "A version of a stream stays unique once entries are partitioned.",
        (
            Part(
                _STREAM_VERSIONS,
                "nothing in use: the table is new",
                unless="SELECT to_regclass('{s}.stream_versions') IS NOT NULL",
            ),
            Part(
                _FROM_HERE_ON,
                "entries against writers, for milliseconds",
                unless="SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'entries_placed'"
                " AND tgrelid = '{s}.entries'::regclass)",
                blocks="entries",
            ),
            Part(_COPY, "nothing: older entries are read and copied by the batch", batches=True),
        ),
    ),
    Step(
        3,
        "partitions",
        "Entries stand in tables of a size that can be vacuumed, moved and kept apart.",
        (
            Part(
                f"ALTER TABLE {{s}}.entries ADD CONSTRAINT {BOUND}"
                " CHECK (leaf_index < {bound}) NOT VALID;",
                "entries against readers and writers, for milliseconds",
                unless=_HAS_BOUND % "",
                blocks="entries",
            ),
            Part(
                f"ALTER TABLE {{s}}.entries VALIDATE CONSTRAINT {BOUND};",
                "entries against VACUUM and other changes, while they are read once; readers and"
                " writers go on",
                unless=_HAS_BOUND % " AND convalidated",
                long=True,
            ),
            Part(
                _SWAP,
                "entries against readers and writers, for milliseconds",
                unless=_IS_PARTITIONED,
                blocks="entries",
            ),
        ),
    ),
    Step(
        4,
        "storage",
        "VACUUM in small pieces, and no samples of what is protected.",
        (
            Part(
                _STORAGE, "each table against VACUUM and other changes; readers and writers go on"
            ),
            Part(
                _NO_SAMPLES["disclosures"] + _LZ4,
                "disclosures against readers and writers, for milliseconds",
                blocks="disclosures",
            ),
            Part(
                _NO_SAMPLES["performers"],
                "performers against readers and writers, for milliseconds",
                blocks="performers",
            ),
        ),
    ),
    Step(
        5,
        "one index less",
        "Streams are found by stream_versions; the index that release 0.1.0 needs goes.",
        (
            Part(
                "DROP INDEX CONCURRENTLY IF EXISTS {s}.entries_stream;",
                "the first partition against VACUUM and other changes; readers and writers go on",
                alone=True,
            ),
        ),
        compatible_with=2,
        contract=True,
    ),
)
STREAMS_SINCE: Final = 2  # stream_versions is whole from this schema on
PARTITIONED_SINCE: Final = 3
