"""Prompts that the MCP server offers: texts with places for arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    Role,
    TextContent,
)

from .tools import LISTS, Api, sendable, shortened

_PLACE: Final = re.compile(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class _Entry:
    listed: Prompt
    messages: Sequence[tuple[Role, str]]


class Prompts:
    """The prompts of a server, in the order in which they are added.

    `cache` says how long clients may keep the list.
    """

    def __init__(self, cache: CacheHint = LISTS) -> None:
        self._cache = cache
        self._entries: dict[str, _Entry] = {}

    def add(
        self,
        name: str,
        *,
        title: str | None = None,
        description: str | None = None,
        arguments: Sequence[PromptArgument] = (),
        messages: Sequence[tuple[Role, str]],
    ) -> None:
        """Add a prompt; in its messages, an argument goes where `{{name}}` stands."""
        listed = Prompt(
            name=name,
            title=title,
            description=description,
            arguments=list(arguments),
        )
        self._entries[name] = _Entry(listed, messages)

    async def list(
        self, context: ServerRequestContext[Api], params: PaginatedRequestParams | None
    ) -> ListPromptsResult:
        """Answer prompts/list."""
        return ListPromptsResult(
            prompts=[entry.listed for entry in self._entries.values()],
            ttl_ms=self._cache.ttl_ms,
            cache_scope=self._cache.scope,
        )

    async def get(
        self, context: ServerRequestContext[Api], params: GetPromptRequestParams
    ) -> GetPromptResult:
        """Answer prompts/get. The place of an argument that is not given stays.

        Raises:
            MCPError: there is no such prompt, an argument is missing that it needs, or
                one is given that it does not have.
        """
        entry = self._entries.get(params.name)
        if entry is None:
            raise MCPError(INVALID_PARAMS, f"no such prompt: {shortened(params.name)}")
        given = params.arguments or {}
        wrong = _wrong(entry.listed, given.keys())
        if wrong:
            raise MCPError(INVALID_PARAMS, shortened(f"invalid arguments: {wrong}"))
        messages = []
        for role, text in entry.messages:
            # Once, so that what is given stays as it is.
            filled = _PLACE.sub(lambda place: given.get(place[1], place[0]), text)
            content = TextContent(text=sendable(filled))
            messages.append(PromptMessage(role=role, content=content))
        return GetPromptResult(description=entry.listed.description, messages=messages)


def _wrong(prompt: Prompt, given: AbstractSet[str]) -> str:
    """What is wrong with the names of arguments."""
    arguments = prompt.arguments or []
    needed = [each.name for each in arguments if each.required]
    known = {each.name for each in arguments}
    missing = [f"{name} is missing" for name in needed if name not in given]
    return "; ".join(
        missing + [f"{name} is not known" for name in sorted(given - known)]
    )
