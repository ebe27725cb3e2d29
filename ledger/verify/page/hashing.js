// What is the SHA-256 of these bytes, and did this key sign them? All cryptography is the browser's own (WebCrypto).
//
//   entry ──leafHash──► leaf ─┐
//                             ├─nodeHash──► … ──► root      (RFC 9162, section 2.1.1)
import { concat, utf8 } from "./bytes.js";

export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

const LEAF = Uint8Array.of(0), NODE = Uint8Array.of(1);

export const leafHash = (entry) => sha256(LEAF, entry);
export const nodeHash = (left, right) => sha256(NODE, left, right);

/** True where this Ed25519 key, 32 bytes, signed just this text. */
export async function isSignature(publicKey, text, signature) {
  if (signature.length !== 64) return false;
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, key, signature, utf8(text));
  } catch (error) {
    if (error.name === "NotSupportedError") throw error; // said by `whyNot`, before anything is read
    return false; // not a point of the curve
  }
}

/** Why this browser cannot verify; null where it can. */
export async function whyNot() {
  if (!globalThis.crypto?.subtle) return "this browser lends its cryptography to pages from disk or https only: save the page, and open the file";
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32).fill(1, 0, 1), { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") return "this browser is too old for Ed25519 signatures";
  }
  return null;
}
