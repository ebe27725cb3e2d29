// What is in an evidence bundle, to the byte, and did the answers key sign it? (ADR 0007, 0013; ledger/verify/bundle.py)
import { CandourError, Malformed, VerificationFailed } from "./errors.js";
import { base64Of, bytesOfBase64, textOf, utf8 } from "./bytes.js";
import { sha256 } from "./hashing.js";
import { decodeCanonical, encode, hasJust, isInteger } from "./json.js";
import { openNote } from "./notes.js";
import { disclosureOf } from "./entries.js";
import { LIMITS } from "./made.js";

export const FORMAT = "candour-evidence/1";
export const USAGE_FORMAT = "candour-usage-evidence/1";
export const INQUIRY_FORMAT = "candour-inquiry-evidence/1";

const isText = (value) => typeof value === "string";
const isObject = (value) => value instanceof Map;
const MEMBERS = {
  answer: isObject, checkpoint: isText, entries: Array.isArray, format: isText, origin: isText, question: isObject, signed: isText,
};
const USAGE_MEMBERS = { ...MEMBERS, proofs: isObject };
const OPTIONAL = { consistency: isObject, timestamps: Array.isArray };
const INQUIRY_OPTIONAL = { ...OPTIONAL, proven_count: isObject };

/** False for a file that was never a bundle: such a one is unusable, rather than refused. */
export function looksLikeBundle(bytes) {
  const text = new TextDecoder("latin1").decode(bytes);
  return text.includes('{"answer":') || text.includes('"format":"candour-evidence/');
}

/** The JSON object of a bundle file, in deterministic form to the byte. */
export function readObject(bytes) {
  if (bytes.length > LIMITS.MAX_BUNDLE_BYTES) throw new Malformed("bundle", `is larger than ${LIMITS.MAX_BUNDLE_BYTES} bytes`);
  const found = decodeCanonical(textOf(bytes, "bundle"), "bundle", "\n");
  if (!isObject(found)) throw new Malformed("bundle", "must be an object");
  return found;
}

/** Refused unless `key` signed the bundle just as it stands. */
export async function checkSigned(found, key) {
  const failed = (reason) => new VerificationFailed(`the answer's signature does not hold: ${reason}`);
  const origin = found.get("origin"), note = found.get("signed");
  if (!isText(origin) || !isText(note)) throw failed("there is none");
  const body = new Map(found);
  body.delete("signed");
  body.delete("timestamps"); // which come after the signature, and are over it
  body.delete("proven_count"); // which is signed by itself
  const text = `candour-answer/1\n${origin}\n${base64Of(await sha256(utf8(encode(body))))}\n`;
  let opened;
  try {
    opened = await openNote(note, key);
  } catch (error) {
    throw error instanceof CandourError ? failed(error.message) : error;
  }
  if (opened.text !== text) throw failed("it is over another content");
  if (opened.unverified.length) throw failed("it holds more than the one signature");
}

/** Check the members of a bundle in one of the formats. */
export function bundleOf(found) {
  const members = found.get("format") === USAGE_FORMAT ? USAGE_MEMBERS : MEMBERS;
  const all = found.get("format") === INQUIRY_FORMAT ? INQUIRY_OPTIONAL : OPTIONAL;
  const optional = Object.keys(all).filter((name) => found.has(name));
  if (!hasJust(found, [...Object.keys(members), ...optional])) throw new Malformed("bundle", `must hold ${Object.keys(members).join(", ")}`);
  for (const [name, fits] of Object.entries({ ...members, ...all })) {
    if (!found.has(name)) continue;
    if (!fits(found.get(name))) throw new Malformed(`bundle.${name}`, "is of another type");
  }
  const entries = found.get("entries");
  if (entries.length > LIMITS.MAX_BUNDLE_ENTRIES) throw new Malformed("bundle.entries", `more than ${LIMITS.MAX_BUNDLE_ENTRIES}: audit instead`);
  return {
    checkpoint: found.get("checkpoint"), question: found.get("question"), answer: found.get("answer"),
    entries: entries.map(entryOf), proofs: found.get("proofs") ?? new Map(),
    consistency: found.has("consistency") ? consistencyOf(found.get("consistency")) : null,
    timestamps: found.has("timestamps") ? timestampsOf(found.get("timestamps")) : [],
    provenCount: found.get("proven_count") ?? null,
  };
}

function hashesOf(found, field) {
  if (!Array.isArray(found) || found.length > LIMITS.MAX_PROOF_HASHES) throw new Malformed(field, `a proof is a list of ${LIMITS.MAX_PROOF_HASHES} at most`);
  return found.map((hash) => bytesOfBase64(hash, field));
}

function consistencyOf(found) {
  if (!hasJust(found, ["checkpoint", "proof"]) || !isText(found.get("checkpoint"))) throw new Malformed("bundle.consistency", "must hold a checkpoint, a text, and a proof");
  return { checkpoint: found.get("checkpoint"), proof: hashesOf(found.get("proof"), "bundle.consistency.proof") };
}

/** Only their form: what a time-stamp authority signed is not checked in a browser. */
function timestampsOf(found) {
  if (!found.length || found.length > LIMITS.MAX_TIMESTAMPS) throw new Malformed("bundle.timestamps", `must be 1 to ${LIMITS.MAX_TIMESTAMPS}, or left out`);
  const tokens = found.map((token) => bytesOfBase64(token, "bundle.timestamps"));
  if (new Set(found).size !== found.length) throw new Malformed("bundle.timestamps", "must stand there once each");
  if (tokens.some((token) => token.length > LIMITS.MAX_TIMESTAMP_BYTES)) throw new Malformed("bundle.timestamps", `must be ${LIMITS.MAX_TIMESTAMP_BYTES} bytes each at most`);
  return tokens;
}

function entryOf(found) {
  if (!isObject(found) || !hasJust(found, ["disclosures", "entry", "leaf_index", "proof"])) throw new Malformed("bundle.entries", "each must hold disclosures, entry, leaf_index, proof");
  const leafIndex = found.get("leaf_index"), disclosures = found.get("disclosures");
  if (!isInteger(leafIndex) || leafIndex < 0 || !isText(found.get("entry"))) throw new Malformed("bundle.entries", "leaf_index or entry is of another type");
  if (!Array.isArray(disclosures)) throw new Malformed("bundle.entries", "disclosures must be a list");
  return {
    leafIndex, entry: found.get("entry"),
    proof: hashesOf(found.get("proof"), "bundle.entries.proof"),
    disclosures: disclosures.map(disclosureOf),
  };
}
