"""What is a thing called outside this ledger? A URN made from its origin and resource name.

origin, "agencies/x" ──urn──► urn:uuid:…  the same in every export, by whoever writes it

Source: RFC 9562, section 5.5 (UUID version 5), over `<VOCABULARY><origin>/<name>`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from uuid import NAMESPACE_URL, uuid5

# A name, not an address: `.invalid` promises that nobody serves it (RFC 2606).
VOCABULARY: Final = "https://candour.invalid/vocabulary/1#"


@lru_cache(maxsize=4096)  # uses name the same few agencies and technologies
def urn(origin: str, name: str) -> str:
    """The URN of a resource, or of a part of one (`toolUses/…/object`)."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{VOCABULARY}{origin}/{name}')}"
