// Does a list of uses hold as many as a proven count says? Two bundles, each verified by itself first. (ledger/verify/counted.py)
import { CandourError, Malformed, Unverifiable, VerificationFailed } from "./errors.js";
import { factOf } from "./facts.js";
import { formatted, parseFilter } from "./filters.js";
import { dayOfUse, textOfDay } from "./times.js";

export const PROVEN_COUNT = "proven count";
const COUNTED = ["agency", "technology", "from", "to", "zone", "limit", "after"]; // of question 1, what a count speaks of
export const MAY_LEAVE_OUT = "uses at no known day, or of no named technology: the count says how many there are, and the list may leave them out";

/** How many uses of the list the index counts, in words. Both runs held, as far as each is judged here. */
export function compareCounted(list, count) {
  if (!count.counted || list.counted) throw new Unverifiable("a list of uses comes first, and then a proven count");
  checkMoment(list, count);
  checkFilter(count.question, list.bundle.question.get("filter"));
  return holdToCount(list, count);
}

/** The same of the answer to question 1, which has the count inside. */
export function compareAnswered(answered, count) {
  checkMoment(answered, count);
  checkParameters(count.question, answered.bundle.question);
  return holdToCount(answered, count);
}

function holdToCount(list, count) {
  const asked = count.question;
  const names = [asked.technology, ...count.bundle.answer.get("aliases")], fold = new UsesFold();
  for (const entry of list.entries) {
    try {
      fold.add(entry);
    } catch (error) {
      if (!(error instanceof CandourError)) throw error; // the index passes it by as well
    }
  }
  const found = fold.counted().filter((use) => use.agency === asked.agency && names.includes(use.technology)
    && use.day !== null && asked.days.first <= use.day && use.day <= asked.days.last).length;
  const counted = count.bundle.answer.get("count");
  if (found !== counted) {
    throw new VerificationFailed(`the list holds ${found} uses of these days, and the proven count is ${counted}: ${found < counted ? "it leaves some out" : "it holds too many"}`);
  }
  return `the list holds all ${found} uses that the index counts for these days`;
}

function checkMoment(list, count) {
  if (list.origin !== count.origin) throw new Unverifiable("list and count are of two ledgers");
  const size = list.bundle.question.get("tree_size"), asked = count.question;
  if (size !== asked.treeSize) throw new Unverifiable(`the list is as of tree size ${size}, the count of ${asked.treeSize}: ask for both as of one`);
}

function checkParameters({ agency, technology, days }, question) {
  const said = question.get("parameters"), of = (name, otherwise) => (said.has(name) ? said.get(name) : otherwise);
  const same = question.get("inquiry") === 1 && [...said.keys()].every((name) => COUNTED.includes(name))
    && of("zone", "UTC") === "UTC" && of("agency") === agency && of("technology") === technology
    && of("from", "0001-01-01") === textOfDay(days.first) && of("to", "9999-12-31") === textOfDay(days.last);
  if (!same) throw new Unverifiable("the proven count is about something else: it goes with question 1, about an agency, a technology and UTC days, and no more");
}

function checkFilter(asked, filter) {
  const wanted = new Set([
    ["agency", "=", asked.agency], ["technology", "=", asked.technology],
    ["occurred", ">=", textOfDay(asked.days.first)], ["occurred", "<=", textOfDay(asked.days.last)],
  ].map(([field, op, text]) => formatted({ field, op, text, quoted: true })));
  const tree = typeof filter === "string" ? parseFilter(filter) : { and: [] };
  const parts = (tree.and ?? []).map(formatted);
  if (parts.length !== wanted.size || !parts.every((part) => wanted.delete(part))) {
    throw new Unverifiable("the list asks for something else than the count: its filter must be the agency, the technology and the days, and no more");
  }
}

/** What uses say of agency, technology and day, and which stand, after some entries. As ledger/usage_index/fold.py. */
class UsesFold {
  constructor() {
    this.uses = new Map();
    this.withdrawnImports = new Set();
  }

  add(entry) {
    const fact = factOf(entry), { stream, topic } = entry;
    if (!stream.startsWith("tool_use/")) {
      if (topic === "import.withdrawn.v1") this.withdrawnImports.add(stream.replace(/^import\//, "imports/"));
      return;
    }
    const known = this.uses.get(stream);
    if (topic === "tool_use.reported.v1") {
      if (known) throw new Malformed("entry", "reports a use that is reported already");
      this.uses.set(stream, {
        agency: fact.get("agency"), technology: fact.get("technology"), day: dayOfUse(fact.get("occurred")), import: fact.get("import"), stands: true,
      });
      return;
    }
    if (!known) throw new Malformed("entry", "changes a use whose report is not in the log");
    if (topic === "tool_use.withdrawn.v1" || topic === "tool_use.same_as.v1") known.stands = false;
    if (topic === "tool_use.amended.v1") this.uses.set(stream, amended(known, fact));
  }

  counted() {
    return [...this.uses.values()].filter((use) => use.stands && !this.withdrawnImports.has(use.import));
  }
}

function amended(known, fact) {
  const to = fact.get("to"), unset = fact.get("unset") ?? [], after = { ...known };
  if (to.has("technology") || unset.includes("technology")) after.technology = to.get("technology");
  if (to.has("occurred") || unset.includes("occurred")) after.day = dayOfUse(to.get("occurred"));
  return after;
}
