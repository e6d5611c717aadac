"""Markdown answers as JSON values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
from markdown_it import MarkdownIt
from markdown_it.token import Token
from ruamel.yaml.error import YAMLError

from .answers import UpstreamError
from .yaml_answers import parse_yaml

_FRONT: Final = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_BREAKS: Final = frozenset({"softbreak", "hardbreak"})


def markdown_parts(prefix: str = "") -> Callable[[httpx.Response], Any]:
    """Reads Markdown into its parts; of its sections those whose heading begins so.

    What is read is `{"frontMatter": {...}, "tables": [...], "sections": [...]}`. A table
    is a list of rows, each an object by the names in the header. A section has its
    `heading`, the `level` of that, and as `content` the text of its blocks, a line each,
    without tables and emphasis. What stands before the first heading is in no section.
    """

    def read(response: httpx.Response) -> Any:
        text = "\n".join(response.text.removeprefix("\ufeff").splitlines())
        front = _FRONT.match(text)
        try:
            data = parse_yaml(front[1]) if front else {}
            tokens = (
                MarkdownIt("commonmark")
                .enable("table")
                .parse(text[front.end() :] if front else text)
            )
        except (YAMLError, ValueError, RecursionError):
            raise UpstreamError(response, "with broken Markdown") from None
        return {
            "frontMatter": data if isinstance(data, dict) else {},
            "tables": [*_tables(tokens)],
            "sections": [
                s for s in _sections(tokens) if s["heading"].startswith(prefix)
            ],
        }

    return read


def _tables(tokens: list[Token]) -> Iterator[list[dict[str, str]]]:
    rows: list[list[str]] = []
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "table_open" and token.level == 0:
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open") and after is not None:
            rows[-1].append(_text(after))
        elif token.type == "table_close" and token.level == 0:
            names, *body = rows
            yield [dict(zip(names, row, strict=True)) for row in body]


def _sections(tokens: list[Token]) -> list[dict[str, Any]]:
    sections: list[dict[str, Any]] = []
    lines: list[str] = []
    in_table = in_heading = False
    for token in tokens:
        if token.type in ("table_open", "table_close"):
            in_table = token.nesting == 1
        elif token.type == "heading_open" and token.level == 0:
            in_heading, lines = True, []
            level = int(token.tag.removeprefix("h"))
            sections.append({"heading": "", "level": level, "content": ""})
        elif token.type == "heading_close" and token.level == 0:
            in_heading = False
        elif in_heading:
            sections[-1]["heading"] = _text(token)
        elif (
            sections
            and not in_table
            and token.type in ("inline", "fence", "code_block")
        ):
            is_text = token.type == "inline"
            lines.append(_text(token) if is_text else token.content.rstrip("\n"))
            sections[-1]["content"] = "\n".join(lines)
    return sections


def _text(inline: Token) -> str:
    """The text of a block, without what is only layout."""
    found = (
        " " if child.type in _BREAKS else child.content
        for child in inline.children or ()
        if child.type != "html_inline"
    )
    return "".join(found).strip()
