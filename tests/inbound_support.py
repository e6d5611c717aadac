"""An app that says what arrives behind a guard, and guards without an environment."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI, Request
from nafgen.runtime.inbound import Guard, add_guard
from nafgen.runtime.rest import OPTIONS, add_health
from nafgen.runtime.settings import Environment

ENV = Environment("TEST")


def guarded(guard: Guard) -> FastAPI:
    """An app behind a guard."""
    app = FastAPI(**OPTIONS)

    @app.api_route("/things", methods=["GET", "POST", "OPTIONS"])
    async def things(request: Request) -> dict[str, Any]:
        headers = [f"{name}={value}" for name, value in request.headers.items()]
        return {"query": str(request.query_params), "headers": headers}

    add_health(app)
    add_guard(app, guard)
    return app


def ask(app: Any, url: str = "/things", **more: Any) -> httpx.Response:
    """What an app answers in memory."""

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://app.test"
        ) as http:
            return await http.request(more.pop("method", "GET"), url, **more)

    return asyncio.run(run())


def challenge(answer: httpx.Response, status: int = 401) -> str:
    """The challenges of a refusal, which is a problem as all errors are."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == status and content["detail"] and content["title"]
    return ", ".join(answer.headers.get_list("www-authenticate"))
