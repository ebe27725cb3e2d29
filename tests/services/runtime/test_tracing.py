"""Do spans say which way a call took, and nothing else? With the SDK's own exporter."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    get_current_span,
)

from ledger.errors import Malformed
from ledger.limits import MAX_SPAN_LINKS
from services.runtime.tracing import OFF, Tracing, caller_of


def _tracing(sampler: Sampler = ALWAYS_ON) -> tuple[Tracing, InMemorySpanExporter]:
    provider, kept = TracerProvider(sampler, shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return Tracing(provider.get_tracer("test")), kept


def _asked(number: int, *, sampled: bool = True) -> SpanContext:
    return SpanContext(1, number, is_remote=False, trace_flags=TraceFlags(int(sampled)))


def _attributes(span: ReadableSpan) -> Mapping[str, object]:
    return dict(span.attributes or {})


def test_a_commit_goes_on_from_its_first_call() -> None:
    """It is a child of the first sampled call, and linked to each other one once."""
    tracing, kept = _tracing()
    asked = [None, _asked(1, sampled=True), _asked(2), _asked(2), _asked(3)]
    with tracing.commit("main", 5, asked) as part, part("candour.append"):
        pass
    append, commit = kept.get_finished_spans()

    assert {"candour.ledger": "main", "candour.entries": 5} == _attributes(commit)
    assert commit.parent is not None
    assert 1 == commit.parent.span_id
    assert [2, 3] == [link.context.span_id for link in commit.links]
    assert append.parent is not None
    assert commit.context is not None
    assert commit.context.span_id == append.parent.span_id


def test_links_are_bounded() -> None:
    """However many calls one commit carries."""
    tracing, kept = _tracing()
    with tracing.commit("main", 1_000, (_asked(number) for number in range(1, 1_000))):
        pass
    (commit,) = kept.get_finished_spans()

    assert MAX_SPAN_LINKS == len(commit.links)


def test_a_commit_of_unsampled_calls_has_no_span() -> None:
    """Neither for itself nor for its parts."""
    tracing, kept = _tracing()
    with tracing.commit("main", 1, [None, None]) as part, part("candour.append"):
        assert not get_current_span().get_span_context().is_valid

    assert () == kept.get_finished_spans()


def test_an_error_is_told_by_its_code() -> None:
    """The span of what failed has the reason, and neither text nor trace of the exception."""
    tracing, kept = _tracing()
    with pytest.raises(Malformed), tracing.span("x", {}):
        raise Malformed("case_number", "a value")
    (span,) = kept.get_finished_spans()

    assert {"error.type": "MALFORMED"} == _attributes(span)
    assert (StatusCode.ERROR, None) == (span.status.status_code, span.status.description)
    assert () == tuple(span.events)


def test_a_call_is_remembered_while_it_is_sampled() -> None:
    """What a commit is told of the call under way; nothing where it is not sampled, or none is."""
    tracing, kept = _tracing()
    assert tracing.current() is None
    with tracing.span("x", {}):
        found = tracing.current()
    (span,) = kept.get_finished_spans()
    assert span.context is not None
    assert found is not None
    assert span.context.span_id == found.span_id

    silent, _ = _tracing(ALWAYS_OFF)
    with silent.span("x", {}):
        assert silent.current() is None


def test_a_caller_says_its_trace_and_nothing_else() -> None:
    """A traceparent is believed as to ids and sampling; tracestate and malformed ones are not."""
    said = f"00-{'a' * 32}-{'b' * 16}-01"
    parent = get_current_span(caller_of([("tracestate", "a=b"), ("traceparent", said)]))
    context = parent.get_span_context()

    assert ("a" * 32, "b" * 16) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert 0 == len(context.trace_state)
    for wrong in ([], None, [("traceparent", "x")], [("traceparent", b"x")]):
        assert not get_current_span(caller_of(wrong)).get_span_context().is_valid


def test_a_sampled_caller_decides() -> None:
    """Whoever asks with a sampled trace gets its spans, whatever the ratio."""
    tracing, kept = _tracing(ParentBased(ALWAYS_OFF))
    said = f"00-{'a' * 32}-{'b' * 16}-01"
    with tracing.span("sampled", {}, parent=caller_of([("traceparent", said)])):
        pass
    with tracing.span("not", {}, parent=caller_of([])):
        pass

    assert ["sampled"] == [span.name for span in kept.get_finished_spans()]


def test_off_makes_nothing() -> None:
    """No span is current, none is remembered, and the block runs all the same."""
    with OFF.span("x", {}), OFF.commit("main", 1, [_asked(1)]) as part, part("y"):
        assert not get_current_span().get_span_context().is_valid
        assert OFF.current() is None
    OFF.happened("x", {}, started_ns=0)
    assert not OFF.on
    assert isinstance(get_current_span(), NonRecordingSpan)
