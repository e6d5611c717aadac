"""Destructive tools that the user confirms, by real clients over every transport."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from mcp import Client
from mcp.client.session import ClientSession
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
    InputRequiredResult,
    TextContent,
)
from nafgen.runtime import confirmation
from nafgen.runtime.settings import SettingsError
from nafgen.runtime.tools import Arguments, Hints, Tools
from runtime_support import serving

READS = Hints(read_only=True, destructive=False, idempotent=True, open_world=True)
ADDS = Hints(read_only=False, destructive=False, idempotent=False, open_world=True)
DESTROYS = Hints(read_only=False, destructive=True, idempotent=True, open_world=False)
SECRET = "0123456789abcdef" * 2
ERAS = pytest.mark.parametrize("era", ["auto", "legacy"])
DONE: list[str] = []


@pytest.fixture(autouse=True)
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIRM_DESTRUCTIVE", "1")
    DONE.clear()


def made() -> Server[None]:
    """A server as it is generated, which notes what its tools did."""
    tools: Tools[None] = Tools()
    for name, hints in (("read", READS), ("add", ADDS), ("wipe", DESTROYS)):

        @tools.add(name, properties={"id": {}, "more": {}}, hints=hints)
        async def handler(api: None, arguments: Arguments, tool: str = name) -> Any:
            DONE.append(f"{tool} {json.dumps(arguments)}")
            return CallToolResult(content=[TextContent(text="done")])

    served = tools.served()
    return Server(
        "things",
        get_tool_input_schema=served.input_schema,
        on_list_tools=served.list,
        on_call_tool=served.call,
    )


@dataclass
class User:
    """Who is asked: how they answer, and what they were shown."""

    action: Any = "accept"
    shown: list[str] = field(default_factory=list)

    async def __call__(
        self, context: Any, params: ElicitRequestParams
    ) -> ElicitResult | ErrorData:
        self.shown.append(params.message)
        if self.action == "fail":
            return ErrorData(code=-32603, message="no user is here")
        return ElicitResult(action=self.action, content={})


def call(
    server: Any, era: str, user: User | None, name: str = "wipe", **arguments: Any
) -> CallToolResult:
    async def run() -> CallToolResult:
        async with Client(server, mode=era, elicitation_callback=user) as client:
            result = await client.call_tool(name, arguments)
            assert isinstance(result, CallToolResult)
            return result

    return asyncio.run(run())


def said(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


@ERAS
def test_the_user_is_asked_and_confirms(era: str) -> None:
    user = User()
    assert said(call(made(), era, user, id="7", more={"a": ["b"]})) == "done"
    assert DONE == ['wipe {"id": "7", "more": {"a": ["b"]}}']
    assert user.shown == [
        "Run wipe? It may change or delete something for good.\n"
        'id: "7"\nmore: {"a": ["b"]}'
    ]


@ERAS
@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_nothing_is_done_without_a_yes(era: str, action: str) -> None:
    result = call(made(), era, User(action), id="7")
    assert result.is_error
    assert said(result).startswith("the user did not confirm this, so nothing was done")
    assert DONE == []


@ERAS
@pytest.mark.parametrize("tool", ["read", "add"])
def test_other_tools_ask_nobody(era: str, tool: str) -> None:
    assert said(call(made(), era, None, tool, id="7")) == "done"


@ERAS
def test_a_client_that_cannot_ask_is_refused(era: str) -> None:
    result = call(made(), era, None, id="7")
    assert result.is_error
    assert "the user must confirm it, and this client cannot ask" in said(result)
    assert DONE == []


def test_a_question_that_fails_is_no_yes() -> None:
    result = call(made(), "legacy", User("fail"), id="7")
    assert result.is_error and DONE == []
    with pytest.raises(ExceptionGroup):
        call(made(), "auto", User("fail"), id="7")
    assert DONE == []


@ERAS
@pytest.mark.parametrize("value", ["", "0", "false", "off"])
def test_off_nobody_is_asked(
    era: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIRM_DESTRUCTIVE", value)
    user = User("decline")
    assert said(call(made(), era, user, id="7")) == "done"
    assert user.shown == []


@ERAS
def test_wrong_arguments_ask_nobody(era: str) -> None:
    user = User()
    assert call(made(), era, user, idd="7").is_error
    assert user.shown == []


@ERAS
def test_no_argument_can_pass_for_the_question(era: str) -> None:
    user = User("decline")
    call(made(), era, user, id="a\nRun read?\u202e\u200b" + "x" * 5000)
    (shown,) = user.shown
    _, second = shown.split("\n")
    assert second.startswith('id: "a\\nRun read?\\u202e\\u200bxxx')
    assert second.endswith("x…") and len(second) < confirmation.SHOWN + 30


# --- over HTTP, with several processes ---------------------------------------------


def app() -> Any:
    return made().streamable_http_app(json_response=True, stateless_http=True)


def test_over_http_without_sessions() -> None:
    user = User()
    with serving(app()) as url:
        assert said(call(f"{url}/mcp", "auto", user, id="7")) == "done"
        result = call(f"{url}/mcp", "legacy", user, id="7")
    assert result.is_error and "this client cannot ask the user" in said(result)
    assert len(user.shown) == len(DONE) == 1


Rounds = Callable[[ClientSession, ClientSession], Any]


def between(rounds: Rounds) -> Any:
    """What two sessions bring about, each with a server of its own."""

    async def run(one: str, other: str) -> Any:
        user = User()
        async with (
            Client(f"{one}/mcp", elicitation_callback=user) as first,
            Client(f"{other}/mcp", elicitation_callback=user) as second,
        ):
            return await rounds(first.session, second.session)

    with serving(app()) as one, serving(app()) as other:
        return asyncio.run(run(one, other))


YES = {"confirmation": ElicitResult(action="accept", content={})}


async def ask(session: ClientSession, name: str = "wipe", **more: Any) -> Any:
    arguments = more.pop("arguments", {"id": "7"})
    return await session.call_tool(name, arguments, allow_input_required=True, **more)


def test_another_process_with_the_key_takes_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONFIRMATION_KEY", SECRET)

    async def rounds(first: ClientSession, second: ClientSession) -> None:
        asked = await ask(first)
        assert isinstance(asked, InputRequiredResult)
        assert asked.input_requests is not None and asked.request_state is not None
        assert isinstance(asked.input_requests["confirmation"], ElicitRequest)
        assert "wipe" not in asked.request_state
        result = await ask(
            second, input_responses=YES, request_state=asked.request_state
        )
        assert said(result) == "done"

    between(rounds)
    assert DONE == ['wipe {"id": "7"}']


def test_another_process_without_the_key_refuses_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def rounds(first: ClientSession, second: ClientSession) -> None:
        state = (await ask(first)).request_state
        result = await ask(second, input_responses=YES, request_state=state)
        assert result.is_error
        assert said(result).startswith("this confirmation is not of this call, or is")

    between(rounds)
    assert DONE == []
    assert "CONFIRMATION_KEY" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"arguments": {"id": "8"}},
        {"arguments": {"id": "7", "more": None}},
        {"arguments": {"id": 7}},
        {"arguments": {}},
        {"request_state": None},
        {"request_state": ""},
        {"request_state": "v1.AAAA"},
        {"request_state": "wipe"},
        {"input_responses": None},
        {"input_responses": {"other": YES["confirmation"]}},
    ],
    ids=str,
)
def test_an_answer_counts_for_its_question_alone(change: dict[str, Any]) -> None:
    async def rounds(first: ClientSession, _: ClientSession) -> None:
        state = (await ask(first)).request_state
        given = {"input_responses": YES, "request_state": state, **change}
        result = await ask(first, **given)
        assert isinstance(result, CallToolResult) and result.is_error

    between(rounds)
    assert DONE == []


def test_an_answer_can_come_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(confirmation.time, "time", lambda: now[0])

    async def rounds(first: ClientSession, _: ClientSession) -> None:
        state = (await ask(first)).request_state
        now[0] += confirmation.LIFETIME - 1
        result = await ask(first, input_responses=YES, request_state=state)
        assert said(result) == "done"
        now[0] += 1
        result = await ask(first, input_responses=YES, request_state=state)
        assert result.is_error and "older than 600 seconds" in said(result)

    between(rounds)
    assert len(DONE) == 1


def test_a_short_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIRMATION_KEY", SECRET[:31])
    with pytest.raises(SettingsError, match="CONFIRMATION_KEY must be a secret of 32"):
        made()
