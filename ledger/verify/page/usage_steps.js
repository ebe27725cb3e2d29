// Does a proven count follow from a root that the log commits to? The steps after inclusion. (ledger/verify/usage_steps.py)
//
//   9 commitment   10 names   11 count   12 technologies   13 answer   14 coverage
import { Malformed, Unverifiable, VerificationFailed } from "./errors.js";
import { hexOf, sortedTexts } from "./bytes.js";
import { factOf } from "./facts.js";
import { hasJust, sameJson } from "./json.js";
import { NamesFold, countedQuestion, listedQuestion, summed, usageAnswer } from "./usage_answer.js";
import { partOf } from "./usage_keys.js";
import { commitmentOf, verifyCount, verifyGroups } from "./usage_proof.js";

const COMMITTED = "usage_index.committed.v1";
const NOT_IN_THE_ENTRIES = [
  "whether the committed root is the one that the entries give: an audit of the whole log is what shows it, and one honest auditor is enough",
  "times in another zone than UTC: the days asked about are UTC days",
];

/** How old may a count be? The reader has to say: an old zero is easily true. */
export function checkFreshness(question, least) {
  if (least === null) {
    throw new Unverifiable("how fresh a count must be was not said: demand a least tree size"
      + ` (--min-tree-size; this index speaks of ${question.treeSize} entries)`);
  }
  if (question.treeSize < least) throw new VerificationFailed(`the index speaks of ${question.treeSize} entries, below ${least}`);
}

/** Refused where the answer told is not the one made, member by member. */
export function checkSameAnswer(made, told, what) {
  for (const member of sortedTexts(new Set([...made.keys(), ...told.keys()]))) {
    if (made.has(member) !== told.has(member) || !sameJson(made.get(member), told.get(member))) {
      throw new VerificationFailed(`${what} another '${member}' than the bundle says`);
    }
  }
}

export class UsageSteps {
  constructor(bundle, question, entries, report) {
    Object.assign(this, { bundle, question, report, told: [], technologies: [], counted: new Map(), same: [], groups: null });
    this.placed = bundle.entries.map((item, at) => [item.leafIndex, entries[at]]);
    report.notChecked.push(...NOT_IN_THE_ENTRIES);
  }

  *steps() {
    yield ["commitment", () => this.checkCommitment()];
    yield ["names", () => this.names()];
    yield ["count", () => this.count()];
    yield ["technologies", () => this.listTechnologies()];
    yield ["answer", () => this.answer()];
    yield ["coverage", () => this.coverage()];
  }

  checkCommitment() {
    const size = this.question.treeSize, found = [];
    for (const [leafIndex, entry] of this.placed) {
      if (entry.topic === COMMITTED) found.push([leafIndex, factOf(entry)]);
      else if (leafIndex >= size) throw new Malformed(`entry ${leafIndex}`, "is beyond the question's tree");
      else this.told.push([leafIndex, entry]);
    }
    if (found.length !== 1) throw new Malformed("bundle.entries", "must hold one commitment of the usage index");
    const [[leafIndex, fact]] = found;
    this.commitment = commitmentOf(fact);
    if (this.commitment.treeSize !== size) throw new Malformed("question.tree_size", "is not what the commitment speaks of");
    if (size > leafIndex) throw new Malformed(`entry ${leafIndex}`, "commits to entries that come after it");
    return `entry ${leafIndex} commits to the index over ${size} entries`;
  }

  names() {
    const fold = new NamesFold();
    this.told.forEach(([, entry]) => fold.add(entry));
    const said = [this.question.agency, this.question.technology].map((name) => {
      const shown = fold.names.get(name);
      if (shown) return `${name} is '${shown}'`;
      if (shown === undefined) {
        this.report.notChecked.push(`whether ${name} is spelled as reports spell it: nobody registered it, and a misspelt name proves a true but useless zero`);
      }
      return `${name} is not registered`;
    });
    this.same = fold.namesOf(this.question.technology);
    if (this.same.length > 1) said.push(`also called ${this.same.slice(1).join(", ")}`);
    this.report.notChecked.push("whether the technology goes by more names: an entry that gives it one may have been left out of the bundle, or was never made"
      + (this.question.kind === "absence" ? "; the list of technologies leaves nothing out" : " (`prove absence` lists all that the agency used, under whatever name)"));
    return said.join("; ");
  }

  async count() {
    const others = this.bundle.proofs.get("aliases") ?? new Map();
    if (!(others instanceof Map) || !hasJust(others, this.same.slice(1))) throw new Malformed("bundle.proofs.aliases", "must hold a proof for each other name");
    for (const name of this.same) {
      const proof = name === this.question.technology ? this.bundle.proofs.get("count") : others.get(name);
      const [counted] = await verifyCount(proof, countedQuestion(this.question, name), this.commitment);
      this.counted.set(name, counted);
    }
    const { count, undated, unattributed } = summed([...this.counted.values()]);
    const under = this.same.length > 1 ? ` under ${this.same.length} names` : "";
    return `${count} proven${under}, ${undated} undated, ${unattributed} unattributed`;
  }

  async listTechnologies() {
    const absence = this.question.kind === "absence", expected = ["count"];
    if (absence) expected.push("technologies");
    if (this.same.length > 1) expected.push("aliases");
    if (!hasJust(this.bundle.proofs, expected)) throw new Malformed("bundle.proofs", `must hold ${expected.join(", ")}`);
    if (!absence) return "not asked for";
    this.groups = await verifyGroups(this.bundle.proofs.get("technologies"), listedQuestion(this.question), this.commitment);
    const rows = this.bundle.answer.get("technologies");
    if (!Array.isArray(rows)) throw new Malformed("answer.technologies", "must be a list");
    this.technologies = rows.map((row) => (row instanceof Map ? row.get("technology") : null)).filter((name) => typeof name === "string");
    const named = new Set();
    for (const name of [...this.technologies, null]) named.add(hexOf(await partOf(name)));
    const unnamed = [...this.groups.keys()].filter((part) => !named.has(part)).length;
    if (unnamed) this.report.notChecked.push(`what ${unnamed} technologies are that the agency used: the bundle shows their hashes, and names none that fits`);
    return `all ${this.groups.size} that the agency ever used, the unnamed included`;
  }

  async answer() {
    const names = [...this.same, ...this.technologies];
    const made = await usageAnswer(this.question, this.counted, this.groups, this.told, names);
    checkSameAnswer(made, this.bundle.answer, "what was proven gives");
    const most = made.get("count") + made.get("undated") + made.get("unattributed");
    return `between ${made.get("count")} and ${most} recorded uses`;
  }

  coverage() {
    const { notChecked } = this.report, sources = this.bundle.answer.get("sources");
    const silent = sources.filter((row) => !row.has("heard_in_period")).map((row) => row.get("source"));
    notChecked.push("whether other sources should have reported, and whether those here reported all");
    if (silent.length || !sources.length) notChecked.push(`sources not shown to be heard in the period: ${silent.join(", ") || "there is none"}`);
    return `${sources.length - silent.length} of ${sources.length} sources shown reported the period`;
  }
}
