"""What can become of a report other than a receipt? One class a claim that failed.

    before it is taken   MalformedUse, Full, SpoolFull, ClientClosed
    by the ledger        UseRefused (for good): MalformedUse, ConflictingResubmission, …
    on the way           LedgerAway, CallRefused, NotDelivered, SpoolFailed

None quotes a protected value.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class ClientError(Exception):
    """Whatever this client raises."""


# --- a use ------------------------------------------------------------------------
class UseRefused(ClientError):
    """The ledger refuses this use for good: sent again as it is, it is refused again.

    Args:
        message: For people.
        code: gRPC's name: `INVALID_ARGUMENT`.
        reason: Of the ErrorInfo: `MALFORMED`, `AGENCY_NOT_REGISTERED`, …
        field: Which breaks a rule; "" where it is about no single one.
        facts: What the ErrorInfo says beside its reason.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        reason: str = "",
        field: str = "",
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.field = code, reason, field
        self.facts = dict(facts or {})


class MalformedUse(UseRefused):
    """A field breaks a rule; `field` names it. Some are found before anything is sent."""


class ConflictingResubmission(UseRefused):
    """The ledger holds another content under this source and id; `facts` names the first."""


class AgencyNotRegistered(UseRefused):
    """Nobody registered the agency; `facts["name"]`. Register it, and report again."""


# --- the way there ----------------------------------------------------------------
class Full(ClientError):
    """As many uses are waiting as may; nothing was taken. Wait, or allow more time."""

    def __init__(self, uses: int, size_bytes: int) -> None:
        super().__init__(f"{uses} uses, {size_bytes} bytes, are waiting for the ledger already")
        self.uses, self.size_bytes = uses, size_bytes


class ClientClosed(ClientError):
    """The client was closed, and takes nothing more."""

    def __init__(self) -> None:
        super().__init__("the client is closed")


class LedgerAway(ClientError):
    """No ledger took it for as long as this client is patient, and there is no spool.

    It may be recorded all the same: report it again under its own id, and it lands once.
    """


class CallRefused(ClientError):
    """The ledger refuses the whole request, for nothing that its uses say.

    A wrong ledger name, credentials, a ledger that takes nothing more. With a spool the uses
    are kept, and tried again.
    """

    def __init__(self, message: str, *, code: str, reason: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.reason = code, reason


class NotDelivered(ClientError):
    """The client was closed before the ledger answered.

    Args:
        spooled: True where the use is on disk, and is sent at the next start. False: it may be
            recorded; nobody will send it again.
    """

    def __init__(self, *, spooled: bool) -> None:
        kept = "the spool keeps it for the next start" if spooled else "it may be recorded, or not"
        super().__init__(f"the client was closed before the ledger answered; {kept}")
        self.spooled = spooled


# --- the spool --------------------------------------------------------------------
class SpoolFull(ClientError):
    """The spool holds as much as it may; nothing was taken.

    The ledger was away for longer than it has room for, or refuses this client.
    """

    def __init__(self, folder: Path, size_bytes: int, bound_bytes: int) -> None:
        super().__init__(f"{folder} holds {size_bytes} bytes, and may hold {bound_bytes}")
        self.folder, self.size_bytes, self.bound_bytes = folder, size_bytes, bound_bytes


class SpoolFailed(ClientError):
    """The disk did not take it. It is not spooled, and is not sent unless reported again."""


class SpoolInUse(ClientError):
    """Another process, or another client of this one, has this spool."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} belongs to a client that runs; give each one its own")
        self.folder = folder


class SpoolDamaged(ClientError):
    """A record that was on disk is not what was written; nothing of the spool was changed.

    A last record that is torn, as by a power cut, is no damage: nobody was told that it is kept.
    """

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(
            f"{path} is damaged at byte {offset}: move it away to go on without it, and keep it"
        )
        self.path, self.offset = path, offset


class SpoolOfAnotherLedger(ClientError):
    """What was spooled is meant for another ledger."""

    def __init__(self, folder: Path, found: str, wanted: str) -> None:
        super().__init__(f"{folder} holds uses for {found}, not for {wanted}")
        self.folder, self.found, self.wanted = folder, found, wanted
