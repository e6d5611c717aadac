"""What it costs a model that clients are told of tools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct

BYTES_PER_TOKEN: Final = 4
"""An estimate, as models count differently: JSON of English words has about 4."""


class Cost(Struct, frozen=True):
    """The bytes of what clients are told of a tool, as JSON."""

    name: str
    size: int


class ServerCost(Struct, frozen=True, kw_only=True):
    """The same for the tools of a server, in the order in which they are told."""

    server: str
    tools: tuple[Cost, ...]

    @property
    def size(self) -> int:
        """The bytes of the list: its tools, its commas and its brackets."""
        return sum(tool.size for tool in self.tools) + max(len(self.tools), 1) + 1

    def as_json(self) -> dict[str, Any]:
        """The costs as a JSON object."""
        return {
            "server": self.server,
            "bytes": self.size,
            "tokens": tokens(self.size),
            "tools": [
                {"name": tool.name, "bytes": tool.size, "tokens": tokens(tool.size)}
                for tool in self.tools
            ],
        }


def tokens(size: int) -> int:
    """About how many tokens so many bytes are."""
    return -(-size // BYTES_PER_TOKEN)


def table(found: Iterable[ServerCost]) -> str:
    """Costs for people, the largest tools of each server first."""
    return "".join(f"{line}\n" for cost in found for line in _lines(cost))


def _lines(cost: ServerCost) -> Iterator[str]:
    number = len(cost.tools)
    yield (
        f"{cost.server}: {number} {'tool' if number == 1 else 'tools'},"
        f" {cost.size:,} bytes, about {tokens(cost.size):,} tokens"
    )
    for tool in sorted(cost.tools, key=lambda tool: -tool.size):
        yield f"  {tool.size:8,} {tokens(tool.size):7,}  {tool.name}"
