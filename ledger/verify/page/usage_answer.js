// How often did an agency use a technology? The question, and the answer that follows. (ledger/verify/usage_answer.py)
//
//   proven counts, entries beside them ──► the answer, member by member as the server wrote it
import { Malformed } from "./errors.js";
import { hexOf, sortedTexts } from "./bytes.js";
import { hasJust, isInteger, mapOf } from "./json.js";
import { factOf } from "./facts.js";
import { boundsOf, dayOfUse, usOfText } from "./times.js";
import { partOf } from "./usage_keys.js";
import { CountQuestion, WholeQuestion, daysOf } from "./usage_questions.js";
import { LIMITS } from "./made.js";

const FOLDED_APART = ["tool_use", "usage_index", "discrepancy"]; // streams that registers pass by
const REPORTED = "tool_use.reported.v1";
const NAMES = {
  "agency.registered.v1": ["agency", "name"], "technology.registered.v1": ["technology", "name"], "source.registered.v1": ["source", "name"],
};

export function usageQuestionOf(found) {
  const members = ["agency", "from", "technology", "to", "tree_size", "usage"];
  if (!hasJust(found, members)) throw new Malformed("question", `must hold ${members.join(", ")}`);
  const kind = found.get("usage"), treeSize = found.get("tree_size");
  if (kind !== "absence" && kind !== "count") throw new Malformed("question.usage", "must be one of absence, count");
  if (!isInteger(treeSize) || treeSize < 0) throw new Malformed("question.tree_size", "must be 0 or more");
  for (const member of ["agency", "technology"]) {
    if (typeof found.get(member) !== "string") throw new Malformed(`question.${member}`, "must be a text");
  }
  return { kind, agency: found.get("agency"), technology: found.get("technology"), days: daysOf(found), treeSize };
}

/** The question as the index is asked it, under one name of the technology. */
export const countedQuestion = ({ agency, days }, technology) => new CountQuestion("agency+technology", agency, technology, [days]);
export const listedQuestion = ({ agency }) => new WholeQuestion("agency+technology", agency);

/** Names and aliases as some entries tell them; add entries in leaf order. As ledger/projections/answers.py. */
export class NamesFold {
  constructor() {
    this.names = new Map();
    this.groups = new Map(); // a technology to all names of the same one, the list shared by them
    this.uses = new Set();
  }

  add(entry) {
    const fact = factOf(entry), kind = entry.stream.split("/", 1)[0], kept = !FOLDED_APART.includes(kind);
    if (kept || entry.topic === REPORTED) usOfText(entry.recordedAt);
    if (kept && entry.topic === "technology.aliased.v1") this.join(fact.get("technology"), fact.get("alias"));
    if (entry.topic === REPORTED) {
      if (this.uses.has(entry.stream)) throw new Malformed("entries", "report the same use twice");
      if (fact.has("occurred")) boundsOf(fact.get("occurred"));
      if (fact.get("window_requested")?.has("earliest")) usOfText(fact.get("window_requested").get("earliest"));
      this.uses.add(entry.stream);
    } else if (kind === "tool_use") {
      if (!this.uses.has(entry.stream)) throw new Malformed("entries", "change a use whose report is not here");
    } else this.register(entry.topic, fact);
  }

  register(topic, fact) {
    if (Object.hasOwn(NAMES, topic)) this.names.set(fact.get(NAMES[topic][0]), fact.get(NAMES[topic][1]));
    else if (topic === "authorization.granted.v1") this.names.set(fact.get("authorization"), fact.get("identifier") || fact.get("kind"));
  }

  join(technology, alias) {
    const one = this.group(technology), other = this.group(alias);
    if (one === other) return;
    one.push(...other);
    one.forEach((name) => this.groups.set(name, one));
  }

  group(name) {
    if (!this.groups.has(name)) this.groups.set(name, [name]);
    return this.groups.get(name);
  }

  /** The name asked about, then the others that are on record for the same, sorted. */
  namesOf(technology) {
    const found = [technology, ...sortedTexts(this.group(technology).filter((name) => name !== technology))];
    if (found.length > LIMITS.MAX_COUNTED_NAMES) throw new Malformed("technology", `has more than ${LIMITS.MAX_COUNTED_NAMES} names on record`);
    return found;
  }
}

/** One answer of several names of one technology. What names no technology is the same for each, and taken once. */
export function summed(counts) {
  const found = { ...counts[0] };
  for (const member of ["count", "undated", "withdrawn", "withdrawn_undated"]) {
    found[member] = counts.reduce((sum, one) => sum + one[member], 0);
  }
  return found;
}

/** The answer, from what was proven (a Map by name) and what the entries say. `groups` is null of a count. */
export async function usageAnswer(question, counts, groups, told, technologies) {
  const fold = new NamesFold(), names = [...counts.keys()], total = summed([...counts.values()]);
  told.forEach(([, entry]) => fold.add(entry));
  const found = mapOf({
    count: total.count, undated: total.undated, unattributed: total.unattributed, withdrawn: total.withdrawn,
    withdrawn_possibly: total.withdrawn_undated + total.withdrawn_unattributed,
    aliases: names.filter((name) => name !== question.technology),
    by_name: names.map((name) => nameRow(name, counts.get(name))),
    sources: sourceRows(question, told),
  });
  const shown = new Set([question.agency, ...names, ...found.get("sources").map((row) => row.get("source"))]);
  if (groups !== null) {
    found.set("technologies", await technologyRows(groups, technologies));
    found.get("technologies").forEach((row) => shown.add(row.get("technology")));
  }
  found.set("names", new Map([...shown].filter((name) => fold.names.has(name)).map((name) => [name, fold.names.get(name)])));
  return found;
}

const nameRow = (technology, { count, undated, withdrawn, withdrawn_undated }) =>
  mapOf({ technology, count, undated, withdrawn, withdrawn_undated });

/** Every group: `technology` is null where reports name none, and absent where nobody knows. */
async function technologyRows(groups, names) {
  const byPart = new Map();
  for (const name of [...names, null]) byPart.set(hexOf(await partOf(name)), name);
  return [...groups].map(([part, { count, withdrawn }]) =>
    (byPart.has(part) ? mapOf({ technology: byPart.get(part), count, withdrawn }) : mapOf({ part, count, withdrawn })));
}

/** Who may report for the agency, and whether they did about these days. */
function sourceRows(question, told) {
  const found = new Map();
  const rowOf = (source) => {
    if (!found.has(source)) found.set(source, mapOf({ source, registered: false }));
    return found.get(source);
  };
  for (const [leafIndex, entry] of told) {
    const fact = factOf(entry), ours = fact.get("agency") === question.agency;
    if (ours && entry.topic === "source.registered.v1") rowOf(fact.get("source")).set("registered", true);
    else if (ours && entry.topic === REPORTED && entry.source !== undefined) {
      const row = rowOf(entry.source), day = dayOfUse(fact.get("occurred"));
      row.set("latest_report", mapOf({ leaf_index: leafIndex, recorded_at: entry.recordedAt }));
      if (day !== null && question.days.first <= day && day <= question.days.last && !row.has("heard_in_period")) row.set("heard_in_period", leafIndex);
    }
  }
  return sortedTexts(found.keys()).map((source) => found.get(source));
}
