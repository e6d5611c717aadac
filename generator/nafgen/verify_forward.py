"""Verifies forwards: what is passed on to an API, and what is not."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

import httpx
from msgspec import Struct
from msgspec.structs import replace

from .examples import Answer, json_answer
from .expect import ExpectedRequest, expected_request
from .expect_results import ABSENT
from .ir import Input, Operation, Upstream
from .program import Forward, RestAdapter
from .verify_probe import Bench
from .wire import Encoding, Format

PROBLEM: Final = "application/problem+json"
_QUERY: Final = (("q", "a b&c"), ("q", "ü"), ("empty", ""))
_RAW_QUERY: Final = "q=a+b%26c&q=%C3%BC&empty="
_REST: Final = "a%2Fb/c%20d/%C3%BC;v=1"
"""A rest of a path that must arrive as it is, its encoded slash included."""
_CLIMBING: Final = (
    "%2E%2E",
    "%2e%2e/x",
    "x/%2E%2E%2Fy",
    "x%5C..",
    "..;/x",
    "%252e%252e/x",
)
_BODY: Final = b'\x00{"b" : 1}\xff'
_UNTRUSTED: Final = {
    "authorization": "Bearer of-the-caller",
    "cookie": "session=of-the-caller",
    "x-not-trusted": "of-the-caller",
    "proxy-authorization": "Basic of-the-caller",
}
_CALLS: Final = (
    ("GET", None),
    ("POST", _BODY),
    ("PUT", _BODY),
    ("PATCH", _BODY),
    ("DELETE", None),
    ("DELETE", _BODY),
    ("HEAD", None),
    ("OPTIONS", None),
)


async def check_forward(
    bench: Bench, adapter: RestAdapter, forward: Forward, caller: httpx.AsyncClient
) -> None:
    """Pass requests of all methods on, then some that climb, then one that fails."""
    upstream = next(
        up for up in bench.program.upstreams if up.origin == forward.upstream
    )
    await _Check(bench, adapter, forward, upstream, caller).run()


class _Check(Struct):
    bench: Bench
    adapter: RestAdapter
    forward: Forward
    upstream: Upstream
    caller: httpx.AsyncClient

    async def run(self) -> None:
        bench, origin = self.bench, self.forward.origin
        reply = Answer(
            status=418, content_type="text/x-tea", content=b"\x00 \xff", value=None
        )
        for method, body in _CALLS:
            if self._is_taken(method, _REST):
                continue
            bench.probe.expect(reply)
            got = await self._send(method, _REST, body)
            what = f"{method} forward"
            if bench.compare(origin, what, self._wanted(method, body)):
                bench.findings.called.add(origin)
            self._check_headers(what)
            content = b"" if method == "HEAD" else reply.content
            bench.check(origin, f"{what}: status", reply.status, got.status_code)
            bench.check(origin, f"{what}: body", content, got.content)
            kind = got.headers.get("content-type", "")
            bench.check(origin, f"{what}: type", reply.content_type, kind)
        await self._check_failures()

    async def _send(self, method: str, rest: str, body: bytes | None) -> httpx.Response:
        headers = {
            **_UNTRUSTED,
            **dict.fromkeys(self.forward.trusted, "trusted"),
            "accept": "text/x-tea",
            "connection": "keep-alive, x-hop",
            "x-hop": "of-the-caller",
        }
        if body is not None:
            headers["content-type"] = "application/x-bytes"
        url = f"http://service.test{self._path(rest)}?{_RAW_QUERY}"
        return await self.caller.request(method, url, headers=headers, content=body)

    def _path(self, rest: str) -> str:
        """A path that the forward has, with this rest where it takes one."""
        path, takes_rest = self.forward.path, self.forward.takes_rest
        before = path[:-1] if takes_rest else path
        made = "".join(quote(p) if isinstance(p, str) else "x" for p in before)
        return made + rest if takes_rest else made

    def _is_taken(self, method: str, rest: str) -> bool:
        """Whether an operation, or a forward that is tried before, answers instead."""
        path, adapter = unquote(self._path(rest)), self.adapter
        earlier = adapter.forwards[: adapter.forwards.index(self.forward)]
        taken = [route.path for route in adapter.routes if route.method == method]
        return any(_matches(p, path, r"[^/]+") for p in taken) or any(
            _matches(each.path, path, ".*" if each.takes_rest else "[^/]+")
            for each in earlier
        )

    def _wanted(self, method: str, body: bytes | None) -> ExpectedRequest:
        """What must arrive: what an operation without parameters would send, and what
        is passed on."""
        path = (f"/{_REST}",) if self.forward.takes_rest else ()
        made = expected_request(
            self.upstream,
            _operation(self.forward, method, path),
            {},
            self.bench.settings,
        )
        passed = {"accept": "text/x-tea"}
        if body is not None:
            passed["content-type"] = "application/x-bytes"
        passed |= dict.fromkeys(self.forward.trusted, "trusted")
        passed.pop("cookie", None)
        own = {name for name, _ in made.query}
        query = tuple(pair for pair in _QUERY if pair[0] not in own)
        cookies = dict(made.cookies)
        return replace(
            made,
            query=(*query, *made.query),
            headers=passed | dict(made.headers),
            unsent=made.unsent - passed.keys(),
            cookies=cookies,
            body=ABSENT if body is None else body,
            encoding=Encoding.BINARY,
        )

    def _check_headers(self, what: str) -> None:
        """Nothing else of the caller arrives, whatever it is called."""
        trusted = self.forward.trusted
        for request in self.bench.probe.received:
            for name in (*_UNTRUSTED, "x-hop"):
                got = request.headers.get(name, "")
                if name not in trusted and "of-the-caller" in got:
                    message = f"{what}: header {name} of the caller was passed on"
                    self.bench.findings.add(self.forward.origin, message)

    async def _check_failures(self) -> None:
        bench, origin = self.bench, self.forward.origin
        for rest in _CLIMBING if self.forward.takes_rest else ():
            if self._is_taken("GET", rest):
                continue
            bench.probe.expect(json_answer({}))
            got = await self._send("GET", rest, None)
            what = f"forward of {rest}"
            bench.check(origin, f"{what}: requests", 0, len(bench.probe.received))
            bench.check(origin, f"{what}: status", 422, got.status_code)
        if self._is_taken("PATCH", _REST):
            return
        bench.probe.reachable = False
        try:
            got = await self._send("PATCH", _REST, _BODY)
        finally:
            bench.probe.reachable = True
        what = "forward, upstream unreachable"
        bench.check(origin, f"{what}: status", 502, got.status_code)
        kind = got.headers.get("content-type", "")
        bench.check(origin, f"{what}: type", PROBLEM, kind)


def _matches(path: tuple[str | Input, ...], given: str, variable: str) -> bool:
    pattern = "".join(re.escape(p) if isinstance(p, str) else variable for p in path)
    return re.fullmatch(pattern, given, re.DOTALL) is not None


def _operation(forward: Forward, method: str, path: tuple[str, ...]) -> Operation:
    """An operation that sends what its API sends with every request."""
    return Operation(
        namespace=forward.namespace,
        name="forward",
        method=method,
        path=path,
        query=(),
        headers=(),
        cookies=(),
        body=None,
        encoding=Encoding.BINARY,
        media_type="application/octet-stream",
        arguments=(),
        from_settings=(),
        extracted=(),
        extracts_scalar=False,
        format=Format.JSON,
        selector="",
        description="",
        origin=forward.origin,
    )
