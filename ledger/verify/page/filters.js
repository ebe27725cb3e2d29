// What does a filter ask about, and is it written in its one form? The language of AIP-160, as ledger/filters reads it.
//
//   text ──parseFilter──► tree ──formatted──► the canonical text; ──fieldsOf──► what it speaks of
//
// Nothing is matched here: whether a use fits a filter belongs to the step that is not checked in a browser.
import { Malformed } from "./errors.js";
import { compareTexts } from "./bytes.js";
import { usOfDate, usOfText } from "./times.js";
import { FIELDS, LIMITS } from "./made.js";

const FIELD = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*/y;
const WORD = /[\p{L}\p{N}_\-.:/@+*]+/uy;
const SPACE = /[ \t\r\n]+/y;
const COMPARATOR = /<=|>=|!=|[<>=:]/y;
const UNFIT = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;
const KEYWORDS = ["AND", "OR", "NOT"];
const ESCAPES = new Map([["\\", "\\"], ['"', '"'], ["'", "'"], ["*", "*"], ["n", "\n"], ["r", "\r"], ["t", "\t"]]);
const WRITTEN = { "\\": "\\\\", '"': '\\"', "*": "\\*", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const WILDCARD = "wildcards are not supported; for the character itself write \\* in quotes";

const charactersOf = (text) => [...text].length;
const isWord = (text) => !KEYWORDS.includes(text) && (!text.includes("*") || text === "*");

/** Read a filter. Trees: {and: […]}, {or: […]}, {not: …}, {field, op, text, quoted}. */
export function parseFilter(text) {
  if (charactersOf(text) > LIMITS.MAX_FILTER_CHARS) throw new Malformed("filter", `has ${LIMITS.MAX_FILTER_CHARS} characters at most`);
  const tree = new FilterParser(text).filter();
  if (charactersOf(formatted(tree)) > LIMITS.MAX_FILTER_CHARS) throw new Malformed("filter", `has ${LIMITS.MAX_FILTER_CHARS} characters at most, every AND and space written out`);
  if (nesting(tree) > LIMITS.MAX_FILTER_DEPTH) throw new Malformed("filter", `parentheses nest ${LIMITS.MAX_FILTER_DEPTH} deep at most`);
  checkTypes(tree);
  return tree;
}

class FilterParser {
  constructor(text) {
    Object.assign(this, { text, at: 0, depth: 0, terms: 0 });
  }

  filter() {
    this.take(SPACE);
    if (this.at === this.text.length) return { and: [] };
    const tree = this.expression();
    if (this.at < this.text.length) this.refuse("this parenthesis closes nothing");
    return tree;
  }

  expression() {
    const parts = [this.factor()];
    while (!this.ends()) {
      this.keyword("AND");
      parts.push(this.factor());
    }
    return parts.length === 1 ? parts[0] : { and: parts };
  }

  factor() {
    const terms = [this.term()];
    while (this.keyword("OR")) terms.push(this.term());
    return terms.length === 1 ? terms[0] : { or: terms };
  }

  term() {
    const negated = this.keyword("NOT") || this.symbol("-");
    this.take(SPACE);
    const tree = this.text[this.at] === "(" ? this.composite() : this.restriction();
    if (this.take(SPACE) === null && !this.ends()) this.refuse("a space must stand here, or the value before it needs quotes");
    return negated ? { not: tree } : tree;
  }

  composite() {
    this.depth += 1;
    if (this.depth > LIMITS.MAX_FILTER_DEPTH) this.refuse(`parentheses nest ${LIMITS.MAX_FILTER_DEPTH} deep at most`);
    this.symbol("(");
    this.take(SPACE);
    const tree = this.expression();
    if (!this.symbol(")")) this.refuse("this parenthesis is never closed");
    this.depth -= 1;
    return tree;
  }

  restriction() {
    const field = this.take(FIELD);
    if (field === null || KEYWORDS.includes(field)) this.refuse("a field must stand here");
    if (this.text[this.at] === "(") this.refuse("functions are not supported");
    this.take(SPACE);
    const op = this.take(COMPARATOR);
    if (op === null) this.refuse("each value needs a field and a comparator before it, and quotes around spaces");
    this.terms += 1;
    if (this.terms > LIMITS.MAX_FILTER_TERMS) this.refuse(`a filter has ${LIMITS.MAX_FILTER_TERMS} terms at most`);
    this.take(SPACE);
    return { field, op, ...this.value() };
  }

  value() {
    if (["'", '"'].includes(this.text[this.at])) return { text: this.quoted(), quoted: true };
    const text = this.take(WORD);
    if (text === null) this.refuse("a value must stand here, and one that begins so needs quotes");
    if (!isWord(text)) this.refuse(text.includes("*") ? WILDCARD : "a value is missing here, or needs quotes");
    if (this.text[this.at] === "(") this.refuse("functions are not supported");
    return { text, quoted: false };
  }

  quoted() {
    const quote = this.text[this.at], characters = [];
    this.at += 1;
    while (!this.symbol(quote)) {
      if (this.at >= this.text.length) this.refuse("this quote is never closed");
      let character = String.fromCodePoint(this.text.codePointAt(this.at));
      if (character === "*") this.refuse(WILDCARD);
      if (UNFIT.test(character)) this.refuse("control characters and lone surrogates match nothing");
      if (character === "\\") {
        character = ESCAPES.get(this.text[this.at + 1]);
        if (character === undefined) this.refuse("the escapes are \\\\ \\\" \\' \\* \\n \\r \\t");
        this.at += 1;
      }
      characters.push(character);
      this.at += character.length;
    }
    return characters.join("");
  }

  ends() {
    return this.at >= this.text.length || this.text[this.at] === ")";
  }

  symbol(character) {
    const stands = this.text[this.at] === character;
    this.at += stands ? 1 : 0;
    return stands;
  }

  keyword(word) {
    const start = this.at;
    if (this.take(FIELD) !== word) {
      this.at = start;
      return false;
    }
    if (this.take(SPACE) === null && !this.ends()) this.refuse(`${word} needs a space after it`);
    return true;
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }

  refuse(reason) {
    throw new Malformed("filter", `character ${charactersOf(this.text.slice(0, this.at))}: ${reason}`);
  }
}

/** The canonical text of a tree: equal texts, equal trees. */
export function formatted(tree) {
  if (tree.not) return `NOT ${tree.not.not ? `(${formatted(tree.not)})` : part(tree.not)}`;
  if (tree.and) return tree.and.map(part).join(" AND ");
  if (tree.or) return tree.or.map(part).join(" OR ");
  const value = tree.quoted ? `"${tree.text.replace(/[\\"*\n\r\t]/g, (character) => WRITTEN[character])}"` : tree.text;
  return tree.op === ":" ? `${tree.field}:${value}` : `${tree.field} ${tree.op} ${value}`;
}

const part = (tree) => (tree.and || tree.or ? `(${formatted(tree)})` : formatted(tree));

function nesting(tree) {
  if (tree.not) return nesting(tree.not) + (tree.not.and || tree.not.or || tree.not.not ? 1 : 0);
  const parts = tree.and ?? tree.or ?? [];
  return Math.max(0, ...parts.map((inner) => nesting(inner) + (inner.and || inner.or ? 1 : 0)));
}

/** Every comparison fits the type of its field. */
function checkTypes(tree) {
  const parts = tree.and ?? tree.or ?? (tree.not ? [tree.not] : null);
  if (parts) {
    parts.forEach(checkTypes);
    return;
  }
  const kind = Object.hasOwn(FIELDS, tree.field) ? FIELDS[tree.field] : null;
  if (kind === null) throw new Malformed("filter", `no field ${tree.field.slice(0, LIMITS.MAX_CODE_CHARS)}; there are ${Object.keys(FIELDS).sort(compareTexts).join(", ")}`);
  if (kind === "text") {
    if (!["=", "!=", ":"].includes(tree.op)) throw new Malformed("filter", `${tree.field} is of type text: use = != :`);
    if (tree.text === "*" && !tree.quoted && tree.op !== ":") throw new Malformed("filter", `for any value write ${tree.field}:*`);
    return;
  }
  if (tree.op === ":") throw new Malformed("filter", `${tree.field} is of type ${kind}: use = != < <= > >=`);
  if (kind === "time") checkTime(tree);
  else if (!/^-?[0-9]{1,16}$/.test(tree.text) || Math.abs(Number(tree.text)) > LIMITS.MAX_COUNT) throw new Malformed("filter", `the value must be an integer within ±${LIMITS.MAX_COUNT}`);
}

function checkTime({ op, text }) {
  if (charactersOf(text) !== 10) usOfText(text, "filter");
  else {
    usOfDate(text, "filter");
    if (op === "=" || op === "!=") throw new Malformed("filter", "a day is not a moment: use >= and <");
  }
}

/** The names of the fields that a filter speaks of. */
export function fieldsOf(tree) {
  const parts = tree.and ?? tree.or ?? (tree.not ? [tree.not] : null);
  return parts ? new Set(parts.flatMap((inner) => [...fieldsOf(inner)])) : new Set([tree.field]);
}
