// Is this the true answer of that index? (docs/usage-index.md, section 5)
//
//   own question ──► spans ──► rule ─┐
//   proof ──► nodes ─────────────────┴─ walk ─► sums ──► answer      total, root ══ commitment
import { Malformed, Unverifiable, VerificationFailed } from "./errors.js";
import { sortedTexts } from "./bytes.js";
import { isInteger, mapOf, sameJson } from "./json.js";
import { totalOf } from "./usage_questions.js";
import { tallyNodes } from "./usage_walk.js";
import { LIMITS } from "./made.js";

export const PROOF_FORMAT = "candour-usage-index-proof/1";

/** What an entry of the log commits to: `{treeSize, root (hex), total}`. */
export function commitmentOf(fact) {
  if (fact.get("index") !== "usage-index/1") throw new Unverifiable(`an index '${fact.get("index")}' is not known to this release`);
  const read = commitment({ treeSize: fact.get("tree_size"), root: fact.get("root"), total: fact.get("total") });
  for (const side of ["performers", "performers_withdrawn"]) {
    const shown = fact.get(side); // a closed subtree, for auditors; it follows from the root
    if (shown === undefined) continue;
    if (!/^[0-9a-f]{64}$/.test(shown.get("hash"))) throw new Malformed("performers.hash", "must be 64 hex digits in lower case");
    if (shown.get("total") < 1 || shown.get("total") > LIMITS.MAX_COUNT) throw new Malformed("performers.total", `must lie in 1..${LIMITS.MAX_COUNT}`);
  }
  return read;
}

export function commitment({ treeSize, root, total }) {
  if (typeof root !== "string" || !/^[0-9a-f]{64}$/.test(root)) throw new Malformed("root", "must be 64 hex digits in lower case");
  for (const [field, number, most] of [["tree_size", treeSize, LIMITS.MAX_TREE_SIZE], ["total", total, LIMITS.MAX_COUNT]]) {
    if (!isInteger(number) || number < 0 || number > most) throw new Malformed(field, `must lie in 0..${most}`);
  }
  return { treeSize, root, total };
}

/** The nodes of a proof that claims to answer this question, or claims nothing. */
export function nodesOf(proof, asked, committed, detail) {
  if (!(proof instanceof Map) || !proof.has("nodes")) throw new Malformed("proof", "must be an object with nodes");
  const expected = mapOf({
    format: PROOF_FORMAT, index: mapOf({ tree_size: committed.treeSize, root: committed.root, total: committed.total }),
    detail, question: asked, nodes: null,
  });
  for (const member of proof.keys()) {
    if (!expected.has(member)) throw new Malformed("proof", "has a member that is not known");
  }
  if (proof.has("format") && proof.get("format") !== PROOF_FORMAT) throw new Malformed("format", `must be ${PROOF_FORMAT}`);
  for (const member of ["question", "detail", "index"]) {
    if (proof.has(member) && !sameJson(proof.get(member), expected.get(member))) throw new VerificationFailed(`its '${member}' is not the one asked about`);
  }
  return proof.get("nodes");
}

async function tallyOf(proof, question, committed, detail) {
  return tallyNodes(nodesOf(proof, question.toObject(), committed, detail), await question.spans(), detail, committed);
}

/** The proven answer for each range of the question. */
export async function verifyCount(proof, question, committed) {
  return question.answers((await tallyOf(proof, question, committed, "count")).sums);
}

/** The complete list: hex of each second part with its total. */
export async function verifyGroups(proof, question, committed) {
  return groupsOf((await tallyOf(proof, question, committed, "groups")).groups);
}

export function groupsOf([placed, withdrawn]) {
  const parts = sortedTexts(new Set([...placed.keys(), ...withdrawn.keys()]));
  return new Map(parts.map((part) => [part, totalOf(placed.get(part) ?? 0, withdrawn.get(part) ?? 0)]));
}
