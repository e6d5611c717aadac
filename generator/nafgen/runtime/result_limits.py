"""Bounds what tools answer: a model cannot read, nor a host keep, any number of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
    Tool,
)

from .settings import number_of

CHARACTERS: Final = 100_000
SIZE: Final = 10 * 1024**2


@dataclass(frozen=True, slots=True)
class ResultLimits:
    """The characters of a text and the bytes of anything else that a result may have."""

    characters: int
    size: int

    @classmethod
    def from_environment(cls) -> Self:
        """Those of MAX_RESULT_CHARACTERS and MAX_RESULT_BYTES.

        Raises:
            SettingsError: one is no number.
        """
        characters = number_of("MAX_RESULT_CHARACTERS", CHARACTERS)
        return cls(int(characters), int(number_of("MAX_RESULT_BYTES", SIZE)))

    def applied(self, result: CallToolResult, tool: Tool) -> CallToolResult:
        """The result within its limits: a text is cut, and says so, without structured
        content, which would hold it all; bytes are refused, for a part of them is of no
        use."""
        for block in result.content:
            if isinstance(block, TextContent) and len(block.text) > self.characters:
                return self._cut(block.text, tool.input_schema)
            if (size := _size(block)) > self.size:
                text = (
                    f"the result has {size:,} bytes, more than the {self.size:,} that"
                    f" MAX_RESULT_BYTES allows{_instead(tool.input_schema)}"
                )
                return CallToolResult(content=[TextContent(text=text)], is_error=True)
        return result

    def _cut(self, text: str, schema: Mapping[str, Any]) -> CallToolResult:
        note = (
            f"[The result is cut off: these are {self.characters:,} of its"
            f" {len(text):,} characters{_instead(schema)}.]"
        )
        kept = TextContent(text=text[: self.characters])
        return CallToolResult(content=[kept, TextContent(text=note)])


def _size(block: ContentBlock) -> int:
    """The bytes that a block holds in base64."""
    match block:
        case ImageContent(data=data) | AudioContent(data=data):
            return len(data) * 3 // 4 - data[-2:].count("=")
        case EmbeddedResource(resource=BlobResourceContents(blob=data)):
            return len(data) * 3 // 4 - data[-2:].count("=")
    return 0


def _instead(schema: Mapping[str, Any]) -> str:
    """How to get less, as far as the tool can be asked for less."""
    required = schema.get("required", ())
    optional = [f"`{name}`" for name in schema["properties"] if name not in required]
    if not optional:
        return ""
    return f"; ask for less, if one of {', '.join(optional)} can"
