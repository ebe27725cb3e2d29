// Is a bare proof of the usage index true of a root that the reader knows? As `candour-verify --usage-index-proof`.
import { CandourError, Malformed } from "./errors.js";
import { bytesOfHex, compareTexts, hexOf, utf8 } from "./bytes.js";
import { decode, hasJust, plainOf } from "./json.js";
import { CountQuestion, WholeQuestion, questionOf, totalOf } from "./usage_questions.js";
import { commitment, groupsOf, nodesOf } from "./usage_proof.js";
import { DETAIL_BITS, tallyNodes } from "./usage_walk.js";
import { LIMITS } from "./made.js";

/** Ranges of keys that an auditor asks about by themselves: `{"spans": [["<138 hex>", "<138 hex>"], …]}`. */
class SpansQuestion {
  constructor(found) {
    const pairs = found.get("spans"), ends = Array.isArray(pairs) ? pairs.flat(1) : [];
    const fits = Array.isArray(pairs) && pairs.length && pairs.length <= LIMITS.MAX_USAGE_SPANS && pairs.every((pair) => Array.isArray(pair) && pair.length === 2);
    if (!fits || !ends.every((end) => typeof end === "string" && /^[0-9a-f]{138}$/.test(end))) throw new Malformed("spans", "must be pairs of 138 hex digits in lower case");
    if (ends.some((end, at) => at && (compareTexts(ends[at - 1], end) > 0 || (at % 2 === 0 && ends[at - 1] === end)))) throw new Malformed("spans", "must be sorted and disjoint");
    this.found = found;
  }

  spans() {
    return this.found.get("spans").map(([first, last]) => ({ first: bytesOfHex(first), last: bytesOfHex(last) }));
  }

  toObject() {
    return this.found;
  }
}

/**
 * Judge a proof, a text of JSON, against `{question, detail, root, total, treeSize}`; the question is JSON text too.
 *
 * @returns `{verdict, reason, answer}`, in plain objects. Never throws for what it is given.
 */
export async function judgeUsageProof(text, { question, detail = "count", root, total, treeSize }) {
  let asked;
  try {
    const found = decode(utf8(question), "question");
    asked = found instanceof Map && hasJust(found, ["spans"]) ? new SpansQuestion(found) : questionOf(found);
    if (!/^[0-9a-f]{64}$/.test(root)) throw new Malformed("root", "must be 64 hex digits in lower case");
    if (!Object.hasOwn(DETAIL_BITS, detail)) throw new Malformed("detail", "must be count, groups or registers");
    if (detail === "groups" && asked instanceof CountQuestion) throw new Malformed("detail", "groups are asked of a whole first id");
  } catch (error) {
    return { verdict: "unusable", reason: String(error.message), answer: null };
  }
  try {
    const committed = commitment({ treeSize, root, total }); // a total beyond all bounds: no honest index has it
    const bytes = utf8(text), spans = await asked.spans();
    if (bytes.length > LIMITS.MAX_USAGE_PROOF_BYTES) throw new Malformed("proof", `is longer than ${LIMITS.MAX_USAGE_PROOF_BYTES} bytes`);
    const nodes = nodesOf(decode(bytes, "proof"), asked.toObject(), committed, detail);
    const tally = await tallyNodes(nodes, spans, detail, committed);
    return { verdict: "verified", reason: "", answer: plainOf(await answerOf(asked, spans, detail, tally)) };
  } catch (error) {
    if (!(error instanceof CandourError)) throw error;
    return { verdict: "refused", reason: error.message, answer: null };
  }
}

async function answerOf(asked, spans, detail, tally) {
  const found = new Map([["spans", spans.map(({ first, last }) => [hexOf(first), hexOf(last)])], ["sums", tally.sums]]);
  if (asked instanceof CountQuestion) found.set("counts", (await asked.answers(tally.sums)).map((counted) => new Map(Object.entries(counted))));
  if (asked instanceof WholeQuestion) {
    const { count, withdrawn } = totalOf(...tally.sums);
    found.set("total", new Map([["count", count], ["withdrawn", withdrawn]]));
  }
  if (detail === "groups") found.set("groups", asked instanceof WholeQuestion ? partsOf(groupsOf(tally.groups)) : tally.groups);
  if (detail === "registers") found.set("registers", tally.registers.map((register) => new Map(Object.entries(register))));
  return found;
}

const partsOf = (groups) => new Map([...groups].map(([part, { count, withdrawn }]) => [part, new Map([["count", count], ["withdrawn", withdrawn]])]));
