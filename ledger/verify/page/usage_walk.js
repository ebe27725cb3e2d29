// Do these nodes follow the rule, and what do they add up to? (docs/usage-index.md, sections 4 and 5, steps 5 to 8)
//
//   nodes ──take: position, form, bounds──► sums, one a span      ──fold, backwards──► total and root
//
// Positions are BigInts of 552 bits: the bits that lead to a node, then zeros. There is no recursion.
import { VerificationFailed } from "./errors.js";
import { bytesOfHex, bytesOfInteger, concat, hexOf, utf8 } from "./bytes.js";
import { sha256 } from "./hashing.js";
import { isInteger } from "./json.js";
import { KEY_BITS, KEY_BYTES } from "./usage_keys.js";
import { LIMITS } from "./made.js";

const OUT = -1, CUT = -2;
const BELOW = Array.from({ length: KEY_BITS + 1 }, (_, bits) => (1n << BigInt(KEY_BITS - bits)) - 1n);
/** Inside a span, positions shorter than this are opened. */
export const DETAIL_BITS = { count: 0, groups: 520, registers: KEY_BITS + 1 };
const FORMS = { "h,n": "closed", s: "inner", "k,n,r": "leaf" };

const numberOf = (bytes) => BigInt(`0x${hexOf(bytes)}`);

/** What is opened, for these sorted, disjoint spans in this detail. */
class OpeningRule {
  constructor(spans, detail) {
    this.firsts = spans.map((span) => numberOf(span.first));
    this.lasts = spans.map((span) => numberOf(span.last));
    this.bits = DETAIL_BITS[detail];
  }

  /** OUT, CUT, or the index of the span that the position lies within. */
  place(position, bits) {
    const last = position | BELOW[bits];
    let low = 0, high = this.lasts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.lasts[middle] < position) low = middle + 1;
      else high = middle;
    }
    if (low === this.lasts.length || this.firsts[low] > last) return OUT;
    return this.firsts[low] <= position && last <= this.lasts[low] ? low : CUT;
  }

  opens(place, bits) {
    return place === CUT || (place >= 0 && bits < this.bits);
  }
}

/** Follow the rule over all nodes. `{sums, groups, registers, total, root}`; groups by hex of the second part. */
export async function tallyNodes(nodes, spans, detail, commitment) {
  if (!Array.isArray(nodes) || nodes.length > LIMITS.MAX_USAGE_PROOF_NODES) throw new VerificationFailed(`nodes must be a list of ${LIMITS.MAX_USAGE_PROOF_NODES} at most`);
  const walk = new ProofWalk(new OpeningRule(spans, detail), spans.length, detail);
  nodes.forEach((node, number) => walk.take(number, node));
  const { total, hash } = await walk.fold();
  if (total !== commitment.total || hexOf(hash) !== commitment.root) {
    throw new VerificationFailed(`the nodes lead to another root (their total is ${total}, committed is ${commitment.total})`);
  }
  return walk.tally;
}

class ProofWalk {
  constructor(rule, spans, detail) {
    this.rule = rule;
    this.detail = detail;
    this.waiting = [[0n, 0]]; // position and its bits; the next one is last
    this.taken = [];
    this.tally = { sums: Array(spans).fill(0), groups: Array.from({ length: spans }, () => new Map()), registers: [] };
  }

  take(number, node) {
    const failed = (reason) => new VerificationFailed(`node ${number}: ${reason}`);
    if (!this.waiting.length) throw failed("stands after the end");
    const [position, bits] = this.waiting.pop();
    const place = this.rule.place(position, bits), opens = this.rule.opens(place, bits);
    if (!(node instanceof Map)) throw failed("must be an object");
    const members = [...node.keys()].sort().join(",");
    const form = Object.hasOwn(FORMS, members) ? FORMS[members] : null;
    if (form === null) throw failed("must hold n and h, or s, or k, n and r");
    if (opens && form === "closed") throw failed("is closed, and must be opened");
    if (!opens && form !== "closed") throw failed("is opened, and must stay closed");
    if (form === "closed") this.takeClosed(node, position, place, failed);
    else if (form === "inner") this.takeInner(node, position, bits, failed);
    else this.takeLeaf(node, position, bits, failed);
  }

  takeClosed(node, position, place, failed) {
    const total = countOf(node.get("n"), failed), hash = hexBytes(node.get("h"), 32, failed);
    if (place >= 0) this.add(place, bytesOfInteger(position, KEY_BYTES), total);
    this.taken.push({ total, hash });
  }

  takeInner(node, position, above, failed) {
    const skip = node.get("s");
    if (typeof skip !== "string" || !/^[01]*$/.test(skip)) throw failed("a skip must be a text of 0 and 1");
    const bits = above + skip.length;
    if (bits >= KEY_BITS) throw failed("a skip must end before the key does");
    const label = position | (BigInt(`0b${skip || "0"}`) << BigInt(KEY_BITS - bits));
    this.taken.push({ bits, prefix: bytesOfInteger(label, KEY_BYTES).slice(0, Math.ceil(bits / 8)) });
    const right = label | (1n << BigInt(KEY_BITS - 1 - bits));
    this.waiting.push([right, bits + 1], [label, bits + 1]);
  }

  takeLeaf(node, position, bits, failed) {
    const key = hexBytes(node.get("k"), KEY_BYTES, failed), total = countOf(node.get("n"), failed);
    const root = hexBytes(node.get("r"), 32, failed), value = numberOf(key);
    if ((value | BELOW[bits]) !== (position | BELOW[bits])) throw failed("holds a key that does not belong at its position");
    const place = this.rule.place(value, KEY_BITS);
    if (place >= 0) {
      this.add(place, key, total);
      if (this.detail === "registers") this.tally.registers.push({ key: node.get("k"), size: total, root: node.get("r") });
    }
    this.taken.push({ total, hash: sha256(utf8("CUX1L"), key, bytesOfInteger(total, 8), root) });
  }

  add(place, key, count) {
    this.tally.sums[place] += count;
    if (this.detail !== "groups") return;
    const groups = this.tally.groups[place], second = hexOf(key.slice(33, 65));
    groups.set(second, (groups.get(second) ?? 0) + count);
  }

  /** Counts and hashes up to the root, children before parents. */
  async fold() {
    if (!this.taken.length) return { total: 0, hash: await sha256(utf8("CUX1E")) };
    if (this.waiting.length) throw new VerificationFailed(`${this.waiting.length} positions are without a node`);
    const folded = [];
    for (let number = this.taken.length - 1; number >= 0; number -= 1) {
      const node = this.taken[number];
      if (node.bits === undefined) {
        folded.push({ total: node.total, hash: await node.hash });
        continue;
      }
      const left = folded.pop(), right = folded.pop(), total = left.total + right.total;
      if (total > LIMITS.MAX_COUNT) throw new VerificationFailed(`node ${number}: counts add up beyond 2^53-1`);
      folded.push({ total, hash: await innerHash(node, left, right) });
    }
    return folded[0];
  }
}

const innerHash = ({ bits, prefix }, left, right) => sha256(concat(
  utf8("CUX1I"), bytesOfInteger(bits, 2), prefix, bytesOfInteger(left.total, 8), left.hash, bytesOfInteger(right.total, 8), right.hash,
));

function countOf(value, failed) {
  if (!isInteger(value) || value < 1 || value > LIMITS.MAX_COUNT) throw failed("a count must be an integer in 1..2^53-1");
  return value;
}

function hexBytes(value, width, failed) {
  if (typeof value !== "string" || value.length !== 2 * width || !/^[0-9a-f]*$/.test(value)) throw failed("hex must have its one length, in lower case");
  return bytesOfHex(value);
}
