"""Is a time believed that no trusted authority gave, or gave to something else? Never."""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path

import pytest

from ledger.canonical_json import encode
from ledger.errors import Malformed
from ledger.limits import MAX_TIMESTAMP_BYTES, MAX_TIMESTAMPS
from ledger.verify import der
from ledger.verify.bundle import stamped
from ledger.verify.report import Report
from ledger.verify.timestamps import (
    NAME_THE_AUTHORITIES,
    TimestampFailed,
    check_timestamps,
    read_authorities,
)
from ledger.verify.verifier import verify_bundle
from tests.authority import Authority
from tests.verify.evidence import POLICY, SmallLedger, opened

SIGNED = b"what an answers key signed"


@pytest.fixture(scope="module")
def other(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority of the same name and kind, with another root: the tests do not believe it."""
    return Authority(tmp_path_factory.mktemp("authorities") / "other")


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.stamp(SIGNED)


def stamp(bundle: bytes, *by: Authority) -> bytes:
    """The bundle with a time stamp of each."""
    for authority in by:
        found = opened(bundle)
        bundle = stamped(found, authority.stamp(found["signed"].encode()))
    return bundle


def checked(bundle: bytes, *by: Authority) -> Report:
    authorities = [one for authority in by for one in authority.trusted]
    return verify_bundle(bundle, POLICY, authorities=authorities if by else None)


def outcome(report: Report) -> tuple[str, str, str]:
    step = report.steps[-1]
    return report.verdict, step.name, step.outcome


# --- what holds ------------------------------------------------------------------------------
def test_time_stamp_is_verified_and_printed(small: SmallLedger, authority: Authority) -> None:
    """The time is told for people and for programs, with whose word it is."""
    report = checked(stamp(small.listed, authority), authority)

    assert ("verified", "timestamps", "ok") == outcome(report), report.reason
    (shown,) = report.to_object()["timestamps"]
    assert ("CN=A", 1_000_000) == (shown["authority"], shown["within_us"])
    assert f"this answer existed at {shown['existed_at']}, within 1 s, says CN=A" in (
        report.to_text()
    )


def test_two_authorities_are_better_than_one(
    small: SmallLedger, authority: Authority, other: Authority
) -> None:
    """Each is checked, and one that is not believed is refused."""
    bundle = stamp(small.listed, authority, other)

    assert 2 == len(checked(bundle, authority, other).stamps)
    assert ("refused", "timestamps", "failed") == outcome(checked(bundle, authority))
    assert "time stamp 2" in checked(bundle, authority).reason


def test_stamp_changes_nothing_that_was_signed(small: SmallLedger, authority: Authority) -> None:
    """It comes after the signature, and may be taken off again."""
    bundle = stamp(small.listed, authority)
    found = opened(bundle)
    del found["timestamps"]

    assert small.listed == encode(found) + b"\n"


def test_rsa_authority_is_verified(authority: Authority, tmp_path: Path) -> None:
    """The other kind of key that authorities have; and every flipped bit is refused, too."""
    rsa = Authority(tmp_path / "rsa", "R", "rsa")
    token = rsa.stamp(SIGNED)

    assert "CN=R" == check_timestamps([token], SIGNED, rsa.trusted)[0].authority
    with pytest.raises(TimestampFailed):
        check_timestamps([token], SIGNED, authority.trusted)
    assert [] == survivors(token, rsa, step=7)


# --- what is not looked at --------------------------------------------------------------------
def test_without_authorities_nothing_is_said_of_time(
    small: SmallLedger, authority: Authority
) -> None:
    """The answer is verified, the step is not: neither ok nor a reason to refuse."""
    report = checked(stamp(small.listed, authority))

    assert ("verified", "timestamps", "not checked here") == outcome(report)
    assert NAME_THE_AUTHORITIES in report.not_checked
    assert [] == report.to_object()["timestamps"]
    assert "existed at" not in report.to_text()


def test_without_the_library_it_is_not_judged(
    small: SmallLedger, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader asked for it, so it is no yes; and is told what to install."""
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    bundle = stamp(small.listed, authority)  # the authority has one of its own
    report = checked(bundle, authority)

    assert ("unusable", "timestamps", "not checked here") == outcome(report)
    assert "pip install rfc3161-client" in report.reason
    assert "verified" == checked(bundle).verdict


def test_bundle_without_a_stamp_is_not_judged(small: SmallLedger, authority: Authority) -> None:
    """Whoever demands a time stamp is told that there is none, and how to get one."""
    report = checked(small.listed, authority)

    assert ("unusable", "timestamps", "not judged") == outcome(report)
    assert "candour timestamp" in report.reason
    assert ("verified", "timestamps", "ok") == outcome(checked(small.listed))


# --- what is refused ---------------------------------------------------------------------------
def test_token_of_another_answer_is_refused(small: SmallLedger, authority: Authority) -> None:
    """Genuine, and over something else."""
    foreign = authority.stamp(opened(small.complete)["signed"].encode())
    report = checked(stamped(opened(small.listed), foreign), authority)

    assert ("refused", "timestamps", "failed") == outcome(report)
    assert "over something else" in report.reason


def test_token_by_another_root_is_refused(
    small: SmallLedger, authority: Authority, other: Authority
) -> None:
    """Its root has the same name and another key."""
    report = checked(stamp(small.listed, other), authority)

    assert ("refused", "timestamps", "failed") == outcome(report)


def survivors(token: bytes, authority: Authority, *, step: int = 1) -> list[tuple[int, int]]:
    """The places and bits whose flip nobody notices."""
    trusted, found = authority.trusted, []
    for at in range(0, len(token), step):
        for bit in range(8):
            flipped = token[:at] + bytes([token[at] ^ 1 << bit]) + token[at + 1 :]
            try:
                check_timestamps([flipped], SIGNED, trusted)
            except TimestampFailed:
                continue
            found.append((at, bit))
    return found


def test_every_flipped_bit_is_refused(authority: Authority, token: bytes) -> None:
    """One after another, those included that OpenSSL does not look at."""
    assert "CN=A" == check_timestamps([token], SIGNED, authority.trusted)[0].authority
    assert [] == survivors(token, authority)


def test_any_cut_is_refused(authority: Authority, token: bytes) -> None:
    """From its beginning to any place, or with something after its end."""
    for changed in [*(token[:at] for at in range(len(token))), token + b"\0", token + token]:
        with pytest.raises(TimestampFailed):
            check_timestamps([changed], SIGNED, authority.trusted)


def _grafted(token: bytes, extra: bytes) -> bytes:
    """The token with something more at the end of its SignerInfo."""
    content = der.read_all(der.one(token, der.SEQUENCE).content)
    parts = der.read_all(der.one(content[1].content, der.SEQUENCE).content)
    signer = der.one(parts[-1].content, der.SEQUENCE)
    signers = der.wrapped(der.SET, der.wrapped(der.SEQUENCE, signer.content + extra))
    data = b"".join(part.whole for part in parts[:-1]) + signers
    explicit = der.wrapped(der.CONTEXT_0, der.wrapped(der.SEQUENCE, data))
    return der.wrapped(der.SEQUENCE, content[0].whole + explicit)


def test_what_nobody_signed_is_refused(authority: Authority, token: bytes) -> None:
    """Attributes beside the signed ones could say anything."""
    unsigned = der.wrapped(0xA1, der.wrapped(der.SEQUENCE, bytes.fromhex("06012a3100")))

    assert token == _grafted(token, b"")
    with pytest.raises(TimestampFailed, match="nobody signed"):
        check_timestamps([_grafted(token, unsigned)], SIGNED, authority.trusted)


def test_list_has_its_shape(small: SmallLedger, authority: Authority) -> None:
    """1 to 4, each once, base64, not too long: whatever else is refused by everybody."""
    text = b64encode(authority.stamp(opened(small.listed)["signed"].encode())).decode()
    spelt_otherwise = text.rstrip("=") + "\n" + "=" * text.count("=")
    bad: list[object] = [
        [],
        [text, text],
        [text] * (MAX_TIMESTAMPS + 1),
        [b64encode(bytes([n])).decode() for n in range(MAX_TIMESTAMPS + 1)],
        [b64encode(bytes(MAX_TIMESTAMP_BYTES + 1)).decode()],
        [spelt_otherwise],
        [[text]],
        [None],
        [1],
        text,
        None,
        {"0": text},
    ]
    for timestamps in bad:
        data = encode({**opened(small.listed), "timestamps": timestamps}) + b"\n"
        assert ("refused", "format") == outcome(checked(data))[:2], timestamps
    good = {**opened(small.listed), "timestamps": [text]}
    assert "verified" == checked(encode(good) + b"\n", authority).verdict


def test_stamping_keeps_the_bounds(small: SmallLedger) -> None:
    """A fifth stamp, or the same again, makes no bundle."""
    bundle = small.listed
    for number in range(MAX_TIMESTAMPS):
        bundle = stamped(opened(bundle), bytes([number]))
    for token in (b"fifth", bytes([0])):
        with pytest.raises(Malformed, match="timestamps"):
            stamped(opened(bundle), token)


@pytest.mark.parametrize("text", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\n"])
def test_authorities_are_certificates(text: bytes) -> None:
    """A file that names nobody is not silently a file that trusts nobody."""
    with pytest.raises(Malformed, match="authorities"):
        read_authorities(text)


def test_authorities_have_a_root(authority: Authority) -> None:
    """A certificate that somebody else signed is no end of a chain."""
    with pytest.raises(Malformed, match="root"):
        read_authorities(authority.certificate.read_bytes())
