// Does this answer follow from entries of that ledger? In the numbered steps of candour-verify. (ledger/verify/verifier.py)
//
//   1 read     2 trust      3 signature    4 format       5 checkpoint
//   6 witnesses  7 inclusion  8 disclosures  9 answer     10 completeness
//                                          9 to 14, of a proven count: usage_steps.js
//                                          9 rules, 10 answer, 11 completeness, of a numbered question, and
//                                          12, where a proven count is inside
//   and last   consistency (older.js), timestamps
//   and behind them the proven count that a list is held to (counted.js)
//
// One entry by itself has six steps of its own: entry_file.js.
//
// Some steps are not made here: of a list, a summary or a numbered question, the fold and the rules that make the
// answer anew from the entries; and time stamps. They are named "not checked here", and the verdict says so. Nothing is fetched, nothing is believed, and every loop is bounded.
import { CandourError, Unverifiable } from "./errors.js";
import { IN_PART, NotHere, REFUSED, Run, UNUSABLE, VERIFIED } from "./run.js";
import { EntryRun } from "./entry_file.js";
import { MAY_LEAVE_OUT, PROVEN_COUNT, compareCounted } from "./counted.js";

export const NOT_HERE = "not checked here";
const HOLDS = [VERIFIED, IN_PART];

/**
 * Check a bundle file against a trust file.
 *
 * @param bytes The file, a Uint8Array.
 * @param trust The trust file, a text or a Uint8Array.
 * @param options `minTreeSize`: the least the reader accepts; null is not enough for a proven count.
 *   `older`: a checkpoint that the reader holds, a signed note (text or Uint8Array): the tree must extend it.
 *   `progress(text)`: told now and then.
 * @returns The report, in plain objects; its verdict is never "verified" before the end. Never throws for its input.
 */
export async function verifyBundle(bytes, trust, options = {}) {
  return (await judged(bytes, trust, options)).report;
}

/** The run of a bundle, for what goes on from it, and its report. */
async function judged(bytes, trust, options) {
  const inside = (part, least) => judged(part, trust, { minTreeSize: least, progress: options.progress });
  const run = new Run(bytes, options, inside);
  const report = await walked(run, trust, () => {
    const skipped = run.report.steps.filter((step) => step.outcome === NOT_HERE).map((step) => `step ${step.step}, ${step.name}`);
    const notHere = skipped.length ? `; not checked here: ${skipped.join("; ")}` : "";
    if (run.counted) return run.end(VERIFIED, `the answer follows from ${run.origin}${notHere}`);
    return run.end(IN_PART, `what was checked of this answer from ${run.origin} holds${notHere}`);
  });
  return { run, report };
}

/**
 * Check a tlog-proof and the entry that it is about, as `candour-verify FILE --entry FILE`.
 *
 * @param entry The bytes that are hashed, a Uint8Array. The rest as of verifyBundle.
 */
export async function verifyEntry(bytes, entry, trust, options = {}) {
  const run = new EntryRun(bytes, entry, options);
  return walked(run, trust, () => run.end(VERIFIED, `entry ${run.proof.leafIndex} stands in ${run.origin}`));
}

/**
 * Check a list of uses, a proven count, and the one against the other, as `candour-verify LIST --count FILE`.
 *
 * @returns The list's report with one step more; that of the count where it does not hold.
 */
export async function verifyCountedList(listed, counted, trust, options = {}) {
  const { run, report } = await judged(listed, trust, options);
  const held = async () => {
    const count = await judged(counted, trust, options);
    if (!HOLDS.includes(count.report.verdict)) return { ...count.report, reason: `of the proven count: ${count.report.reason}` };
    if (!(await made(run, PROVEN_COUNT, () => compareCounted(run, count.run)))) return failed(run);
    const { notChecked } = run.report;
    run.report.notChecked = notChecked.filter((line) => !line.startsWith("completeness not proven"));
    run.report.notChecked.push(MAY_LEAVE_OUT, ...count.run.report.notChecked.filter((line) => !notChecked.includes(line)));
    return run.end(report.verdict, report.reason);
  };
  return HOLDS.includes(report.verdict) ? guarded(run, held) : report;
}

/** Every step of a run, one after another, and the report that `end` gives where all hold. */
const walked = (run, trust, end) => guarded(run, async () => {
  await run.begin(trust);
  for (const [name, step] of run.steps()) {
    if (!(await made(run, name, step))) return failed(run);
  }
  return end();
});

/** What `work` reports; whatever is not one step's failure leaves nothing judged. */
async function guarded(run, work) {
  try {
    return await work();
  } catch (error) {
    run.report.notChecked = ["anything"];
    return run.end(UNUSABLE, error instanceof CandourError ? error.message : `an error of this page itself: ${error}`);
  }
}

/** Make one step and note it; false where it ends the run. */
async function made(run, name, step) {
  const { steps } = run.report, number = steps.length + 1;
  run.progress(`step ${number}, ${name}`);
  const outcome = await attempt(step);
  steps.push({ step: number, name, ...outcome });
  return outcome.outcome !== "failed" && outcome.outcome !== "not judged";
}

/** The report of a run whose last step did not hold. */
function failed(run) {
  const { step, name, outcome, detail } = run.report.steps.at(-1);
  return run.end(outcome === "failed" ? REFUSED : UNUSABLE, `step ${step}, ${name}: ${detail}`);
}

/** `{outcome, detail}` of one step. What is not an error of ours goes on up, and ends in no verdict. */
async function attempt(step) {
  try {
    const detail = await step();
    return detail instanceof NotHere ? { outcome: NOT_HERE, detail: detail.reason } : { outcome: "ok", detail };
  } catch (error) {
    if (error instanceof Unverifiable) return { outcome: "not judged", detail: error.message };
    if (error instanceof CandourError) return { outcome: "failed", detail: error.message };
    throw error;
  }
}
