"""Traces and metrics of packages that run: from who calls, through steps, to the API."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from compile_support import checked, compile_text, write_to
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult
from runtime_support import Exchange, upstream
from skills_support import SPEC as SKILLS
from watched_support import (
    CALLER,
    SETTINGS,
    SPEC,
    TRACE,
    W3C,
    Collector,
    Process,
    Span,
    collecting,
    process,
)

pytestmark = pytest.mark.slow

B3 = {"x-b3-traceid": TRACE, "x-b3-spanid": CALLER, "x-b3-sampled": "1"}
SERVER, CLIENT, INTERNAL = 2, 3, 1
"""Kinds of spans on the wire."""


class Registry:
    """The API: what it was asked, with which headers."""

    def __init__(self) -> None:
        self.asked: dict[str, dict[str, str]] = {}
        self.url = ""

    @property
    def settings(self) -> dict[str, str]:
        """The environment of who calls it."""
        base_url = f"{self.url}/s3cr3t-place"
        return {**SETTINGS, "REGISTRY_BASE_URL": base_url, "REGISTRY_RETRIES": "0"}

    def __call__(self, exchange: Exchange) -> None:
        path = exchange.path.partition("?")[0]
        self.asked[path] = {k.lower(): v for k, v in exchange.headers.items()}
        found: Any = {"name": "Northern Star", "size": 7}
        status = 500 if path.endswith("/broken") else 200
        content = json.dumps(found).encode()
        exchange.answer(content, status, content_type="application/json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    write_to(checked(compile_text(SPEC)), folder)
    return folder


@pytest.fixture
def registry() -> Iterator[Registry]:
    api = Registry()
    with upstream(api) as api.url:
        yield api


@contextmanager
def observed(
    folder: Path, registry: Registry, kind: str, **env: str
) -> Iterator[tuple[Process, Collector]]:
    """An adapter that reports to a collector, which has all once the adapter stopped."""
    with collecting() as (collector, endpoint):
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **registry.settings, **env}
        with process(folder, "spec", kind, "--port", "0", **env) as running:
            yield running, collector


def connected(collector: Collector, *names: str) -> None:
    """Each span is the child of the one before it, the first one that of the caller."""
    parent = CALLER
    for name in names:
        span = collector.named(name)
        assert (span.trace, span.parent) == (TRACE, parent), name
        parent = span.id


def clients(collector: Collector) -> list[Span]:
    return [span for span in collector.spans if span.kind == CLIENT]


def counted(points: list[tuple[dict[str, Any], int]]) -> list[tuple[str, int]]:
    """How often what happened, as text that can be compared."""
    kinds = ("http.request.method", "http.route", "http.response.status_code")
    kinds += ("error.type",)
    return sorted(
        (" ".join(str(each[kind]) for kind in kinds if kind in each), count)
        for each, count in points
    )


class TestRest:
    ROUTE = "GET /ships/{imo}/manned"

    @pytest.mark.parametrize("propagator", ["w3c", "b3multi"])
    def test_one_trace_from_caller_to_api(
        self, folder: Path, registry: Registry, propagator: str
    ) -> None:
        is_b3 = propagator == "b3multi"
        env = {"OTEL_PROPAGATORS": propagator} if is_b3 else {}
        with observed(folder, registry, "rest", **env) as (running, collector):
            url = f"{running.urls[0]}/ships/9/manned?key=s3cr3t-of-a-caller"
            found = httpx.get(url, headers=B3 if is_b3 else W3C)
            assert found.json() == {"name": "Northern Star", "size": 7}
            assert running.stop() == 0, running.told
        sent = clients(collector)
        for step, client in zip(("find-ship", "find-crew"), sent, strict=True):
            connected(collector, self.ROUTE, step)
            assert collector.named(step).kind == INTERNAL
            assert (client.name, client.trace) == ("GET", TRACE)
            assert client.parent == collector.named(step).id
        for path, client in zip(("/ships/9", "/crew"), sent, strict=True):
            headers = registry.asked[f"/s3cr3t-place{path}"]
            assert "baggage" not in headers
            if is_b3:
                assert headers["x-b3-traceid"] == TRACE
                assert headers["x-b3-spanid"] == client.id
                assert "traceparent" not in headers
            else:
                assert headers["traceparent"] == f"00-{TRACE}-{client.id}-01"
        served = collector.named(self.ROUTE)
        assert (served.kind, served.service, len(collector.spans)) == (
            SERVER,
            "spec",
            5,
        )
        assert served.attributes["http.response.status_code"] == 200
        assert served.attributes["url.path"] == "/ships/9/manned"
        assert sent[0].attributes["url.full"].endswith("/[secret]/ships/9")
        assert b"s3cr3t" not in collector.received
        assert "s3cr3t" not in running.told.replace("?key=s3cr3t-of-a-caller", "")

    def test_metrics_and_errors(self, folder: Path, registry: Registry) -> None:
        named = {"OTEL_SERVICE_NAME": "fleet"}
        with observed(folder, registry, "rest", **named) as (running, collector):
            for path in ("1", "2", "broken"):
                httpx.get(f"{running.urls[0]}/ships/{path}")
            for path in ("nowhere", "-/health", "-/health/ready"):
                httpx.get(f"{running.urls[0]}/{path}")
            brewed = httpx.request("PROPFIND", f"{running.urls[0]}/ships/1")
            assert brewed.status_code == 405
            running.stop()
        assert counted(collector.points["http.server.request.duration"]) == [
            ("GET /ships/{imo} 200", 2),
            ("GET /ships/{imo} 500 500", 1),
            ("GET 404", 1),
            ("_OTHER /ships/{imo} 405", 1),
        ]
        assert counted(collector.points["http.client.request.duration"]) == [
            ("GET 200", 2),
            ("GET 500 500", 1),
        ]
        assert {span.service for span in collector.spans} == {"fleet"}
        failed = [span for span in collector.spans if span.is_error]
        assert sorted(span.kind for span in failed) == [SERVER, CLIENT]
        assert {span.attributes["error.type"] for span in failed} == {"500"}

    def test_an_api_that_cannot_be_reached(
        self, folder: Path, registry: Registry
    ) -> None:
        gone = {"REGISTRY_BASE_URL": "http://127.0.0.1:9", "REGISTRY_RETRIES": "1"}
        with observed(folder, registry, "rest", **gone) as (running, collector):
            url = f"{running.urls[0]}/ships/9/manned"
            assert httpx.get(url).status_code == 502
            running.stop()
        first, second = clients(collector)
        assert first.attributes["error.type"] == "ConnectError"
        assert "http.request.resend_count" not in first.attributes
        assert second.attributes["http.request.resend_count"] == 1
        assert collector.named("find-ship").is_error
        assert collector.named(self.ROUTE).is_error
        assert (
            collector.named(self.ROUTE).attributes["http.response.status_code"] == 502
        )

    def test_another_server_runs_the_app(
        self, folder: Path, registry: Registry
    ) -> None:
        with collecting() as (collector, endpoint):
            env = {**registry.settings, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
            arguments = ("spec.app:create_app", "--factory", "--port", "0")
            with process(folder, "uvicorn", *arguments, **env) as running:
                assert httpx.get(f"{running.urls[0]}/ships/9").status_code == 200
                running.stop()
        served = collector.named("GET /ships/{imo}")
        assert [span.parent for span in clients(collector)] == [served.id]


class TestMcp:
    @pytest.mark.parametrize(
        ("mode", "place"),
        [("legacy", "meta"), ("2026-07-28", "header"), ("2026-07-28", "both")],
    )
    def test_one_trace_from_caller_to_api(
        self, folder: Path, registry: Registry, place: str, mode: str
    ) -> None:
        header = W3C
        if place == "both":  # what is in the message is nearer to who calls
            header = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}

        async def call(url: str) -> CallToolResult:
            headers = header if place != "meta" else {}
            async with httpx2.AsyncClient(headers=headers) as http:
                transport = streamable_http_client(f"{url}/mcp", http_client=http)
                async with Client(transport, mode=mode) as client:
                    meta = {**W3C} if place != "header" else None
                    return await client.call_tool("manned", {"imo": "9"}, meta=meta)

        with observed(folder, registry, "mcp") as (running, collector):
            result = asyncio.run(call(running.urls[0]))
            assert result.structured_content == {"name": "Northern Star", "size": 7}
            assert running.stop() == 0
        for step, client in zip(
            ("find-ship", "find-crew"), clients(collector), strict=True
        ):
            connected(collector, "tools/call manned", step)
            assert client.parent == collector.named(step).id
        headers = registry.asked["/s3cr3t-place/crew"]
        assert headers["traceparent"] == f"00-{TRACE}-{client.id}-01"
        served = [span for span in collector.spans if span.kind == SERVER]
        assert all("mcp.method.name" in span.attributes for span in served)
        points = collector.points["mcp.server.operation.duration"]
        known = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "manned"}
        assert (known, 1) in points
        assert b"s3cr3t" not in collector.received

    def test_metrics_of_what_fails(self, folder: Path, registry: Registry) -> None:
        def ask(method: str, name: str) -> None:
            params = {"name": name, "arguments": {"imo": 9}}
            message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            accept = {"accept": "application/json, text/event-stream"}
            httpx.post(f"{running.urls[0]}/mcp", json=message, headers=accept)

        with observed(folder, registry, "mcp") as (running, collector):
            ask("tools/call", "manned")
            ask("tools/call", "unknown")
            ask("any/text", "")
            running.stop()
        points = [each for each, _ in collector.points["mcp.server.operation.duration"]]
        method = {"mcp.method.name": "tools/call"}
        failed = {**method, "gen_ai.tool.name": "manned", "error.type": "tool_error"}
        assert failed in points
        assert {**method, "error.type": "-32602"} in points
        assert {"mcp.method.name": "_OTHER", "error.type": "-32601"} in points

    def test_stdio(self, folder: Path, registry: Registry) -> None:
        arguments = ["-m", "spec", "mcp", "--transport", "stdio"]

        async def call() -> None:
            parameters = StdioServerParameters(
                command=sys.executable, args=arguments, cwd=folder, env=env
            )
            with (folder / "stderr").open("w") as errors:
                async with Client(stdio_client(parameters, errlog=errors)) as client:
                    await client.call_tool("manned", {"imo": "9"}, meta={**W3C})

        with collecting() as (collector, endpoint):
            env = {**registry.settings, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
            asyncio.run(call())
        connected(collector, "tools/call manned", "find-ship")


def test_an_app_of_skills(tmp_path: Path) -> None:
    write_to(compile_text(SKILLS % ""), tmp_path)
    with collecting() as (collector, endpoint):
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "SHOP_TOKEN": "a"}
        with process(tmp_path, "spec", "skill", "--port", "0", **env) as running:
            assert (
                httpx.get(f"{running.urls[0]}/skills", headers=W3C).status_code == 200
            )
            assert running.stop() == 0
    connected(collector, "GET /skills")


IDLE = """
import asyncio, sys
import httpx
from spec.app import create_app
from spec.client import AsyncRegistry
from spec._runtime import upstream

async def main():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
    async with httpx.AsyncClient(transport=transport) as http:
        app = httpx.ASGITransport(create_app(AsyncRegistry(http=http)))
        async with httpx.AsyncClient(transport=app, base_url="http://app") as caller:
            assert (await caller.get("/ships/1/manned")).status_code == 200

asyncio.run(main())
assert upstream.observing.observer is None
print(*(name for name in sys.modules if name.startswith(
    ("opentelemetry.sdk", "opentelemetry.exporter", "spec._runtime.telemetry"))))
"""
MISSING = """
import runpy, sys
sys.modules["opentelemetry.sdk.metrics"] = None
sys.argv = ["spec", "rest", "--port", "0"]
runpy.run_module("spec", run_name="__main__")
"""
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


class TestSettings:
    def run(self, folder: Path, text: str, **env: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=folder,
            env={**SETTINGS, **env},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    @pytest.mark.parametrize(
        "env", [{}, {**ENDPOINT, "OTEL_SDK_DISABLED": "true"}], ids=["unset", "off"]
    )
    def test_nothing_is_imported_unless_it_is_asked_for(
        self, folder: Path, env: dict[str, str]
    ) -> None:
        assert self.run(folder, IDLE, **env) == (0, "", "")

    def test_what_is_asked_for_and_not_installed(self, folder: Path) -> None:
        code, out, err = self.run(folder, MISSING, **ENDPOINT)
        assert (code, out) == (2, "")
        assert err == (
            "spec: OpenTelemetry is asked for and not installed: pip install"
            " opentelemetry-exporter-otlp-proto-http"
        )

    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            ("OTEL_TRACES_EXPORTER", "console", "must be otlp or none"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "must be http/protobuf"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
                "collector:4318",
                "must begin with",
            ),
        ],
    )
    def test_a_setting_that_cannot_be_used(
        self, folder: Path, name: str, value: str, told: str
    ) -> None:
        text = MISSING.replace("sys.modules", "{}")
        code, _, err = self.run(folder, text, **{**ENDPOINT, name: value})
        assert code == 2
        assert told in err and len(err.splitlines()) == 1

    def test_a_collector_that_is_gone_delays_nothing(
        self, folder: Path, registry: Registry
    ) -> None:
        env = {**registry.settings, **ENDPOINT}
        with process(folder, "spec", "rest", "--port", "0", **env) as running:
            assert httpx.get(f"{running.urls[0]}/ships/1").status_code == 200
            begin = time.monotonic()
            assert running.stop() == 0
            assert time.monotonic() - begin < 5
        assert "Traceback" not in running.told

    def test_one_signal_alone(self, folder: Path, registry: Registry) -> None:
        none = {"OTEL_METRICS_EXPORTER": "none"}
        with observed(folder, registry, "rest", **none) as (running, collector):
            httpx.get(f"{running.urls[0]}/ships/1")
            running.stop()
        assert len(collector.spans) == 2
        assert collector.points == {}
