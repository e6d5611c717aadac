"""Generated packages in processes of their own, and a collector that they report to."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from runtime_support import Exchange, upstream

SPEC = """\
naftiko: 1.0.0-alpha2
info: {label: Fleet, description: Ships and their crews.}
binds:
- {namespace: env, keys: {KEY: REGISTRY_KEY, PLACE: REGISTRY_PLACE}}
capability:
  consumes:
  - type: http
    namespace: registry
    baseUri: https://registry.example/{{PLACE}}
    authentication: {type: apikey, key: key, value: '{{KEY}}', placement: query}
    resources:
    - path: /ships/{{imo}}
      operations:
      - {name: get-ship, method: GET, inputParameters: [{name: imo, in: path}]}
    - path: /crew
      operations:
      - {name: get-crew, method: GET, inputParameters: [{name: ship, in: query}]}
  aggregates:
  - namespace: fleet
    label: Fleet
    functions:
    - name: manned
      description: A ship and its crew.
      inputParameters: [{name: imo, type: string, description: IMO number}]
      steps:
      - {type: call, name: find-ship, call: registry.get-ship, with: {imo: fleet.imo}}
      - {type: call, name: find-crew, call: registry.get-crew, with: {ship: '{{find-ship.name}}'}}
      mappings:
      - {targetName: name, value: $.find-ship.name}
      - {targetName: size, value: $.find-crew.size}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - path: /ships/{{imo}}/manned
      operations: [{method: GET, name: get-manned, ref: fleet.manned}]
    - path: /ships/{{imo}}
      operations: [{method: GET, name: get-ship, call: registry.get-ship, with: {imo: web.imo}}]
  - type: mcp
    namespace: tools
    port: 9090
    tools:
    - {name: manned, description: A ship and its crew., ref: fleet.manned}
"""
SETTINGS = {"REGISTRY_KEY": "s3cr3t-key", "REGISTRY_PLACE": "s3cr3t-place"}
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
W3C = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
ENDED = 20.0
"""Seconds after which a process that was told to end never will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span as it was exported; `parent` is empty where it has none."""

    trace: str
    id: str
    parent: str
    name: str
    kind: int
    is_error: bool
    attributes: dict[str, Any]
    service: str


@dataclass(slots=True)
class Collector:
    """What was exported by OTLP over HTTP; the bytes too, to search them for secrets."""

    spans: list[Span] = field(default_factory=list)
    points: dict[str, list[tuple[dict[str, Any], int]]] = field(default_factory=dict)
    received: bytes = b""

    def __call__(self, exchange: Exchange) -> None:
        length = int(exchange.headers["content-length"])
        data = exchange.rfile.read(length)
        if exchange.headers.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        self.received += data
        if exchange.path == "/v1/traces":
            self._traces(ExportTraceServiceRequest.FromString(data))
        else:
            assert exchange.path == "/v1/metrics"
            self._metrics(ExportMetricsServiceRequest.FromString(data))
        exchange.answer(b"", content_type="application/x-protobuf")

    def named(self, name: str) -> Span:
        """The one span of a name."""
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, (name, self.spans)
        return found[0]

    def _traces(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            service = _values(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        trace=span.trace_id.hex(),
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        name=span.name,
                        kind=span.kind,
                        is_error=span.status.code == span.status.STATUS_CODE_ERROR,
                        attributes=_values(span.attributes),
                        service=service,
                    )
                    for span in scope.spans
                ]

    def _metrics(self, request: ExportMetricsServiceRequest) -> None:
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.WhichOneof("data") != "histogram":
                        continue
                    assert metric.unit == "s"
                    self.points[metric.name] = [
                        (_values(point.attributes), point.count)
                        for point in metric.histogram.data_points
                    ]


def _values(attributes: Any) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value"))
        for each in attributes
    }


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """A collector, and the endpoint that exporters are told."""
    collector = Collector()
    with upstream(collector) as url:
        yield collector, url


class Process:
    """A package that serves; `urls` are those of its adapters, in order."""

    def __init__(
        self,
        folder: Path,
        package: str,
        arguments: tuple[str, ...],
        env: dict[str, str],
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", package, *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told = ""
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def urls(self) -> list[str]:
        said = r"(?:spec: \w+|Uvicorn running) on (http://[^/\s\"]+)"
        return re.findall(said, self.told)

    def wait(self) -> None:
        """Wait until all adapters take requests, or the process ends."""
        assert self._ready.wait(ENDED), self.told

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code, once the process was told to end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(ENDED)
        self._reader.join(ENDED)
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.told += line
            if self.urls and self.told.count("startup complete") == len(self.urls):
                self._ready.set()
        self._ready.set()


@contextmanager
def process(
    folder: Path, package: str, *arguments: str, **env: str
) -> Iterator[Process]:
    """Run a package below a folder until the block ends."""
    started = Process(folder, package, arguments, env)
    try:
        started.wait()
        yield started
    finally:
        started.process.kill()
        started.stop()
        for stream in (
            started.process.stdin,
            started.process.stdout,
            started.process.stderr,
        ):
            if stream is not None:
                stream.close()
