// What can be asked of the index? (docs/usage-index.md, sections 4 and 6; ledger/usage_index/questions.py)
//
// The verifier makes the spans from its own question. Undated, withdrawn and unattributed uses are part of every
// question, so that no zero hides them.
import { Malformed, VerificationFailed } from "./errors.js";
import { compareTexts, concat, hexOf } from "./bytes.js";
import { hasJust, mapOf } from "./json.js";
import { dayOfText, textOfDay } from "./times.js";
import { FIRST_DAY, KEY_BYTES, LAST_DAY, WITHDRAWN_BIT, familyOf, hasSecond, partOf, secondPart, slotOf } from "./usage_keys.js";
import { LIMITS } from "./made.js";

/** `{first, last}`, days from 1970-01-01, of the members `from` and `to`. */
export function daysOf(found) {
  const first = dayOfText(found.get("from"), "from"), last = dayOfText(found.get("to"), "to");
  if (first > last) throw new Malformed("to", "must not lie before from");
  return { first, last };
}

/** All that entered some keys less all that left them. */
export function totalOf(placed, withdrawn) {
  if (withdrawn > placed) throw new VerificationFailed(`${withdrawn} withdrawn, and only ${placed} were placed`);
  return { placed, withdrawn, count: placed - withdrawn };
}

/** How often, in these days? `ranges` rise and are disjoint. */
export class CountQuestion {
  constructor(family, first, second, ranges) {
    Object.assign(this, { family, first, second, ranges, byte: familyOf(family) });
    if (!ranges.length || ranges.length > LIMITS.MAX_USAGE_RANGES) throw new Malformed("ranges", `must be 1..${LIMITS.MAX_USAGE_RANGES}`);
    let before = FIRST_DAY - 1;
    for (const days of ranges) {
      if (days.first <= before || days.last > LAST_DAY) throw new Malformed("ranges", "must rise, be disjoint and lie in the years 1..9999");
      before = days.last;
    }
    if (!hasSecond(this.byte) && second !== null) throw new Malformed("second", "has no place in this family");
  }

  /** The second parts asked about, in the order of their spans; `own` is where the question's own stands. */
  async seconds() {
    const own = await secondPart(this.byte, this.second);
    if (!hasSecond(this.byte)) return { parts: [own], own: 0 };
    const parts = new Map([own, await partOf(null)].map((part) => [hexOf(part), part]));
    const sorted = [...parts.keys()].sort(compareTexts);
    return { parts: sorted.map((hex) => parts.get(hex)), own: sorted.indexOf(hexOf(own)) };
  }

  async spans() {
    const slots = [{ first: slotOf(null), last: slotOf(null) }, ...this.ranges.map((days) => ({ first: slotOf(days.first), last: slotOf(days.last) }))];
    const first = await partOf(this.first), { parts } = await this.seconds();
    const heads = [0, WITHDRAWN_BIT].flatMap((side) => parts.map((part) => concat(Uint8Array.of(this.byte | side), first, part)));
    return heads.flatMap((head) => slots.map((slot) => ({ first: concat(head, slot.first), last: concat(head, slot.last) })));
  }

  /** What proven sums, one a span, say about each range. */
  async answers(sums) {
    const half = sums.length / 2, width = 1 + this.ranges.length, { own } = await this.seconds();
    const totals = sums.slice(0, half).map((placed, at) => totalOf(placed, sums[half + at]));
    const rows = Array.from({ length: half / width }, (_, at) => totals.slice(at * width, (at + 1) * width));
    return this.ranges.map((_, at) => {
      const dated = rows[own][at + 1], undated = rows[own][0];
      const others = rows.filter((_row, row) => row !== own).flatMap((row) => [row[at + 1], row[0]]);
      const sum = (items, member) => items.reduce((all, item) => all + item[member], 0);
      return {
        count: dated.count, undated: undated.count, unattributed: sum(others, "count"),
        withdrawn: dated.withdrawn, withdrawn_undated: undated.withdrawn, withdrawn_unattributed: sum(others, "withdrawn"),
      };
    });
  }

  toObject() {
    const written = this.ranges.map((days) => mapOf({ from: textOfDay(days.first), to: textOfDay(days.last) }));
    const found = { family: this.family, first: this.first, second: this.second };
    if (written.length > 1) return mapOf({ ...found, ranges: written });
    return mapOf({ ...found, from: written[0].get("from"), to: written[0].get("to") });
  }
}

/** All of one first id in a family, whatever the second and the day. */
export class WholeQuestion {
  constructor(family, first) {
    Object.assign(this, { family, first, byte: familyOf(family) });
  }

  async spans() {
    const first = await partOf(this.first);
    return [0, WITHDRAWN_BIT].map((side) => {
      const head = concat(Uint8Array.of(this.byte | side), first), rest = KEY_BYTES - head.length;
      return { first: concat(head, new Uint8Array(rest)), last: concat(head, new Uint8Array(rest).fill(0xff)) };
    });
  }

  toObject() {
    return mapOf({ family: this.family, first: this.first });
  }
}

/** Read a question as it is written in a proof, strictly. */
export function questionOf(found) {
  if (!(found instanceof Map)) throw new Malformed("question", "must be an object");
  familyOf(found.get("family"));
  for (const member of ["first", "second"]) {
    if (found.has(member) && found.get(member) !== null && typeof found.get(member) !== "string") throw new Malformed(member, "must be a text or null");
  }
  if (hasJust(found, ["family", "first"])) return new WholeQuestion(found.get("family"), found.get("first"));
  let ranges;
  if (hasJust(found, ["family", "first", "second", "from", "to"])) ranges = [daysOf(found)];
  else if (hasJust(found, ["family", "first", "second", "ranges"])) ranges = rangesOf(found.get("ranges"));
  else throw new Malformed("question", "must hold family, first, second, from and to");
  return new CountQuestion(found.get("family"), found.get("first"), found.get("second"), ranges);
}

function rangesOf(found) {
  if (!Array.isArray(found) || found.length < 2 || found.length > LIMITS.MAX_USAGE_RANGES) throw new Malformed("ranges", `must be a list of 2..${LIMITS.MAX_USAGE_RANGES}`);
  for (const item of found) {
    if (!(item instanceof Map) || !hasJust(item, ["from", "to"])) throw new Malformed("ranges", "must hold objects of from and to");
  }
  return found.map(daysOf);
}
