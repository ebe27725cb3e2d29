//! What does the entry say in the clear? `event`, as `ToolUseReported.to_object` and the
//! deterministic encoder write it: members by name, what is unknown absent.

use crate::checks::{word, ACQUISITIONS, OUTCOMES, STRENGTHS, TRIGGERS};
use crate::json::Json;
use crate::times::text_of_timestamp;
use crate::wire::{Count, DataFlow, Interval, Known, Occurred, Timestamp, ToolUse};

/// The event's bytes. The use has passed `checks`.
///
/// `import` is left out of the digest of what was said: exports overlap, and a row is the same
/// row in both.
pub fn event(used: &ToolUse, with_import: bool) -> Option<Vec<u8>> {
    let mut json = Json::with_capacity(512);
    json.raw(b"{")
        .unless_empty("acquisition", word(used.acquisition, &ACQUISITIONS)?)
        .name("agency")
        .text(&used.agency)
        .name("authorizations")
        .texts(&used.authorizations)
        .unless_empty("capability", &used.capability)
        .unless_empty("credential_strength", word(used.credential_strength, &STRENGTHS)?);
    flows(&mut json, &used.data_flows);
    count(&mut json, "devices_searched", &used.devices_searched);
    if with_import {
        json.unless_empty("import", &used.import);
    }
    json.unless_empty("moderation", &used.moderation);
    count(&mut json, "networks_searched", &used.networks_searched);
    json.unless_empty("object_category", &used.object_category);
    count(&mut json, "objects", &used.objects);
    if let Some(occurred) = &used.occurred {
        when(&mut json, occurred)?;
    }
    json.unless_empty("offence_class", &used.offence_class)
        .unless_empty("outcome", word(used.outcome, &OUTCOMES)?)
        .unless_empty("performer_role", &used.performer_role);
    count(&mut json, "performers", &used.performers);
    json.unless_empty("purpose", &used.purpose)
        .unless_empty("reference_database", &used.reference_database);
    if let Some(number) = used.source_sequence {
        json.name("source_sequence").number(number);
    }
    json.unless_empty("technology", &used.technology)
        .unless_empty("technology_version", &used.technology_version)
        .unless_empty("trigger", word(used.trigger, &TRIGGERS)?)
        .unless_empty("unit", &used.unit);
    if let Some(yes) = used.urgency_used {
        json.name("urgency_used").bool(yes);
    }
    span(&mut json, "window_requested", &used.window_requested)?;
    span(&mut json, "window_returned", &used.window_returned)?;
    json.raw(b"}");
    Some(json.0)
}

fn when(json: &mut Json, occurred: &Occurred) -> Option<()> {
    json.name("occurred").raw(b"{").unless_empty("date", &occurred.date);
    moment(json, "earliest", &occurred.earliest)?;
    moment(json, "latest", &occurred.latest)?;
    if occurred.latest_exclusive {
        json.name("latest_exclusive").bool(true);
    }
    json.unless_empty("zone_assumed", &occurred.zone_assumed).raw(b"}");
    Some(())
}

fn span(json: &mut Json, name: &str, span: &Option<Interval>) -> Option<()> {
    if let Some(span) = span {
        json.name(name).raw(b"{");
        moment(json, "earliest", &span.earliest)?;
        moment(json, "latest", &span.latest)?;
        json.raw(b"}");
    }
    Some(())
}

fn moment(json: &mut Json, name: &str, stamp: &Option<Timestamp>) -> Option<()> {
    if let Some(stamp) = stamp {
        json.name(name).text(&text_of_timestamp(stamp)?);
    }
    Some(())
}

fn count(json: &mut Json, name: &str, count: &Option<Count>) {
    if let Some(known) = count.as_ref().and_then(|count| count.known) {
        let (member, number) = match known {
            Known::Exactly(number) => ("exactly", number),
            Known::AtLeast(number) => ("at_least", number),
        };
        json.name(name).raw(b"{").name(member).number(number).raw(b"}");
    }
}

fn flows(json: &mut Json, flows: &[DataFlow]) {
    if flows.is_empty() {
        return;
    }
    json.name("data_flows").raw(b"[");
    for (index, flow) in flows.iter().enumerate() {
        json.raw(if index > 0 { b",{" } else { b"{" })
            .unless_empty("access_country", &flow.access_country)
            .unless_empty("category", &flow.category)
            .unless_empty("permission", &flow.permission)
            .unless_empty("processing_country", &flow.processing_country)
            .unless_empty("recipient", &flow.recipient)
            .unless_empty("storage_country", &flow.storage_country)
            .raw(b"}");
    }
    json.raw(b"]");
}
