// Under which keys does a use stand? 69 bytes each. (docs/usage-index.md, sections 1 and 2)
//
//   family 1 byte | part of the first id 32 | part of the second id 32 | slot of the day 4
import { Malformed } from "./errors.js";
import { bytesOfInteger, utf8 } from "./bytes.js";
import { sha256 } from "./hashing.js";

export const KEY_BYTES = 69;
export const KEY_BITS = 8 * KEY_BYTES;
export const WITHDRAWN_BIT = 0x80;
export const FIRST_DAY = -719_162; // 0001-01-01
export const LAST_DAY = 2_932_896; // 9999-12-31
export const UNUSED = new Uint8Array(32); // the second part where a family has none

const FAMILIES = { agency: 1, technology: 2, "agency+technology": 3, "agency+authorization": 4, "agency+performer": 5, "technology+agency": 6 };

/** A family's byte. One that nobody keeps would prove zero of everything. */
export function familyOf(text) {
  if (typeof text !== "string" || !Object.hasOwn(FAMILIES, text)) throw new Malformed("family", "is not one that usage-index/1 keeps");
  return FAMILIES[text];
}

export const hasSecond = (family) => family > 2;

/** The 32 bytes of an id, in NFC; of null, what is not named. Neither case nor white space is touched. */
export async function partOf(id) {
  return id === null ? sha256(utf8("CUX1N")) : sha256(utf8(`CUX1P${id.normalize("NFC")}`));
}

export async function secondPart(family, second) {
  if (hasSecond(family)) return partOf(second);
  if (second !== null) throw new Malformed("second", "has no place in this family");
  return UNUSED;
}

/** The 4 bytes of a day, counted from 1970-01-01; of null, an undated use. */
export const slotOf = (day) => (day === null ? new Uint8Array(4) : bytesOfInteger(0x80000000 + day, 4));
