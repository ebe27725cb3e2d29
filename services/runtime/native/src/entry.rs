//! How does a checked use become an entry? As `new_report` of ledger/reports.py: commitments,
//! the envelope's bytes, leaf hash, keyed digests, and what is kept beside the log.

use crate::checks::{word, Limits, CAPTURES};
use crate::event::event;
use crate::json::Json;
use crate::wire::{Performer, ProtectedText, SourceRecord, State, ToolUse};
use sha2::{Digest, Sha256};

pub const SALT_BYTES: usize = 32;
pub const UUID_BYTES: usize = 10; // drawn for a version 7 UUID
const TOPIC: &str = "tool_use.reported.v1";
const COMMIT_TAG: &[u8] = b"candour-commit-1\0";

/// What all uses of one request share.
pub struct Told<'a> {
    pub origin: &'a str,
    pub recorded_at: &'a str,
    pub recorded_ms: i64,
    pub reporter: &'a str,
}

pub struct Entry {
    pub stream: String,
    pub entry: Vec<u8>,
    pub leaf_hash: [u8; 32],
    pub identity: [u8; 32],
    pub content: [u8; 32],
    pub disclosures: Vec<u8>,
}

/// HMAC-SHA256 with the ledger's secret, each half begun once (RFC 2104).
#[derive(Clone)]
pub struct Keys {
    inner: Sha256,
    outer: Sha256,
}

impl Keys {
    pub fn new(secret: &[u8; 32]) -> Keys {
        let half = |pad: u8| {
            let mut block = [pad; 64];
            block.iter_mut().zip(secret).for_each(|(byte, key)| *byte ^= key);
            Sha256::new_with_prefix(block)
        };
        Keys { inner: half(0x36), outer: half(0x5c) }
    }

    fn digest(&self, message: &[u8]) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(message).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }
}

/// A protected field and its value's JSON.
type Protected = Vec<(&'static str, Vec<u8>)>;

/// How many random bytes `entry` wants: for the UUID, and a salt for each commitment.
pub fn random_bytes(used: &ToolUse) -> usize {
    let unmasked = used.performer.as_ref().is_some_and(|who| who.masked.is_empty());
    let salts = used.texts().into_iter().filter(|(_, text)| text.is_some()).count()
        + usize::from(used.performer.is_some())
        + usize::from(!used.verifiers.is_empty())
        + usize::from(used.source_record.is_some())
        + usize::from(!used.source_event_id.is_empty())
        + usize::from(used.source_record.is_none() && unmasked);
    UUID_BYTES + SALT_BYTES * salts
}

/// The entry of a use that has passed `checks`; None where a bound is crossed on the way.
///
/// `random` holds what `random_bytes` says; `pseudonym` is there where the performer is named.
pub fn entry(
    used: &ToolUse,
    pseudonym: Option<&str>,
    random: &[u8],
    told: &Told,
    keys: &Keys,
    limits: &Limits,
) -> Option<Entry> {
    let stream = format!("tool_use/{}", uuid7(told.recorded_ms, &random[..UUID_BYTES]));
    let said = said(used, limits)?;
    let record = used.source_record.as_ref();
    let who = used.performer.as_ref().map(performer);
    let mut values: Protected = Vec::with_capacity(said.len() + 3);
    if let (Some(who), Some(json)) = (&used.performer, &who) {
        if who.masked.is_empty() {
            values.push(("performer", Json::default().text(pseudonym?).0.clone()));
        } else {
            values.push(("performer", json.clone()));
        }
    }
    values.extend(said.iter().cloned());
    let source_event_id = match (used.source_event_id.as_str(), record) {
        ("", Some(record)) => row_id(record, used.occurrence, keys),
        ("", None) => return None,
        (id, _) => {
            values.push(("source_event_id", Json::default().text(id).0.clone()));
            id.to_owned()
        }
    };
    if let (None, Some(who), Some(json)) = (record, &used.performer, &who) {
        if who.masked.is_empty() {
            values.push(("performer_identity", json.clone()));
        }
    }
    let (committed, disclosures) = protect(values, &stream, &random[UUID_BYTES..]);
    let large = disclosures.len() > limits.source_record_bytes;
    let longest = said.iter().find(|(name, _)| *name == "source_record");
    if disclosures.len() > limits.shown_bytes
        || (large && longest.is_some_and(|(_, json)| json.len() > limits.source_record_bytes))
    {
        return None;
    }
    let event = event(used, true)?;
    let entry = envelope(used, &event, &committed, &stream, told)?;
    if entry.len() > limits.entry_bytes {
        return None;
    }
    let leaf_hash = Sha256::new_with_prefix([0]).chain_update(&entry).finalize().into();
    let identity = {
        let mut json = Json::default();
        json.raw(b"[\"report\",").text(&used.source).raw(b",").text(&source_event_id).raw(b"]");
        keys.digest(&json.0)
    };
    let content = content(used, event, who, said, keys)?;
    Some(Entry { stream, entry, leaf_hash, identity, content, disclosures })
}

fn envelope(
    used: &ToolUse,
    event: &[u8],
    committed: &[u8],
    stream: &str,
    told: &Told,
) -> Option<Vec<u8>> {
    let mut json = Json::with_capacity(event.len() + committed.len() + 512);
    json.raw(b"{").name("capture").text(word(used.capture, &CAPTURES)?);
    json.name("event").raw(event);
    json.name("origin").text(told.origin);
    json.name("protected").raw(committed);
    json.name("recorded_at").text(told.recorded_at);
    json.name("reporter").text(told.reporter);
    json.name("source").text(&used.source);
    json.name("stream").text(stream);
    json.name("topic").text(TOPIC);
    json.name("v").number(1).name("version").number(1).raw(b"}");
    Some(json.0)
}

/// The protected fields as the command holds them, in the order in which salts are drawn.
fn said(used: &ToolUse, limits: &Limits) -> Option<Protected> {
    let mut said: Protected = Vec::with_capacity(8);
    for (name, found) in used.texts() {
        if let Some(ProtectedText { state }) = found {
            said.push((name, text(state.as_ref()?)));
        }
    }
    if !used.verifiers.is_empty() {
        let names = Json::default().texts(&used.verifiers).0.clone();
        if names.len() > limits.text_bytes {
            return None;
        }
        said.push(("verifiers", names));
    }
    if let Some(record) = &used.source_record {
        let mut json = Json::with_capacity(512);
        json.raw(b"{").name("columns").texts(&record.columns);
        json.name("row").texts(&record.row).raw(b"}");
        said.push(("source_record", json.0));
    }
    Some(said)
}

fn text(state: &State) -> Vec<u8> {
    let mut json = Json::default();
    match state {
        State::Value(value) => json.text(value),
        State::Masked(mark) => json.raw(b"{").name("masked").text(mark).raw(b"}"),
    };
    json.0
}

fn performer(who: &Performer) -> Vec<u8> {
    let mut json = Json::default();
    json.raw(b"{")
        .unless_empty("badge", &who.badge)
        .unless_empty("masked", &who.masked)
        .unless_empty("name", &who.name)
        .unless_empty("user_id", &who.user_id)
        .raw(b"}");
    json.0
}

/// What the entry's `protected` holds, and what is kept beside the log (ledger/disclosure.py).
fn protect(values: Protected, stream: &str, salts: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let place = length_first(stream);
    let mut fields: Vec<_> = values
        .into_iter()
        .zip(salts.chunks_exact(SALT_BYTES))
        .map(|((name, json), salt)| {
            let digest: [u8; 32] = Sha256::new_with_prefix(COMMIT_TAG)
                .chain_update(length_first(name))
                .chain_update(&place)
                .chain_update(salt)
                .chain_update(&json)
                .finalize()
                .into();
            (name, digest, salt, json)
        })
        .collect();
    fields.sort_unstable_by_key(|(name, ..)| *name);
    let (mut committed, mut kept) = (Json::with_capacity(512), Json::with_capacity(1024));
    committed.raw(b"{");
    kept.raw(b"{");
    for (name, digest, salt, json) in fields {
        let salt: &[u8; 32] = salt.try_into().expect("chunks of this size");
        committed.name(name).base64(&digest);
        kept.name(name).raw(b"[").base64(salt).raw(b",").raw(&json).raw(b"]");
    }
    committed.raw(b"}");
    kept.raw(b"}");
    (committed.0, kept.0)
}

fn length_first(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("names of fields and streams are short");
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

fn content(
    used: &ToolUse,
    event_shown: Vec<u8>,
    who: Option<Vec<u8>>,
    mut said: Protected,
    keys: &Keys,
) -> Option<[u8; 32]> {
    let without = if used.import.is_empty() { event_shown } else { event(used, false)? };
    let mut json = Json::with_capacity(1024);
    json.raw(b"[\"content\",").raw(&without).raw(b",").text(word(used.capture, &CAPTURES)?);
    json.raw(b",").raw(who.as_deref().unwrap_or(b"null")).raw(b",{");
    said.sort_unstable_by_key(|(name, _)| *name);
    for (name, value) in said {
        json.name(name).raw(&value);
    }
    json.raw(b"}]");
    Some(keys.digest(&json.0))
}

/// The id of a row whose source gives none; its columns are ASCII (`checks::record`).
fn row_id(record: &SourceRecord, occurrence: u32, keys: &Keys) -> String {
    let folded = |name: &String| {
        name.to_ascii_lowercase().replace([' ', '_'], "")
    };
    let mut cells: Vec<_> = record.columns.iter().map(folded).zip(&record.row).collect();
    cells.sort_unstable();
    let mut json = Json::with_capacity(512);
    json.raw(b"[\"row\",[");
    for (index, (name, cell)) in cells.iter().enumerate() {
        json.raw(if index > 0 { b",[" } else { b"[" }).text(name).raw(b",").text(cell).raw(b"]");
    }
    json.raw(b"]]");
    let digest = keys.digest(&json.0);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("row-{hex}-{occurrence}")
}

/// A version 7 UUID (RFC 9562) of a moment and ten random bytes, as `Log.new_uuid` makes it.
fn uuid7(ms: i64, drawn: &[u8]) -> String {
    let low = drawn.iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    let when = u128::from(ms as u64 & ((1 << 48) - 1));
    let value = when << 80 | low;
    let value = value & !(0xF << 76) | 0x7 << 76;
    let value = value & !(0x3 << 62) | 0x2 << 62;
    let text = format!("{value:032x}");
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}
