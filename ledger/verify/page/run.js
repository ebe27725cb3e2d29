// Which steps are there, and what does each demand? As ledger/verify/verifier.py; usage_steps.js goes on for proven counts.
import { Malformed, Unverifiable, VerificationFailed } from "./errors.js";
import { utf8 } from "./bytes.js";
import { leafHash, whyNot } from "./hashing.js";
import { encode, plainOf } from "./json.js";
import { verifyInclusion } from "./merkle.js";
import { answersName, keyNamed, parseTrust } from "./trust.js";
import { checkWitnesses, openCheckpoint } from "./checkpoints.js";
import { FORMAT, INQUIRY_FORMAT, USAGE_FORMAT, bundleOf, checkSigned, looksLikeBundle, readObject } from "./bundle.js";
import { checkDisclosure, decodeEntry } from "./entries.js";
import { NOT_COMPARED, checkConsistency } from "./older.js";
import { questionOfFilter, questionOfInquiry } from "./question.js";
import { UsageSteps, checkFreshness } from "./usage_steps.js";
import { usageQuestionOf } from "./usage_answer.js";
import { MAY_LEAVE_OUT, PROVEN_COUNT, compareAnswered } from "./counted.js";
import { LIMITS } from "./made.js";

export const VERIFIED = "verified";
export const IN_PART = "verified in part";
export const REFUSED = "refused";
export const UNUSABLE = "unusable";
const AT_ONCE = 64; // inclusion proofs folded side by side: WebCrypto answers one hash at a time

const ALWAYS_UNCHECKED = [
  "whether every use was reported at all: a proof is about the ledger, not the world",
  "whether the trust file is the right one: get it by another way than the bundle",
];
const UNCHECKED_HERE = "whether this page is the genuine one: get it from someone you trust, and compare its SHA-256 with theirs";
const NAMES_THAT_DECIDE = "whether somebody who is not named had granted the authority they acted under: names are shown where the two are one";
const REGISTERS_LEFT_OUT = "whether the registers in it are all that were told: an approval, an authority or a rule pack that is left out changes what rules find";
const RULES = "whether its question can be asked, and the rule packs hold and are genuine (step 9, rules): candour-verify re-runs them";
const FOLD = "whether the answer follows from the entries (step 9, the fold and its rules): candour-verify makes it anew";

/** The report as it is shown, in plain objects; question and answer only where nothing was refused. */
export function endOf({ steps, notChecked, origin, treeSize, question, answer }, verdict, reason) {
  const shown = (verdict === VERIFIED || verdict === IN_PART) && question !== null;
  return {
    verdict, reason, origin, tree_size: treeSize,
    question: shown ? plainOf(question) : null, answer: shown ? plainOf(answer) : null,
    steps, not_checked: [...notChecked, UNCHECKED_HERE],
  };
}

/** What a step says that a browser does not make. */
export class NotHere {
  constructor(reason) {
    this.reason = reason;
  }
}

/** The state that steps hand on. `judge(bytes, least)` judges a bundle inside this one: its run and its report. */
export class Run {
  constructor(bytes, { minTreeSize = null, older = null, progress = () => {} }, judge) {
    Object.assign(this, { bytes, minTreeSize, older, progress, judge, origin: "", entries: [], keptBack: 0 });
    this.report = { steps: [], notChecked: [...ALWAYS_UNCHECKED], origin: null, treeSize: null, question: null, answer: null };
  }

  /** What has to be there before a step can be made; raises CandourError where nothing can be said. */
  async begin(trust) {
    const reason = await whyNot();
    if (reason !== null) throw new Unverifiable(reason);
    const least = this.minTreeSize;
    if (least !== null && !Number.isSafeInteger(least)) throw new Malformed("least tree size", "must be an integer");
    this.policy = await parseTrust(typeof trust === "string" ? utf8(trust) : trust);
    if (this.bytes.length > LIMITS.MAX_BUNDLE_BYTES) throw new Malformed("the bundle", `is larger than ${LIMITS.MAX_BUNDLE_BYTES} bytes`);
    if (!looksLikeBundle(this.bytes)) throw new Malformed("the file", "is not an evidence bundle");
  }

  end(verdict, reason) {
    return endOf(this.report, verdict, reason);
  }

  /** One after another: what follows the format depends on it. */
  *steps() {
    yield ["read", () => this.read()];
    yield ["trust", () => this.trust()];
    yield ["signature", () => this.signature()];
    yield ["format", () => this.format()];
    yield ["checkpoint", () => this.checkCheckpoint()];
    yield ["witnesses", () => this.witnesses()];
    yield ["inclusion", () => this.inclusion()];
    yield ["disclosures", () => this.disclosures()];
    if (this.counted) yield* new UsageSteps(this.bundle, this.question, this.entries, this.report).steps();
    else {
      if (this.numbered) yield ["rules", () => this.rules()];
      yield ["answer", () => this.answer()];
      yield ["completeness", () => this.completeness()];
      if (this.bundle.provenCount !== null) yield [PROVEN_COUNT, () => this.holdToCount()];
    }
    yield ["consistency", () => this.consistency()];
    yield ["timestamps", () => this.timestamps()];
  }

  read() {
    this.found = readObject(this.bytes);
    const origin = this.found.get("origin");
    if (typeof origin !== "string") throw new Malformed("bundle.origin", "must be a text");
    this.origin = this.report.origin = origin;
    return `${this.bytes.length} bytes`;
  }

  trust() {
    this.logKey = keyNamed(this.policy, this.origin);
    this.answersKey = keyNamed(this.policy, answersName(this.origin));
    return `the trust file holds the keys of ${this.origin}`;
  }

  async signature() {
    await checkSigned(this.found, this.answersKey);
    return "the answers key signed this bundle, to the byte";
  }

  format() {
    const known = this.found.get("format");
    if (![FORMAT, USAGE_FORMAT, INQUIRY_FORMAT].includes(known)) throw new Unverifiable(`bundle format ${typeof known === "string" ? `'${known}'` : "of this kind"} is not known here`);
    this.bundle = bundleOf(this.found);
    this.counted = known === USAGE_FORMAT;
    this.numbered = known === INQUIRY_FORMAT;
    this.question = (this.counted ? usageQuestionOf : this.numbered ? questionOfInquiry : questionOfFilter)(this.bundle.question);
    Object.assign(this.report, { question: this.bundle.question, answer: this.bundle.answer, treeSize: this.question.treeSize });
    if (this.counted) checkFreshness(this.question, this.minTreeSize);
    else if (this.minTreeSize !== null) this.checkSize(this.question.treeSize, this.minTreeSize);
    return `${known}, ${this.bundle.entries.length} entries`;
  }

  checkSize(treeSize, least) {
    if (treeSize < least) throw new VerificationFailed(`tree size ${treeSize} is below ${least}`);
  }

  async checkCheckpoint() {
    this.opened = await openCheckpoint(this.bundle.checkpoint, this.logKey);
    this.checkpoint = this.opened.checkpoint;
    this.checkSize(this.checkpoint.treeSize, this.question.treeSize);
    this.report.notChecked.push(`whether the ledger has grown beyond ${this.checkpoint.treeSize} entries since`);
    return `the log key signed the root of ${this.checkpoint.treeSize} entries`;
  }

  async witnesses() {
    const [found, unchecked] = await checkWitnesses(this.opened, this.policy);
    this.report.notChecked.push(unchecked);
    return found;
  }

  async inclusion() {
    const items = this.bundle.entries, versions = new Map();
    const most = this.counted ? this.checkpoint.treeSize : this.question.treeSize; // its root is committed later
    let last = -1;
    for (let start = 0; start < items.length; start += AT_ONCE) {
      const some = items.slice(start, start + AT_ONCE);
      const proven = await Promise.all(some.map((item) => this.proofError(item)));
      for (const [at, item] of some.entries()) {
        if (item.leafIndex <= last) throw new Malformed("bundle.entries", "must stand in rising leaf order");
        last = item.leafIndex;
        if (last >= most) throw new Malformed("bundle.entries", `entry ${last} is beyond the question's tree`);
        if (proven[at] !== null) throw proven[at];
        this.take(item, decodeEntry(item.entry), versions);
      }
      this.progress(`step 7, inclusion: ${this.entries.length} of ${items.length} entries`);
      await breath();
    }
    return `${this.entries.length} entries stand under that root`;
  }

  /** The error of one inclusion proof, or null: proofs are folded side by side, and told of in their order. */
  async proofError({ entry, leafIndex, proof }) {
    try {
      const { treeSize, root } = this.checkpoint;
      await verifyInclusion(await leafHash(utf8(entry)), { leafIndex, treeSize, proof, root });
      return null;
    } catch (error) {
      return error;
    }
  }

  take(item, entry, versions) {
    if (entry.origin !== this.origin) throw new Malformed(`entry ${item.leafIndex}`, "names another ledger as its origin");
    versions.set(entry.stream, (versions.get(entry.stream) ?? 0) + 1);
    if (entry.stream.startsWith("tool_use/") && entry.version !== versions.get(entry.stream)) {
      throw new VerificationFailed(`entry ${item.leafIndex} is version ${entry.version} of a use, and an earlier one is missing`);
    }
    this.entries.push(entry);
  }

  async disclosures() {
    const needed = this.counted ? [] : this.question.protectedFields;
    let count = 0;
    for (const [at, item] of this.bundle.entries.entries()) {
      const entry = this.entries[at], fields = new Set();
      for (const shown of item.disclosures) {
        const committed = entry.committed.get(shown.field);
        if (committed === undefined || shown.stream !== entry.stream || fields.has(shown.field)) throw new Malformed(`entry ${item.leafIndex}`, "shows what it has not committed to");
        await checkDisclosure(shown, committed);
        fields.add(shown.field);
      }
      count += fields.size;
      if (needed.some((field) => entry.committed.has(field) && !fields.has(field))) this.keptBack += 1;
    }
    if (this.keptBack) {
      this.report.notChecked.push(`${this.keptBack} entries keep back ${needed.join(" or ")}: erased or withheld, they were judged as if there was none`);
    }
    return `${count} protected values are the ones committed to`;
  }

  rules() {
    this.report.notChecked.push(RULES);
    return new NotHere("a browser does not re-run rules: which packs hold is what the answers key signed");
  }

  answer() {
    this.report.notChecked.push(this.numbered ? FOLD.replace("step 9", "step 10") : FOLD);
    return new NotHere("a browser does not make the answer anew from the entries; what is shown is what the answers key signed");
  }

  completeness() {
    const leaves = this.bundle.entries.map((item) => item.leafIndex), { treeSize } = this.question;
    let leftOut;
    if (this.numbered) this.report.notChecked.push(NAMES_THAT_DECIDE);
    if (leaves.length !== treeSize || leaves.some((leaf, at) => leaf !== at)) leftOut = "entries that also match, or take back what is here, may have been left out";
    else if (this.keptBack) leftOut = `what ${this.keptBack} entries keep back may also match`;
    else return `all ${leaves.length} entries of the tree are here: nothing was left out`;
    this.report.notChecked.push(`completeness not proven: ${leftOut}`);
    if (this.numbered) this.report.notChecked.push(REGISTERS_LEFT_OUT);
    return "completeness not proven";
  }

  /** The answer to question 1 holds as many uses as a proven count says, which is inside. */
  async holdToCount() {
    const inside = this.bundle.provenCount;
    if (inside.get("format") !== USAGE_FORMAT) throw new Malformed("bundle.proven_count", `must be of format ${USAGE_FORMAT}`);
    const { run, report } = await this.judge(utf8(`${encode(inside)}\n`), this.question.treeSize);
    if (report.verdict === UNUSABLE) throw new Unverifiable(`of the proven count: ${report.reason}`);
    if (report.verdict !== VERIFIED) throw new VerificationFailed(`of the proven count: ${report.reason}`);
    const found = compareAnswered(this, run), { notChecked } = this.report;
    const more = run.report.notChecked.filter((line) => line !== NOT_COMPARED && !notChecked.includes(line));
    this.report.notChecked = [...notChecked.filter((line) => !line.startsWith("completeness not proven")), MAY_LEAVE_OUT, ...more];
    return found;
  }

  async consistency() {
    const [found, unchecked] = await checkConsistency(this.bundle.consistency, this.checkpoint, this.logKey, this.older);
    if (unchecked !== null) this.report.notChecked.push(unchecked);
    return found;
  }

  timestamps() {
    const count = this.bundle.timestamps.length;
    if (!count) return "none";
    this.report.notChecked.push("the time stamps: candour-verify checks them (--tsa-ca FILE, the root certificates of authorities you believe)");
    return new NotHere(`${count}, and a browser does not check them`);
  }
}

/** Let the page breathe, so that it can be scrolled and left. */
const breath = () => new Promise((resume) => setTimeout(resume, 0));
