"""Resources that the MCP server lets clients read: answers of calls, and files."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, Protocol
from urllib.parse import unquote

from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    BlobResourceContents,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from .answers import (
    UpstreamError,
    adecode,
    failed,
    has_value,
    is_json,
    is_text,
    media_type,
)
from .calls import ArgumentError, Call
from .tool_selection import is_on
from .tools import LISTS, Api, said, sendable, shortened
from .upstream import AsyncClient

JSON: Final = "application/json"
NEVER: Final = CacheHint(ttl_ms=0, scope="private")
"""What is read may be another thing the next time, and for somebody else."""
_VARIABLE: Final = re.compile(r"\{([A-Za-z0-9_.]+)\}")

logger: Final = logging.getLogger(__name__)


class Content(NamedTuple):
    """What a resource holds, and its media type; empty where that is not known."""

    data: str | bytes
    media_type: str


Variables = dict[str, Any]
"""The texts that stand in a URI for the variables of its template."""
Reader = Callable[[Api, Variables], Awaitable[Content]]


class Files(Protocol):
    """Resources that are files."""

    def check(self) -> None:
        """Raise SettingsError where they cannot be served."""

    def listed(self) -> Sequence[Resource]:
        """All of them as they are now, in an order that stays."""

    def read(self, uri: str) -> Content | None:
        """What one of them holds, None where there is none of that URI.

        Raises:
            MCPError: it cannot be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry(Generic[Api]):
    uri: str
    name: str
    title: str | None
    description: str | None
    media_type: str | None
    is_blob: bool
    writes: bool
    reader: Reader[Api]

    @property
    def names(self) -> list[str]:
        """The variables of the URI; none where it is that of one resource."""
        return _VARIABLE.findall(self.uri)

    def pattern(self) -> re.Pattern[str]:
        """What URIs match. A variable is a part of one segment, and ends where what
        stands behind it begins for the first time."""
        first, *rest = _VARIABLE.split(self.uri)
        made = re.escape(first)
        texts = rest[1::2]
        for text in texts[:-1]:
            made += f"(?>([^/?#]+?){re.escape(text)})"
        for text in texts[-1:]:
            made += f"([^/?#]+){re.escape(text)}"
        return re.compile(made)


class Resources(Generic[Api]):
    """The resources of a server, in the order in which they are added.

    `cache` says how long clients may keep lists and contents. Where it is not given,
    contents are never kept, and lists only while they cannot change.
    """

    def __init__(self, cache: CacheHint | None = None) -> None:
        self._cache = cache
        self._entries: list[_Entry[Api]] = []
        self._files: list[Files] = []

    def add(
        self,
        uri: str,
        *,
        name: str,
        title: str | None = None,
        description: str | None = None,
        media_type: str | None = None,
        is_blob: bool = False,
        writes: bool = False,
    ) -> Callable[[Reader[Api]], Reader[Api]]:
        """Register the decorated function as what reads a resource; or all resources
        of a template, where `uri` has variables. `is_blob`: they are never text."""

        def register(reader: Reader[Api]) -> Reader[Api]:
            self._entries.append(
                _Entry(
                    uri=uri,
                    name=name,
                    title=title,
                    description=description,
                    media_type=media_type,
                    is_blob=is_blob,
                    writes=writes,
                    reader=reader,
                )
            )
            return reader

        return register

    def add_files(self, files: Files) -> None:
        """Add resources that are files."""
        self._files.append(files)

    def served(self) -> ServedResources[Api]:
        """What this process serves: READ_ONLY=1 leaves out what may write.

        Raises:
            SettingsError: files cannot be served.
        """
        for files in self._files:
            files.check()
        read_only = is_on("READ_ONLY")
        entries = [each for each in self._entries if not (read_only and each.writes)]
        return ServedResources(entries, self._files, self._cache)


class ServedResources(Generic[Api]):
    """Resources as a server's handlers."""

    def __init__(
        self,
        entries: Sequence[_Entry[Api]],
        files: Sequence[Files],
        cache: CacheHint | None,
    ) -> None:
        self._files = files
        self._kept = cache or NEVER
        self._listed = cache or (NEVER if files else LISTS)
        self._single = [
            Resource(
                uri=each.uri,
                name=each.name,
                title=each.title,
                description=each.description,
                mime_type=each.media_type,
            )
            for each in entries
            if not each.names
        ]
        templates = [
            ResourceTemplate(
                uri_template=each.uri,
                name=each.name,
                title=each.title,
                description=each.description,
                mime_type=each.media_type,
            )
            for each in entries
            if each.names
        ]
        cache = cache or LISTS
        self._templates = ListResourceTemplatesResult(
            resource_templates=templates, ttl_ms=cache.ttl_ms, cache_scope=cache.scope
        )
        in_order = sorted(entries, key=lambda each: bool(each.names))
        self._patterns = [(each.pattern(), each) for each in in_order]

    async def list(
        self, context: ServerRequestContext[Api], params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """Answer resources/list."""
        listed = list(self._single)
        for files in self._files:
            listed += await asyncio.to_thread(files.listed)
        cache = self._listed
        return ListResourcesResult(
            resources=listed, ttl_ms=cache.ttl_ms, cache_scope=cache.scope
        )

    async def templates(
        self, context: ServerRequestContext[Api], params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """Answer resources/templates/list."""
        return self._templates

    async def read(
        self, context: ServerRequestContext[Api], params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """Answer resources/read.

        Raises:
            MCPError: there is no such resource, or it cannot be read; the message tells
                a model why.
        """
        uri = sendable(params.uri)
        found = await self._read(context.lifespan_context, uri)
        if found is None:
            raise MCPError(INVALID_PARAMS, f"no such resource: {shortened(uri)}")
        data, kind = found
        contents: TextResourceContents | BlobResourceContents
        if isinstance(data, str):
            contents = TextResourceContents(uri=uri, mime_type=kind or None, text=data)
        else:
            blob = base64.b64encode(data).decode("ascii")
            contents = BlobResourceContents(uri=uri, mime_type=kind or None, blob=blob)
        cache = self._kept
        return ReadResourceResult(
            contents=[contents], ttl_ms=cache.ttl_ms, cache_scope=cache.scope
        )

    async def _read(self, api: Api, uri: str) -> Content | None:
        for pattern, entry in self._patterns:
            match = pattern.fullmatch(uri)
            if match is not None:
                return await _content_of(entry, api, match.groups())
        for files in self._files:
            content = await asyncio.to_thread(files.read, uri)
            if content is not None:
                return content
        return None


async def _content_of(entry: _Entry[Api], api: Api, given: Sequence[str]) -> Content:
    """What a resource holds; failures are told as those of tools."""
    try:
        variables = dict(_decoded(zip(entry.names, given, strict=True)))
        data, kind = await entry.reader(api, variables)
    except Exception as error:
        told = said(error)
        if told is None:
            logger.exception("the resource %s failed", entry.name)
        is_argument = isinstance(error, ArgumentError)
        raise MCPError(
            INVALID_PARAMS if is_argument else INTERNAL_ERROR,
            shortened(told or "the resource failed; the server's log says more"),
        ) from None
    if entry.is_blob and isinstance(data, str):
        data = data.encode()
    return Content(data, entry.media_type or kind)


def _decoded(given: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, text in given:
        try:
            yield name, unquote(text, errors="strict")
        except UnicodeDecodeError:
            raise ArgumentError(f"{name} is not UTF-8") from None


async def read(
    client: AsyncClient, call: Call, into: Callable[[Any], Any] | None = None
) -> Content:
    """What the upstream answers, or what `into` makes of it.

    Raises:
        UpstreamError: it answers with an error, which is never a content.
    """
    answer = await client.send(call)
    if failed(answer):
        raise UpstreamError(answer)
    if answer.content and into is not None and has_value(answer, call.read):
        return content(into(await adecode(answer, call.read)))
    kind = media_type(answer)
    if client.opaque or not (is_json(answer) or is_text(answer)):
        return Content(answer.content, kind)
    return Content(sendable(answer.text), kind or (JSON if is_json(answer) else ""))


def content(value: Any, media_type: str = "application/octet-stream") -> Content:
    """What a flow results in, or a mapping makes: bytes of a type, or a value as JSON."""
    if isinstance(value, bytes):
        return Content(value, media_type)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Content("" if value is None else sendable(text), JSON)
