"""What the MCP server adds to `mcp`: closed schemas, and failures a model can read."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import httpx
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    AudioContent,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from .answers import (
    ServiceError,
    StepError,
    UpstreamError,
    adecode,
    decode,
    failed,
    has_value,
    is_json,
    is_text,
    media_type,
    status,
)
from .calls import ArgumentError, Call
from .direct_tools import answer_directly
from .observability import flush, observe, telemetry
from .remembered_list import remember_list
from .result_limits import ResultLimits
from .settings import masked
from .tool_arguments import InputSchema
from .tool_selection import Choice, is_on, selected
from .upstream import AsyncClient

if TYPE_CHECKING:
    from .confirmation import Confirmation

Api = TypeVar("Api")
Arguments = dict[str, Any]
Handler = Callable[[Api, Arguments], Awaitable[CallToolResult]]

MAX_ERROR: Final = 4096
"""Characters of an error's text at the most; the rest is cut off."""
LISTS: Final = CacheHint(ttl_ms=300_000, scope="public")
"""How long clients may keep lists that never change."""
_CORRECT: Final = "; correct the arguments"
_DENIED: Final = "; this service's credentials do not allow it, whatever the arguments"
_LATER: Final = "; try again later"
NEXT: Final = {
    400: _CORRECT,
    422: _CORRECT,
    401: _DENIED,
    403: _DENIED,
    404: "; check that what the arguments name is there",
    429: _LATER,
    502: _LATER,
    503: _LATER,
    504: _LATER,
}
"""What a model can do about a status."""

logger: Final = logging.getLogger(__name__)


class Hints(NamedTuple):
    """What a tool says of its effects; clients act on it."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class Tools(Generic[Api]):
    """The tools of a server, in the order in which they are added.

    `cache` says how long clients may keep the list.
    """

    def __init__(self, cache: CacheHint = LISTS) -> None:
        self._cache = cache
        self._choices: dict[str, Choice] = {}
        self._handlers: dict[str, Handler[Api]] = {}
        self._inputs: dict[str, InputSchema] = {}
        self.together: Sequence[Tools[Any]] = (self,)
        """Those of all servers of the process, which one selection is for."""

    def add(
        self,
        name: str,
        *,
        title: str | None = None,
        description: str | None = None,
        properties: Mapping[str, Any] | None = None,
        required: Sequence[str] = (),
        hints: Hints,
        apis: Sequence[str] = (),
    ) -> Callable[[Handler[Api]], Handler[Api]]:
        """Register the decorated function as a tool; unknown arguments are refused.

        `apis` are the namespaces of those that it calls, where the package has several.
        """
        schema: dict[str, Any] = {"type": "object", "properties": properties or {}}
        if required:
            schema["required"] = list(required)
        schema["additionalProperties"] = False
        tool = Tool(
            name=name,
            title=title,
            description=description,
            input_schema=schema,
            annotations=ToolAnnotations(
                read_only_hint=hints.read_only,
                destructive_hint=hints.destructive,
                idempotent_hint=hints.idempotent,
                open_world_hint=hints.open_world,
            ),
        )

        def register(handler: Handler[Api]) -> Handler[Api]:
            self._choices[name] = Choice(tool, apis)
            self._handlers[name] = handler
            self._inputs[name] = InputSchema(schema)
            return handler

        return register

    def served(self) -> ServedTools[Api]:
        """The tools that this process serves, as the environment selects them.

        Raises:
            SettingsError: a setting of the tools cannot be used.
        """
        known = [each for tools in self.together for each in tools._choices.values()]
        names = selected(self._choices.values(), known)
        return ServedTools(
            {name: self._choices[name].tool for name in names},
            {name: self._handlers[name] for name in names},
            {name: self._inputs[name] for name in names},
            _confirmation(),
            self._cache,
        )


def _confirmation() -> Confirmation | None:
    if not is_on("CONFIRM_DESTRUCTIVE"):
        return None
    from .confirmation import Confirmation  # who does not use it does not wait for it

    return Confirmation()


class ServedTools(Generic[Api]):
    """Tools as a server's handlers."""

    def __init__(
        self,
        tools: dict[str, Tool],
        handlers: dict[str, Handler[Api]],
        inputs: dict[str, InputSchema],
        confirmation: Confirmation | None,
        cache: CacheHint,
    ) -> None:
        self.listed: Final = ListToolsResult(
            tools=list(tools.values()), ttl_ms=cache.ttl_ms, cache_scope=cache.scope
        )
        self._tools = tools
        self._handlers = handlers
        self._inputs = inputs
        self._confirmation = confirmation
        self._limits = ResultLimits.from_environment()

    def input_schema(self, name: str) -> Mapping[str, Any] | None:
        """The schema of a tool's arguments."""
        return self._tools[name].input_schema if name in self._tools else None

    async def list(
        self, context: ServerRequestContext[Api], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        """Answer tools/list."""
        return self.listed

    async def call(
        self, context: ServerRequestContext[Api], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """Answer tools/call; what fails is a result that tells the model why.

        Raises:
            MCPError: there is no such tool.
        """
        if params.name not in self._tools:
            raise MCPError(INVALID_PARAMS, f"no such tool: {params.name}")
        arguments = params.arguments or {}
        asking = self._asking(params.name)
        if asking and not self._inputs[params.name].mistakes(arguments):
            refusal = await asking.refusal(context, params)
            if refusal is not None:
                return _failure(refusal) if isinstance(refusal, str) else refusal
        return await self.run(params.name, context.lifespan_context, arguments)

    def is_direct(self, name: str) -> bool:
        """Whether there is such a tool, and it runs without a question to the user."""
        return name in self._tools and self._asking(name) is None

    def _asking(self, name: str) -> Confirmation | None:
        """What asks the user before a tool runs; None where nothing does."""
        hints = self._tools[name].annotations
        is_destructive = hints is None or hints.destructive_hint is not False
        return self._confirmation if is_destructive else None

    async def run(self, name: str, api: Api, arguments: Arguments) -> CallToolResult:
        """What a tool answers; what fails is a result, too."""
        wrong = self._inputs[name].mistakes(arguments)
        if wrong:
            return _failure("invalid arguments: " + "; ".join(wrong))
        try:
            result = await self._handlers[name](api, arguments)
        except Exception as error:
            told = said(error)
            if told is None:
                logger.exception("the tool %s failed", name)
            return _failure(told or "the tool failed; the server's log says more")
        return self._limits.applied(result, self._tools[name])


def said(error: Exception) -> str | None:
    """What a failure tells the model; None for one that only the log may tell."""
    match error:
        case StepError(step=step, cause=cause):
            told = said(cause)
            return told and f"the step {step} failed: {told}"
        case ArgumentError():
            return f"invalid arguments: {error}"
        case ServiceError():
            return str(error)
        case UpstreamError(response=response):
            return f"{error}{_advice(response)}"
        case httpx.TimeoutException():
            return "the upstream API did not answer in time; try again later"
        case httpx.TransportError():
            return "the upstream API cannot be reached; try again later"
        case httpx.RequestError():
            return "the upstream API's answer cannot be read"
    return None


async def relay(
    client: AsyncClient, call: Call, into: Callable[[Any], Any] | None = None
) -> CallToolResult:
    """The upstream's answer as a tool's result, or what `into` makes of it.

    An answer that is not JSON is passed on as it is: text, image, audio or bytes.
    """
    answer = await client.send(call)
    if failed(answer):
        return _refused(answer)
    if not answer.content:
        return CallToolResult(content=[])
    if into is not None and has_value(answer, call.read):
        return structured(into(await adecode(answer, call.read)))
    if client.opaque:
        return CallToolResult(content=[_blob(answer)])
    if is_json(answer):
        text, value = sendable(answer.text), decode(answer)
        # Only what is escaped in JSON can be the half of a character.
        return _result(
            text, structured(value).structured_content if "\\u" in text else value
        )
    if is_text(answer):
        return CallToolResult(content=[TextContent(text=answer.text)])
    return CallToolResult(content=[_blob(answer)])


def structured(value: Any) -> CallToolResult:
    """A JSON value as a tool's result."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    sent = sendable(text)
    return _result(sent, value if sent == text else json.loads(sent))


def answered(
    value: Any, media_type: str = "application/octet-stream"
) -> CallToolResult:
    """What a flow results in, as a tool's result; nothing has no content."""
    if value is None:
        return CallToolResult(content=[])
    if isinstance(value, bytes):
        return CallToolResult(content=[_bytes(value, media_type)])
    return structured(value)


def lending(api: Api, *owned: AsyncClient) -> Lifespan[Api]:
    """A lifespan that gives tools their API clients and closes those that are owned."""
    observe()

    @asynccontextmanager
    async def lifespan(server: Server[Api]) -> AsyncIterator[Api]:
        if telemetry() is not None:
            from .operations import count

            count(server)
        remember_list(server)
        if (served := _served(server)) is not None:
            answer_directly(server, served, api)
        try:
            yield api
        finally:
            for client in owned:
                await client.aclose()
            await flush()

    return lifespan


def _served(server: Server[Api]) -> ServedTools[Api] | None:
    """The tools of a server, where its handlers are theirs."""
    entries = map(server.get_request_handler, ("tools/list", "tools/call"))
    owners = {getattr(each.handler, "__self__", None) for each in entries if each}
    owner = owners.pop() if len(owners) == 1 else None
    return owner if isinstance(owner, ServedTools) else None


Lifespan = Callable[[Server[Api]], AbstractAsyncContextManager[Api]]


def _result(text: str, value: Any) -> CallToolResult:
    """JSON text and, for an object, its value too."""
    content: list[ContentBlock] = [TextContent(text=text)]
    if not isinstance(value, dict):
        return CallToolResult(content=content)
    return CallToolResult(content=content, structured_content=value)


def sendable(text: str) -> str:
    """The text with `?` for halves of characters, which UTF-8 cannot write."""
    return text.encode(errors="replace").decode()


def _refused(answer: httpx.Response) -> CallToolResult:
    return _failure(f"the upstream API answered {status(answer)}{_advice(answer)}")


def _advice(answer: httpx.Response) -> str:
    """What to do, when to try again, and what the upstream itself says of an error."""
    text = NEXT.get(answer.status_code, "")
    if wait := answer.headers.get("retry-after"):
        text = f"; try again after {wait}{' seconds' if wait.isdigit() else ''}"
    if failed(answer) and answer.content and is_text(answer):
        text += f"\n{answer.text}"
    return text


def _failure(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=shortened(text))], is_error=True)


def shortened(text: str) -> str:
    """The text of an error, without secrets, of which what is too long is cut off."""
    text = masked(sendable(text))
    if len(text) <= MAX_ERROR:
        return text
    return f"{text[:MAX_ERROR]} ... ({len(text) - MAX_ERROR} characters cut off)"


def _blob(answer: httpx.Response) -> ContentBlock:
    return _bytes(answer.content, media_type(answer))


def _bytes(content: bytes, kind: str) -> ContentBlock:
    data = base64.b64encode(content).decode("ascii")
    if kind.startswith("image/"):
        return ImageContent(data=data, mime_type=kind)
    if kind.startswith("audio/"):
        return AudioContent(data=data, mime_type=kind)
    contents = BlobResourceContents(uri="answer:body", mime_type=kind, blob=data)
    return EmbeddedResource(resource=contents)
