// How do texts, hex, base64 and bytes turn into each other? One spelling each; all others are refused.
import { Malformed } from "./errors.js";

const UTF8 = new TextEncoder();

export const utf8 = (text) => UTF8.encode(text);

/** The text of UTF-8 bytes. A byte order mark stays, and is nowhere allowed. */
export function textOf(bytes, what) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed(what, "is not UTF-8");
  }
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Bytes of lower-case hex that was checked before. */
export function bytesOfHex(hex) {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}

export function base64Of(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** Strict standard base64: padded, no other spelling of the same bytes. */
export function bytesOfBase64(text, field) {
  if (typeof text !== "string") throw new Malformed(field, "must be base64 text");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4) throw new Malformed(field, "is not base64");
  let decoded;
  try {
    decoded = atob(text);
  } catch {
    throw new Malformed(field, "is not base64");
  }
  if (btoa(decoded) !== text) throw new Malformed(field, "is not in the one spelling of base64");
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
}

export function sameBytes(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** An unsigned integer, big-endian. `number` is a Number or BigInt of so many bytes at most. */
export function bytesOfInteger(number, width) {
  return bytesOfHex(BigInt(number).toString(16).padStart(2 * width, "0"));
}

/** Order by code point, as UTF-8 sorts and as the signer sorts; JavaScript's own goes by UTF-16. */
export function compareTexts(one, other) {
  const least = Math.min(one.length, other.length);
  for (let at = 0; at < least; at += 1) {
    const a = one.charCodeAt(at), b = other.charCodeAt(at);
    if (a !== b) return rank(a) - rank(b);
  }
  return one.length - other.length;
}

/** Surrogates stand for what lies beyond U+FFFF. */
const rank = (unit) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

export const sortedTexts = (texts) => [...texts].sort(compareTexts);
