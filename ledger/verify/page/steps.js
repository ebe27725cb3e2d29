// Does this answer follow from entries of that ledger? In the numbered steps of candour-verify. (ledger/verify/verifier.py)
//
//   1 read     2 trust      3 signature    4 format       5 checkpoint
//   6 witnesses  7 inclusion  8 disclosures  9 answer     10 completeness
//                                          9 to 14, of a proven count: usage_steps.js
//                                          9 rules, 10 answer, 11 completeness, of a numbered question
//   and last   consistency (older.js), timestamps
//
// Some steps are not made here: of a list, a summary or a numbered question, the fold and the rules that make the
// answer anew from the entries; and time stamps. They are named "not checked here", and the verdict says so. Nothing is fetched, nothing is believed, and every loop is bounded.
import { CandourError, Unverifiable } from "./errors.js";
import { IN_PART, NotHere, REFUSED, Run, UNUSABLE, VERIFIED } from "./run.js";

export const NOT_HERE = "not checked here";

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
  const run = new Run(bytes, options), { report } = run;
  try {
    await run.begin(trust);
    let number = 0;
    for (const [name, step] of run.steps()) {
      number += 1;
      run.progress(`step ${number}, ${name}`);
      const outcome = await attempt(step);
      report.steps.push({ step: number, name, ...outcome });
      if (outcome.outcome === "failed" || outcome.outcome === "not judged") {
        return run.end(outcome.outcome === "failed" ? REFUSED : UNUSABLE, `step ${number}, ${name}: ${outcome.detail}`);
      }
    }
    const skipped = report.steps.filter((step) => step.outcome === NOT_HERE).map((step) => `step ${step.step}, ${step.name}`);
    const notHere = skipped.length ? `; not checked here: ${skipped.join("; ")}` : "";
    if (run.counted) return run.end(VERIFIED, `the answer follows from ${run.origin}${notHere}`);
    return run.end(IN_PART, `what was checked of this answer from ${run.origin} holds${notHere}`);
  } catch (error) {
    report.notChecked = ["anything"];
    return run.end(UNUSABLE, error instanceof CandourError ? error.message : `an error of this page itself: ${error}`);
  }
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
