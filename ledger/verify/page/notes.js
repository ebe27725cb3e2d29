// Who signed this text? Signed notes and the keys of their signers. (C2SP signed-note; ledger/tlog)
import { Malformed, VerificationFailed } from "./errors.js";
import { bytesOfBase64, hexOf, utf8 } from "./bytes.js";
import { isSignature, sha256 } from "./hashing.js";
import { LIMITS } from "./made.js";

export const NOTE_TYPE = 1; // Ed25519 over the note's text: logs
export const COSIGNATURE_TYPE = 4; // Ed25519 over time and checkpoint: witnesses
// White space as Python's str.isspace has it, beyond the control characters that are refused anyway.
const SPACE = /[\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const CONTROL_BUT_NEWLINE = /[\u0000-\u0009\u000b-\u001f]/;

export const hasControl = (text) => /[\u0000-\u001f]/.test(text);

const isKeyName = (name) => name !== "" && !name.includes("+") && !SPACE.test(name) && !hasControl(name);

/** A public key from its text `name+<id in hex>+<base64 of type and key>`; one text for each key. */
export async function parseKey(vkey) {
  const [name, id, ...rest] = vkey.split("+");
  const encoded = rest.join("+"); // base64 may hold a plus as well
  if (!/^[0-9a-f]{8}$/.test(id ?? "")) throw new Malformed("vkey", "must be name+id+key, the id in 8 lowercase hex digits");
  const typed = bytesOfBase64(encoded, "vkey.key");
  if (!typed.length) throw new Malformed("vkey.key", "must hold a type and a key");
  if (!isKeyName(name) || utf8(name).length > LIMITS.MAX_KEY_NAME_BYTES) throw new Malformed("vkey.name", "must be 1 to 255 bytes without space, control or '+'");
  if (typed[0] !== NOTE_TYPE && typed[0] !== COSIGNATURE_TYPE) throw new Malformed("vkey.type", "must be 0x01 or 0x04, the Ed25519 types");
  if (typed.length !== 33) throw new Malformed("vkey.key", "must be 32 bytes");
  const hashed = await sha256(utf8(`${name}\n`), typed);
  if (hexOf(hashed.slice(0, 4)) !== id) throw new Malformed("vkey.id", "is not the id of this name and key");
  return { name, id, type: typed[0], publicKey: typed.slice(1) };
}

/** Text and signature lines of a note; nothing is verified. */
export function parseNote(whole) {
  if (utf8(whole).length > LIMITS.MAX_NOTE_BYTES) throw new Malformed("note", `must be ${LIMITS.MAX_NOTE_BYTES} bytes at most`);
  if (CONTROL_BUT_NEWLINE.test(whole)) throw new Malformed("note", "must have no control character but newline");
  const split = whole.lastIndexOf("\n\n");
  const lines = whole.slice(split + 2).split("\n");
  if (split < 0 || lines.pop() !== "" || !lines.length) throw new Malformed("note", "must end in a blank line and signature lines");
  if (lines.length > LIMITS.MAX_NOTE_SIGNATURES) throw new Malformed("note", `must have ${LIMITS.MAX_NOTE_SIGNATURES} signatures at most`);
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseLine) };
}

function parseLine(line) {
  const found = /^\u2014 ([^ ]*)(?: (.*))?$/su.exec(line);
  if (!found || !isKeyName(found[1])) throw new Malformed("note.signature", "must be an em dash, a key name and base64");
  const blob = bytesOfBase64(found[2] ?? "", "note.signature");
  if (blob.length <= 4) throw new Malformed("note.signature", "must hold a key id and a signature");
  return { name: found[1], id: hexOf(blob.slice(0, 4)), signature: blob.slice(4) };
}

/** The note, if this key signed it. A bad signature under its name and id condemns the whole; the first counts. */
export async function openNote(whole, key) {
  const { text, signatures } = parseNote(whole);
  let verified = false;
  const unverified = new Map();
  for (const line of signatures) {
    if (line.name !== key.name || line.id !== key.id) unverified.set(`${line.name} ${line.id}${hexOf(line.signature)}`, line);
    else if (!verified) {
      if (!(await isSignature(key.publicKey, text, line.signature))) throw new VerificationFailed(`signature of ${key.name}+${key.id}: not over this text`);
      verified = true;
    }
  }
  if (!verified) throw new VerificationFailed(`note of ${signatures.length} signatures: none is by one of 1 trusted keys`);
  return { text, unverified: [...unverified.values()] };
}
