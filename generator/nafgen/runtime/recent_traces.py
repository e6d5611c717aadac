"""The traces that a process recorded last."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .observing import observing

SPANS: Final = 1000
"""Spans of a trace that are kept at the most."""

Spans = Sequence[ReadableSpan]


class RecentTraces(SpanProcessor):
    """Keeps the last traces, so many of them, for `/traces` to show."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._traces: OrderedDict[str, deque[ReadableSpan]] = OrderedDict()
        self._lock = Lock()
        self.routes: Final = [
            Route("/traces", self._list),
            Route("/traces/{trace_id}", self._one),
        ]

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        trace_id = format_trace_id(span.context.trace_id)
        with self._lock:
            if trace_id not in self._traces and len(self._traces) == self._size:
                self._traces.popitem(last=False)
            self._traces.setdefault(trace_id, deque(maxlen=SPANS)).append(span)

    def _kept(self) -> dict[str, list[ReadableSpan]]:
        """Traces that have ended here, the oldest first."""
        with self._lock:
            traces = {name: list(spans) for name, spans in self._traces.items()}
        return {name: spans for name, spans in traces.items() if _roots(spans)}

    async def _list(self, request: Request) -> JSONResponse:
        _refuse_unobserved()
        wanted, status = (request.query_params.get(n) for n in ("operation", "status"))
        kept = self._kept()
        shown = [_summary(name, spans) for name, spans in reversed(kept.items())]
        traces = [
            each
            for each in shown
            if (wanted is None or wanted in each["operation"])
            and (status is None or status.upper() == each["status"])
        ]
        content = {"traces": traces, "bufferSize": self._size, "bufferUsed": len(kept)}
        return JSONResponse(content)

    async def _one(self, request: Request) -> JSONResponse:
        _refuse_unobserved()
        name = request.path_params["trace_id"]
        spans = self._kept().get(name)
        if spans is None:
            raise HTTPException(404, "no such trace is kept")
        return JSONResponse(
            {**_summary(name, spans), "spans": [_shown(span) for span in spans]}
        )


def _refuse_unobserved() -> None:
    if observing.observer is None:
        raise HTTPException(503, "OpenTelemetry is off")


def _roots(spans: Spans) -> list[ReadableSpan]:
    """The spans that nothing in this process is around."""
    return [span for span in spans if span.parent is None or span.parent.is_remote]


def _summary(trace_id: str, spans: Spans) -> dict[str, Any]:
    roots = _roots(spans)
    start = min(span.start_time or 0 for span in roots)
    end = max(span.end_time or 0 for span in roots)
    return {
        "traceId": trace_id,
        "operation": roots[0].name,
        "durationMs": (end - start) / 1e6,
        "status": max(map(_status, roots), key=["OK", "ERROR"].index),
        "spanCount": len(spans),
        "timestamp": datetime.fromtimestamp(start / 1e9, UTC).isoformat(),
    }


def _shown(span: ReadableSpan) -> dict[str, Any]:
    parent = (
        {"parentSpanId": format_span_id(span.parent.span_id)} if span.parent else {}
    )
    return {
        "spanId": format_span_id(span.context.span_id if span.context else 0),
        **parent,
        "name": span.name,
        "kind": span.kind.name,
        "durationMs": ((span.end_time or 0) - (span.start_time or 0)) / 1e6,
        "status": _status(span),
    }


def _status(span: ReadableSpan) -> str:
    return "ERROR" if span.status.status_code is StatusCode.ERROR else "OK"
