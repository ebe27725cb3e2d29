// Does an entry's event have the shape of its topic? By the table FACTS, made from ledger/events.
//
// A topic or member that the table lacks was written by a newer release: it is not judged, never skipped.
import { Malformed, Unverifiable } from "./errors.js";
import { FACTS, RECORDS } from "./made.js";

const KINDS = { str: (value) => typeof value === "string", int: (value) => typeof value === "number", bool: (value) => typeof value === "boolean" };

/** The event of an entry, a Map, its shape checked. */
export function factOf(entry) {
  if (!Object.hasOwn(FACTS, entry.topic)) throw new Unverifiable(`topic '${entry.topic}' is not known to this release`);
  checkRecord(entry.event, FACTS[entry.topic], entry.topic);
  return entry.event;
}

function checkRecord(found, record, topic) {
  if (!(found instanceof Map)) throw new Malformed(record.name, "must be an object");
  for (const { name, kind, required } of record.members) {
    if (found.has(name)) checkValue(found.get(name), kind, name);
    else if (required) throw new Malformed(`${record.name}.${name}`, "is missing");
  }
  const known = new Set(record.members.map((member) => member.name));
  for (const name of found.keys()) {
    if (!known.has(name)) throw new Unverifiable(`member '${name}' of topic '${topic ?? record.name}' is not known to this release`);
  }
}

/** A kind is a scalar's name, `[kind]` for a list, or the name of a record. */
function checkValue(value, kind, name) {
  if (Array.isArray(kind)) {
    if (!Array.isArray(value)) throw new Malformed(name, "must be a list");
    value.forEach((item) => checkValue(item, kind[0], name));
  } else if (Object.hasOwn(KINDS, kind)) {
    if (!KINDS[kind](value)) throw new Malformed(name, `must be of type ${kind}`);
  } else checkRecord(value, RECORDS[kind]);
}
