"""The name that integrators import is the client itself."""

from __future__ import annotations

import candour.client

import services.client


def test_candour_client_is_the_client() -> None:
    """`from candour.client import …` gives every public name of services.client, and no other."""
    assert services.client.__all__ == candour.client.__all__
    for name in services.client.__all__:
        assert getattr(candour.client, name) is getattr(services.client, name)
