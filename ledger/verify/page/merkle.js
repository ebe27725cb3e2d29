// Is this entry in that tree, and does this tree extend that one? (RFC 9162, section 2.1; the numbers are its steps)
import { VerificationFailed } from "./errors.js";
import { sameBytes } from "./bytes.js";
import { nodeHash } from "./hashing.js";
import { LIMITS } from "./made.js";

const half = (number) => Math.floor(number / 2); // sizes go beyond 32 bits, where >> ends

/** The root that an inclusion proof claims; a proof of another length is refused whole. */
export async function rootFromProof(leaf, { leafIndex, treeSize, proof }) {
  const failed = (reason) => new VerificationFailed(`entry ${leafIndex} of ${treeSize}: ${reason}`);
  if (proof.length > LIMITS.MAX_PROOF_HASHES || proof.some((hash) => hash.length !== 32)) throw failed("proof must be 64 hashes at most, 32 bytes each");
  // 1. The index lies in the tree.
  if (leafIndex >= treeSize) throw failed("no such index");
  // 2, 3. Start at the leaf.
  let fn = leafIndex, sn = treeSize - 1, root = leaf;
  // 4. Climb.
  for (const sibling of proof) {
    if (sn === 0) throw failed("proof too long");
    if (fn % 2 || fn === sn) {
      root = await nodeHash(sibling, root);
      while (fn && fn % 2 === 0) [fn, sn] = [half(fn), half(sn)]; // the last node of a level may have no sibling
    } else root = await nodeHash(root, sibling);
    [fn, sn] = [half(fn), half(sn)];
  }
  // 5. We stand at the root.
  if (sn !== 0) throw failed("proof too short");
  return root;
}

export async function verifyInclusion(leaf, { leafIndex, treeSize, proof, root }) {
  if (!sameBytes(await rootFromProof(leaf, { leafIndex, treeSize, proof }), root)) {
    throw new VerificationFailed(`entry ${leafIndex} of ${treeSize}: proof leads to another root`);
  }
}

/** Returns where the tree of `newSize` extends the tree of `oldSize`. An empty old tree proves nothing. */
export async function verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }) {
  const failed = (reason) => new VerificationFailed(`size ${oldSize} to ${newSize}: ${reason}`);
  if (oldSize > newSize) throw failed("the new tree is smaller");
  if (oldSize === newSize) {
    if (proof.length) throw failed("proof too long");
    if (!sameBytes(oldRoot, newRoot)) throw failed("two roots for one size");
    return;
  }
  if (oldSize === 0) throw failed("an empty tree proves nothing");
  if (proof.length > LIMITS.MAX_PROOF_HASHES || proof.some((hash) => hash.length !== 32)) throw failed("roots and proof must be hashes of 32 bytes, 64 in the proof at most");
  // 1, 2. Never empty; an old tree of a power of two is itself the first node.
  if (!proof.length) throw failed("proof too short");
  const path = Number.isInteger(Math.log2(oldSize)) && 2 ** Math.log2(oldSize) === oldSize ? [oldRoot, ...proof] : proof;
  // 3, 4. Both trees share the whole subtree that the old one ends with.
  let fn = oldSize - 1, sn = newSize - 1;
  while (fn % 2) [fn, sn] = [half(fn), half(sn)];
  // 5, 6. Left siblings belong to both trees, right ones to the new tree only.
  let fr = path[0], sr = path[0];
  for (const sibling of path.slice(1)) {
    if (sn === 0) throw failed("proof too long");
    if (fn % 2 || fn === sn) {
      [fr, sr] = [await nodeHash(sibling, fr), await nodeHash(sibling, sr)];
      while (fn && fn % 2 === 0) [fn, sn] = [half(fn), half(sn)];
    } else sr = await nodeHash(sr, sibling);
    [fn, sn] = [half(fn), half(sn)];
  }
  // 7. We stand at the new root.
  if (sn !== 0) throw failed("proof too short");
  if (!sameBytes(fr, oldRoot)) throw failed("proof leads to another old root");
  if (!sameBytes(sr, newRoot)) throw failed("proof leads to another new root");
}
