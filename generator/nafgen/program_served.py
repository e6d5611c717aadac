"""What MCP servers of the linked model have that calls nothing: files and prompts."""

from __future__ import annotations

from .diagnostics import Origin
from .models import dataclass
from .wire import PromptArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """An MCP prompt: messages by their roles, with `{{name}}` in the place of arguments."""

    name: str
    title: str
    description: str
    arguments: tuple[PromptArgument, ...]
    messages: tuple[tuple[str, str], ...]
    origin: Origin
