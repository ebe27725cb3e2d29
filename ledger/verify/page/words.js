// How is a report told to people? Which rows, which words; nothing here decides anything. (ledger/verify/report.py)
import { IN_PART, REFUSED, UNUSABLE, VERIFIED } from "./run.js";

const MOST_ROWS = 200;

/** Headline, class and advice of a verdict. */
export const HEADLINES = {
  [VERIFIED]: ["Verified", "verified", "Read below what this leaves unchecked before you rely on it."],
  [IN_PART]: [
    "Verified in part: the answer itself was not made anew here", "part",
    "The entries stand in the ledger, and its answers key signed this answer. Whether the answer follows from the entries is for the command candour-verify to say.",
  ],
  [REFUSED]: [
    "Refused", "refused",
    "From here, a file that was damaged, one that was forged, and a trust file of another ledger look alike. Ask for the bundle again, and make sure of the trust file.",
  ],
  [UNUSABLE]: ["Not judged. This is not a yes", "unusable", "Nothing was decided, for or against the answer."],
};

/** Marks in words and signs, not by colour alone. */
export const OUTCOMES = {
  ok: ["✓ holds", "ok"], failed: ["✗ failed", "failed"], "not judged": ["? not judged", "unjudged"], "not checked here": ["– not checked here", "here"],
};

/** A text that stays one line: nothing in a name can turn the line round or hide in it. */
export function plain(text) {
  return String(text).replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

/** What was asked, what was answered, and tables: `{pairs, answer, tables}`; null where nothing is shown. */
export function told({ question, answer }) {
  if (question === null || answer === null) return null;
  if (Object.hasOwn(question, "inquiry")) return toldOfInquiry(question, answer);
  return Object.hasOwn(question, "usage") ? toldOfUsage(question, answer) : toldOfUses(question, answer);
}

/** A numbered question: its value in words, each list of it as a table of what its rows hold. */
function toldOfInquiry(question, answer) {
  const pairs = [["Question", answer.text ?? question.inquiry], ["As of tree size", question.tree_size]];
  for (const [name, value] of Object.entries(question.parameters)) pairs.push([name.replaceAll("_", " "), value]);
  for (const caveat of answer.caveats ?? []) pairs.push(["To keep in mind", caveat]);
  const counted = Object.hasOwn(answer, "count") ? answer : answer.value;
  const words = typeof answer.value === "string" ? [answer.value.replaceAll("_", " ")] : [];
  if (Number.isInteger(counted?.count)) words.push(`${counted.count} for certain, ${counted.possible} more possibly`);
  const tables = Object.entries(answer).flatMap(([name, value]) => listTable(name, value));
  for (const section of answer.sections ?? []) tables.push(...listTable(section.title, section.figures));
  return { pairs, answer: words.join(": ") || "as follows", tables };
}

function listTable(name, rows) {
  if (!Array.isArray(rows) || name === "sections" || typeof rows[0] !== "object") return [];
  const heads = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((head) => head !== "basis");
  const cells = rows.map((row) => heads.map((head) => textOf(row[head])));
  return [cut({ title: name.replaceAll("_", " "), heads, numbers: [], rows: cells })];
}

function textOf(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : value;
}

function toldOfUses(question, answer) {
  const names = answer.names ?? {}, by = question.by;
  const pairs = [["Question", question.filter || "every use"], ["As of tree size", question.tree_size]];
  if (by !== undefined) pairs.push(["Counted by", by]);
  const table = answer.groups === undefined ? usesTable(answer.uses ?? [], names) : groupsTable(answer.groups, names, by);
  return { pairs, answer: `${count(answer.count, "use")} for certain, ${answer.possible} more possibly`, tables: [table] };
}

function usesTable(uses, names) {
  const rows = uses.map((use) => [
    use.leaf_index, whenOf(use), use.performer ?? "(unknown)", nameOf(use.technology, names) ?? "(unknown)",
    use.authorizations?.map((name) => nameOf(name, names)).join(", ") || "none cited", use.definite ? "certain" : "possible",
  ]);
  return cut({ title: "Uses", heads: ["Entry", "When (UTC)", "Performer", "Technology", "Authority", "Match"], numbers: [0], rows });
}

function whenOf({ earliest, latest }) {
  if (earliest === undefined && latest === undefined) return "(unknown)";
  return earliest === latest ? earliest : `${earliest ?? "?"} to ${latest ?? "?"}`;
}

function groupsTable(groups, names, by) {
  const rows = groups.map((group) => [nameOf(group.key, names) || "(not known, or none cited)", group.count, group.possible]);
  return cut({ title: `By ${by}`, heads: [by, "Certain", "Possible"], numbers: [1, 2], rows });
}

function toldOfUsage(question, answer) {
  const names = answer.names ?? {}, full = (name) => (Object.hasOwn(names, name) ? `${names[name]} (${name})` : `${name} (not registered)`);
  const pairs = [
    ["Question", question.usage === "absence" ? "Was it used at all?" : "How often was it used?"], ["Agency", full(question.agency)],
    ["Technology", full(question.technology)], ["Days (UTC, both included)", `${question.from} to ${question.to}`], ["As of tree size", question.tree_size],
  ];
  if (answer.aliases.length) pairs.push(["Counted under these names too", answer.aliases.map(full).join(", ")]);
  const tables = [{
    title: "The numbers", heads: ["", "Uses"], numbers: [1], rows: [
      ["on these days", answer.count], ["more at no known day", answer.undated], ["more that name no technology", answer.unattributed],
      ["counted once and withdrawn", answer.withdrawn], ["withdrawn, and possibly of these", answer.withdrawn_possibly],
    ],
  }];
  if (answer.by_name?.length > 1) {
    const rows = answer.by_name.map((row) => [full(row.technology), row.count, row.undated, row.withdrawn]);
    tables.push({ title: "By name", heads: ["Name", "Uses", "No known day", "Withdrawn"], numbers: [1, 2, 3], rows });
  }
  if (answer.technologies) {
    const rows = answer.technologies.map((row) => [technologyOf(row, names), row.count, row.withdrawn]);
    tables.push(cut({ title: "All that the agency ever used, over all days", heads: ["Technology", "Uses", "Withdrawn"], numbers: [1, 2], rows }));
  }
  if (answer.sources) {
    const rows = answer.sources.map((row) => [
      nameOf(row.source, names), row.registered ? "yes" : "no", row.heard_in_period === undefined ? "silent" : "heard", row.latest_report?.recorded_at ?? "never",
    ]);
    tables.push(cut({ title: "Sources that report for the agency", heads: ["Source", "Registered", "In the period", "Latest report"], numbers: [], rows }));
  }
  return { pairs, answer: `${count(answer.count, "use")} on these days${atMost(answer)}`, tables };
}

function atMost({ count, undated, unattributed }) {
  const more = undated + unattributed;
  return more ? `; ${count + more} at most, with those that name no day or no technology` : ", and no other that could be one of them";
}

function technologyOf(row, names) {
  if (row.technology === undefined) return `(nobody can name ${row.part})`;
  return row.technology === null ? "(reports name none)" : nameOf(row.technology, names);
}

const nameOf = (name, names) => (name !== undefined && Object.hasOwn(names, name) ? `${names[name]} (${name})` : name);
const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

function cut(table) {
  const more = table.rows.length - MOST_ROWS;
  return more > 0 ? { ...table, rows: table.rows.slice(0, MOST_ROWS), more: `… and ${more} more; the saved report has all` } : table;
}
