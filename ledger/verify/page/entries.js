// What does an entry say, and is a value shown beside it the one it committed to? (ADR 0003; ledger/entry.py, disclosure.py)
import { Malformed, Unverifiable, VerificationFailed } from "./errors.js";
import { bytesOfBase64, bytesOfInteger, concat, sameBytes, utf8 } from "./bytes.js";
import { sha256 } from "./hashing.js";
import { decodeCanonical, encode, hasJust, isInteger } from "./json.js";
import { isUtcText } from "./times.js";
import { CAPTURES, LIMITS } from "./made.js";

const isText = (value) => typeof value === "string";
const isObject = (value) => value instanceof Map;
const REQUIRED = {
  capture: isText, event: isObject, origin: isText, protected: isObject, recorded_at: isText,
  reporter: isText, stream: isText, topic: isText, v: isInteger, version: isInteger,
};

/** Read an entry's text, strictly. */
export function decodeEntry(text) {
  const bytes = utf8(text).length;
  if (bytes > LIMITS.MAX_ENTRY_BYTES) throw new Malformed("entry", `takes ${bytes} bytes, ${LIMITS.MAX_ENTRY_BYTES} at most`);
  const found = decodeCanonical(text, "entry");
  if (!isObject(found)) throw new Malformed("entry", "must be an object");
  if (isInteger(found.get("v")) && found.get("v") !== 1) throw new Unverifiable(`entry envelope version ${found.get("v")} is not known to this release`);
  for (const [name, fits] of Object.entries(REQUIRED)) {
    if (!fits(found.get(name))) throw new Malformed(`entry.${name}`, "is missing or of another type");
  }
  const source = found.get("source");
  const known = Object.keys(REQUIRED).length + (found.has("source") ? 1 : 0);
  if (found.size !== known || (found.has("source") && !isText(source))) throw new Malformed("entry", "has a member that its version does not know");
  if (!CAPTURES.includes(found.get("capture"))) throw new Malformed("entry.capture", `must be one of ${CAPTURES.join(", ")}`);
  if (found.get("version") < 1) throw new Malformed("entry.version", "must be 1 or more");
  if (!isUtcText(found.get("recorded_at"))) throw new Malformed("entry.recorded_at", "must be an RFC 3339 UTC time");
  const committed = new Map();
  for (const [name, base64] of found.get("protected")) {
    committed.set(name, bytesOfBase64(base64, `protected.${name}`));
    if (committed.get(name).length !== 32) throw new Malformed(`protected.${name}`, "must be 32 bytes");
  }
  return {
    topic: found.get("topic"), stream: found.get("stream"), version: found.get("version"), event: found.get("event"),
    origin: found.get("origin"), recordedAt: found.get("recorded_at"), source, committed,
  };
}

/** One protected field, in the clear, as a bundle holds it. */
export function disclosureOf(found) {
  if (!isObject(found) || !hasJust(found, ["field", "salt", "stream", "value"])) throw new Malformed("disclosure", "must hold field, salt, stream and value");
  if (!isText(found.get("field")) || !isText(found.get("stream"))) throw new Malformed("disclosure", "field and stream must be texts");
  const salt = bytesOfBase64(found.get("salt"), "disclosure.salt");
  if (salt.length !== 32) throw new Malformed("disclosure.salt", "must be 32 bytes");
  return { field: found.get("field"), stream: found.get("stream"), salt, value: found.get("value") };
}

/** Refused unless the value shown is what the entry's 32 bytes stand for. Field and stream are bound. */
export async function checkDisclosure({ field, stream, salt, value }, committed) {
  const name = utf8(field), place = utf8(stream);
  const hashed = await sha256(concat(
    utf8("candour-commit-1\0"), bytesOfInteger(name.length, 2), name, bytesOfInteger(place.length, 2), place, salt, utf8(encode(value)),
  ));
  if (!sameBytes(hashed, committed)) throw new VerificationFailed(`${stream}: the value shown for '${field}' is not the committed one`);
}
