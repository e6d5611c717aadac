"""Quick routes answer and are described as those of FastAPI."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from fastapi import Body, Cookie, Depends, FastAPI, Header, Query, Request, Response
from fastapi.routing import APIRoute
from nafgen.runtime.calls import ArgumentError
from nafgen.runtime.rest import OPTIONS, App, add_health
from nafgen.runtime.routes import QuickRoute
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient


def routed(app: FastAPI) -> FastAPI:
    """The app with routes that answer what they were given."""

    def given(**values: Any) -> Response:
        return Response(repr(values), media_type="text/plain")

    @app.get("/things/{item_id}", tags=["things"])
    async def get_thing(
        item_id: str,
        limit: Annotated[int | None, Query(description="How many.")] = None,
        ratio: float = 0.5,
        is_new: Annotated[bool | None, Query(alias="is-new")] = None,
        code: Annotated[str, Query(pattern="^[a-z]+$")] = "abc",
    ) -> Response:
        """Get a thing."""
        return given(id=item_id, limit=limit, ratio=ratio, new=is_new, code=code)

    @app.get("/needed/{number}")
    async def get_needed(number: int, also: str) -> Response:
        return given(number=number, also=also)

    @app.delete("/things/{item_id}")
    async def delete_thing(item_id: str) -> Response:
        return Response(status_code=204)

    @app.get("/lists")
    async def get_list(a: Annotated[list[str] | None, Query()] = None) -> Response:
        return given(a=a)

    @app.get("/others")
    async def get_others(
        b: Annotated[str | None, Header(alias="x-b")] = None,
        c: Annotated[str | None, Cookie()] = None,
    ) -> Response:
        return given(b=b, c=c)

    @app.post("/things")
    async def add_thing(body: Annotated[dict[str, Any], Body()]) -> Response:
        return given(body=body)

    @app.get("/raises/{kind}")
    async def raises(kind: str) -> Response:
        raise {"mine": ArgumentError("no"), "left": ClientDisconnect()}[kind]

    add_health(app)
    return app


QUICK = """
GET /things/1
GET /things/a%20b?limit=5&ratio=1&is-new=yes&code=x
GET /things/%C3%A9?code=abc&code=d&other=1&limit=1&limit=2
GET /things/a%2Fb?limit=%35
HEAD /things/1
DELETE /things/1
GET /needed/7?also=
GET /raises/mine
GET /raises/left
""".strip().splitlines()
OTHERS = """
GET /things/1?limit=x
GET /things/1?limit=
GET /things/1?limit=1.5&ratio=a&is-new=maybe&code=A
GET /needed/7
GET /needed/x?also=1
GET /lists
GET /lists?a=1&a=2
GET /others
POST /things
""".strip().splitlines()
ELSEWHERE = """
GET /nothing
GET /things
GET /things/1/2
PUT /things/1
OPTIONS /things/1
GET /-/health
""".strip().splitlines()


def asked(app: FastAPI, line: str) -> tuple[int, Any, bytes]:
    method, target = line.split(" ")
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.request(method, target, headers={"x-b": "1", "cookie": "c=2"})
    return answer.status_code, sorted(answer.headers.items()), answer.content


@pytest.mark.parametrize("line", [*QUICK, *OTHERS, *ELSEWHERE])
def test_answers_are_those_of_fastapi(monkeypatch: Any, line: str) -> None:
    read: list[Any] = []
    own = QuickRoute._read

    def noted(self: QuickRoute, scope: Any) -> Any:
        read.append(own(self, scope))
        return read[-1]

    monkeypatch.setattr(QuickRoute, "_read", noted)
    assert asked(routed(App()), line) == asked(routed(FastAPI(**OPTIONS)), line)
    quick = [values for values in read if values is not None]
    assert len(quick) == (line in QUICK), line


def test_a_body_is_read_by_fastapi() -> None:
    json = {"content-type": "application/json"}
    with TestClient(routed(App())) as client:
        assert client.post("/things", json={"a": 1}).text == "{'body': {'a': 1}}"
        assert client.post("/things", content=b"{", headers=json).status_code == 400


def test_routes_behind_a_prefix_that_a_proxy_takes_off() -> None:
    with TestClient(routed(App()), root_path="/api") as client:
        assert client.get("/api/needed/1?also=2").text == "{'number': 1, 'also': '2'}"
        assert client.get("/needed/1?also=2").status_code == 200


def test_the_document_is_that_of_fastapi() -> None:
    assert routed(App()).openapi() == routed(FastAPI(**OPTIONS)).openapi()


def test_models_are_made_when_a_route_is_asked() -> None:
    app = routed(App())
    routes = [route for route in app.routes if isinstance(route, QuickRoute)]
    assert len(routes) == 7

    def made() -> list[str]:
        return [route.path for route in routes if "dependant" in vars(route)]

    with TestClient(app) as client:
        assert not made()
        assert client.get("/nothing").status_code == 404
        assert client.get("/things/a%2Fb").status_code == 200
        assert made() == ["/things/{item_id}"]
    app.openapi()
    assert len(made()) == 7


def test_what_a_route_depends_on_is_asked_first() -> None:
    seen = []

    def guard(request: Request) -> None:
        seen.append(request.url.path)

    with TestClient(routed(App(dependencies=[Depends(guard)]))) as client:
        client.get("/things/1")
    assert seen == ["/things/1"]


def test_a_route_has_no_other_attributes() -> None:
    quick = next(each for each in routed(App()).routes if isinstance(each, QuickRoute))
    with pytest.raises(AttributeError):
        _ = quick.nothing
    assert not hasattr(quick, "_make")


def test_several_threads_may_need_a_route_at_once(monkeypatch: Any) -> None:
    made = APIRoute.__init__

    def slowly(self: APIRoute, *given: Any, **options: Any) -> None:
        time.sleep(0.05)
        made(self, *given, **options)

    monkeypatch.setattr(APIRoute, "__init__", slowly)
    routes = [r for r in routed(App()).routes if isinstance(r, QuickRoute)]
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(lambda _: routes[0].dependant, range(4))]
    assert all(each is found[0] for each in found)
