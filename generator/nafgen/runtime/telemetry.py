"""Traces and metrics by OpenTelemetry; imported only where something asks for them.

FastAPI and the MCP library record what they serve; here is what they are recorded with,
and what is sent and done for that. Names are those of the semantic conventions. No
attribute holds a query, a header, a body or the text of an error: there secrets are.
"""

# Packages that nobody observes are checked where these libraries are not installed.
# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Thread
from time import monotonic, perf_counter
from typing import Any, Final

import httpx
from opentelemetry import context as contexts
from opentelemetry import metrics, propagate, trace
from opentelemetry.metrics import Histogram
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span as RecordedSpan
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .observability import Observability, is_traced
from .observing import Sending
from .settings import SettingsError, masked

Attributes = dict[str, str | int]

METHODS: Final = frozenset(
    {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY"}
)
"""Methods that stand in spans and metrics; any other is `_OTHER`."""
BUCKETS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
"""Seconds that durations are counted by, as the conventions advise."""
SOON: Final = 3.0
"""Seconds that a process waits for its collector when it ends."""
PORTS: Final = {"http": 80, "https": 443}


class Telemetry:
    """Records what a process sends and does, and counts it."""

    def __init__(
        self,
        tracers: trace.TracerProvider,
        meters: metrics.MeterProvider,
        propagator: TextMapPropagator,
    ) -> None:
        self._providers = (tracers, meters)
        self._propagator = propagator
        self._tracer = tracers.get_tracer(__name__)
        meter = meters.get_meter(__name__)

        def durations(name: str) -> Histogram:
            return meter.create_histogram(
                name, "s", explicit_bucket_boundaries_advisory=BUCKETS
            )

        self._sent = durations("http.client.request.duration")
        self._operations = durations("mcp.server.operation.duration")

    def flush(self) -> None:
        """Export what is left, as far as a collector takes it soon."""
        exporting = [
            Thread(target=provider.force_flush, daemon=True)
            for provider in self._providers
            if isinstance(provider, TracerProvider | MeterProvider)
        ]
        for thread in exporting:
            thread.start()
        end = monotonic() + SOON
        for thread in exporting:
            thread.join(max(0, end - monotonic()))

    def step(self, name: str) -> AbstractContextManager[object]:
        """A span around a step of a flow."""
        return self._span(name, SpanKind.INTERNAL, {})

    def operation(self, attributes: Attributes) -> AbstractContextManager[None]:
        """Counts an operation of an MCP server, with what its attributes become."""
        return _timed(self._operations, attributes)

    def sender(self, send: Sending) -> Sending:
        """What sends the tries of a request, each with a span and in its trace."""
        tries = 0

        async def sending(request: httpx.Request, **options: Any) -> httpx.Response:
            nonlocal tries
            attributes = _about(request)
            known: Attributes = {**attributes, "url.full": _shown(request.url)}
            if tries:
                known["http.request.resend_count"] = tries
            tries += 1
            with (
                self._span(request.method, SpanKind.CLIENT, known) as span,
                _timed(self._sent, attributes),
            ):
                self._propagator.inject(request.headers)
                response = await send(request, **options)
                status = response.status_code
                attributes["http.response.status_code"] = status
                span.set_attribute("http.response.status_code", status)
                if status >= 400:
                    attributes["error.type"] = str(status)
                    _fail(span, str(status))
                return response

        return sending

    def joined(self, app: ASGIApp) -> ASGIApp:
        """An app whose own spans are in the trace that the headers of a request name."""

        async def join(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            token = contexts.attach(self._propagator.extract(Headers(scope=scope)))
            try:
                await app(scope, receive, send)
            finally:
                contexts.detach(token)

        return join

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, attributes: Mapping[str, Any]
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                _fail(span, type(error).__qualname__)
                raise


@contextmanager
def _timed(durations: Histogram, attributes: Attributes) -> Iterator[None]:
    start = perf_counter()
    try:
        yield
    except BaseException as error:
        attributes.setdefault("error.type", type(error).__qualname__)
        raise
    finally:
        durations.record(perf_counter() - start, attributes)


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def _about(request: httpx.Request) -> Attributes:
    """What spans and metrics say of a request that is sent."""
    url, method = request.url, request.method
    return {
        "http.request.method": method if method in METHODS else "_OTHER",
        "server.address": url.host,
        "server.port": url.port or PORTS.get(url.scheme, 0),
    }


def _shown(url: httpx.URL) -> str:
    """A URL without what may be secret in it: its user, its query, and settings."""
    return masked(str(url.copy_with(userinfo=b"", query=None, fragment=None)))


# --- how it starts -------------------------------------------------------------------


def started(wanted: Observability) -> Telemetry:
    """What records; where the process has that already, it is used and not changed.

    Raises:
        SettingsError: what a variable or the spec asks for is not there.
    """
    if is_traced():
        tracers, meters = trace.get_tracer_provider(), metrics.get_meter_provider()
        if isinstance(tracers, TracerProvider):
            _process(tracers, [_WithoutQueries(), *wanted.processors])
        if isinstance(meters, MeterProvider):
            for reader in wanted.readers:
                meters.add_metric_reader(reader)
        return Telemetry(tracers, meters, propagate.get_global_textmap())
    resource = Resource.create()  # reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        package = str(__package__).rpartition(".")[0]
        resource = resource.merge(Resource({"service.name": package}))
    sampler = None
    if "OTEL_TRACES_SAMPLER" not in os.environ:
        sampler = ParentBasedTraceIdRatio(wanted.sampling)
    own = TracerProvider(sampler, resource, shutdown_on_exit=False)
    exports = _span_exports(wanted.endpoint)
    _process(own, [_WithoutQueries(), *wanted.processors, *exports])
    readers = [*wanted.readers, *_metric_exports(wanted.endpoint)]
    counting = MeterProvider(readers, resource, shutdown_on_exit=False)
    propagator = _propagator(wanted.propagation)
    install(own, counting, propagator)
    return Telemetry(own, counting, propagator)


def install(
    tracers: TracerProvider, meters: MeterProvider, propagator: TextMapPropagator
) -> None:
    """Make these those of the process, so that all its libraries use them."""
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(meters)
    propagate.set_global_textmap(propagator)


class _WithoutQueries(SpanProcessor):
    """Takes the queries of requests out of spans: callers may show keys in them."""

    def on_start(
        self, span: RecordedSpan, parent_context: contexts.Context | None = None
    ) -> None:
        if "url.query" in (span.attributes or ()):
            span.set_attribute("url.query", "REDACTED")


def _process(tracers: TracerProvider, processors: list[SpanProcessor]) -> None:
    for processor in processors:
        tracers.add_span_processor(processor)


def _propagator(propagation: str) -> TextMapPropagator:
    if "OTEL_PROPAGATORS" in os.environ:
        return propagate.get_global_textmap()
    known: list[TextMapPropagator] = [TraceContextTextMapPropagator()]
    if propagation == "b3":
        from opentelemetry.propagators.b3 import B3MultiFormat

        known.append(B3MultiFormat())
    return CompositePropagator(known)


def _span_exports(endpoint: str) -> Iterator[SpanProcessor]:
    if (url := _exported_to("TRACES", endpoint)) is not None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter,
        )

        yield BatchSpanProcessor(OTLPSpanExporter(endpoint=url))


def _metric_exports(endpoint: str) -> Iterator[MetricReader]:
    if (url := _exported_to("METRICS", endpoint)) is not None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
            OTLPMetricExporter,
        )

        yield PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=url))


def _exported_to(signal: str, endpoint: str) -> str | None:
    """The URL that traces or metrics go to; None where they are not exported.

    Raises:
        SettingsError: a variable asks for what there is not.
    """
    for variable, known in (
        (f"OTEL_{signal}_EXPORTER", ("otlp", "none")),
        (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", ("http/protobuf",)),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", ("http/protobuf",)),
    ):
        if os.environ.get(variable, "") not in ("", *known):
            raise SettingsError(f"{variable} must be {' or '.join(known)}")
    if os.environ.get(f"OTEL_{signal}_EXPORTER") == "none":
        return None
    own = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    base = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or endpoint
    if not own and not base:
        return None
    url = own or f"{base.rstrip('/')}/v1/{signal.lower()}"
    if not url.startswith(("http://", "https://")):
        raise SettingsError("an endpoint of OTLP must begin with http:// or https://")
    return url
