"""How much is too much? Every bound of the product, with its reason.

Sizes are bytes, counts are items, `_S` are seconds.
"""

from __future__ import annotations

from typing import Final

# --- the tree -----------------------------------------------------------------
MAX_ENTRY_BYTES: Final = 65_535  # tlog-tiles bundles write an entry's length in 16 bits
MAX_TREE_SIZE: Final = 2**53 - 1  # the largest integer every JSON reader holds exactly
MAX_PROOF_HASHES: Final = 64  # more siblings than any tree of 2**63 leaves has
TILE_HEIGHT: Final = 8  # tlog-tiles fixes it
TILE_WIDTH: Final = 256  # 2**TILE_HEIGHT

# --- signed notes -------------------------------------------------------------
MAX_NOTE_BYTES: Final = 1_000_000  # as golang.org/x/mod/sumdb/note
MAX_NOTE_SIGNATURES: Final = 100  # C2SP asks for 16 at least; sumdb stops at 100
MAX_KEY_NAME_BYTES: Final = 255  # one path segment or DNS name; longer is a mistake
MAX_TRUST_POLICY_BYTES: Final = 1_000_000  # as one note: thousands of keys, and no more
MAX_TRUST_POLICY_LINES: Final = 10_000  # the same file in lines of a key

# --- witnesses and proofs -----------------------------------------------------
MAX_COSIGNED_AT: Final = 2**63 - 1  # tlog-cosignature: seconds that a signed 64-bit integer holds
MAX_SUBMITTED_HASHES: Final = 63  # tlog-witness: proof lines of one add-checkpoint
MAX_SUBMISSION_BYTES: Final = 131_072  # 63 hashes are 3 kB; 16 ML-DSA and 84 Ed25519 lines 70 kB
MAX_WITNESS_ANSWER_BYTES: Final = 65_536  # a handful of signature lines, or a reason
WITNESS_TIMEOUT_S: Final = 5  # of one exchange, to its last byte: publication waits for it
MAX_WITNESS_ATTEMPTS: Final = 3  # one to learn the size, one to use it, one lost to another process
WITNESS_REQUEST_S: Final = 10  # a connection may stay silent so long, or take so long to send
MAX_WITNESS_CONNECTIONS: Final = 64  # a thread each; logs submit once a second at most
MAX_WITNESSES: Final = 32  # of the policy we publish by: a thread each; 100 lines fit in a note
COSIGN_ROUND_S: Final = 6  # that publication waits for its witnesses: one exchange, and a little
COSIGN_GRACE_S: Final = (
    0.5  # for the rest once the quorum has signed: more lines serve more readers
)
MAX_COSIGN_PAUSE_S: Final = 15  # between rounds that fail: a witness that is back is asked soon
MAX_KEPT_EQUIVOCATIONS: Final = 100  # of one witness: one convicts a log, the rest is disk
REPLAY_WAIT_S: Final = 3  # that a submission waits for its replay: within WITNESS_TIMEOUT_S
REPLAY_REQUEST_S: Final = 20  # of one request of a replay, to its last byte: 16 MiB at most
REPLAY_BATCH: Final = 2_048  # entries of one transaction of a replay: eight bundles, some 2 MB
REPLAY_INSERTED: Final = 20_000  # entries put into a witness's index at once: some 100 MB
REPLAY_VARIABLES: Final = 1_000  # of one statement of SQLite: well under its own bound
MAX_PROOF_EXTRA_BYTES: Final = 65_536  # extra data of a tlog-proof: a disclosure, not an archive
MAX_TILE_LEVEL: Final = 63  # tlog-tiles fixes it
MONITOR_TIMEOUT_S: Final = 20  # of one request to a log: a tile has 8 kB
MAX_SEEN_BYTES: Final = 256 * 1024 * 1024  # of a monitor's file: a checkpoint a minute for a year

# --- a report -----------------------------------------------------------------
MAX_ID_CHARS: Final = 200  # resource names: agencies/…, technologies/…
MAX_NAME_CHARS: Final = 300  # display names
MAX_CODE_CHARS: Final = 100  # purpose, offence class, capability, version
MAX_SOURCE_EVENT_ID_CHARS: Final = 500  # UUIDs, URNs and composite keys are far shorter
MAX_SOURCE_URI_CHARS: Final = 2_000  # a CloudEvents source: as long as browsers let a URL be
MAX_OCCURRENCE: Final = 2**32 - 1  # the contract's uint32
MAX_TEXT_BYTES: Final = 16_384  # one free text (reason, subject): a page or several
MAX_SOURCE_RECORD_BYTES: Final = 32_768  # the raw row, kept beside the entry
MAX_RECORD_COLUMNS: Final = 200  # ten times the widest export we have seen
MAX_AUTHORIZATIONS: Final = 50  # linked to one use
MAX_DATA_FLOWS: Final = 50  # of one use: recipients times countries
MAX_URL_CHARS: Final = 2_000  # of a published source; what browsers agree on
MAX_VERIFIERS: Final = 20  # people who checked one result
MAX_COUNT: Final = 2**53 - 1  # the largest integer every JSON reader holds exactly
MAX_SHOWN_BYTES: Final = 131_072  # all disclosures of one event together
MAX_VALUE_DEPTH: Final = 32  # of reported JSON: disclosure and bundle nest it deeper, below 64

MAX_PROTECTED_FIELDS: Final = 20  # of one fact of the registers: the richest has five
MAX_RECORD_FILE_BYTES: Final = 64 * 1024 * 1024  # of `candour record`: it is read whole
MAX_RECORD_BATCH: Final = 1_000  # facts of a request; each is decided by itself

# --- answers to an oversight body -----------------------------------------------
MAX_ANSWER_USES: Final = 1_000  # uses that an answer lists: the largest page
MAX_BASIS: Final = 10_000  # entries that an answer names: as many as a bundle holds
MAX_FIGURE_BASIS: Final = 100  # entries that one figure of a report names; its question lists all
MAX_REPORT_FIGURES: Final = 200  # of one section of a report; the rest are counted as left out
MAX_REPORT_FLOWS: Final = 10_000  # uses with data flows that a report reads: as a bundle holds
MAX_REPORT_DIFFERENCES: Final = 10_000  # with others' logs, looked at for the year they are about
MAX_STATEMENT_USES: Final = 100  # cited of each kind for one statement: one contradiction is enough
MAX_STATEMENT_SIGHTINGS: Final = 1_000  # in others' logs, looked at for one statement

# --- requests -----------------------------------------------------------------
MAX_BATCH_USES: Final = 10_000  # of BatchReportToolUses
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024  # of one gRPC message: 10,000 uses of 3 kB
MAX_STREAM_IN_FLIGHT: Final = 2_000  # uses of one stream waiting for their receipt
MAX_REFUSED_CALLS: Final = 1_000  # beside them, on their way to a refusal with details: 0.3 ms each
MAX_UNSEEN_CALLS: Final = (
    4_000  # arrived, not yet looked at; gRPC cancels what is beyond, without a word
)
PERFORMERS_A_ROUND: Final = 10_000  # looked up at once, for all reports that wait: some 0.1 s
USES_A_SLICE: Final = 100  # prepared without a pause: some 4 ms, so unary callers get in between
MAX_CONCURRENT_CALLS: Final = 1_000  # of one process; each may hold a message while it waits
MAX_BODY_BYTES: Final = 16 * 1024 * 1024  # of one HTTP report, unpacked: 10,000 events of 1.6 kB
MAX_BODIES_BYTES: Final = 256 * 1024 * 1024  # of all that are taken in at once; others come again
MAX_INLINE_BYTES: Final = 65_536  # read on the event loop, some 2 ms; more in a thread
BODY_S: Final = 30  # that a body has to arrive whole, lest the silent keep a place
MAX_REFUSALS_SHOWN: Final = 10  # kinds of refusal in one OTLP answer; the rest are counted
MAX_REQUEST_ID_CHARS: Final = 100  # AIP-155: a UUID, or whatever else tells two requests apart
MAX_SCOPE_ITEMS: Final = 200  # technologies, units or offence classes of one authorization
DRAIN_S: Final = 5  # that calls have to finish when the process ends: some commits' time
RETRY_AFTER_S: Final = 1  # what RetryInfo tells: a commit is shorter, and so is a restart
HEAD_ANSWER_S: Final = 2  # that /readyz waits for the database: within PROBE_TIMEOUT_S
PROBE_TIMEOUT_S: Final = 3  # of a health check: it reads the head once; a kubelet gives it 5 s
MAX_PAGE_SIZE: Final = 1_000  # a page is one read of some 50 ms
DEFAULT_PAGE_SIZE: Final = 50  # what a person looks through
MAX_FILTER_CHARS: Final = 4_000  # a filter is written or built by a person's choices
MAX_FILTER_TERMS: Final = 100  # each is a condition the database has to plan
MAX_FILTER_DEPTH: Final = 20  # parentheses; keeps parsing and checking off the deep stack
MAX_WAIT_S: Final = 30  # for min_tree_size; a deadline of the caller cuts it shorter

# --- committing ---------------------------------------------------------------
MAX_COMMIT_ENTRIES: Final = (
    2_000  # of one transaction: some 50 ms, so unary callers do not wait long
)
MAX_DECISIONS: Final = 4  # of one command while others change what it is about
MAX_CONFLICTS: Final = 16  # recorded of one use: nobody learns more from another
MAX_QUEUED_ENTRIES: Final = 40_000  # waiting for the committer; beyond it callers are told to retry
LOCK_TIMEOUT_S: Final = 5  # for the head row: another writer is never slower when healthy
IDLE_TRANSACTION_S: Final = 10  # between lock and commit: hashing 2,000 entries takes 20 ms
STATEMENT_TIMEOUT_S: Final = 30  # of a commit: one that takes longer is stuck
STORE_CONNECT_S: Final = 5  # to reach the database, or get a connection of the pool
STORE_SILENT_S: Final = 10  # that a database we asked may say nothing: a commit takes 50 ms
VIEWS_SILENT_S: Final = 60  # likewise, of a question over all uses
STORE_LONG_S: Final = 3_600  # likewise, of what reads whole tables: an audit, an index made anew
MAX_READ_CONNECTIONS: Final = 8  # of one process: reads are short, PostgreSQL's slots are few
MOVE_REST: Final = 5_000  # entries that a moving ledger is stopped for: a second's copying
MOVE_ROUNDS: Final = 20  # to get there: a ledger that grows faster than it is copied is stopped
MAX_ROUTES_BYTES: Final = 1_000_000  # of a routing table: thousands of ledgers
BUSY_TIMEOUT_S: Final = 5  # SQLite's writer lock

ENTRIES_A_PARTITION: Final = 10_000_000  # some 12 GB: vacuumed or moved in minutes, 100 for 1e9
MIGRATION_LOCK_S: Final = 0.4  # that writers stand behind a step that waits for its lock
MIGRATION_HOLD_S: Final = 2.0  # that a step may hold it: it takes milliseconds, or is given up
MIGRATION_YIELD_S: Final = 5.0  # for a lock that blocks nobody: autovacuum gives way after one
MIGRATION_TRIES: Final = 120  # of one lock, with a pause between: two minutes and more
MIGRATION_PAUSE_S: Final = 1.0  # in which writers catch up
MIGRATION_BATCH: Final = 20_000  # entries copied in one transaction: some 200 ms

MAX_CACHED_NAMES: Final = 200_000  # performers one process remembers: some 40 MB

# --- following ----------------------------------------------------------------
PROJECTOR_BATCH: Final = 2_000  # entries folded in one transaction
MAX_CACHED_AUTHORIZATIONS: Final = 10_000  # histories a projector remembers: some 20 MB
MAX_SETTLED_APART: Final = 10_000  # uses of one batch that a statement names: some 100 KB
REJUDGED_AT_ONCE: Final = 1_000  # uses read again when their authority changes: some 5 MB
MAX_CACHED_REGISTERS: Final = 4  # tree sizes whose registers a process remembers
FOLLOW_POLL_S: Final = 0.05  # a lost notification costs no more than this
PROJECTOR_EVERY_S: Final = (
    0.05  # passes of the views: one after each commit takes three times the processor
)
PUBLISH_EVERY_S: Final = 0.5  # a commit is under a served checkpoint within 1 s

# --- several ledgers ------------------------------------------------------------
MAX_LEDGERS: Final = 32  # of one process: each has a projector of some 70 MB, and a dozen threads
DIRECTORY_EVERY_S: Final = 0.5  # as PUBLISH_EVERY_S: what was published since is listed together
DIRECTORY_LAG_S: Final = 60  # a checkpoint that is not listed by then is missed: two retries' time
LISTINGS_AT_ONCE: Final = 500  # of one ledger in one commit of the directory, some 400 KB
LISTED_NOTED_EVERY_S: Final = 10  # a ledger notes where it is listed: one small commit of its own

# --- evidence -----------------------------------------------------------------
MAX_BUNDLE_ENTRIES: Final = 10_000  # beyond that, audit: it is faster and proves more
EXPORT_BATCH: Final = 500  # uses read at once for an export: a page of some 100 ms, 2 MB
EXPORT_ROWS: Final = 50_000  # of one row group of a Parquet export: some 200 MB while it is written
EXPORT_STREAM_S: Final = 3_600  # that an export may take: ten million uses at the usual rate
BUNDLE_CHUNK_BYTES: Final = 1_048_576  # of one streamed message: well under MAX_MESSAGE_BYTES
MAX_BUNDLE_BYTES: Final = 256 * 1024 * 1024  # 10,000 entries of 25 kB, eight times what is usual
MAX_TIMESTAMPS: Final = 4  # of one bundle: two authorities, and again before their keys end
MAX_TIMESTAMP_BYTES: Final = 65_536  # of one token: with its certificates most take 2 to 8 kB
MAX_AUTHORITIES_BYTES: Final = 1_000_000  # a file of certificates: hundreds of them
TSA_TIMEOUT_S: Final = 20  # of one exchange with a time-stamp authority, to its last byte
MAX_JSON_DEPTH: Final = 64  # twice MAX_VALUE_DEPTH, and far from any reader's stack
MAX_JSON_VALUES: Final = 2_000_000  # of one text: some 100 for each entry of a bundle, with room

# --- auditing -----------------------------------------------------------------
AUDIT_BATCH: Final = 2_000  # entries or rows held at once: some 10 MB
AUDIT_TILE_ROWS: Final = 256  # of up to 8 KB, held for each level at once
RECORDED_SLACK_S: Final = 3_600  # between clocks of processes, or of one that was set right
MAX_FINDINGS: Final = 20  # kept of one table; the rest are counted, the first is what matters
MAX_AUDIT_SHAPES: Final = 16  # of entries alike, tried one after another; few ledgers have three
MAX_AUDIT_LEARNED: Final = 256  # shapes in all: making one costs as much as reading 100 entries
MAX_AUDIT_SHAPE_BYTES: Final = 4_096  # a longer entry is read slowly: long shapes are slow to make
AUDIT_SLICE_TILES: Final = 256  # tiles of one slice: 65,536 entries, one hash three levels up
AUDIT_IN_FLIGHT: Final = 8  # requests of one process to a server: it may be far away
AUDIT_TIMEOUT_S: Final = 20  # of one request, to its last byte: a bundle has some 240 kB
AUDIT_TRIES: Final = 3  # of one request, before the audit gives up and can be resumed
AUDIT_SLICE_S: Final = 900  # of one slice from a server: 75 kB a second, or it is hanging us
AUDIT_SORT_RECORDS: Final = 2_000_000  # streams sorted at once: some 150 MB
MAX_AUDIT_STATE_BYTES: Final = 1024 * 1024 * 1024  # of a state file: 100 bytes a slice and root
MAX_AUDIT_WORKERS: Final = 64  # processes of one machine: each takes some 100 MB
MAX_AUDIT_LATER: Final = 2_000_000  # changed uses, in memory while the usage index is made anew
AUDIT_ENGINE_MEMORY_MB: Final = 2_048  # of DuckDB or a process of Spark; the rest is on disk


# --- the usage index -----------------------------------------------------------
MAX_USAGE_PROOF_BYTES: Final = 16 * 1024 * 1024  # usage-index/1 fixes it; most take 4 kB
MAX_USAGE_PROOF_NODES: Final = 65_536  # usage-index/1 fixes it
MAX_USAGE_RANGES: Final = 1_000  # of one question: the days of almost three years
MAX_USAGE_SPANS: Final = 4_004  # of one question: two sides, two seconds, its ranges and no day
MAX_CACHED_PARTS: Final = 65_536  # hashes of ids one process remembers: some 20 MB
USAGE_BATCH: Final = 8_000  # entries in one transaction: the larger, the fewer nodes a use
USAGE_SLICE: Final = 2_000  # while nothing comes in: whoever reports then waits for one slice
USAGE_LIVE_SLICE: Final = 250  # while reports come in: views wait for one slice, some 20 to 60 ms
USAGE_FAR_BEHIND: Final = (
    500_000  # then views wait for larger slices, or the index never gets there
)
GARBAGE_S: Final = 60.0  # between looks for circles in the projector, which take 0.1 to 0.2 s
USAGE_QUIET_S: Final = 1.0  # without a report before the index takes more: a gap is no end
USAGE_EVERY_S: Final = 1.0  # the index follows the views; a proof of now waits as long
MAX_CACHED_NODES: Final = (
    40_000  # of the trie, in projector and server: some 30 MB; more is no faster
)
INDEX_COMMIT_EVERY_S: Final = 60  # by default: an entry of 400 bytes a minute, when there is news
USAGE_KEEP_ALL_DAYS: Final = 30  # every root; of older ones the first of each day, and the cited
THIN_ROOTS: Final = 1_000  # let go of in one transaction: some 20 ms
THIN_NODES: Final = 1_000  # read, or deleted, in one step: some 10 ms, so that nobody waits for it
THIN_EVERY_S: Final = 3_600  # the projector looks for old roots: a day more or less is nothing
USAGE_BULK: Final = 50_000  # entries folded at once where an index is made anew: some 200 MB
USAGE_BULK_KEYS: Final = 20_000  # keys inserted at once, in order, where it is made anew
MAX_SOURCES_SHOWN: Final = 200  # of one agency, in a proven count: three entries each
MAX_COUNTED_NAMES: Final = 100  # of one technology, in a proven count: a proof of 4 kB each

# --- rules --------------------------------------------------------------------
MAX_RULE_TESTS: Final = (
    900  # of one compiled rule: SQLite nests 1,000 deep, and a chain of ORs nests
)
MAX_RULE_NUMBER: Final = 1_000_000  # days, hours, uses: in seconds still far below MAX_COUNT
MAX_RULE_TEXTS: Final = 200  # of one parameter: a list of reasons that people wrote by hand
MAX_PACK_BYTES: Final = 262_144  # of one TOML file: a hundred rules, each with its examples
MAX_PACK_RULES: Final = 100  # of one pack: each is a query of its own
MAX_PACK_EXAMPLES: Final = 200  # of one pack: two a rule
MAX_EXAMPLE_ENTRIES: Final = 100  # of one example: a story that fits a screen
MAX_GRACE_HOURS: Final = 8_784  # a leap year: longer is no grace
MAX_FINDING_LEAVES: Final = 1_000  # cited by one finding; the rest are counted
MAX_GROUPS: Final = 50_000  # of one aggregate by two keys: some 10 MB
MAX_PATTERNS: Final = 1_000  # cases of one pattern that are listed: somebody looks at each
MAX_SEQUENCE_GAPS: Final = 100  # listed of one source; the rest are counted

# --- second observers -----------------------------------------------------------
MAX_OBSERVED_FIELDS: Final = 60  # compared at once: every field of a column map, and some objects
MIN_MATCH_ID_CHARS: Final = 8  # a shorter id is a row number, which two systems share by chance
MAX_MATCH_ID_COLUMNS: Final = 20  # of raw rows that are looked at for the observer's id
MAX_MATCH_WINDOW_S: Final = 86_400  # a day: what lies further apart needs an id
MAX_MATCH_SPAN_DAYS: Final = 4  # a bare date spans two; a longer time says nothing of which one
MAX_MATCH_NEIGHBOURS: Final = 256  # of one record in the window: beyond, naming one is a guess
MAX_MATCH_CANDIDATES: Final = 2_000_000  # pairs weighed at once: some 120 MB
MATCH_CHUNK: Final = 1_000  # uses of one streamed message: read in some 40 ms
MAX_MATCH_STREAMS: Final = 2  # of one ledger at once: each takes a thread; others wait
MATCH_STREAM_S: Final = 900  # that a stream of uses may take: ten million at the usual rate
MAX_TOLD_DISCREPANCIES: Final = 10_000  # by default, of one reconciliation; the report has all
TOLD_AT_ONCE: Final = 500  # discrepancies of one request: with their rows far below its bound
MAX_SIGHTING_BYTES: Final = 16_384  # of the observer's row, as MAX_TEXT_BYTES: it is protected text

# --- files --------------------------------------------------------------------
MAX_CSV_ROW_BYTES: Final = 131_072  # four times the largest record an entry may keep
IMPORT_BATCH: Final = 500  # rows a request
IMPORT_GIVE_UP_S: Final = 10  # after losing the server
IMPORT_BUSY_S: Final = 60  # while the server says that others go first
IMPORT_IN_FLIGHT: Final = 4  # requests under way: the next is there when one is committed
IMPORT_REQUEST_BYTES: Final = (
    4 * 1024 * 1024
)  # rows can be long; no request nears MAX_MESSAGE_BYTES

# --- the client SDK ---------------------------------------------------------------
CLIENT_LINGER_S: Final = 0.005  # that a use waits for company: less than a commit takes
CLIENT_BATCH_USES: Final = 500  # as IMPORT_BATCH: larger ones are hardly faster
CLIENT_BATCH_BYTES: Final = 4 * 1024 * 1024  # as IMPORT_REQUEST_BYTES; and the largest use
CLIENT_IN_FLIGHT: Final = 4  # as IMPORT_IN_FLIGHT
CLIENT_QUEUE_USES: Final = 20_000  # that wait for the ledger: a second of its best rate
CLIENT_QUEUE_BYTES: Final = 64 * 1024 * 1024  # the same in memory, of uses of 3 kB
CLIENT_CALL_S: Final = 30.0  # of one request: a commit that takes longer is stuck
CLIENT_PATIENCE_S: Final = 60.0  # of trying again without a spool: a restart takes ten
CLIENT_MAX_DELAY_S: Final = 10.0  # between attempts: one small call a client while it is away
CLIENT_CLOSE_S: Final = 10.0  # that the end waits for answers: supervisors kill after 30 or so
CLIENT_SPOOL_BYTES: Final = 1024 * 1024 * 1024  # a million uses of 1 kB: days, for most stations
CLIENT_SPOOL_SEGMENT_BYTES: Final = 4 * 1024 * 1024  # deleted at once; sent again after a crash
CLIENT_SPOOL_IDLE_S: Final = 1.0  # what the ledger has need not lie on a disk for longer

# --- the bridge from NATS JetStream ------------------------------------------------
BRIDGE_BATCH_USES: Final = 500  # as CLIENT_BATCH_USES; all that is held at once
BRIDGE_BATCH_BYTES: Final = (
    8 * 1024 * 1024
)  # of one pull: 500 uses of 16 kB, within MAX_MESSAGE_BYTES
BRIDGE_ACK_WAIT_S: Final = 30.0  # that NATS waits for a bridge that was killed: a commit takes one
BRIDGE_PATIENCE_S: Final = 60.0  # as CLIENT_PATIENCE_S; then another bridge may have them
BRIDGE_MAX_DELAY_S: Final = 5.0  # between attempts: one small call while the ledger is away
BRIDGE_NAK_DELAY_S: Final = 5.0  # before what was given back comes again: a ledger may restart
BRIDGE_PULL_S: Final = 1.0  # of one empty pull: so long the end may wait for it
BRIDGE_ANSWER_S: Final = 5.0  # of NATS to a request: it answers in some ms, or is away
BRIDGE_CONNECT_S: Final = 5  # of one attempt at a server
BRIDGE_START_S: Final = 20.0  # that a start waits for NATS: it may be starting as well
BRIDGE_STREAM_BYTES: Final = 1024 * 1024 * 1024  # of a stream that we make: as CLIENT_SPOOL_BYTES
BRIDGE_DEAD_WINDOW_S: Final = (
    3_600.0  # in which a dead letter is stored once: a crash is sooner over
)
MAX_DEAD_REASON_CHARS: Final = 500  # of one header: a sentence, and a field's name

# --- telemetry ------------------------------------------------------------------
MAX_SPAN_LINKS: Final = 64  # of one commit: who looks at it needs some of its calls, not 2,000
TRACE_RATIO: Final = 0.01  # of calls without a sampled caller: 20 traces a second at full load
OBSERVE_EVERY_S: Final = 5.0  # lag and sizes are read from the database: two small reads a ledger
OBSERVED_FOR_S: Final = 15.0  # an older reading is unknown: three in a row have failed
OBSERVE_WAIT_S: Final = 2.0  # that whoever asks for /metrics waits for a fresh reading
VIEWS_STUCK_S: Final = 60.0  # behind and not moving for so long: a batch takes a tenth of a second
PUBLISHER_SILENT_S: Final = 60.0  # between two rounds: with witnesses away they are 15 s + 6 s
TELEMETRY_CLOSE_S: Final = 3.0  # that the last spans and figures may take to leave at the end
TELEMETRY_EXPORT_S: Final = 10.0  # of one export: a collector on this machine answers in some ms

# --- backup, restore, doctor -------------------------------------------------------
BACKUP_STEP_PAGES: Final = 4_096  # copied at once: 16 MB, so that a bar moves
BACKUP_READ_BYTES: Final = 1_048_576  # hashed at once
MAX_MANIFEST_BYTES: Final = 1_048_576  # some dozen files of 200 bytes each; a note in it has bounds
MAX_BACKUPS_LOOKED_AT: Final = 10_000  # in one folder: one an hour for a year
BACKUP_WARN_S: Final = 26 * 3_600  # one a day, and two hours for it to be made
BACKUP_BAD_S: Final = 7 * 86_400  # a week of reports is more than callers send again
DISK_WARN_DAYS: Final = 30.0  # to order and add a disk
DISK_BAD_DAYS: Final = 7.0  # to call somebody
DISK_WARN_BYTES: Final = 1_073_741_824  # free: SQLite's WAL and a rebuilt view need some
DISK_BAD_BYTES: Final = 268_435_456  # free: one large import
DOCTOR_RATE_S: Final = 7 * 86_400  # growth is that of the last week: a day has nights, a week all
DOCTOR_RATE_LEAST_S: Final = 3_600  # a rate over less than an hour forecasts nothing
DOCTOR_WAIT_S: Final = 3.0  # for one server that may not answer
DOCTOR_CLOCK_WARN_S: Final = 2.0  # as the alert CandourClockOff
DOCTOR_CLOCK_BAD_S: Final = 60.0  # an entry's time would be of another minute
DOCTOR_LAG_S: Final = 60.0  # that something committed may wait to be published: rounds take 21 s
DOCTOR_INDEX_S: Final = 2 * 86_400  # a root is committed at midnight at the latest
