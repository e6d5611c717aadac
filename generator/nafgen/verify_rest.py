"""Verifies REST apps: every route, called in memory over ASGI."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

import httpx
from msgspec import Struct, field

from .diagnostics import Origin
from .examples import Answer, Journey, answers, answers_for, json_answer, variants
from .expect import percent_encoded
from .expect_places import text
from .expect_results import expected_result
from .expect_values import argument_values, in_json
from .givens import inputs_of
from .ir import Input, Operation, Relay
from .names import client_parameter
from .program import CallStep, FlowCall, RestAdapter, Route
from .verify_client import journeys
from .verify_flows import OCTETS, expected_flows
from .verify_forward import PROBLEM, check_forward
from .verify_guard import check_rest_guard, credentials
from .verify_inputs import unmatched
from .verify_probe import REFUSED, Bench, failure
from .wire import Location

CALLER: Final = {"authorization": "Bearer of-the-caller"}
"""What the caller of a route authenticates with; it is for the service alone."""


async def check_rest(bench: Bench, adapter: RestAdapter) -> None:
    """Call every route of an adapter."""
    module = bench.load(str(bench.names.modules[adapter.origin]))
    called = {o.namespace for route in adapter.routes for o in route.call.operations}
    called |= {forward.namespace for forward in adapter.forwards}
    app = module.create_app(
        **{
            client_parameter(bench.names.upstreams[upstream.origin]): client
            for upstream in bench.program.upstreams
            if upstream.namespace in called
            for client in [bench.clients[upstream.origin]]
        }
    )
    _check_openapi(bench, adapter, app)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://service.test",
        trust_env=False,
        auth=credentials(adapter.guard, bench.settings) if adapter.guard else None,
    ) as caller:
        for route in adapter.routes:
            try:
                await _Check(bench, route, caller).run()
            except Exception as error:
                bench.findings.add(route.origin, f"route: {failure(error)}")
        for forward in adapter.forwards:
            try:
                await check_forward(bench, adapter, forward, caller)
            except Exception as error:
                bench.findings.add(forward.origin, f"forward: {failure(error)}")
        if adapter.guard is not None:
            await check_rest_guard(bench, adapter, caller)


def _check_openapi(bench: Bench, adapter: RestAdapter, app: Any) -> None:
    """The app's own description names every route."""
    described = sum(
        len(item.keys() - {"parameters"}) for item in app.openapi()["paths"].values()
    )
    what = "operations in the OpenAPI document"
    bench.check(adapter.origin, what, len(adapter.routes), described)


class _Inbound(Struct):
    """A request to a route, made from its inputs."""

    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)
    content: bytes | None = None

    def add(self, given: Input, value: Any) -> None:
        match given.location:
            case Location.QUERY:
                items = value if isinstance(value, list) else [value]
                self.query += [(given.name, text(item)) for item in items]
            case Location.HEADER:
                self.headers[given.name] = text(value)
            case Location.COOKIE:
                self.cookies.append(f"{given.name}={text(value)}")
            case Location.BODY if isinstance(value, bytes) and given.whole:
                self.content = value
                self.headers["content-type"] = "application/octet-stream"
            case Location.BODY if given.whole:
                self.content = json.dumps(value).encode()
            case Location.BODY:
                *way, name = given.path or (given.name,)
                holder = self.members
                for step in way:
                    holder = holder.setdefault(step, {})
                holder[name] = in_json(value)
                self.content = json.dumps(self.members).encode()
            case Location.PATH:
                return


class _Check(Struct):
    bench: Bench
    route: Route
    caller: httpx.AsyncClient

    async def run(self) -> None:
        """Call the route with all values and answers, then with failures."""
        route, bench = self.route, self.bench
        if isinstance(route.call, FlowCall):
            await self._run_flow(route.call)
            return
        operation = route.call.operation
        if isinstance(route.result, Relay):
            replies = answers(operation)
        else:
            replies = answers_for(route.result, operation)
        calls = [
            self._told_apart(values)
            for values in variants(route.inputs, self._journeys(operation))
        ]
        passed = None
        for turn in range(max(len(calls), len(replies))):
            values, reply = calls[turn % len(calls)], replies[turn % len(replies)]
            sent = argument_values(route.call, values, bench.settings)
            bench.probe.expect(reply)
            got = await self._send(values)
            wanted = bench.wanted(operation, sent)
            if bench.compare(route.origin, self._what(got), wanted):
                bench.findings.called.add(route.origin)
            if wanted is None:
                what = f"{route.method} route, given what cannot be sent: status"
                bench.check(route.origin, what, 422, got.status_code)
            else:
                self._check_answer(reply, got, operation)
                passed = passed or values
        if passed is not None:
            await self._check_patterns(passed)
            await self._check_failures(passed, operation)

    async def _run_flow(self, call: FlowCall) -> None:
        """The same for a route that calls a flow."""
        bench, origin = self.bench, self.route.origin
        passed = None
        for wanted in expected_flows(bench, self.route):
            values = self._told_apart(wanted.values)
            if values != wanted.values:
                continue
            bench.probe.expect(REFUSED, *wanted.answers)
            got = await self._send(values)
            what = self._what(got)
            if wanted.refused:
                bench.check(origin, f"{what}: status", wanted.refused, got.status_code)
                if wanted.stopped:
                    bench.compare_all(origin, what, wanted.requests)
                    bench.findings.called.add(origin)
                continue
            if bench.compare_all(origin, what, wanted.requests) or not wanted.answers:
                bench.findings.called.add(origin)
            status = 204 if wanted.result is None else 200
            bench.check(origin, f"{what}: status", status, got.status_code)
            kind = got.headers.get("content-type")
            if isinstance(wanted.result, bytes):
                said = self.route.binary.media_type if self.route.binary else ""
                bench.check(origin, f"{what}: type", said or OCTETS, kind)
                bench.check(origin, f"{what}: body", wanted.result, got.content)
            else:
                is_json = kind == "application/json"
                body = got.json() if is_json else got.content or None
                bench.check(origin, f"{what}: body", wanted.result, body)
            passed = passed or values
        if passed is not None:
            await self._check_patterns(passed)
        if passed is None or not call.flow.operations:
            return
        bench.probe.expect(REFUSED)
        got = await self._send(passed)
        what = f"{self.route.method} route, first step answered 404"
        bench.check(origin, f"{what}: status", REFUSED.status, got.status_code)
        first = next(step for step in call.flow.steps if isinstance(step, CallStep))
        bench.check(origin, f"{what}: step", first.name, got.json().get("step"))

    async def _check_patterns(self, values: dict[Origin, Any]) -> None:
        """A text that no input can be is refused, before anything is sent."""
        bench, origin = self.bench, self.route.origin
        for given in self.route.inputs:
            wrong = unmatched(given)
            if wrong is None:
                continue
            bench.probe.expect(json_answer({}))
            got = await self._send({**values, given.origin: wrong})
            what = f"{self.route.method} route given {wrong!r} as `{given.name}`"
            bench.check(origin, f"{what}: status", 422, got.status_code)
            kind = got.headers.get("content-type", "")
            bench.check(origin, f"{what}: type", PROBLEM, kind)
            sent = len(bench.probe.received)
            bench.check(origin, f"{what}: requests upstream", 0, sent)

    def _told_apart(self, values: dict[Origin, Any]) -> dict[Origin, Any]:
        """The values, without what stands between variables of one segment: servers
        decode a path before they route, so a value that has it would be split there."""
        made, path = dict(values), self.route.path
        for before, between, after in zip(path, path[1:], path[2:], strict=False):
            if not isinstance(between, str) or "/" in between:
                continue
            for given in (before, after):
                if isinstance(given, Input) and not given.pattern:
                    made[given.origin] = _without(between, made[given.origin])
        return made

    def _journeys(self, operation: Operation) -> list[Journey]:
        places = journeys(operation)
        return [
            Journey(
                inbound=given.location,
                outbound=frozenset(
                    place
                    for argument, source in self.route.call.values
                    if given in inputs_of(source)
                    for place in places[argument]
                ),
            )
            for given in self.route.inputs
        ]

    async def _send(self, values: dict[Origin, Any]) -> httpx.Response:
        inbound = _Inbound()
        for given in self.route.inputs:
            if given.origin in values:
                inbound.add(given, values[given.origin])
        path = "".join(
            (
                quote(part)
                if isinstance(part, str)
                else _encoded(text(values[part.origin]))
            )
            for part in self.route.path
        )
        headers = httpx.Headers(inbound.headers)
        inputs = self.route.inputs
        if not any(given.name.lower() == "authorization" for given in inputs):
            headers.update(CALLER)
        if inbound.content is not None:
            headers.setdefault("content-type", "application/json")
        if inbound.cookies:
            headers["cookie"] = "; ".join(inbound.cookies)
        url = httpx.URL(f"http://service.test{path}", params=inbound.query or None)
        return await self.caller.request(
            self.route.method, url, headers=headers, content=inbound.content
        )

    def _what(self, got: httpx.Response) -> str:
        """Names the route in messages, with the answer's own words where it refuses."""
        what = f"{self.route.method} route"
        refused = got.headers.get("content-type") == PROBLEM
        return f"{what} (answered {got.status_code} {got.text})" if refused else what

    def _check_answer(
        self, reply: Answer, got: httpx.Response, operation: Operation
    ) -> None:
        origin, what = self.route.origin, f"{self.route.method} route"
        result = self.route.result
        self.bench.check(origin, f"{what}: status", reply.status, got.status_code)
        empty = not reply.content or operation.method == "HEAD"
        if self.route.method == "HEAD":
            self.bench.check(origin, f"{what}: body", b"", got.content)
        elif isinstance(result, Relay) or empty or reply.status >= 400:
            wanted = b"" if empty else reply.content
            self.bench.check(origin, f"{what}: body", wanted, got.content)
            kind = got.headers.get("content-type", "")
            self.bench.check(origin, f"{what}: type", self._type(reply), kind)
        else:
            made = expected_result(result, reply.value)
            self.bench.check(origin, f"{what}: body", made, got.json())

    def _type(self, reply: Answer) -> str:
        """The content type of an answer that is passed on: one that is declared wins."""
        binary = self.route.binary
        if binary is None or not reply.content or reply.status >= 400:
            return reply.content_type
        return binary.media_type or reply.content_type

    async def _check_failures(
        self, values: dict[Origin, Any], operation: Operation
    ) -> None:
        """The upstream's errors are relayed; one that is not there is a 502."""
        bench, origin = self.bench, self.route.origin
        bench.probe.expect(REFUSED)
        self._check_answer(REFUSED, await self._send(values), operation)
        bench.probe.reachable = False
        try:
            got = await self._send(values)
        finally:
            bench.probe.reachable = True
        what = f"{self.route.method} route, upstream unreachable"
        bench.check(origin, f"{what}: status", 502, got.status_code)
        kind = got.headers.get("content-type", "")
        bench.check(origin, f"{what}: type", PROBLEM, kind)


def _encoded(value: str) -> str:
    """A value in the path of a caller, who writes dots so that no library resolves them."""
    return percent_encoded(value) if value.strip(".") else "%2E" * len(value)


def _without(characters: str, value: Any) -> Any:
    """A text or number without some characters, and never empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    return type(value)("".join(c for c in text(value) if c not in characters) or "7")
