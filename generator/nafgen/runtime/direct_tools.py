"""Answers lists and calls of tools over HTTP with nothing between them and the tools.

A request to a server without sessions holds all that there is to know of it. What the MCP
library would accept is answered here, in fewer steps; it gets all the rest, and refuses
what is wrong.
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
    DEFAULT_NEGOTIATED_VERSION,
    SERVER_INFO_META_KEY,
    CallToolRequestParams,
    CallToolResult,
    ErrorData,
    JSONRPCError,
    JSONRPCRequest,
    PaginatedRequestParams,
    RequestId,
    jsonrpc_message_adapter,
)
from mcp_types.methods import serialize_server_result, validate_client_request
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
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
        manager = server.session_manager
        self._security = TransportSecurityMiddleware(manager.security_settings)
        # A session of the handshake would hold more than its requests do.
        old = HANDSHAKE_PROTOCOL_VERSIONS if manager.stateless else ()
        self._versions = frozenset((*MODERN_PROTOCOL_VERSIONS, *old))
        self._meta = {SERVER_INFO_META_KEY: server.server_info_stamp}
        self._lists: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        version = _version(scope)
        is_alone = scope["method"] == "POST" and version in self._versions
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
            return await self._called(name, params, version) if is_direct else self._app
        return self._app if params.cursor else self._listed(name, version)

    async def _called(
        self, name: RequestId, params: CallToolRequestParams, version: str
    ) -> ASGIApp:
        result = await self._callees.run(params.name, self._api, params.arguments or {})
        try:
            text = self._written(result, version)
        except ValueError as error:
            told = _unwritten(error, version)
            failure = JSONRPCError(jsonrpc="2.0", id=name, error=told)
            return _json(failure.model_dump_json(exclude_none=True).encode())
        return _json(_start(name) + text.encode() + b"}")

    def _written(self, result: CallToolResult, version: str) -> str:
        """A result as JSON, with what a version of the protocol has of it."""
        if version in MODERN_PROTOCOL_VERSIONS:
            sent = result.model_copy(update={"meta": self._meta})
            return sent.model_dump_json(by_alias=True, exclude_none=True)
        known = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps(serialize_server_result("tools/call", version, known))

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
    kind = request.headers.get("content-type", "").partition(";")[0]
    is_whole = message["type"] == "http.request" and not message.get("more_body")
    is_odd = kind != "application/json" or find_duplicated_routing_header(headers)
    if is_odd or not is_whole or not all(check_accept_headers(request)):
        return None
    try:
        asked = _read(message["body"], dict(headers), version)
        if asked is None or asked.method not in PARAMS:
            return None
        given = {} if asked.params is None else asked.params
        validate_client_request(asked.method, version, asked.params)
        params = PARAMS[asked.method].model_validate(given, by_name=False)
    except (ValueError, RecursionError):
        return None
    return Asked(asked.id, params)


def _read(body: bytes, headers: dict[str, str], version: str) -> JSONRPCRequest | None:
    """The request that a body holds, read as the library reads those of a version."""
    if version in MODERN_PROTOCOL_VERSIONS:
        value = json.loads(body)
        asked = JSONRPCRequest.model_validate(value)
        route = classify_inbound_request(value, headers=headers)
        return asked if isinstance(route, InboundModernRoute) else None
    read = jsonrpc_message_adapter.validate_json(body, by_name=False)
    return read if isinstance(read, JSONRPCRequest) else None


def _unwritten(error: ValueError, version: str) -> ErrorData:
    """What the library says of a result that is nested too deep to be sent."""
    if version in MODERN_PROTOCOL_VERSIONS:
        return modern_error_data(error)
    return ErrorData(code=0, message=str(error))


def _version(scope: Scope) -> str:
    """The version of the protocol that a request names, or that it has without one."""
    named = (value for name, value in scope["headers"] if name == _VERSION)
    return next(named, DEFAULT_NEGOTIATED_VERSION.encode()).decode("latin-1")


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
