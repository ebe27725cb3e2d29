//! Is this report well formed? As `check_report` of ledger/reports.py, without its words: what
//! does not pass here goes to Python, which says why, or takes it after all.

use crate::times::{is_date, text_of_timestamp, us_of, MIN_US};
use crate::wire::{Count, Interval, Known, Occurred, Performer, ProtectedText, State, ToolUse};

/// The bounds of ledger/limits.py, handed over once.
#[derive(Clone, Copy)]
pub struct Limits {
    pub authorizations: usize,
    pub code_chars: usize,
    pub count: i64,
    pub data_flows: usize,
    pub entry_bytes: usize,
    pub id_chars: usize,
    pub name_chars: usize,
    pub record_columns: usize,
    pub shown_bytes: usize,
    pub source_event_id_chars: usize,
    pub source_record_bytes: usize,
    pub text_bytes: usize,
    pub verifiers: usize,
}

pub const CAPTURES: [&str; 3] = ["", "live", "backfill"];
pub const ACQUISITIONS: [&str; 7] = [
    "", "procured", "free_trial", "demo", "personal_account", "shared", "vendor_performed",
];
pub const TRIGGERS: [&str; 5] = ["", "human", "automated_alert", "api", "scheduled"];
pub const STRENGTHS: [&str; 6] =
    ["", "none", "password", "multi_factor", "hardware_key", "shared_account"];
pub const OUTCOMES: [&str; 7] =
    ["", "none", "lead", "identification", "arrest", "rescue", "wrong_person"];

/// The word of an enum number; "" where it is not set, None where it is of another release.
pub fn word(number: i32, known: &[&'static str]) -> Option<&'static str> {
    known.get(usize::try_from(number).ok()?).copied()
}

/// True where every rule of `check_report` holds, and the use is one this path knows how to write.
pub fn passes(used: &ToolUse, limits: &Limits) -> bool {
    names(used, limits) && values(used, limits) && protected(used, limits)
}

fn names(used: &ToolUse, limits: &Limits) -> bool {
    let id = |name: &str, collection: &str| is_id(name, collection, limits.id_chars);
    id(&used.agency, "agencies")
        && id(&used.source, "sources")
        && (used.technology.is_empty() || id(&used.technology, "technologies"))
        && (used.import.is_empty() || id(&used.import, "imports"))
        && used.authorizations.len() <= limits.authorizations
        && used.authorizations.iter().enumerate().all(|(index, name)| {
            id(name, "authorizations") && !used.authorizations[..index].contains(name)
        })
}

fn values(used: &ToolUse, limits: &Limits) -> bool {
    let code = |text: &str| text.is_empty() || is_text(text, limits.code_chars);
    let count = |found: &Option<Count>| match found {
        None => true,
        Some(Count { known: Some(Known::Exactly(number) | Known::AtLeast(number)) }) => {
            (0..=limits.count).contains(number)
        }
        Some(Count { known: None }) => false,
    };
    let span = |found: &Option<Interval>| {
        found.as_ref().is_none_or(|span| {
            [&span.earliest, &span.latest]
                .into_iter()
                .flatten()
                .all(|stamp| text_of_timestamp(stamp).is_some())
        })
    };
    word(used.capture, &CAPTURES).is_some_and(|capture| !capture.is_empty())
        && word(used.acquisition, &ACQUISITIONS).is_some()
        && word(used.trigger, &TRIGGERS).is_some()
        && word(used.credential_strength, &STRENGTHS).is_some()
        && word(used.outcome, &OUTCOMES).is_some()
        && code(&used.technology_version)
        && code(&used.capability)
        && code(&used.unit)
        && code(&used.performer_role)
        && code(&used.purpose)
        && code(&used.offence_class)
        && code(&used.object_category)
        && code(&used.reference_database)
        && code(&used.moderation)
        && count(&used.performers)
        && count(&used.objects)
        && count(&used.networks_searched)
        && count(&used.devices_searched)
        && span(&used.window_requested)
        && span(&used.window_returned)
        && used.source_sequence.is_none_or(|number| (-limits.count..=limits.count).contains(&number))
        && used.occurred.as_ref().is_none_or(|occurred| when(occurred, limits))
        && flows(used, limits)
}

fn when(occurred: &Occurred, limits: &Limits) -> bool {
    if !occurred.date.is_empty()
        && (!is_date(&occurred.date) || occurred.earliest.is_some() || occurred.latest.is_some())
    {
        return false;
    }
    let ends = [&occurred.earliest, &occurred.latest];
    if ends.into_iter().flatten().any(|stamp| text_of_timestamp(stamp).is_none()) {
        return false;
    }
    let latest = occurred.latest.as_ref().map(us_of);
    let latest = latest.map(|us| us - i64::from(occurred.latest_exclusive));
    if latest.is_some_and(|us| us < MIN_US) {
        return false;
    }
    let earliest = occurred.earliest.as_ref().map(us_of);
    !matches!((earliest, latest), (Some(from), Some(to)) if to < from)
        && (occurred.zone_assumed.is_empty() || is_text(&occurred.zone_assumed, limits.code_chars))
}

fn flows(used: &ToolUse, limits: &Limits) -> bool {
    let known = |text: &str| text.is_empty() || is_text(text, limits.name_chars);
    used.data_flows.len() <= limits.data_flows
        && used.data_flows.iter().all(|flow| {
            known(&flow.category)
                && known(&flow.recipient)
                && known(&flow.processing_country)
                && known(&flow.storage_country)
                && known(&flow.access_country)
                && known(&flow.permission)
        })
}

fn protected(used: &ToolUse, limits: &Limits) -> bool {
    used.object_json.is_empty() // JSON inside JSON is Python's to read
        && used.performer.as_ref().is_none_or(|who| performer(who, limits))
        && used.texts().into_iter().filter_map(|(_, text)| text.as_ref()).all(|text| prose(text, limits))
        && used.verifiers.len() <= limits.verifiers
        && used.verifiers.iter().all(|name| is_text(name, limits.name_chars))
        && record(used, limits)
        && (used.source_event_id.is_empty()
            || is_text(&used.source_event_id, limits.source_event_id_chars))
}

fn performer(who: &Performer, limits: &Limits) -> bool {
    let parts = [&who.user_id, &who.name, &who.badge];
    if !who.masked.is_empty() {
        return parts.iter().all(|part| part.is_empty()) && is_text(&who.masked, limits.name_chars);
    }
    parts.iter().any(|part| !part.is_empty())
        && parts.iter().all(|part| part.is_empty() || is_text(part, limits.name_chars))
}

fn prose(text: &ProtectedText, limits: &Limits) -> bool {
    match &text.state {
        Some(State::Value(value)) => value.len() <= limits.text_bytes && !value.contains('\0'),
        // Escapes may lengthen a mark sixfold; a longer one is Python's to measure.
        Some(State::Masked(mark)) => mark.len() * 6 + 16 <= limits.text_bytes && !mark.contains('\0'),
        None => false,
    }
}

fn record(used: &ToolUse, limits: &Limits) -> bool {
    let Some(record) = &used.source_record else {
        return !used.source_event_id.is_empty();
    };
    record.json.is_empty()
        && record.columns.len() <= limits.record_columns
        && record.columns.len() == record.row.len()
        // Where the row is the id, columns are told apart by folding, which is Python's beyond ASCII.
        && (!used.source_event_id.is_empty()
            || (!record.columns.is_empty() && record.columns.iter().all(|name| name.is_ascii())))
}

fn is_text(text: &str, max_chars: usize) -> bool {
    !text.is_empty()
        && (text.len() <= max_chars || text.chars().count() <= max_chars)
        && !text.contains('\0')
}

fn is_id(name: &str, collection: &str, max_chars: usize) -> bool {
    let Some(own) = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/')) else {
        return false;
    };
    let rest = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~-".contains(byte);
    name.len() <= max_chars
        && own.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && own.as_bytes().iter().all(rest)
}
