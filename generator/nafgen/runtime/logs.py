"""Logs in lines of JSON, where LOG_FORMAT asks for them, and the ids of requests."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.config import dictConfig
from time import perf_counter
from typing import Any, Final
from uuid import uuid4

from opentelemetry.trace import (
    format_span_id,
    format_trace_id,
    get_current_span,
)
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .health import HEALTH
from .settings import SettingsError, masked

logger: Final = logging.getLogger(__name__)

_ID: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch
_TRACE: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_request: ContextVar[str] = ContextVar("_request", default="")
"""The id of the request at hand."""


def is_json() -> bool:
    """Whether logs are lines of JSON.

    Raises:
        SettingsError: LOG_FORMAT asks for something else.
    """
    if _wanted() not in ("", "text", "json"):
        raise SettingsError("LOG_FORMAT must be json or text")
    return _wanted() == "json"


def _wanted() -> str:
    return os.environ.get("LOG_FORMAT", "").strip().lower()


def configure() -> None:
    """Write all logs of the process as lines of JSON to stderr."""
    package = str(__package__)
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": JsonLines}},
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stderr",
                    "formatter": "json",
                }
            },
            "root": {"handlers": ["stderr"], "level": "WARNING"},
            "loggers": {name: {"level": "INFO"} for name in ("uvicorn", package)},
        }
    )


def say(text: str, level: int = logging.INFO) -> None:
    """Tell who runs the process, in the way in which its logs are written."""
    if _wanted() == "json":
        logger.log(level, "%s", text)
    else:
        print(text, file=sys.stderr, flush=True)


class JsonLines(logging.Formatter):
    """Makes a line of JSON of a record, without the secrets of settings."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(record.getMessage()),
            **getattr(record, "fields", {}),
        }
        if name := _request.get():
            line["request_id"] = name
        span = get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = format_trace_id(span.trace_id)
            line["span_id"] = format_span_id(span.span_id)
        if record.exc_info:
            line["exception"] = masked(self.formatException(record.exc_info))
        return json.dumps(line)


def logged(app: ASGIApp) -> ASGIApp:
    """The app; where logs are JSON, one that gives each request an id and a line.

    Raises:
        SettingsError: LOG_FORMAT cannot be used.
    """
    return _Logged(app) if is_json() else app


class _Logged:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _named(Headers(scope=scope))
        fields: dict[str, Any] = {}

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                if theirs := headers.get("x-request-id"):
                    fields["upstream_request_id"] = theirs
                headers["x-request-id"] = name
            await send(message)

        token, start = _request.set(name), perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            fields["duration_ms"] = round((perf_counter() - start) * 1000, 3)
            self._tell(scope, fields)
            _request.reset(token)

    def _tell(self, scope: Scope, fields: dict[str, Any]) -> None:
        """One line for a request; queries may hold what callers show, and stay out."""
        path = scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
        if path.startswith(HEALTH):
            return
        known = {"method": scope["method"], "path": path or scope["path"], **fields}
        said = (
            known["method"],
            known["path"],
            known.get("status", "without an answer"),
        )
        logger.info("%s %s %s", *said, extra={"fields": known})


def _named(headers: Headers) -> str:
    """The id of a request: the caller's, else that of its trace, else a new one."""
    given = headers.get("x-request-id", "")
    if _ID(given):
        return given
    traced = _TRACE.fullmatch(headers.get("traceparent", ""))
    return traced[1] if traced else uuid4().hex
