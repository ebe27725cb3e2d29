"""Is a trust file read as C2SP says, or refused at the line that is wrong?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_TRUST_POLICY_BYTES, MAX_TRUST_POLICY_LINES
from ledger.tlog import (
    COSIGNATURE_TYPE,
    Group,
    Log,
    Signer,
    TrustPolicyMalformed,
    VerifierKey,
    Witness,
    format_trust,
    parse_trust_policy,
)
from tests.tlog.strategies import ANSWERS, LOG, ORIGIN, seeds

LOG_LINE = f"log {LOG.verifier_key.format()}"
W1 = VerifierKey("w1.example", bytes([1] * 32), COSIGNATURE_TYPE)
W2 = VerifierKey("w2.example", bytes([2] * 32), COSIGNATURE_TYPE)
TWO_WITNESSES = f"witness a {W1.format()}\nwitness b {W2.format()}\n"


@given(
    st.lists(seeds, min_size=2, max_size=2, unique=True),
    st.sampled_from([None, "https://example.com/log/"]),
)
def test_written_trust_is_read_back(two: list[bytes], url: str | None) -> None:
    """Two log lines, no quorum; the comments are for people."""
    log = Signer(ORIGIN, two[0]).verifier_key
    answers = Signer(f"{ORIGIN}/answers", two[1]).verifier_key
    text = format_trust(log=log, answers=answers, url=url)
    policy = parse_trust_policy(text.encode())

    assert (Log(log, url), Log(answers)) == policy.logs
    assert policy.quorum is None
    assert (policy.witnesses, policy.groups) == ((), ())


@pytest.mark.parametrize("quorum", ["none", "every"])
def test_written_witnesses_are_read_back(quorum: str) -> None:
    """A reader demands what the log publishes by, URLs and names of any octets included."""
    text = (
        f"witness a {W1.format()} https://a.example/\nwitness \udcff {W2.format()}\n"
        f"group one any a \udcff\ngroup every all one\nquorum {quorum}\n"
    )
    witnessed = parse_trust_policy(text.encode(errors="surrogateescape"))
    answers = Signer(f"{ORIGIN}/answers", bytes([9] * 32)).verifier_key
    written = format_trust(log=LOG.verifier_key, answers=answers, witnessed=witnessed)
    policy = parse_trust_policy(written.encode(errors="surrogateescape"))

    assert (witnessed.witnesses, witnessed.groups) == (policy.witnesses, policy.groups)
    assert witnessed.quorum == policy.quorum
    assert (Log(LOG.verifier_key), Log(answers)) == policy.logs
    assert ("No witness has to cosign" in written) == (quorum == "none")


def test_every_kind_of_line_is_read() -> None:
    """Blanks and comments where C2SP allows them, URLs kept."""
    text = (
        f" \t# a comment\n\n{LOG_LINE} https://log.example/\n"
        f"\twitness  a\t{W1.format()} https://a.example/ \n"
        f"witness b {W2.format()}\n"
        "group one 1 a b\ngroup every all one\nquorum every\n#end\n"
    )
    policy = parse_trust_policy(text.encode())

    assert policy.logs == (Log(LOG.verifier_key, "https://log.example/"),)
    assert policy.witnesses == (Witness("a", W1, "https://a.example/"), Witness("b", W2))
    assert policy.groups == (Group("one", 1, ("a", "b")), Group("every", 1, ("one",)))
    assert policy.quorum == "every"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("log", "must be: log <vkey>"),
        (f"{LOG_LINE} https://x/ more", "must be: log <vkey>"),
        (f"{LOG_LINE[:-1]}", "base64"),
        (f"log {W1.format()}", "must be 0x01"),
        ("log a+b+c", "vkey"),
        (f"witness c {LOG.verifier_key.format()}", "must be 0x04"),
        (f"witness c {W1.format()}", "two lines of a kind"),
        (f"witness a {W1.format()}", "must be new"),
        (f"witness none {W1.format()}", "not `none`"),
        ("witness c", "must be: witness"),
        ("group g all", "must be: group"),
        ("group g 0 a b", "1 or more"),
        ("group g 3 a b", "0..2"),
        ("group g 01 a b", "leading zeros"),
        ("group g most a b", "decimal"),
        ("group g all a a", "one group, once"),
        ("group g all a c", "earlier line"),
        ("group g all g", "earlier line"),
        ("group g all none", "earlier line"),
        ("group a all b", "must be new"),
        ("quorum", "must be: quorum"),
        ("quorum c", "earlier line"),
        ("quorum a b", "must be: quorum"),
        ("Log x", "must be log, witness, group or quorum"),
        ("quorum a\r", "control"),
        ("quorum a\x7f", "control"),
        ("# a comment \x00", "control"),
    ],
)
def test_wrong_line_is_named(line: str, reason: str) -> None:
    """The error counts lines from 1 and says what the line must be."""
    with pytest.raises(TrustPolicyMalformed, match=reason) as failed:
        parse_trust_policy(f"{TWO_WITNESSES}{line}\nquorum a\n".encode())

    assert failed.value.line == 3


def test_log_stands_on_one_line() -> None:
    """The same public key under another name is still the same key."""
    alias = VerifierKey("other.example", LOG.verifier_key.public_key).format()

    with pytest.raises(TrustPolicyMalformed, match=r"line 2: .*two lines of a kind"):
        parse_trust_policy(f"{LOG_LINE}\nlog {alias}\nquorum none\n".encode())


def test_members_of_one_group_are_in_no_other() -> None:
    """So that no witness counts twice."""
    with pytest.raises(TrustPolicyMalformed, match=r"line 4: .*one group, once"):
        parse_trust_policy(f"{TWO_WITNESSES}group g all a\ngroup h any a b\nquorum h\n".encode())


def test_quorum_stands_exactly_once() -> None:
    """None is no policy, and two are one too many, also where they agree."""
    with pytest.raises(Malformed, match="must have a quorum line"):
        parse_trust_policy(f"{LOG_LINE}\n".encode())
    with pytest.raises(TrustPolicyMalformed, match=r"line 2: .*set once"):
        parse_trust_policy(b"quorum none\nquorum none\n")


def test_cut_file_is_refused() -> None:
    """`quorum g10` that lost its last byte would be another quorum."""
    with pytest.raises(TrustPolicyMalformed, match="line 2: must end in a newline"):
        parse_trust_policy(f"{LOG_LINE}\nquorum none".encode())


def test_names_are_octets() -> None:
    """A byte that is not UTF-8 may name a witness, and stands for itself only."""
    text = f"witness \udcff {W1.format()}\nwitness \u00ff {W2.format()}\nquorum \udcff\n"
    policy = parse_trust_policy(text.encode(errors="surrogateescape"))

    assert policy.quorum_met(["\udcff"])
    assert not policy.quorum_met(["\u00ff"])


def test_name_of_a_key_is_utf8() -> None:
    """Other octets in a vkey end as our own error, with its line."""
    line = f"log \udcff{LOG.verifier_key.format()}\nquorum none\n"

    with pytest.raises(TrustPolicyMalformed, match=r"line 1: vkey\.name"):
        parse_trust_policy(line.encode(errors="surrogateescape"))


def test_file_is_bounded() -> None:
    """Neither more bytes nor more lines than the bounds."""
    with pytest.raises(Malformed, match="bytes at most"):
        parse_trust_policy(b"#" * MAX_TRUST_POLICY_BYTES + b"\n")
    with pytest.raises(Malformed, match="lines at most"):
        parse_trust_policy(b"\n" * (MAX_TRUST_POLICY_LINES + 1))


@given(st.data())
def test_changed_file_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever stands in the file, only `Malformed` comes out of it."""
    text = bytearray(format_trust(log=LOG.verifier_key, answers=ANSWERS.verifier_key).encode())
    at = data.draw(st.integers(0, len(text)))
    text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))

    try:
        parse_trust_policy(bytes(text))
    except Malformed:
        return


def test_url_cannot_add_a_line() -> None:
    """What would change the policy's meaning is not written."""
    for url in ["https://a/ b", "https://a/\nlog x"]:
        with pytest.raises(Malformed):
            format_trust(log=LOG.verifier_key, answers=ANSWERS.verifier_key, url=url)
