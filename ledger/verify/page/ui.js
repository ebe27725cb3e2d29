// What does the reader see? Files in, a report out; texts only, never markup from a file.
import { hexOf, utf8 } from "./bytes.js";
import { sha256, whyNot } from "./hashing.js";
import { judgeUsageProof } from "./bare_proof.js";
import { looksLikeProof } from "./entry_file.js";
import { verifyBundle, verifyCountedList, verifyEntry } from "./steps.js";
import { HEADLINES, OUTCOMES, plain, told } from "./words.js";
import { LIMITS } from "./made.js";

const at = (id) => document.getElementById(id);
let dropped = null; // a file that was dropped rather than chosen
let saved = null; // the report on show

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** What a file or a pasted text holds; null where neither is given. A file counts before a text. */
async function given(fileId, textId, most) {
  const [file] = at(fileId).files;
  if (file) return read(file, most);
  const text = at(textId).value;
  if (text.trim() === "") return null;
  // What is pasted may lack its last line break; a file that lacks it was cut.
  return { name: "(pasted text)", bytes: utf8(text.endsWith("\n") ? text : `${text}\n`) };
}

async function read(file, most) {
  if (file.size > most) throw new Error(`${plain(file.name)} is larger than ${most} bytes: it was not read`);
  try {
    return { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
  } catch {
    throw new Error(`${plain(file.name)} cannot be read`);
  }
}

async function inputs() {
  const file = dropped ?? at("bundle").files[0];
  if (!file) throw new Error("Choose the bundle first");
  const least = at("least").value.trim();
  if (!/^[0-9]{0,16}$/.test(least)) throw new Error("The least tree size must be a whole number, or empty");
  const trust = await given("trust-file", "trust", LIMITS.MAX_TRUST_POLICY_BYTES);
  if (trust === null) throw new Error("Say whom you trust: choose the trust file, or paste its text");
  const older = await given("older-file", "older", LIMITS.MAX_NOTE_BYTES);
  const [entryFile] = at("entry-file").files, [countFile] = at("count-file").files;
  const bundle = await read(file, LIMITS.MAX_BUNDLE_BYTES);
  const entry = entryFile ? await read(entryFile, LIMITS.MAX_ENTRY_BYTES) : null;
  const count = countFile ? await read(countFile, LIMITS.MAX_BUNDLE_BYTES) : null;
  checkTogether(looksLikeProof(bundle.bytes), { entry, count, older });
  return { bundle, trust, older, entry, count, least: least === "" ? null : Number(least) };
}

/** Which files go with a tlog-proof, and which with a bundle. */
function checkTogether(isProof, { entry, count, older }) {
  if (isProof && entry === null) throw new Error("This file proves one entry: choose the entry, too");
  if (isProof && (count !== null || older !== null)) throw new Error("A proven count and an earlier checkpoint are for bundles, not for one entry");
  if (!isProof && entry !== null) throw new Error("An entry goes with a tlog-proof; a bundle holds its entries");
  if (count !== null && older !== null) throw new Error("An earlier checkpoint is for one bundle: check each by itself first");
}

/** The report on what was chosen. */
function judge({ bundle, trust, older, entry, count, least }) {
  const options = { minTreeSize: least, older: older && older.bytes, progress: say };
  if (entry !== null) return verifyEntry(bundle.bytes, entry.bytes, trust.bytes, options);
  if (count !== null) return verifyCountedList(bundle.bytes, count.bytes, trust.bytes, options);
  return verifyBundle(bundle.bytes, trust.bytes, options);
}

async function check(event) {
  event.preventDefault();
  at("result").hidden = true;
  at("check").disabled = true;
  say("Checking …");
  try {
    const chosen = await inputs();
    await painted();
    await show(await judge(chosen), chosen);
    say("");
  } catch (error) {
    say(`Nothing was checked. ${error.message}.`);
  } finally {
    at("check").disabled = false;
  }
}

function say(text) {
  at("progress").textContent = text;
}

const painted = () => new Promise((resume) => setTimeout(resume, 30));

async function show(report, { bundle, trust, older, entry, count, least }) {
  const [headline, style, advice] = HEADLINES[report.verdict];
  at("verdict-box").className = `box ${style}`;
  at("verdict").textContent = headline;
  at("reason").textContent = plain(sentence(report.reason));
  at("advice").textContent = advice;
  at("told").replaceChildren(...toldElements(report));
  at("steps").tBodies[0].replaceChildren(...report.steps.map(stepRow));
  at("unchecked").replaceChildren(...report.not_checked.map((line) => element("li", { textContent: plain(line) })));
  const files = [["Bundle", bundle], ["Trust file", trust], ...[["The entry", entry], ["Proven count", count], ["Your checkpoint", older]].filter(([, file]) => file)];
  const described = await Promise.all(files.map(async ([what, { name, bytes }]) => [what, `${name}, ${bytes.length} bytes, SHA-256 ${hexOf(await sha256(bytes))}`]));
  const rows = [...described, ["Least tree size", least ?? "none demanded"], ["Checked", `${new Date().toISOString().slice(0, 19)}Z, by the clock of this device`]];
  at("files").replaceChildren(...pairElements(rows));
  saved = { ...report, files: Object.fromEntries(rows) };
  at("result").hidden = false;
  at("result").focus();
  at("result").scrollIntoView({ block: "start" });
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function toldElements(report) {
  const found = told(report);
  if (found === null) return [];
  const tables = found.tables.filter((table) => table.rows.length);
  return [
    element("h3", { textContent: "The question and the answer" }),
    element("p", { className: "answer", textContent: plain(found.answer) }),
    element("dl", {}, ...pairElements(found.pairs)),
    ...tables.flatMap(tableElements),
  ];
}

function tableElements({ title, heads, numbers, rows, more }) {
  const style = (column) => ({ className: numbers.includes(column) ? "number" : "" });
  const head = element("tr", {}, ...heads.map((text, column) => element("th", { scope: "col", textContent: text, ...style(column) })));
  const lines = rows.map((cells) => element("tr", {}, ...cells.map((cell, column) => element("td", { textContent: plain(cell), ...style(column) }))));
  const table = element("table", {}, element("caption", { className: "aside", textContent: title }), element("thead", {}, head), element("tbody", {}, ...lines));
  const scroll = element("div", { className: "scroll" }, table);
  return more ? [scroll, element("p", { className: "hint", textContent: more })] : [scroll];
}

function stepRow({ step, name, outcome, detail }) {
  const [mark, style] = OUTCOMES[outcome];
  const cells = [[step, ""], [name, ""], [mark, style], [plain(detail), ""]];
  return element("tr", {}, ...cells.map(([textContent, className]) => element("td", { textContent, className })));
}

const pairElements = (pairs) => pairs.flatMap(([term, text]) => [element("dt", { textContent: term }), element("dd", { textContent: plain(text) })]);

function save() {
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(saved, null, 1)}\n`], { type: "application/json" }));
  const link = element("a", { href: url, download: "candour-report.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function drop(event) {
  event.preventDefault();
  at("drop").classList.toggle("over", event.type === "dragover");
  if (event.type !== "drop" || !event.dataTransfer.files.length) return;
  [dropped] = event.dataTransfer.files;
  at("bundle-hint").textContent = `Dropped: ${plain(dropped.name)}. It stays on this device.`;
}

function begin() {
  at("form").addEventListener("submit", check);
  at("print").addEventListener("click", () => print());
  at("save").addEventListener("click", save);
  at("bundle").addEventListener("change", () => {
    dropped = null;
    at("bundle-hint").textContent = "It stays on this device.";
  });
  for (const type of ["dragover", "dragleave", "drop"]) document.addEventListener(type, drop);
  whyNot().then((reason) => {
    if (reason === null) return;
    at("unable").textContent = `Nothing can be checked here: ${reason}.`;
    at("unable").hidden = false;
    at("check").disabled = true;
  });
}

globalThis.candour = Object.freeze({ verifyBundle, verifyCountedList, verifyEntry, judgeUsageProof });
begin();
