"""Which way did one call take? Spans from gRPC to the commit, the checkpoint and the views.

    traceparent ──► call (server) ──► commit ──► store          a commit is a child of the first
                     call, call … ──link───┘                    sampled call in it, and links to
    publish ──► one span a witness        project (projector)   the others, MAX_SPAN_LINKS at most

A span holds names of services, ledgers and witnesses, sizes, and codes of errors: nothing of what
was reported, no text of an exception, and no tracestate, which is a stranger's text.

Source: W3C Trace Context, section 3.2; OpenTelemetry's semantic conventions for RPC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, TypeAlias

from grpc.aio import AbortError
from opentelemetry.context import Context
from opentelemetry.trace import Link as SpanLink
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ledger.limits import MAX_SPAN_LINKS
from services.runtime.metrics import reason_of

Attributes: TypeAlias = Mapping[str, str | int]
_TRACEPARENT: Final = "traceparent"
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_ROOT: Final = Context()  # of nobody: a span that begins a trace


class Tracing:
    """The spans of one process.

    Args:
        tracer: Of a provider; None for no spans, at the cost of an `if`.
    """

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer

    @property
    def on(self) -> bool:
        return self._tracer is not None

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Attributes,
        *,
        parent: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        links: Iterable[SpanContext] = (),
        ending: Callable[[BaseException | None], Attributes] | None = None,
    ) -> Iterator[None]:
        """A span around the block; whatever it raises is told by its code alone.

        Args:
            parent: None for the span that is current.
            ending: What is known at the end only: of what the block raised, or of None.
        """
        if self._tracer is None:
            yield
            return
        span = self._tracer.start_span(
            name,
            parent,
            kind,
            dict(attributes),
            [SpanLink(context) for context in links],
            record_exception=False,
            set_status_on_exception=False,
        )
        raised: BaseException | None = None
        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                yield
        except BaseException as error:
            raised = error
            _failed(span, error)
            raise
        finally:
            if ending is not None:
                span.set_attributes(dict(ending(raised)))
            span.end()

    @contextmanager
    def commit(
        self, ledger: str, entries: int, asked: Iterable[SpanContext | None]
    ) -> Iterator[Callable[[str], AbstractContextManager[None]]]:
        """Around a commit, where any of those who asked for it is sampled.

        Args:
            asked: The span of each request, as `current` said; some twice.
        Returns:
            What makes a span of a part of it.
        """
        found = [] if self._tracer is None else sampled(asked)
        if not found:
            yield _no_span
            return
        first, *others = found
        attributes: Attributes = {"candour.ledger": ledger, "candour.entries": entries}
        parent = set_span_in_context(NonRecordingSpan(first), _ROOT)
        with self.span("candour.commit", attributes, parent=parent, links=others):
            yield lambda name: self.span(name, {"candour.ledger": ledger})

    def current(self) -> SpanContext | None:
        """What a later commit is told of the call under way; None where it is not sampled."""
        if self._tracer is None:
            return None
        found = get_current_span().get_span_context()
        return found if found.is_valid and found.trace_flags.sampled else None

    def happened(
        self, name: str, attributes: Attributes, *, started_ns: int, failed: Exception | None = None
    ) -> None:
        """A span of something that is over, once it is known to have been worth one.

        Args:
            started_ns: From 1970.
        """
        if self._tracer is None:
            return
        span = self._tracer.start_span(
            name, _ROOT, attributes=dict(attributes), start_time=started_ns
        )
        if failed is not None:
            _failed(span, failed)
        span.end()


def sampled(asked: Iterable[SpanContext | None]) -> list[SpanContext]:
    """Each sampled context once, in order, one more than a span may link at most."""
    found: dict[tuple[int, int], SpanContext] = {}
    for context in asked:
        if context is not None and len(found) <= MAX_SPAN_LINKS:
            found.setdefault((context.trace_id, context.span_id), context)
    return list(found.values())


def caller_of(metadata: Iterable[tuple[str, Any]] | None) -> Context:
    """The trace that a caller says it is in; of nobody where it says nothing that can be read."""
    for key, value in metadata or ():
        if key == _TRACEPARENT and isinstance(value, str):
            return _PROPAGATOR.extract({_TRACEPARENT: value}, _ROOT)
    return _ROOT


def _no_span(_name: str) -> AbstractContextManager[None]:
    return nullcontext()


def _failed(span: Span, error: BaseException) -> None:
    """Without the error's text; an AbortError's code is on the call's span already."""
    if isinstance(error, GeneratorExit):  # whoever read on has enough
        return
    if isinstance(error, Exception) and not isinstance(error, AbortError):
        span.set_attribute("error.type", reason_of(error))
    span.set_status(Status(StatusCode.ERROR))


OFF: Final[Tracing] = Tracing()
