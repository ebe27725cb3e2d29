// Does one entry stand in that ledger? An entry, its tlog-proof, and the trust file. (C2SP tlog-proof; ledger/verify/entry_files.py)
//
//   1 read   2 trust   3 checkpoint   4 witnesses   5 inclusion   6 entry
import { Malformed, Unverifiable, VerificationFailed } from "./errors.js";
import { bytesOfBase64, textOf, utf8 } from "./bytes.js";
import { leafHash, whyNot } from "./hashing.js";
import { verifyInclusion } from "./merkle.js";
import { parseNote } from "./notes.js";
import { keyNamed, parseTrust } from "./trust.js";
import { checkWitnesses, openCheckpoint, parseCheckpoint } from "./checkpoints.js";
import { decodeEntry } from "./entries.js";
import { endOf } from "./run.js";
import { LIMITS } from "./made.js";

const HEADER = "c2sp.org/tlog-proof@v1";
const WHAT_IT_MEANS = [
  "what the entry means: others may have changed or withdrawn it since (ask for a bundle)",
  "whether the trust file is the right one: get it by another way than the proof",
];

/** Is this file a tlog-proof, by how it begins? */
export function looksLikeProof(bytes) {
  const sign = utf8(`${HEADER}\n`);
  return bytes.length >= sign.length && sign.every((byte, at) => byte === bytes[at]);
}

/** `{leafIndex, proof, note}` of a file; one text for each proof. What stands under `extra` proves nothing. */
export function parseProof(bytes) {
  const split = bytes.findIndex((byte, at) => byte === 10 && bytes[at + 1] === 10);
  const head = bytes.slice(0, Math.max(split, 0));
  if (split < 0 || head.some((byte) => byte > 127)) throw new Malformed("tlog-proof", "must be ASCII lines, a blank line and a checkpoint");
  const [header, ...lines] = textOf(head, "tlog-proof").split("\n");
  if (header !== HEADER) throw new Malformed("tlog-proof", `must begin with ${HEADER}`);
  if (lines.length && lines[0].startsWith("extra ")) {
    const extra = bytesOfBase64(lines.shift().slice("extra ".length), "tlog-proof.extra");
    if (!extra.length) throw new Malformed("tlog-proof.extra", "must not be empty; leave the line out");
    if (extra.length > LIMITS.MAX_PROOF_EXTRA_BYTES) throw new Malformed("tlog-proof.extra", `must be ${LIMITS.MAX_PROOF_EXTRA_BYTES} bytes at most`);
  }
  if (!lines.length || !lines[0].startsWith("index ")) throw new Malformed("tlog-proof.index", "must stand before the hashes");
  const index = lines.shift().slice("index ".length);
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(index) || BigInt(index) >= BigInt(LIMITS.MAX_TREE_SIZE)) throw new Malformed("tlog-proof.index", "must be a decimal without leading zeros, below the largest tree size");
  if (lines.length > LIMITS.MAX_PROOF_HASHES) throw new Malformed("tlog-proof.hash", `must be ${LIMITS.MAX_PROOF_HASHES} at most`);
  const proof = lines.map((line) => bytesOfBase64(line, "tlog-proof.hash"));
  if (proof.some((hash) => hash.length !== 32)) throw new Malformed("tlog-proof.hash", "must be 32 bytes each");
  return { leafIndex: Number(index), proof, note: textOf(bytes.slice(split + 2), "note") };
}

/** The state that steps hand on. */
export class EntryRun {
  constructor(bytes, entry, { minTreeSize = null, progress = () => {} }) {
    Object.assign(this, { bytes, entry, minTreeSize, progress, origin: "" });
    this.report = { steps: [], notChecked: [...WHAT_IT_MEANS], origin: null, treeSize: null, question: null, answer: null };
  }

  async begin(trust) {
    const reason = await whyNot();
    if (reason !== null) throw new Unverifiable(reason);
    this.policy = await parseTrust(typeof trust === "string" ? utf8(trust) : trust);
  }

  end(verdict, reason) {
    return endOf(this.report, verdict, reason);
  }

  *steps() {
    yield ["read", () => this.read()];
    yield ["trust", () => this.trust()];
    yield ["checkpoint", () => this.checkCheckpoint()];
    yield ["witnesses", () => this.witnesses()];
    yield ["inclusion", () => this.inclusion()];
    yield ["entry", () => this.checkEntry()];
  }

  read() {
    this.proof = parseProof(this.bytes);
    this.origin = this.report.origin = parseCheckpoint(parseNote(this.proof.note).text).origin;
    return `a proof of entry ${this.proof.leafIndex}`;
  }

  trust() {
    this.key = keyNamed(this.policy, this.origin);
    return `the trust file holds the key of ${this.origin}`;
  }

  async checkCheckpoint() {
    this.opened = await openCheckpoint(this.proof.note, this.key);
    const size = this.report.treeSize = this.opened.checkpoint.treeSize;
    if (this.minTreeSize !== null && size < this.minTreeSize) throw new VerificationFailed(`tree size ${size} is below ${this.minTreeSize}`);
    this.report.notChecked.push(`whether the ledger has grown beyond ${size} entries since`);
    return `the log key signed the root of ${size} entries`;
  }

  async witnesses() {
    const [found, unchecked] = await checkWitnesses(this.opened, this.policy);
    this.report.notChecked.push(unchecked);
    return found;
  }

  async inclusion() {
    const { treeSize, root } = this.opened.checkpoint, { leafIndex, proof } = this.proof;
    await verifyInclusion(await leafHash(this.entry), { leafIndex, treeSize, proof, root });
    return `${this.entry.length} bytes stand under that root`;
  }

  checkEntry() {
    const found = decodeEntry(textOf(this.entry, "entry"));
    if (found.origin !== this.origin) throw new Malformed("entry.origin", "is of another ledger");
    return `${found.topic}, recorded at ${found.recordedAt} by the operator's clock`;
  }
}
