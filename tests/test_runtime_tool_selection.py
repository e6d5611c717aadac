"""Which tools an operator serves, by name, hint and API."""

from __future__ import annotations

import pytest
from mcp.server.lowlevel import Server
from mcp_types import CallToolResult
from nafgen.runtime.settings import SettingsError
from nafgen.runtime.tools import Arguments, Hints, Tools
from test_runtime_tools import listed, refused

READS = Hints(read_only=True, destructive=False, idempotent=True, open_world=True)
ADDS = Hints(read_only=False, destructive=False, idempotent=False, open_world=True)
DESTROYS = Hints(read_only=False, destructive=True, idempotent=True, open_world=False)


def made() -> Tools[None]:
    tools: Tools[None] = Tools()
    for name, hints, apis in (
        ("list-books", READS, ["catalogue"]),
        ("get-book", READS, ["catalogue", "loans"]),
        ("add-book", ADDS, ["catalogue"]),
        ("delete-loan", DESTROYS, ["loans"]),
    ):

        @tools.add(name, hints=hints, apis=apis)
        async def handler(api: None, _: Arguments) -> CallToolResult:
            raise AssertionError

    return tools


def names(tools: Tools[None]) -> list[str]:
    return [tool.name for tool in tools.served().listed.tools]


@pytest.mark.parametrize(
    ("env", "served"),
    [
        ({}, "list-books get-book add-book delete-loan"),
        ({"TOOLS": " "}, "list-books get-book add-book delete-loan"),
        ({"TOOLS": "get-book, *-loan"}, "get-book delete-loan"),
        ({"TOOLS": "delete-loan list-books"}, "list-books delete-loan"),
        ({"TOOLS": "*-book", "EXCLUDE_TOOLS": "add-*"}, "get-book"),
        ({"EXCLUDE_TOOLS": "hint:destructive"}, "list-books get-book add-book"),
        ({"TOOLS": "hint:idempotent"}, "list-books get-book delete-loan"),
        ({"TOOLS": "hint:read-only,add-book"}, "list-books get-book add-book"),
        ({"EXCLUDE_TOOLS": "hint:open-world"}, "delete-loan"),
        ({"TOOLS": "api:loans"}, "get-book delete-loan"),
        ({"TOOLS": "api:loan*", "READ_ONLY": "1"}, "get-book"),
        (
            {"TOOLS": "api:catalogue", "EXCLUDE_TOOLS": "api:loans"},
            "list-books add-book",
        ),
        ({"TOOLS": "add-book", "READ_ONLY": "1"}, ""),
        ({"EXCLUDE_TOOLS": "*"}, ""),
    ],
)
def test_what_is_served(
    env: dict[str, str], served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert names(made()) == served.split()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("get-bok", "there is no tool get-bok; did you mean get-book?"),
        ("get-book,Get-Book", "there is no tool Get-Book; did you mean get-book?"),
        ("update-*", "there is no tool update-*"),
        ("api:loan", "there is no API loan; did you mean loans?"),
        ("hint:readonly", "there is no hint readonly; did you mean read-only?"),
        ("tag:books", "there is nothing like `tag:`, but `api:` and `hint:`"),
    ],
)
@pytest.mark.parametrize("variable", ["TOOLS", "EXCLUDE_TOOLS"])
def test_what_selects_nothing_is_named(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        made().served()
    assert str(caught.value) == f"{variable}: {said}"


def test_a_selection_is_for_all_servers_of_a_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = made(), Tools[None]()

    @other.add("find-reader", hints=READS)
    async def handler(api: None, _: Arguments) -> CallToolResult:
        raise AssertionError

    one.together = other.together = (one, other)
    monkeypatch.setenv("TOOLS", "get-book,find-reader")
    assert (names(one), names(other)) == (["get-book"], ["find-reader"])
    monkeypatch.setenv("TOOLS", "find-readers")
    with pytest.raises(SettingsError, match="did you mean find-reader"):
        one.served()


@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_what_is_not_served_cannot_be_called(
    era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXCLUDE_TOOLS", "delete-loan")
    served = made().served()
    server: Server[None] = Server(
        "books",
        get_tool_input_schema=served.input_schema,
        on_list_tools=served.list,
        on_call_tool=served.call,
    )
    assert "delete-loan" not in [tool["name"] for tool in listed(server, era)]
    assert refused(server, era, "delete-loan").message == "no such tool: delete-loan"
