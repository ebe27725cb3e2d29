"""LogsService of OpenTelemetry: log records that report uses, from any OTLP exporter.

    ExportLogsServiceRequest ──services/runtime/otlp.py──► ExportLogsServiceResponse

The ledger is named by the metadata `candour-ledger`, where more than one is served.

Source: opentelemetry/proto/collector/logs/v1/logs_service.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import grpc
import grpc.aio
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as pb

from services.runtime.authn import reporter_of
from services.runtime.names import LEDGER_HEADER
from services.runtime.otlp import RawExport, export, ledger_named, read_export
from services.runtime.serving import Serving, check_deadline

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE: Final = pb.DESCRIPTOR.services_by_name["LogsService"].full_name


class LogsServicer:
    """Takes log records for the hosted ledgers."""

    def __init__(self, ledgers: Mapping[str, Serving]) -> None:
        self._ledgers = ledgers

    async def Export(  # noqa: N802
        self, request: Any, context: Context
    ) -> pb.ExportLogsServiceResponse:
        """`request` is a RawExport."""
        said = dict(context.invocation_metadata() or ())
        name = said.get(LEDGER_HEADER)
        serving = ledger_named(name if name is None else str(name), self._ledgers)
        return await export(
            serving,
            read_export(request),
            reporter_of(context),
            before_commit=lambda: check_deadline(context),
        )


def add_to_server(servicer: LogsServicer, server: grpc.aio.Server) -> None:
    """As the generated function, except that each log record is decoded by itself."""
    handler = grpc.unary_unary_rpc_method_handler(
        servicer.Export,
        request_deserializer=RawExport.FromString,
        response_serializer=pb.ExportLogsServiceResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Export": handler}),)
    )
