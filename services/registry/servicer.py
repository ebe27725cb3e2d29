"""RegistryService: what the names in reports stand for.

    request ──names, bounds, credential──► registrar, deciding.py ──► receipt

An agency must be registered before anything names it; everything else is recorded as it
comes, and judged later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import grpc.aio

from ledger.canonical_json import JsonValue
from ledger.domain.base import NotRegistered
from ledger.events import Fact
from ledger.streams import check_id
from services.pb.candour.v1 import registry_pb2 as pb
from services.pb.candour.v1 import registry_pb2_grpc
from services.registry.listing import list_registered
from services.runtime.authn import reporter_of
from services.runtime.deciding import Asked, answer
from services.runtime.names import check_request_id, ledger_of, named_in
from services.runtime.reading import Reading
from services.runtime.registry_messages import (
    read_agency,
    read_authorization,
    read_source,
    read_technology,
)
from services.runtime.serving import Serving

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE: Final = pb.DESCRIPTOR.services_by_name["RegistryService"].full_name


class RegistryServicer(registry_pb2_grpc.RegistryServiceServicer):
    """Keeps the registers of the hosted ledgers."""

    def __init__(
        self, ledgers: Mapping[str, Serving], readings: Mapping[str, Reading] | None = None
    ) -> None:
        self._ledgers, self._readings = ledgers, readings or {}

    async def RegisterAgency(  # noqa: N802
        self, request: pb.RegisterAgencyRequest, context: Context
    ) -> pb.RegisterAgencyResponse:
        fact = read_agency(request.agency)
        return pb.RegisterAgencyResponse(
            **await self._register(request, context, fact.agency, fact)
        )

    async def RegisterTechnology(  # noqa: N802
        self, request: pb.RegisterTechnologyRequest, context: Context
    ) -> pb.RegisterTechnologyResponse:
        fact = read_technology(request.technology)
        registered = await self._register(request, context, fact.technology, fact)
        return pb.RegisterTechnologyResponse(**registered)

    async def RegisterSource(  # noqa: N802
        self, request: pb.RegisterSourceRequest, context: Context
    ) -> pb.RegisterSourceResponse:
        fact = read_source(request.source)
        registered = await self._register(request, context, fact.source, fact, agency=fact.agency)
        return pb.RegisterSourceResponse(**registered)

    async def GrantAuthorization(  # noqa: N802
        self, request: pb.GrantAuthorizationRequest, context: Context
    ) -> pb.GrantAuthorizationResponse:
        fact, protected = read_authorization(request.authorization)
        granted = await self._register(
            request, context, fact.authorization, fact, protected, agency=fact.agency
        )
        return pb.GrantAuthorizationResponse(**granted)

    async def AliasTechnology(  # noqa: N802
        self, request: pb.AliasTechnologyRequest, context: Context
    ) -> pb.AliasTechnologyResponse:
        serving, name = named_in(request.name, self._ledgers, collection="technologies")
        alias = check_id(request.alias, "technologies", field="alias")
        asked = Asked(
            decide=lambda registrar, told: registrar.alias_technology(name, alias, told),
            reporter=reporter_of(context),
            request_id=check_request_id(request.request_id),
            said=("alias", name, alias),
        )
        return pb.AliasTechnologyResponse(**await answer(serving, asked, context, request.wait_for))

    async def LinkAuthorization(  # noqa: N802
        self, request: pb.LinkAuthorizationRequest, context: Context
    ) -> pb.LinkAuthorizationResponse:
        serving, name = named_in(request.name, self._ledgers, collection="toolUses")
        cited = check_id(request.authorization, "authorizations", field="authorization")
        asked = Asked(
            decide=lambda registrar, told: registrar.link_authorization(name, cited, told),
            reporter=reporter_of(context),
            request_id=check_request_id(request.request_id),
            said=("link", name, cited),
        )
        return pb.LinkAuthorizationResponse(
            **await answer(serving, asked, context, request.wait_for)
        )

    async def ListRegistered(  # noqa: N802
        self, request: pb.ListRegisteredRequest, _context: Context
    ) -> pb.ListRegisteredResponse:
        return await list_registered(ledger_of(request.parent, self._readings), request)

    async def _register(
        self,
        request: Any,
        context: Context,
        name: str,
        fact: Fact,
        protected: Mapping[str, JsonValue] | None = None,
        *,
        agency: str | None = None,
    ) -> dict[str, Any]:
        """Begin the stream of `name`; `agency` is what must be registered before it."""
        serving = ledger_of(request.parent, self._ledgers)
        check_request_id(request.request_id)
        log = serving.hosted.log
        if agency is not None and not await serving.run(log.is_registered, agency):
            raise NotRegistered(agency)
        asked = Asked(
            decide=lambda registrar, told: registrar.register(name, fact, told, protected),
            reporter=reporter_of(context),
        )
        return await answer(serving, asked, context, request.wait_for)


def add_to_server(servicer: RegistryServicer, server: grpc.aio.Server) -> None:
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(servicer, server)
