// Does this tree only add to the one that the reader saw before? (RFC 9162, section 2.1.4; ledger/verify/older.py)
//
//   bundle.consistency: older checkpoint ──proof──► the bundle's checkpoint
//             ║ of the same origin, size and root
//   the reader's own checkpoint
import { CandourError, Malformed, Unverifiable, VerificationFailed } from "./errors.js";
import { sameBytes, textOf } from "./bytes.js";
import { openCheckpoint, parseCheckpoint } from "./checkpoints.js";
import { verifyConsistency } from "./merkle.js";
import { parseNote } from "./notes.js";

export const NOT_COMPARED = "whether this tree extends one that you were shown before: not compared with a checkpoint of your own (--older FILE)";

/** What was found, in words, and what it leaves unchecked, or null. `own` is a signed note, or null. */
export async function checkConsistency(consistency, checkpoint, key, own) {
  const older = consistency === null ? null : await grown(consistency, checkpoint, key);
  const grew = older ? `the tree only grew, from ${older.treeSize} entries` : "no proof";
  if (own === null) return [`${grew}, not compared with a checkpoint of your own`, NOT_COMPARED];
  const mine = await ownCheckpoint(own, checkpoint.origin, key);
  if (mine.treeSize > checkpoint.treeSize) {
    throw new Unverifiable(`your checkpoint is of ${mine.treeSize} entries, newer than this bundle's of ${checkpoint.treeSize}: ask for the answer again, or take an older checkpoint`);
  }
  if (mine.treeSize === checkpoint.treeSize) {
    checkSameRoot(mine, checkpoint);
    return [`your checkpoint is of this tree, ${mine.treeSize} entries`, null];
  }
  if (!older) {
    throw new Unverifiable(`the bundle does not say how its tree grew from your ${mine.treeSize} entries: ask again with --older FILE (\`candour prove … --older FILE\`)`);
  }
  if (older.treeSize !== mine.treeSize) {
    throw new VerificationFailed(`the bundle shows growth from ${older.treeSize} entries, and your checkpoint has ${mine.treeSize}: ask again with --older and your file`);
  }
  checkSameRoot(mine, older);
  return [`${grew}, those of your checkpoint`, null];
}

/** The older checkpoint, once it is shown to be a beginning of the bundle's tree. */
async function grown(consistency, checkpoint, key) {
  const older = (await openCheckpoint(consistency.checkpoint, key)).checkpoint;
  if (older.treeSize === 0) throw new Malformed("bundle.consistency.checkpoint", "is of an empty tree, which shows nothing");
  await verifyConsistency({
    oldSize: older.treeSize, oldRoot: older.root, newSize: checkpoint.treeSize, newRoot: checkpoint.root, proof: consistency.proof,
  });
  return older;
}

/** The checkpoint that the reader holds, if this log signed it. */
async function ownCheckpoint(own, origin, key) {
  let note, claimed;
  try {
    note = typeof own === "string" ? own : textOf(own, "note");
    claimed = parseCheckpoint(parseNote(note).text);
  } catch (error) {
    throw error instanceof Malformed ? new Unverifiable(`your own checkpoint (--older) cannot be read: ${error.message}`) : error;
  }
  if (claimed.origin !== origin) throw new VerificationFailed(`your own checkpoint is of another ledger, ${claimed.origin}`);
  try {
    await openCheckpoint(note, key);
  } catch (error) {
    throw error instanceof CandourError ? new Unverifiable(`your own checkpoint (--older) proves nothing: ${error.message}`) : error;
  }
  if (claimed.treeSize === 0) throw new Unverifiable("your own checkpoint is of an empty tree, which every tree extends");
  return claimed;
}

function checkSameRoot(mine, shown) {
  if (!sameBytes(mine.root, shown.root)) {
    throw new VerificationFailed(`the log signed two histories: of its first ${mine.treeSize} entries your checkpoint has another root. Keep both files; together they convict it`);
  }
}
