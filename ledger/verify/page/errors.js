// Which claim failed? The same kinds of error as ledger/errors.py; the kind decides the outcome of a step.
//
//   Malformed, VerificationFailed ──► failed, so "refused"      Unverifiable ──► not judged, so "unusable"

export class CandourError extends Error {}

/** Input breaks a format: `field` says where, `reason` which rule. Never quotes a protected value. */
export class Malformed extends CandourError {
  constructor(field, reason) {
    super(`${field}: ${reason}`);
    this.reason = reason;
  }
}

/** A claim was checked and does not hold. */
export class VerificationFailed extends CandourError {}

/** A claim cannot be judged with what is here: it is not a yes. */
export class Unverifiable extends CandourError {}
