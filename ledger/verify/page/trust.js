// Whom does the reader believe? The trust file: logs, witnesses, groups, one quorum. (C2SP tlog-policy)
//
//   log <vkey> [<url>]     witness <name> <vkey> [<url>]     group <name> all|any|<k> <name>...     quorum <name>|none
import { Malformed, VerificationFailed } from "./errors.js";
import { hexOf, textOf } from "./bytes.js";
import { COSIGNATURE_TYPE, NOTE_TYPE, parseKey } from "./notes.js";
import { LIMITS } from "./made.js";

const SHAPES = {
  log: "must be: log <vkey> [<url>]",
  witness: "must be: witness <name> <vkey> [<url>]",
  group: "must be: group <name> all|any|<k> <name>...",
  quorum: "must be: quorum <name>|none",
};

/** The policy in these bytes, strictly. Names are octets there, so lines are read byte by byte. */
export async function parseTrust(bytes) {
  if (bytes.length > LIMITS.MAX_TRUST_POLICY_BYTES) throw new Malformed("trust policy", `must be ${LIMITS.MAX_TRUST_POLICY_BYTES} bytes at most`);
  const lines = octetsOf(bytes).split("\n");
  const rest = lines.pop();
  if (lines.length > LIMITS.MAX_TRUST_POLICY_LINES) throw new Malformed("trust policy", `must be ${LIMITS.MAX_TRUST_POLICY_LINES} lines at most`);
  if (rest) throw new Malformed(`trust policy, line ${lines.length + 1}`, "must end in a newline; was it cut?");
  const draft = new Draft();
  for (const [at, line] of lines.entries()) {
    try {
      await draft.read(line);
    } catch (error) {
      throw error instanceof Malformed ? new Malformed(`trust policy, line ${at + 1}`, error.message) : error;
    }
  }
  return draft.finished();
}

const octetsOf = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const bytesOfOctets = (octets) => Uint8Array.from(octets, (octet) => octet.charCodeAt(0));

/** A name of the policy as a person reads it; what is not UTF-8 shows as U+FFFD. */
export const printable = (octets) => new TextDecoder().decode(bytesOfOctets(octets));

class Draft {
  constructor() {
    this.policy = { logs: [], witnesses: [], groups: [], quorum: undefined };
    this.defined = new Set();
    this.grouped = new Set();
    this.keys = { [NOTE_TYPE]: new Set(), [COSIGNATURE_TYPE]: new Set() };
  }

  async read(line) {
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) throw new Malformed("line", "must have no control character but tab");
    const [keyword, ...items] = line.replace(/^[ \t]+|[ \t]+$/g, "").split(/[ \t]+/);
    if (keyword === "" || keyword.startsWith("#")) return;
    const count = items.length;
    if (keyword === "log" && (count === 1 || count === 2)) {
      this.policy.logs.push(await this.key(items[0], NOTE_TYPE));
    } else if (keyword === "witness" && (count === 2 || count === 3)) {
      this.define(items[0]);
      this.policy.witnesses.push({ name: items[0], key: await this.key(items[1], COSIGNATURE_TYPE) });
    } else if (keyword === "group" && count >= 3) {
      this.group(items[0], items[1], items.slice(2));
    } else if (keyword === "quorum" && count === 1) {
      if (this.policy.quorum !== undefined) throw new Malformed("quorum", "must be set once");
      if (items[0] !== "none" && !this.defined.has(items[0])) throw new Malformed("quorum", "must be defined on an earlier line");
      this.policy.quorum = items[0] === "none" ? null : items[0];
    } else {
      throw new Malformed("line", Object.hasOwn(SHAPES, keyword) ? SHAPES[keyword] : "must be log, witness, group or quorum");
    }
  }

  finished() {
    if (this.policy.quorum === undefined) throw new Malformed("trust policy", "must have a quorum line");
    return this.policy;
  }

  define(name) {
    if (name === "none" || this.defined.has(name)) throw new Malformed("name", "must be new, and not `none`");
    this.defined.add(name);
  }

  group(name, rule, members) {
    let threshold;
    if (rule === "all") threshold = members.length;
    else if (rule === "any") threshold = 1;
    else {
      if (!/^(?:0|[1-9][0-9]{0,18})$/.test(rule) || BigInt(rule) > BigInt(members.length)) throw new Malformed("threshold", `must be a decimal of 0..${members.length} without leading zeros`);
      threshold = Number(rule);
    }
    if (threshold === 0) throw new Malformed("threshold", "must be 1 or more");
    for (const member of members) {
      if (!this.defined.has(member)) throw new Malformed("member", "must be defined on an earlier line");
      if (this.grouped.has(member)) throw new Malformed("member", "must stand in one group, once");
      this.grouped.add(member);
    }
    this.define(name);
    this.policy.groups.push({ name, threshold, members });
  }

  async key(octets, type) {
    const key = await parseKey(textOf(bytesOfOctets(octets), "vkey.name"));
    if (key.type !== type) throw new Malformed("vkey.type", `must be 0x0${type} on this line`);
    const hex = hexOf(key.publicKey);
    if (this.keys[type].has(hex)) throw new Malformed("vkey.key", "must not stand on two lines of a kind");
    this.keys[type].add(hex);
    return key;
  }
}

/** True where cosignatures by these witnesses suffice; members stand before the group that names them. */
export function quorumMet(policy, cosigned) {
  const met = new Set(policy.witnesses.map((witness) => witness.name).filter((name) => cosigned.has(name)));
  for (const group of policy.groups) {
    if (group.members.filter((member) => met.has(member)).length >= group.threshold) met.add(group.name);
  }
  return policy.quorum === null || met.has(policy.quorum);
}

/** The one key of this name that the reader trusts as a log's. */
export function keyNamed(policy, name) {
  const keys = policy.logs.filter((key) => key.name === name);
  if (keys.length !== 1) throw new VerificationFailed(`key ${name}: the trust policy names ${keys.length}, not one`);
  return keys[0];
}

/** Name of the key with which the log of this origin signs answers. */
export const answersName = (origin) => `${origin}/answers`;
