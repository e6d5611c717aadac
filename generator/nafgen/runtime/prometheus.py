"""The metrics of a process, in the text format of Prometheus."""

from __future__ import annotations

from typing import Final

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .observing import observing


class Metrics:
    """Metrics for `/metrics` to show."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.reader: Final = PrometheusMetricReader(registry=self._registry)
        self.routes: Final = [Route("/metrics", self._show)]

    async def _show(self, request: Request) -> Response:
        if observing.observer is None:
            raise HTTPException(503, "OpenTelemetry is off")
        content = generate_latest(self._registry)
        return Response(content, headers={"content-type": CONTENT_TYPE_LATEST})
