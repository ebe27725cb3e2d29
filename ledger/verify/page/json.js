// Which value do these bytes spell, and is it the signer's own spelling? As ledger/canonical_json.py.
//
//   bytes ──decode──► null | boolean | integer | string | Array | Map ──encode──► the one text
//
// JSON.parse is not used: it takes a doubled name, 5.0 and 1e2 without a word, and rounds.
import { Malformed } from "./errors.js";
import { compareTexts, textOf } from "./bytes.js";
import { LIMITS } from "./made.js";

const MAX_INTEGER = 2 ** 53 - 1;
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)((?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const HEX = /[0-9A-Fa-f]{4}/y;
const LONE_SURROGATE = /\p{Surrogate}/u;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const WORDS = { t: ["true", true], f: ["false", false], n: ["null", null] };

/** Read JSON strictly: what two readers could take differently is refused. */
export function decode(bytes, what) {
  const reader = new JsonReader(textOf(bytes, what), what);
  return reader.whole();
}

/** Read a text of JSON that must be the one deterministic spelling, to the character. */
export function decodeCanonical(text, what, ending = "") {
  const value = new JsonReader(text, what).whole();
  if (encode(value) + ending !== text) throw new Malformed(what, "is not in deterministic form");
  return value;
}

class JsonReader {
  constructor(text, what) {
    this.text = text;
    this.what = what;
    this.at = 0;
    this.depth = 0;
    this.marks = 0; // commas and opening brackets: as many as there are values, or more
  }

  whole() {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) this.refuse();
    return value;
  }

  value() {
    this.space();
    const next = this.text[this.at];
    if (next === "{") return this.object();
    if (next === "[") return this.list();
    if (next === '"') return this.string();
    const word = WORDS[next];
    if (word === undefined) return this.number();
    if (!this.text.startsWith(word[0], this.at)) this.refuse();
    this.at += word[0].length;
    return word[1];
  }

  object() {
    const found = new Map();
    this.open();
    if (this.closes("}")) return found;
    do {
      this.space();
      if (this.text[this.at] !== '"') this.refuse();
      const name = this.string();
      this.space();
      if (this.text[this.at] !== ":") this.refuse();
      this.at += 1;
      const value = this.value();
      if (found.has(name)) throw new Malformed(this.what, "a name stands twice in one object");
      found.set(name, value);
    } while (this.goesOn("}"));
    return found;
  }

  list() {
    const found = [];
    this.open();
    if (this.closes("]")) return found;
    do found.push(this.value());
    while (this.goesOn("]"));
    return found;
  }

  open() {
    this.at += 1;
    this.depth += 1;
    if (this.depth > LIMITS.MAX_JSON_DEPTH) throw new Malformed(this.what, `nested deeper than ${LIMITS.MAX_JSON_DEPTH}`);
    this.mark();
  }

  closes(bracket) {
    this.space();
    if (this.text[this.at] !== bracket) return false;
    this.at += 1;
    this.depth -= 1;
    return true;
  }

  goesOn(bracket) {
    if (this.closes(bracket)) return false;
    if (this.text[this.at] !== ",") this.refuse();
    this.at += 1;
    this.mark();
    return true;
  }

  mark() {
    this.marks += 1;
    if (this.marks > LIMITS.MAX_JSON_VALUES) throw new Malformed(this.what, `holds more than ${LIMITS.MAX_JSON_VALUES} values`);
  }

  number() {
    const found = this.take(NUMBER);
    if (!found) this.refuse();
    if (found[1]) throw new Malformed(this.what, "fractions and exponents are not used");
    const [text] = found;
    const number = text.length > 17 || text === "-0" ? Infinity : Number(text);
    if (Math.abs(number) > MAX_INTEGER) throw new Malformed(this.what, "an integer lies beyond 2**53-1");
    return number;
  }

  string() {
    this.at += 1;
    const pieces = [];
    let spelt = false;
    for (;;) {
      pieces.push(this.take(PLAIN)[0]);
      const next = this.text[this.at];
      this.at += 1;
      if (next === '"') break;
      if (next !== "\\") this.refuse(); // a control character, or the end
      const escape = this.text[this.at];
      this.at += 1;
      if (escape === "u") {
        const hex = this.take(HEX);
        if (!hex) this.refuse();
        pieces.push(String.fromCharCode(parseInt(hex[0], 16)));
        spelt = true;
      } else if (escape !== undefined && Object.hasOwn(ESCAPES, escape)) {
        pieces.push(ESCAPES[escape]);
      } else this.refuse();
    }
    const text = pieces.length === 1 ? pieces[0] : pieces.join("");
    if (spelt && LONE_SURROGATE.test(text)) this.refuse(); // which no UTF-8 can hold
    return text;
  }

  space() {
    this.take(SPACE);
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  refuse() {
    throw new Malformed(this.what, "is not JSON in UTF-8");
  }
}

/** The one text of a value: members by code point, no white space. */
export function encode(value) {
  const pieces = [];
  write(value, pieces);
  return pieces.join("");
}

function write(value, pieces) {
  if (typeof value === "string") pieces.push('"', escaped(value), '"');
  else if (Array.isArray(value)) {
    value.forEach((item, at) => {
      pieces.push(at ? "," : "[");
      write(item, pieces);
    });
    pieces.push(value.length ? "]" : "[]");
  } else if (value instanceof Map) {
    [...value.keys()].sort(compareTexts).forEach((name, at) => {
      pieces.push(at ? ',"' : '{"', escaped(name), '":');
      write(value.get(name), pieces);
    });
    pieces.push(value.size ? "}" : "{}");
  } else pieces.push(String(value)); // null, true, false, an integer
}

const SHORT = { "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\" };

function escaped(text) {
  return text.replace(/["\\\u0000-\u001f]/g, (character) =>
    SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** True where two values are written alike: 1 is not true. */
export const sameJson = (one, other) => encode(one) === encode(other);

/** A Map from an object literal of ours: how values that we make are written. */
export const mapOf = (members) => new Map(Object.entries(members));

export const isInteger = (value) => typeof value === "number";

/** True where the Map has just these members. */
export const hasJust = (found, names) => found.size === names.length && names.every((name) => found.has(name));

/** The same value in ordinary objects, for whoever reads the report; no name can reach a prototype. */
export function plainOf(value) {
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, inner]) => [name, plainOf(inner)]));
  return Array.isArray(value) ? value.map(plainOf) : value;
}
