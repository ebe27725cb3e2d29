// Which tree does the log stand by, and who else saw it? (C2SP tlog-checkpoint, tlog-cosignature)
import { Malformed, VerificationFailed } from "./errors.js";
import { bytesOfBase64 } from "./bytes.js";
import { isSignature } from "./hashing.js";
import { openNote } from "./notes.js";
import { printable, quorumMet } from "./trust.js";
import { textOfSeconds } from "./times.js";
import { LIMITS } from "./made.js";

const MAX_COSIGNED_AT = 2n ** 63n - 1n;

/** The checkpoint in the text of a note: origin, tree size, root, perhaps more lines; one text for each. */
export function parseCheckpoint(text) {
  const lines = text.split("\n");
  if (lines.length < 4 || lines.pop() !== "") throw new Malformed("checkpoint", "must be three lines or more, each ended by a newline");
  const [origin, size, root, ...extensions] = lines;
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(size) || BigInt(size) > BigInt(LIMITS.MAX_TREE_SIZE)) throw new Malformed("checkpoint.tree_size", `must be a decimal of 0..${LIMITS.MAX_TREE_SIZE} without leading zeros`);
  const rootBytes = bytesOfBase64(root, "checkpoint.root");
  if (origin === "") throw new Malformed("checkpoint.origin", "must be a line, not empty");
  if (rootBytes.length !== 32) throw new Malformed("checkpoint.root", "must be 32 bytes");
  if (extensions.includes("")) throw new Malformed("checkpoint.extensions", "must be lines, none empty");
  return { origin, treeSize: Number(size), root: rootBytes, text };
}

/** The checkpoint of a note that the key of the log signed, whose name is the log's origin. */
export async function openCheckpoint(note, key) {
  const { text, unverified } = await openNote(note, key);
  const checkpoint = parseCheckpoint(text);
  if (checkpoint.origin !== key.name) throw new VerificationFailed(`checkpoint of ${checkpoint.origin}: not signed by a trusted key of that name`);
  return { checkpoint, unverified };
}

/** Which witnesses of the policy cosigned, and when (seconds, BigInt). A bad line of a known one condemns the whole. */
async function cosignatures({ checkpoint, unverified }, witnesses) {
  const known = new Map(witnesses.map((witness) => [`${witness.key.name} ${witness.key.id}`, witness]));
  if (known.size < witnesses.length) throw new Malformed("witnesses", "two keys share a name and an id");
  const cosigned = new Map();
  for (const line of unverified) {
    const by = known.get(`${line.name} ${line.id}`);
    if (by && !cosigned.has(by.name)) cosigned.set(by.name, await cosignedAt(checkpoint, line, by.key));
  }
  return cosigned;
}

async function cosignedAt(checkpoint, line, key) {
  const failed = (reason) => new VerificationFailed(`cosignature of ${key.name}+${key.id}: ${reason}`);
  if (line.signature.length !== 72) throw failed("must hold a time of 8 bytes and a signature of 64");
  const at = new DataView(line.signature.buffer, line.signature.byteOffset).getBigUint64(0);
  if (at > MAX_COSIGNED_AT) throw failed("its time is out of bounds");
  const message = `cosignature/v1\ntime ${at}\n${checkpoint.text}`;
  if (!(await isSignature(key.publicKey, message, line.signature.slice(8)))) throw failed("not over this checkpoint and time");
  return at;
}

const NO_WITNESS = "whether others are shown the same history: the trust file names no witness";
const NONE_DEMANDED = "whether others are shown the same history: the trust file demands no witness's cosignature";
const WHO_THEY_ARE = "whether the witnesses are independent of the ledger and of each other: find out who they are";

/** What was found of witnesses, in words, and what it leaves unchecked. Refused where the quorum is unmet. */
export async function checkWitnesses(opened, policy) {
  const cosigned = await cosignatures(opened, policy.witnesses);
  const words = [...cosigned].map(([name, at]) => `${printable(name)} at ${textOfSeconds(at) ?? `second ${at}`}`).join(", ");
  if (policy.quorum === null) {
    const found = cosigned.size ? `none demanded; cosigned by ${words}` : "none demanded";
    return [found, policy.witnesses.length ? NONE_DEMANDED : NO_WITNESS];
  }
  if (!quorumMet(policy, cosigned)) {
    const names = [...cosigned.keys()].map(printable).join(", ") || "no witness we know";
    const { treeSize, origin } = opened.checkpoint;
    throw new VerificationFailed(`checkpoint ${treeSize} of ${origin}: cosigned by ${names}, which does not make quorum ${printable(policy.quorum)}`);
  }
  return [`cosigned by ${words}; that is quorum ${printable(policy.quorum)}`, WHO_THEY_ARE];
}
