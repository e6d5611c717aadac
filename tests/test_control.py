"""Control adapters: what they tell of a process, to whom, and what costs them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from compile_support import checked, compile_file, compile_text, files_of, write_to
from conftest import ROOT
from inert import check_files
from nafgen.compile import Compilation
from nafgen.runtime import health, observing
from nafgen.runtime.control import _duration, control_app
from nafgen.runtime.health import State
from nafgen.runtime.recent_traces import RecentTraces
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import StatusCode, Tracer
from package_support import Load, imported
from prometheus_client.parser import text_string_to_metric_families
from runtime_support import Exchange, upstream
from skills_support import SPEC as SKILLS
from watched_support import process

CONTROL = ROOT / "tests" / "cases" / "control" / "spec.yaml"
CONFORMANCE = ROOT.parent / "shared" / "conformance"
FILES = sorted(
    path
    for kind in ("control", "observability")
    for path in CONFORMANCE.rglob(f"resources/{kind}/*.yaml")
)
ALL = {"/health/live", "/health/ready", "/status", "/metrics", "/traces"}
SETTINGS = {"CONTROL_TOKEN": "s3cr3t", "COLLECTOR": "http://127.0.0.1:9"}
KNOWN = {"Authorization": "Bearer s3cr3t"}
SPEC = """\
ikanos: 1.0.0-beta5
info: {{display: Alone, description: Nothing but control.}}
capability:
  exposes:
  - {{type: control, port: 9199, {more}}}
"""


def compiled(more: str) -> Compilation:
    return compile_text(SPEC.format(more=more))


@contextmanager
def control_of(
    made: Compilation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx.AsyncClient]:
    """A caller of the control adapter, in memory; nothing is set for the process."""
    with imported(made, folder, monkeypatch) as load:
        app = _recorded(load).create_app()
        yield httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://control.test"
        )


def _recorded(load: Load) -> Any:
    module = load("control")
    if hasattr(module, "observability"):
        load("_runtime.telemetry").install = lambda *_: None  # type: ignore[attr-defined]
    return module


def told(caller: httpx.AsyncClient, *paths: str) -> dict[str, httpx.Response]:
    """What each path answers."""

    async def run() -> dict[str, httpx.Response]:
        async with caller:
            return {path: await caller.get(path) for path in paths}

    return asyncio.run(run())


class TestPaths:
    @pytest.mark.parametrize(
        ("more", "paths"),
        [
            ("management: {}", ALL - {"/status"}),
            ("management: {info: true}", ALL),
            ("management: {health: false}", {"/metrics", "/traces"}),
            ("observability: {enabled: false}", {"/health/live", "/health/ready"}),
            (
                "observability: {metrics: {local: {enabled: false}}}",
                {"/health/live", "/health/ready", "/traces"},
            ),
            (
                "observability: {traces: {local: {enabled: false}}}",
                {"/health/live", "/health/ready", "/metrics"},
            ),
        ],
    )
    def test_what_is_turned_on(
        self,
        more: str,
        paths: set[str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        made = checked(compiled(more))
        with control_of(made, tmp_path, monkeypatch) as caller:
            answers = told(caller, *ALL, "/config", "/logs", "/-/health/live")
        assert answers.pop("/-/health/live").status_code == 200
        assert {p for p, a in answers.items() if a.status_code == 200} == paths
        absent = [a for p, a in answers.items() if p not in paths]
        assert {a.status_code for a in absent} == {404}
        kinds = {a.headers["content-type"] for a in absent}
        assert kinds == {"application/problem+json"}

    @pytest.mark.skipif(not FILES, reason="the engine's own files are not here")
    @pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-5:]))
    def test_the_engines_own_files(
        self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = checked(compile_file(path))
        text = path.read_text(encoding="utf-8")
        is_observed = "enabled: false" not in text
        wanted = {"/health/live", "/health/ready"}
        wanted |= {"/status"} if "info: true" in text else set()
        wanted |= {"/metrics", "/traces"} if is_observed else set()
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
        monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
        with control_of(made, tmp_path, monkeypatch) as caller:
            answers = told(caller, *ALL)
        found = {p for p, a in answers.items() if a.status_code == 200}
        assert found == wanted
        if is_observed:
            size = 50 if "buffer-size: 50" in text else 100
            assert answers["/traces"].json()["bufferSize"] == size

    @pytest.mark.parametrize(
        "scheme",
        [
            "{type: basic, username: a, password: '{{PASSWORD}}'}",
            "{type: bearer, token: '{{TOKEN}}'}",
            "{type: apikey, key: k, value: '{{KEY}}', placement: query}",
            "{type: digest, username: a, password: '{{PASSWORD}}'}",
            "{type: oauth2, authorizationServerUri: '{{SERVER}}', resource: 'https://a.test', scopes: [read]}",
        ],
        ids=["basic", "bearer", "apikey", "digest", "oauth2"],
    )
    def test_callers_show_what_those_of_other_adapters_do(self, scheme: str) -> None:
        checked(compiled(f"management: {{info: true}}, authentication: {scheme}"))

    def test_every_adapter_begins_to_record(self) -> None:
        text = SKILLS % "" + "  - {type: control, port: 3004}\n"
        files = files_of(checked(compile_text(text)))
        for name in ("app", "mcp_server", "skill_app", "control"):
            assert "    observe(observability())\n" in files[f"{name}.py"]

    def test_nothing_is_recorded_where_observability_is_off(self) -> None:
        files = files_of(compiled("observability: {enabled: false}"))
        assert "observe" not in files["control.py"]
        assert "_runtime/telemetry.py" not in {
            path for path in files if "recent_traces" in path or "prometheus" in path
        }
        requirements = files["README.md"].partition("pip install")[2].partition(".")[0]
        assert "opentelemetry-sdk" not in requirements

    def test_texts_of_the_spec_stay_texts(self) -> None:
        said = '''"""; import os #\\x{{0}}'''
        made = compile_text(
            SPEC.format(more="management: {info: true}").replace(
                "display: Alone", f"display: {json.dumps(said)}"
            )
        )
        check_files(files_of(checked(made)))


class TestErrors:
    @pytest.mark.parametrize(
        ("more", "code", "said"),
        [
            ("management: {reload: true}", "NAF901", "`reload` is not supported yet"),
            ("management: {logs: {stream: true}}", "NAF901", "`logs` is not"),
            ("management: {validate: true}", "NAF901", "`validate` is not"),
            (
                "observability: {exporters: {otlp: {endpoint: 'collector:4317'}}}",
                "NAF101",
                "is not the address of a collector",
            ),
        ],
    )
    def test_what_costs_a_part(self, more: str, code: str, said: str) -> None:
        made = compiled(more)
        (found,) = (each for each in made.diagnostics if each.code == code)
        assert said in found.message
        assert "control.py" in files_of(made)

    def test_what_is_off_anyway(self) -> None:
        off = "management: {reload: false, validate: false, logs: false}"
        assert compiled(off).diagnostics == []

    def test_nothing_to_tell(self) -> None:
        more = "management: {health: false}, observability: {enabled: false}"
        codes = [each.code for each in compiled(more).diagnostics]
        assert sorted(codes) == ["NAF413", "NAF418"]

    def test_a_second_one(self) -> None:
        text = SPEC.format(more="management: {info: true}")
        made = compile_text(text + "  - {type: control, port: 9200}\n")
        assert [(e.code, e.span.line) for e in made.diagnostics] == [("NAF907", 6)]
        assert "9199" in files_of(made)["__main__.py"]
        assert "9200" not in files_of(made)["__main__.py"]


def test_states_of_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    is_started = False
    states = [
        State(type="rest", port=8080, is_started=lambda: is_started),
        State(type="mcp", port=None, is_started=lambda: True),
    ]
    monkeypatch.setattr(health, "states", states)
    monkeypatch.setattr("nafgen.runtime.control.states", states)

    def ready() -> dict[str, httpx.Response]:
        app = control_app(health=True)
        transport = httpx.ASGITransport(app)
        caller = httpx.AsyncClient(transport=transport, base_url="http://control")
        return told(caller, "/health/ready", "/-/health/ready", "/health/live")

    before = ready()
    is_started = True
    after = ready()
    assert [each.status_code for each in before.values()] == [503, 503, 200]
    assert [each.status_code for each in after.values()] == [200, 200, 200]
    assert before["/health/ready"].json() == {
        "status": "DEGRADED",
        "adapters": [
            {"type": "rest", "port": 8080, "state": "stopped"},
            {"type": "mcp", "state": "started"},
        ],
    }
    assert before["/-/health/ready"].json() == {"status": "DEGRADED"}
    assert after["/health/ready"].json()["status"] == "UP"


def test_durations() -> None:
    known = {0: "PT0S", 59: "PT59S", 3600: "PT1H", 90061: "PT25H1M1S"}
    assert {seconds: _duration(seconds) for seconds in known} == known


class TestRecentTraces:
    @pytest.fixture
    def recorded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> tuple[Tracer, httpx.AsyncClient]:
        traces = RecentTraces(10)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(traces)
        monkeypatch.setattr(observing.observing, "observer", object())
        app = control_app(health=False, more=traces.routes)
        transport = httpx.ASGITransport(app)
        caller = httpx.AsyncClient(transport=transport, base_url="http://control")
        return provider.get_tracer("test"), caller

    def test_the_buffer_keeps_the_last_ones(
        self, recorded: tuple[Tracer, httpx.AsyncClient]
    ) -> None:
        tracer, caller = recorded
        for number in range(12):
            with tracer.start_as_current_span(f"GET /{number}") as root:
                tracer.start_span("step").end()
                if number % 2:
                    root.set_status(StatusCode.ERROR)
        answers = told(
            caller,
            "/traces",
            "/traces?operation=/1&status=error",
            f"/traces/{'0' * 32}",
        )
        listed = answers["/traces"].json()
        assert (listed["bufferSize"], listed["bufferUsed"]) == (10, 10)
        names = [each["operation"] for each in listed["traces"]]
        assert names == [f"GET /{number}" for number in range(11, 1, -1)]
        chosen = answers["/traces?operation=/1&status=error"].json()["traces"]
        assert [each["operation"] for each in chosen] == ["GET /11"]
        assert chosen[0]["spanCount"] == 2
        missing = answers[f"/traces/{'0' * 32}"]
        assert missing.status_code == 404
        assert missing.json()["detail"] == "no such trace is kept"

    def test_one_trace(self, recorded: tuple[Tracer, httpx.AsyncClient]) -> None:
        tracer, caller = recorded
        with tracer.start_as_current_span("root") as root:
            tracer.start_span("child").end()
        with tracer.start_as_current_span("still open"):
            tracer.start_span("inside").end()
            name = f"{root.get_span_context().trace_id:032x}"
            answers = told(caller, "/traces", f"/traces/{name}")
        assert [each["traceId"] for each in answers["/traces"].json()["traces"]] == [
            name
        ]
        trace = answers[f"/traces/{name}"].json()
        child, shown = trace["spans"]
        assert child["parentSpanId"] == shown["spanId"]
        assert "parentSpanId" not in shown
        assert (child["name"], child["kind"], child["status"]) == (
            "child",
            "INTERNAL",
            "OK",
        )
        assert 0 <= child["durationMs"] <= trace["durationMs"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package of the case is, with all of its traces recorded."""
    folder = tmp_path_factory.mktemp("ships")
    text = CONTROL.read_text(encoding="utf-8")
    write_to(compile_text(text.replace("sampling: 0.5, ", "")), folder)
    return folder


@pytest.mark.slow
class TestProcess:
    def test_what_is_told_of_a_process(self, folder: Path) -> None:
        def ship(exchange: Exchange) -> None:
            exchange.answer(b'{"name": "a"}', content_type="application/json")

        b3 = {"x-b3-traceid": "a" * 32, "x-b3-spanid": "b" * 16, "x-b3-sampled": "1"}
        with upstream(ship) as url:
            env = {**SETTINGS, "REGISTRY_BASE_URL": url}
            with process(folder, "spec", "serve", "--port", "0", **env) as running:
                rest, mcp, control = running.urls
                httpx.get(f"{rest}/ships/1", headers=b3)
                httpx.get(f"{rest}/ships/2")
                paths = (
                    "status",
                    "health/ready",
                    "metrics",
                    "traces",
                    "traces/" + "a" * 32,
                )
                told = {
                    path: httpx.get(f"{control}/{path}", headers=KNOWN)
                    for path in paths
                }
                refused = httpx.get(f"{control}/metrics")
                opened = [
                    httpx.get(f"{each}/-/health/ready") for each in (rest, mcp, control)
                ]
                assert running.stop() == 0
        assert refused.status_code == 401
        assert [each.json() for each in opened] == [{"status": "UP"}] * 3
        assert {each.status_code for each in told.values()} == {200}
        status = told["status"].json()
        assert status["capability"] == {
            "display": "Ships",
            "specVersion": "1.0.0-beta5",
        }
        assert status["uptime"].startswith("PT")
        assert status["otel"] == {"status": "active"}
        ports = [int(url.rpartition(":")[2]) for url in running.urls]
        assert status["adapters"] == [
            {"type": kind, "port": port, "state": "started"}
            for kind, port in zip(("rest", "mcp", "control"), ports, strict=True)
        ]
        assert told["health/ready"].json()["status"] == "UP"
        self._check_metrics(told["metrics"])
        listed = told["traces"].json()
        assert listed["bufferSize"] == 50
        assert [each["operation"] for each in listed["traces"]] == [
            "GET /ships/{imo}"
        ] * 2
        spans = told["traces/" + "a" * 32].json()["spans"]
        assert [span["kind"] for span in spans] == ["CLIENT", "SERVER"]
        assert spans[1]["parentSpanId"] == "b" * 16
        assert "s3cr3t" not in running.told

    def _check_metrics(self, answer: httpx.Response) -> None:
        families = {f.name: f for f in text_string_to_metric_families(answer.text)}
        served = families["http_server_request_duration_seconds"]
        (count,) = (s for s in served.samples if s.name.endswith("_count"))
        assert count.value == 2
        assert count.labels["http_route"] == "/ships/{imo}"
        assert count.labels["http_response_status_code"] == "200"
        sent = families["http_client_request_duration_seconds"]
        (count,) = (s for s in sent.samples if s.name.endswith("_count"))
        assert count.value == 2
        info = next(f for name, f in families.items() if name.startswith("target"))
        assert info.samples[0].labels["service_name"] == "spec"

    def test_a_server_on_stdio_counts_as_started(self, tmp_path: Path) -> None:
        text = CONTROL.read_text(encoding="utf-8")
        on_stdio = text.replace("port: 9090", "transport: stdio")
        write_to(compile_text(on_stdio), tmp_path)
        arguments = ("serve", "--port", "0")
        with process(tmp_path, "spec", *arguments, **SETTINGS) as running:
            _, control = running.urls
            answer = httpx.get(f"{control}/health/ready", headers=KNOWN)
            assert running.stop() == 0
        assert answer.status_code == 200
        assert {"type": "mcp", "state": "started"} in answer.json()["adapters"]

    def test_off_by_the_environment(self, folder: Path) -> None:
        env = {**SETTINGS, "OTEL_SDK_DISABLED": "true"}
        with process(folder, "spec", "control", "--port", "0", **env) as running:
            (url,) = running.urls
            for path in ("metrics", "traces"):
                answer = httpx.get(f"{url}/{path}", headers=KNOWN)
                assert answer.status_code == 503
                assert answer.json()["detail"] == "OpenTelemetry is off"
            status = httpx.get(f"{url}/status", headers=KNOWN).json()
            assert status["otel"] == {"status": "inactive"}

    def test_what_is_missing_is_named_before_anything_starts(
        self, folder: Path
    ) -> None:
        with process(folder, "spec", "serve", "--port", "0") as running:
            assert running.stop() == 2
        assert running.told == "spec: set COLLECTOR, CONTROL_TOKEN in the environment\n"
