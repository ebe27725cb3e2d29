"""Does a request's name lead to a hosted ledger and a thing in it, or to a clear refusal?"""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_REQUEST_ID_CHARS
from services.runtime.names import check_request_id, ledger_of, named_in
from services.runtime.refusals import LedgerNotHosted

HOSTED = {"main": 1, "oversight": 2}


def test_names_lead_to_their_ledger() -> None:
    """A parent names a ledger, a full name a thing in it."""
    assert 2 == ledger_of("ledgers/oversight", HOSTED)
    assert (1, "toolUses/x") == named_in("ledgers/main/toolUses/x", HOSTED)
    assert (1, "imports/x") == named_in("ledgers/main/imports/x", HOSTED, collection="imports")


def test_unhosted_ledgers_are_not_found() -> None:
    """A well-formed name of another ledger is not an error of form."""
    for call in (lambda: ledger_of("ledgers/x", HOSTED), lambda: named_in("ledgers/x/a/b", HOSTED)):
        with pytest.raises((LedgerNotHosted, Malformed)):
            call()
    with pytest.raises(LedgerNotHosted):
        ledger_of("ledgers/x", HOSTED)


@pytest.mark.parametrize(
    "parent", ["", "main", "ledgers/", "ledgers/a/b", "ledger/main", "ledgers/ä"]
)
def test_parents_have_one_form(parent: str) -> None:
    """Anything but ledgers/<ledger> is malformed."""
    with pytest.raises(Malformed, match="parent"):
        ledger_of(parent, HOSTED)


@pytest.mark.parametrize(
    "name",
    ["toolUses/x", "ledgers/main", "ledgers/main/toolUses", "ledgers/main/toolUses/", "a/b/c"],
)
def test_names_have_one_form(name: str) -> None:
    """Anything but ledgers/<ledger>/<collection>/<id> is malformed."""
    with pytest.raises(Malformed, match="name"):
        named_in(name, HOSTED)


def test_only_the_collection_asked_for_will_do() -> None:
    """An import is no tool use."""
    with pytest.raises(Malformed, match="toolUses/"):
        named_in("ledgers/main/imports/x", HOSTED, collection="toolUses")


@given(st.text(max_size=120), st.text(max_size=40))
def test_any_text_is_a_name_or_our_own_error(name: str, request_id: str) -> None:
    """Whatever is asked for, nothing but our own errors comes of it."""
    for call in (
        lambda: named_in(name, HOSTED),
        lambda: ledger_of(name, HOSTED),
        lambda: check_request_id(request_id),
    ):
        with suppress(Malformed, LedgerNotHosted):
            call()


def test_request_ids_are_bounded() -> None:
    """A UUID will do, and anything visible of its kind; blank is none."""
    for request_id in ("", "9f1c4e1e-1c9a-4df5-8e6b-0f0f3b1d2c3d", "x" * MAX_REQUEST_ID_CHARS):
        assert request_id == check_request_id(request_id)
    for request_id in ("x" * (MAX_REQUEST_ID_CHARS + 1), "a b", "é", "a\n"):
        with pytest.raises(Malformed, match="request_id"):
            check_request_id(request_id)
