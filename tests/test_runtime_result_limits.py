"""Results of tools that are larger than a model should read."""

from __future__ import annotations

import json

import pytest
from mcp_types import TextContent
from nafgen.runtime.settings import SettingsError
from nafgen.runtime.tools import Tools
from test_runtime_tools import JSON, answering, called, made, text

ERAS = pytest.mark.parametrize("era", ["auto", "legacy"])


@ERAS
def test_a_long_text_is_cut_and_says_so(
    era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_RESULT_CHARACTERS", "1000")
    content = json.dumps({"a": "ü" * 2000}, ensure_ascii=False).encode()
    server = made(answering(content, content_type=JSON["content-type"]))
    result = called(server, era, "read", {"id": "1"})
    kept, note = result.content
    assert isinstance(kept, TextContent) and isinstance(note, TextContent)
    assert kept.text == content.decode()[:1000]
    assert note.text == (
        "[The result is cut off: these are 1,000 of its 2,009 characters; ask for less,"
        " if one of `limit` can.]"
    )
    assert result.structured_content is None
    assert not result.is_error


def test_a_tool_without_optional_arguments_advises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAX_RESULT_CHARACTERS", "1")
    result = called(made(answering(b"ab", content_type="text/plain")), "auto", "write")
    note = result.content[1]
    assert isinstance(note, TextContent)
    assert note.text == "[The result is cut off: these are 1 of its 2 characters.]"


@ERAS
def test_what_fits_is_left_as_it_is(era: str) -> None:
    content = json.dumps({"a": "x" * 99_900}).encode()
    server = made(answering(content, content_type=JSON["content-type"]))
    result = called(server, era, "read", {"id": "1"})
    assert text(result) == content.decode()
    assert result.structured_content == {"a": "x" * 99_900}
    more = json.dumps({"a": "x" * 100_000}).encode()
    server = made(answering(more, content_type=JSON["content-type"]))
    assert len(called(server, era, "read", {"id": "1"}).content) == 2


@ERAS
@pytest.mark.parametrize("kind", ["image/png", "audio/mpeg", "application/pdf"])
def test_bytes_are_whole_or_refused(
    era: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_RESULT_BYTES", "3000")
    monkeypatch.setenv("MAX_RESULT_CHARACTERS", "10")
    server = made(answering(b"\0" * 3000, content_type=kind))
    assert not called(server, era, "read", {"id": "1"}).is_error
    server = made(answering(b"\0" * 3001, content_type=kind))
    result = called(server, era, "read", {"id": "1"})
    assert result.is_error
    assert text(result).startswith(
        "the result has 3,001 bytes, more than the 3,000 that MAX_RESULT_BYTES allows"
    )


@pytest.mark.parametrize("name", ["MAX_RESULT_CHARACTERS", "MAX_RESULT_BYTES"])
@pytest.mark.parametrize("value", ["0", "many", "-1", "inf"])
def test_limits_are_numbers(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name} must be a number from 1"):
        Tools[None]().served()
