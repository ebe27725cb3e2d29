"""Which key do we trust for what, and when have enough witnesses cosigned?"""

from __future__ import annotations

from itertools import combinations

import pytest

from ledger.errors import Malformed
from ledger.tlog import (
    COSIGNATURE_TYPE,
    KeyUntrusted,
    Signer,
    VerifierKey,
    answers_key,
    format_trust,
    log_key,
    parse_trust_policy,
)
from tests.tlog.strategies import ANSWERS, LOG, ORIGIN

TRUST = format_trust(log=LOG.verifier_key, answers=ANSWERS.verifier_key).encode()


def witness(n: int) -> str:
    return VerifierKey(f"w{n}.example", bytes([n] * 32), COSIGNATURE_TYPE).format()


def test_each_purpose_has_its_key() -> None:
    """The origin's key is not the one that signs answers."""
    policy = parse_trust_policy(TRUST)

    assert LOG.verifier_key == log_key(policy, ORIGIN)
    assert ANSWERS.verifier_key == answers_key(policy, ORIGIN)


def test_log_that_is_not_named_is_not_trusted() -> None:
    """Another origin has no key here, however alike its name."""
    policy = parse_trust_policy(TRUST)
    for origin in ("example.com", "example.com/logs", "EXAMPLE.com/log"):
        with pytest.raises(KeyUntrusted) as failed:
            log_key(policy, origin)
        assert (failed.value.key_name, failed.value.found) == (origin, 0)


def test_two_keys_of_one_name_are_not_chosen_between() -> None:
    """A file with an old and a new key is a valid policy, but names no single key."""
    newer = Signer(ORIGIN, bytes([9] * 32)).verifier_key.format()
    policy = parse_trust_policy(TRUST + f"log {newer}\n".encode())

    with pytest.raises(KeyUntrusted, match="names 2, not one"):
        log_key(policy, ORIGIN)


def test_quorum_of_c2sps_example() -> None:
    """Two of three and one of three: every set of witnesses is judged as the text says."""
    names = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    lines = [f"witness {name} {witness(n)}" for n, name in enumerate(names)]
    lines += ["group Xs 2 X1 X2 X3", "group Ys any Y1 Y2 Y3", "group all-of all Xs Ys"]
    policy = parse_trust_policy("\n".join([*lines, "quorum all-of", ""]).encode())

    for count in range(len(names) + 1):
        for cosigned in combinations(names, count):
            firsts = [name[0] for name in cosigned]
            expected = firsts.count("X") >= 2 and firsts.count("Y") >= 1
            assert expected == policy.quorum_met(cosigned)


def test_names_that_are_no_witnesses_count_for_nothing() -> None:
    """A cosigner cannot pass for a group, nor a stranger for a witness."""
    policy = parse_trust_policy(f"witness w {witness(1)}\ngroup g all w\nquorum g\n".encode())

    assert not policy.quorum_met(["g", "stranger"])
    assert policy.quorum_met(["w"])


def test_quorum_none_asks_for_nobody() -> None:
    """Then no cosignature at all is enough."""
    assert parse_trust_policy(TRUST).quorum_met([])


def test_deep_groups_are_judged_without_recursion() -> None:
    """A chain of 5,000 groups is long, not deep."""
    chain = [f"group g{n} all g{n - 1}" for n in range(1, 5_000)]
    lines = [f"witness w {witness(1)}", "group g0 all w", *chain, "quorum g4999", ""]
    policy = parse_trust_policy("\n".join(lines).encode())

    assert policy.quorum_met(["w"])
    assert not policy.quorum_met([])


def test_answers_key_needs_its_name() -> None:
    """Only a key named <origin>/answers is written as one."""
    with pytest.raises(Malformed, match="answers"):
        format_trust(log=LOG.verifier_key, answers=LOG.verifier_key)
