"""Answers lists and calls of tools over HTTP with nothing between them and the tools.

Since 2026, a request of MCP holds all that there is to know of it. What the library would
accept is answered here, in fewer steps; it gets all the rest, and refuses what is wrong.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any, Final, NamedTuple, Protocol

from mcp.server.lowlevel import Server
from mcp.server.runner import modern_error_data
from mcp.server.streamable_http import check_accept_headers
from mcp.server.transport_security import TransportSecurityMiddleware
from mcp.shared.inbound import (
    MCP_PROTOCOL_VERSION_HEADER,
    InboundModernRoute,
    classify_inbound_request,
    find_duplicated_routing_header,
)
from mcp_types import (
    SERVER_INFO_META_KEY,
    CallToolRequestParams,
    CallToolResult,
    JSONRPCError,
    JSONRPCRequest,
    PaginatedRequestParams,
    RequestId,
)
from mcp_types.methods import validate_client_request
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .observability import telemetry

Params = CallToolRequestParams | PaginatedRequestParams

PARAMS: Final[dict[str, type[Params]]] = {
    "tools/list": PaginatedRequestParams,
    "tools/call": CallToolRequestParams,
}
"""The methods that are answered here, and their parameters."""
_VERSION: Final = MCP_PROTOCOL_VERSION_HEADER.encode()


class Asked(NamedTuple):
    """A request that the library would accept."""

    name: RequestId
    params: Params


class Callees(Protocol):
    """Tools that can be called."""

    def is_direct(self, name: str) -> bool:
        """Whether there is such a tool, and a call takes nothing else."""

    async def run(
        self, name: str, api: Any, arguments: dict[str, Any]
    ) -> CallToolResult:
        """The result of a tool, also for wrong arguments."""


class DirectTools:
    """An app that answers what it can, and leaves the rest to the library's `app`."""

    def __init__(
        self, app: ASGIApp, server: Server[Any], callees: Callees, api: Any
    ) -> None:
        self._app = app
        self._callees = callees
        self._api = api
        security = server.session_manager.security_settings
        self._security = TransportSecurityMiddleware(security)
        self._meta = {SERVER_INFO_META_KEY: server.server_info_stamp}
        self._lists: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = next(
            (value for name, value in scope["headers"] if name == _VERSION), b""
        )
        version = given.decode("latin-1")
        is_alone = scope["method"] == "POST" and version in MODERN_PROTOCOL_VERSIONS
        # Where something observes the process, the library makes the spans of it.
        if not is_alone or telemetry() is not None:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = await self._security.validate_request(request, is_post=True)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        message = await receive()
        answer = await self._answer(_asked(request, message, version), version)
        await answer(scope, _again(message, receive), send)

    async def _answer(self, asked: Asked | None, version: str) -> ASGIApp:
        if asked is None:
            return self._app
        name, params = asked
        if isinstance(params, CallToolRequestParams):
            is_direct = self._callees.is_direct(params.name)
            return await self._called(name, params) if is_direct else self._app
        return self._app if params.cursor else self._listed(name, version)

    async def _called(self, name: RequestId, params: CallToolRequestParams) -> ASGIApp:
        result = await self._callees.run(params.name, self._api, params.arguments or {})
        sent = result.model_copy(update={"meta": self._meta})
        try:
            text = sent.model_dump_json(by_alias=True, exclude_none=True)
        except ValueError as error:  # it is nested too deep
            told = modern_error_data(error)
            failure = JSONRPCError(jsonrpc="2.0", id=name, error=told)
            return _json(failure.model_dump_json(exclude_none=True).encode())
        return _json(_start(name) + text.encode() + b"}")

    def _listed(self, name: RequestId, version: str) -> ASGIApp:
        """The list, which never changes, as the library has written it once."""
        start = _start(name)
        if version in self._lists:
            return _json(start + self._lists[version])

        async def remembering(scope: Scope, receive: Receive, send: Send) -> None:
            written = bytearray()

            async def noting(message: Message) -> None:
                written.extend(message.get("body", b""))
                await send(message)

            await self._app(scope, receive, noting)
            if written.startswith(start):
                self._lists[version] = bytes(written.removeprefix(start))

        return remembering


def answer_directly(server: Server[Any], callees: Callees, api: Any) -> None:
    """Let the app of a server for HTTP, where it has one, answer directly in JSON."""
    with contextlib.suppress(RuntimeError):  # it has none on stdio
        manager = server.session_manager
        limited = manager.asgi_app
        if manager.json_response and not isinstance(limited.app, DirectTools):
            limited.app = DirectTools(limited.app, server, callees, api)


def _asked(request: Request, message: Message, version: str) -> Asked | None:
    """What a request asks for; None where the library must look at it.

    It would compare headers with arguments, too, where a schema has `x-mcp-header`: those
    of generated tools never have.
    """
    headers = request.headers.items()
    is_whole = message["type"] == "http.request" and not message.get("more_body")
    is_odd = find_duplicated_routing_header(headers) is not None
    if is_odd or not is_whole or not all(check_accept_headers(request)):
        return None
    try:
        body = json.loads(message["body"])
        asked = JSONRPCRequest.model_validate(body)
        route = classify_inbound_request(body, headers=dict(headers))
        if asked.method not in PARAMS or not isinstance(route, InboundModernRoute):
            return None
        validate_client_request(asked.method, version, asked.params)
        params = PARAMS[asked.method].model_validate(asked.params, by_name=False)
    except (ValueError, RecursionError):
        return None
    return Asked(asked.id, params)


def _start(name: RequestId) -> bytes:
    """What an answer begins with, as the library writes it."""
    return b'{"jsonrpc":"2.0","id":%b,"result":' % json.dumps(name).encode()


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _again(message: Message, receive: Receive) -> Receive:
    """What receives a message once more, and then what follows it."""
    messages = [message]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
