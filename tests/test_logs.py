"""Logs in lines of JSON, ids of requests, and how services end: real processes."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from compile_support import compile_text, write_to
from runtime_support import Exchange, upstream
from watched_support import SETTINGS, SPEC, TRACE, W3C, Process, collecting, process

pytestmark = pytest.mark.slow
JSON = {"LOG_FORMAT": "json", "REGISTRY_RETRIES": "0", **SETTINGS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is; it waits a second for requests when it ends."""
    folder = tmp_path_factory.mktemp("fleet")
    main = write_to(compile_text(SPEC), folder) / "_runtime/main.py"
    text = main.read_text(encoding="utf-8")
    assert "GRACE: Final = 10\n" in text
    main.write_text(text.replace("GRACE: Final = 10\n", "GRACE: Final = 1\n"))
    return folder


def lines(running: Process) -> list[dict[str, Any]]:
    """What a process told, each line of it in JSON."""
    return [json.loads(line) for line in running.told.splitlines()]


def answered(running: Process) -> list[dict[str, Any]]:
    return [line for line in lines(running) if "duration_ms" in line]


class TestLines:
    @pytest.fixture
    def url(self) -> Iterator[str]:
        def answer(exchange: Exchange) -> None:
            status = 500 if exchange.path.startswith("/ships/broken") else 200
            theirs = {"x_request_id": "of-the-api", "content_type": "application/json"}
            self.asked = dict(exchange.headers)
            exchange.answer(b'{"name": "a", "size": 1}', status, **theirs)

        with upstream(answer) as url:
            yield url

    def test_every_line_is_json(self, folder: Path, url: str) -> None:
        env = {**JSON, "REGISTRY_BASE_URL": url}
        with process(folder, "spec", "serve", "--port", "0", **env) as running:
            rest, mcp = running.urls
            asked = {"X-Request-Id": "mine-1"}
            mine = httpx.get(
                f"{rest}/ships/a%20b?key=s3cr3t-of-a-caller", headers=asked
            )
            traced = httpx.get(f"{rest}/ships/broken", headers=W3C)
            forged = {"X-Request-Id": 'a b", "level": "x'}
            fresh = httpx.get(f"{rest}/nowhere", headers=forged)
            refused = httpx.post(f"{mcp}/mcp", headers={"X-Request-Id": "mine-2"})
            httpx.get(f"{rest}/-/health/ready")
            assert running.stop() == 0
        assert mine.headers["x-request-id"] == "mine-1"
        assert traced.headers["x-request-id"] == TRACE
        assert refused.headers["x-request-id"] == "mine-2"
        name = fresh.headers["x-request-id"]
        assert len(name) == 32 and set(name) <= set("0123456789abcdef")
        assert "x-request-id" not in {header.lower() for header in self.asked}
        first, second, third, fourth = answered(running)
        assert first.pop("duration_ms") > 0
        assert first.pop("time").endswith("+00:00")
        assert first == {
            "level": "info",
            "logger": "spec._runtime.logs",
            "message": "GET /ships/a%20b 200",
            "method": "GET",
            "path": "/ships/a%20b",
            "status": 200,
            "upstream_request_id": "of-the-api",
            "request_id": "mine-1",
        }
        assert (second["status"], second["request_id"]) == (500, TRACE)
        assert (third["status"], third["request_id"]) == (404, name)
        assert (fourth["path"], fourth["status"]) == ("/mcp", refused.status_code)
        told = [line["message"] for line in lines(running)]
        assert f"spec: rest on {rest}" in told
        assert "s3cr3t" not in running.told

    def test_lines_are_of_traces(self, folder: Path, url: str) -> None:
        with collecting() as (collector, endpoint):
            env = {**JSON, "REGISTRY_BASE_URL": url}
            env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
            with process(folder, "spec", "rest", "--port", "0", **env) as running:
                httpx.get(f"{running.urls[0]}/ships/1", headers=W3C)
                running.stop()
        (line,) = answered(running)
        served = collector.named("GET /ships/{imo}")
        assert (line["trace_id"], line["span_id"]) == (TRACE, served.id)

    def test_errors(self, folder: Path, url: str) -> None:
        bugs = folder / "spec" / "client.py"
        text = bugs.read_text(encoding="utf-8")
        wrong = text.replace(
            "def get_ship(",
            "def get_ship(*_, **__):\n    raise KeyError(__import__('os').environ['REGISTRY_KEY'])\ndef get_ship_(",
            1,
        )
        assert wrong != text
        bugs.write_text(wrong)
        env = {**JSON, "REGISTRY_BASE_URL": url}
        try:
            with process(folder, "spec", "rest", "--port", "0", **env) as running:
                answer = httpx.get(f"{running.urls[0]}/ships/1")
                running.stop()
        finally:
            bugs.write_text(text)
        assert answer.status_code == 500
        (line,) = (each for each in lines(running) if "exception" in each)
        assert (line["level"], line["logger"]) == ("error", "uvicorn.error")
        assert line["exception"].endswith("KeyError: '[secret]'")
        assert "s3cr3t" not in running.told

    def test_what_keeps_it_from_starting(self, folder: Path) -> None:
        with process(folder, "spec", "rest", LOG_FORMAT="json") as running:
            assert running.stop() == 2
        (line,) = lines(running)
        assert line["level"] == "error"
        assert (
            line["message"]
            == "spec: set REGISTRY_PLACE, REGISTRY_KEY in the environment"
        )

    def test_another_format(self, folder: Path) -> None:
        with process(folder, "spec", "rest", LOG_FORMAT="xml", **SETTINGS) as running:
            assert running.stop() == 2
        assert running.told == "spec: LOG_FORMAT must be json or text\n"

    def test_without_the_setting_nothing_is_added(self, folder: Path, url: str) -> None:
        env = {**SETTINGS, "REGISTRY_BASE_URL": url}
        with process(folder, "spec", "rest", "--port", "0", **env) as running:
            answer = httpx.get(f"{running.urls[0]}/ships/1")
            running.stop()
        assert answer.headers["x-request-id"] == "of-the-api"
        assert '"GET /ships/1 HTTP/1.1" 200 OK' in running.told


class TestEnd:
    """What becomes of a request when the service is told to end."""

    def ended(
        self, folder: Path, took: float, path: str = "/ships/1"
    ) -> tuple[Any, Process, float]:
        """The answer to a request that takes so long and ends the service."""
        arrived = threading.Event()

        def slow(exchange: Exchange) -> None:
            arrived.set()
            time.sleep(took)
            exchange.answer(
                b'{"name": "a", "size": 1}', content_type="application/json"
            )

        with upstream(slow) as url:
            env = {**SETTINGS, "REGISTRY_BASE_URL": url, "REGISTRY_RETRIES": "0"}
            with process(folder, "spec", "rest", "--port", "0", **env) as running:
                answers: list[Any] = []

                def ask() -> None:
                    with httpx.Client() as client:
                        answers.append(
                            client.get(f"{running.urls[0]}{path}", timeout=20)
                        )

                caller = threading.Thread(target=ask)
                caller.start()
                assert arrived.wait(5)
                begin = time.monotonic()
                running.process.send_signal(signal.SIGTERM)
                caller.join()
                assert running.process.wait(20) == 0
                lasted = time.monotonic() - begin
                running.stop()
        return answers[0], running, lasted

    def test_a_request_that_ends_in_time_is_answered(self, folder: Path) -> None:
        answer, running, _ = self.ended(folder, 0.4)
        assert (answer.status_code, answer.json()["name"]) == (200, "a")
        assert answer.headers["connection"] == "close"
        assert "Traceback" not in running.told

    @pytest.mark.parametrize("path", ["/ships/1", "/ships/1/manned"])
    def test_a_request_that_does_not_is_told(self, folder: Path, path: str) -> None:
        answer, running, lasted = self.ended(folder, 4, path)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["connection"] == "close"
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["detail"] == "this service ends; ask again"
        assert lasted < 4
        assert "Traceback" not in running.told
