"""What MCP servers of the linked model have that calls nothing: files and prompts."""

from __future__ import annotations

from msgspec import Struct

from .diagnostics import Origin
from .wire import PromptArgument


class Folder(Struct, frozen=True, kw_only=True):
    """Files that are MCP resources: the URI of each is `uri`, a slash and its path.

    The folder is at `path` from that of the package, unless `variable` names another; a
    file may have `limit` bytes.
    """

    name: str
    title: str
    description: str
    uri: str
    media_type: str
    is_binary: bool
    variable: str
    path: str
    limit: int
    origin: Origin


class Prompt(Struct, frozen=True, kw_only=True):
    """An MCP prompt: messages by their roles, with `{{name}}` in the place of arguments."""

    name: str
    title: str
    description: str
    arguments: tuple[PromptArgument, ...]
    messages: tuple[tuple[str, str], ...]
    origin: Origin
