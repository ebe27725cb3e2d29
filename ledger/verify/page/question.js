// What does a list or summary answer? Its question, read strictly. (ledger/projections/questions.py)
import { Malformed } from "./errors.js";
import { hasJust, isInteger } from "./json.js";
import { fieldsOf, formatted, parseFilter } from "./filters.js";
import { PROTECTED_FIELDS, SUMMARY_KEYS } from "./made.js";

/** The question of a list or summary: a filter in canonical form, a tree size, perhaps a grouping. */
export function questionOfFilter(found) {
  const treeSize = found.get("tree_size"), text = found.get("filter"), by = found.get("by") ?? null;
  if (!isInteger(treeSize) || treeSize < 0 || typeof text !== "string") throw new Malformed("question", "must hold filter and tree_size");
  const names = [...found.keys()];
  if (names.some((name) => !["filter", "tree_size", "by"].includes(name)) || (by !== null && typeof by !== "string")) throw new Malformed("question", "has a member that is not known");
  const tree = parseFilter(text);
  if (by !== null && !SUMMARY_KEYS.includes(by)) throw new Malformed("by", `must be one of ${SUMMARY_KEYS.join(", ")}`);
  if (formatted(tree) !== text) throw new Malformed("question.filter", "is not in canonical form");
  const asked = new Set([...fieldsOf(tree), ...(by === null ? [] : [by])]);
  return { treeSize, protectedFields: PROTECTED_FIELDS.filter((field) => asked.has(field)).sort() };
}

/** A numbered question; whether it can be asked, and by which rules, is not judged here. (ledger/verify/inquiry_steps.py) */
export function questionOfInquiry(found) {
  if (!hasJust(found, ["inquiry", "packs", "parameters", "tree_size"])) throw new Malformed("question", "must hold inquiry, packs, parameters and tree_size");
  const inquiry = found.get("inquiry"), treeSize = found.get("tree_size"), packs = found.get("packs");
  if (!isInteger(inquiry) || !isInteger(treeSize) || treeSize < 0) throw new Malformed("question", "inquiry or tree_size is of another type");
  if (!(found.get("parameters") instanceof Map) || !Array.isArray(packs)) throw new Malformed("question", "parameters or packs is of another type");
  for (const pack of packs) {
    if (!(pack instanceof Map) || !hasJust(pack, ["name", "sha256", "version"])) throw new Malformed("question.packs", "each must hold name, version and sha256");
    if ([...pack.values()].some((value) => typeof value !== "string")) throw new Malformed("question.packs", "must hold texts");
  }
  return { treeSize, protectedFields: [] };
}
