"""Flows: steps in their order, aggregates that routes and tools share, mocks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import pytest
from compile_support import checked, compile_file, compile_text, files_of
from conftest import ROOT
from mcp import Client
from nafgen.compile import Compilation
from nafgen.program import LookupStep, McpAdapter
from package_support import imported
from runtime_support import SOON, Exchange, serving, upstream

BOOK = {
    "id": 7,
    "isbn": "978-1",
    "title": "Waves",
    "authors": ["b", "x", "a"],
    "copies": 3,
}
AUTHORS = [
    {"id": "a", "name": "Ann", "born": 1950, "secret": 1},
    {"id": "b", "name": "Bo", "born": 1960},
]
LOANS = (
    "<loans><loan><reader>1</reader><due>May</due></loan>"
    "<loan><reader>2</reader><due>June</due></loan></loans>"
)
DETAILS = {
    "isbn": "978-1",
    "title": "Waves",
    "authors": [{"name": "Bo", "born": 1960}, {"name": "Ann", "born": 1950}],
    "copies": {"total": 3, "due": ["May", "June"]},
}


class Library:
    """The two APIs of specs/library.yaml; `together` holds requests until so many wait."""

    def __init__(self, together: int = 1) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self.barrier = threading.Barrier(together, timeout=SOON)
        self.missing = False

    def __call__(self, exchange: Exchange) -> None:
        length = int(exchange.headers.get("content-length", "0"))
        body = exchange.rfile.read(length).decode()
        self.requests.append((exchange.command, exchange.path, body))
        path = urlsplit(exchange.path).path
        if exchange.command == "GET":
            self.barrier.wait()
        if path == "/books/978-1" and not self.missing:
            self._json(exchange, BOOK)
        elif path == "/authors":
            self._json(exchange, AUTHORS)
        elif path == "/loans.xml":
            assert parse_qs(urlsplit(exchange.path).query) == {"isbn": ["978-1"]}
            exchange.answer(LOANS.encode(), content_type="application/xml")
        elif path == "/holds":
            self._json(exchange, {"position": 2}, 201)
        else:
            self._json(exchange, {"error": "no such book"}, 404)

    def _json(self, exchange: Exchange, value: Any, status: int = 200) -> None:
        content = json.dumps(value).encode()
        exchange.answer(content, status, content_type="application/json")


@pytest.fixture(scope="module")
def library() -> Compilation:
    return checked(compile_file(ROOT / "specs" / "library.yaml"))


@contextmanager
def running(
    made: Compilation, api: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Any]]:
    with upstream(api) as url:
        settings = {
            "CATALOGUE_BASE_URL": url,
            "LOANS_BASE_URL": url,
            "CATALOGUE_TOKEN": "t",
            "LIBRARY_TOKEN": "agent",
            "LIBRARY_KEY": "app",
            "CATALOGUE_RETRIES": "0",
        }
        with imported(made, folder, monkeypatch, **settings) as load:
            yield load


def call_tool(load: Callable[[str], Any], name: str, **arguments: Any) -> Any:
    async def called() -> Any:
        async with Client(load("mcp_server").create_server()) as client:
            return await client.call_tool(name, arguments)

    return anyio.run(called)


def test_a_route_and_a_tool_share_a_flow_over_two_apis(
    library: Compilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its three requests wait for one another, so they are made at once."""
    api = Library(together=3)
    with (
        running(library, api, tmp_path, monkeypatch) as load,
        serving(load("app").create_app()) as app,
    ):
        refused = httpx.get(f"{app}/books/978-1")
        route = httpx.get(f"{app}/books/978-1", headers={"X-Library-Key": "app"})
        tool = call_tool(load, "book-details", isbn="978-1")
    assert refused.status_code == 401
    assert (route.status_code, route.json()) == (200, DETAILS)
    assert (tool.is_error, tool.structured_content) == (False, DETAILS)
    assert len(api.requests) == 6


def test_what_writes_waits_for_what_it_needs(
    library: Compilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Library()
    with running(library, api, tmp_path, monkeypatch) as load:
        made = call_tool(load, "reserve-book", isbn="978-1", reader="r-1")
        done = list(api.requests)
        api.missing = True
        failed = call_tool(load, "reserve-book", isbn="978-1", reader="r-1")
    assert made.structured_content == {"title": "Waves", "position": 2}
    assert [request[:2] for request in done] == [
        ("GET", "/books/978-1"),
        ("POST", "/holds"),
    ]
    assert json.loads(done[1][2]) == {"book": 7, "reader": "r-1"}
    assert failed.is_error
    assert "step get-book failed" in failed.content[0].text
    assert "404 Not Found" in failed.content[0].text
    assert "no such book" in failed.content[0].text
    assert len(api.requests) == 3  # nothing is written for a book that is not there


def test_a_failing_step_fails_the_route_with_its_name(
    library: Compilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Library()
    api.missing = True
    key = {"X-Library-Key": "app"}
    with (
        running(library, api, tmp_path, monkeypatch) as load,
        serving(load("app").create_app()) as app,
    ):
        missing = httpx.get(f"{app}/books/978-1", headers=key)
        dotted = httpx.get(f"{app}/books/%2E%2E", headers=key)
        hours = httpx.get(f"{app}/hours/Monday", headers=key)
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["step"] == "get-book"
    assert dotted.status_code == 422
    assert hours.json() == {"day": "Monday", "hours": "9 to 18", "staffed": True}


# --- what specs may say ------------------------------------------------------------

SPEC = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources:
    - path: /things/{id}
      operations:
      - {name: get, method: GET, inputParameters: [{name: id, in: path}]}
      - {name: drop, method: DELETE, inputParameters: [{name: id, in: path}]}
    - path: /things
      operations:
      - {name: all, method: GET, inputParameters: [{name: q, in: query}]}
      - {name: make, method: POST, inputParameters: [{name: name, in: body}]}
AGGREGATES
  exposes:
  - type: mcp
    namespace: agent
    port: 9090
    tools:
TOOLS
"""


def compiled(tools: str, aggregates: str = "") -> Compilation:
    """A spec with tools, each on a line of its own."""
    lines = [f"    - {line}" for line in tools.strip().splitlines()]
    text = SPEC.replace("TOOLS", "\n".join(lines)).replace("AGGREGATES", aggregates)
    return checked(compile_text(text))


def call(name: str, to: str, given: str = "") -> str:
    given = f", with: {{{given}}}" if given else ""
    return f"{{type: call, name: {name}, call: api.{to}{given}}}"


def tool(*steps: str, mappings: str = "", inputs: str = "") -> str:
    return (
        f"{{name: t, description: T., inputParameters: [{inputs}],"
        f" steps: [{', '.join(steps)}], mappings: [{mappings}]}}"
    )


ID = "{name: id, type: string, required: true}"
LOOK = "{type: lookup, name: look, index: b, match: k, lookupValue: $.a.k}"


@pytest.mark.parametrize(
    ("steps", "batches"),
    [
        pytest.param([call("a", "all"), call("b", "all")], ["a b"], id="reads"),
        pytest.param(
            [call("a", "all"), call("b", "get", 'id: "{{a.id}}"')],
            ["a", "b"],
            id="needs",
        ),
        pytest.param(
            [call("a", "all"), call("b", "make"), call("c", "all"), call("d", "all")],
            ["a", "b", "c d"],
            id="a write between reads",
        ),
        pytest.param(
            [call("a", "all"), call("b", "all"), LOOK, call("c", "all")],
            ["a b c", "look"],
            id="a lookup waits",
        ),
        pytest.param(
            [
                call("a", "all"),
                call("b", "all"),
                LOOK,
                call("c", "get", 'id: "{{look.id}}"'),
            ],
            ["a b", "look", "c"],
            id="a lookup is needed",
        ),
        pytest.param(
            [call("a", "drop", 'id: "1"'), call("b", "drop", 'id: "2"')],
            ["a", "b"],
            id="writes",
        ),
    ],
)
def test_only_neighbours_that_read_run_at_once(
    steps: list[str], batches: list[str]
) -> None:
    made = compiled(tool(*steps))
    assert made.program is not None
    (flow,) = made.program.flows
    assert [" ".join(s.name for s in batch) for batch in flow.batches] == batches


@pytest.mark.parametrize(
    ("mapping", "expression"),
    [
        ("$.a", "a"),
        ("$.a.b.c", 'pick(a, "b", "c")'),
        ("'$.a.b[0]'", 'pick(a, "b", 0)'),
        ("'$.a.list[*].id'", 'pick_all(a, "list", ..., "id")'),
        ("'{{id}}'", "id"),
        ("'{{a.x}}'", 'pick(a, "x")'),
        ("'{{agent.id}}'", "id"),
        ("'no {{id}} of {{a.x}}'", 'joined("no ", id, " of ", pick(a, "x"))'),
        ("7", "7"),
        ("text", '"text"'),
    ],
)
def test_what_mappings_say(mapping: str, expression: str) -> None:
    made = compiled(
        tool(
            call("a", "get", "id: agent.id"),
            mappings=f"{{targetName: m, value: {mapping}}}",
            inputs=ID,
        )
    )
    text = files_of(made)["flows.py"].replace("id_", "id")
    assert f'return {{"m": {expression}}}' in " ".join(text.split())


@pytest.mark.parametrize(
    ("outputs", "mode", "result"),
    [
        ("", "", "a"),
        ("outputParameters: [{type: string, mapping: $.x.y}]", "", 'pick(a, "x", "y")'),
        ("outputParameters: [{name: x, type: string}]", "", "a"),
    ],
)
def test_without_mappings_the_last_call_is_the_result(
    outputs: str, mode: str, result: str
) -> None:
    steps = f"steps: [{call('b', 'all')}, {call('a', 'all')}]"
    made = compiled(f"{{name: t, description: T., {steps}, {outputs}}}")
    assert f"return {result}\n" in files_of(made)["flows.py"]


def test_inputs_reach_steps_by_their_names() -> None:
    """What a step does not give, and an input has, is given; the rest is asked for."""
    made = compiled(
        tool(call("a", "get"), call("b", "all", "q: agent.term"), inputs=ID)
    )
    assert made.program is not None
    (flow,) = made.program.flows
    assert [(i.name, i.required) for i in flow.inputs] == [
        ("id", True),
        ("term", False),
    ]


AGGREGATES = """\
  aggregates:
  - label: Data
    namespace: data
    functions:
    - name: read
      description: Reads.
      semantics: {safe: true, idempotent: true}
      call: api.get
      with: {id: item}
      inputParameters: [{name: item, type: string, description: Which.}]
      outputParameters: [{type: string, mapping: $.title}]
    - name: drop
      description: Drops.
      semantics: {safe: false, idempotent: true}
      inputParameters: [{name: item, type: string, description: Which.}]
      steps:
      - {type: call, name: gone, call: api.drop, with: {id: data.item}}
    - name: hello
      description: Greets.
      inputParameters: [{name: name, type: string, description: Whom.}]
      outputParameters:
      - {name: message, type: string, value: "Hello, {{name}}!"}
      - {name: size, type: number, value: 2.5}
"""


def hints(made: Compilation) -> dict[str, list[bool]]:
    assert made.program is not None
    (adapter,) = made.program.adapters
    assert isinstance(adapter, McpAdapter)
    return {
        tool.name: [
            tool.hints.read_only,
            tool.hints.destructive,
            tool.hints.idempotent,
            tool.hints.open_world,
        ]
        for tool in adapter.tools
    }


def test_tools_inherit_what_a_flow_says_of_itself() -> None:
    made = compiled(
        """
{name: read, ref: data.read}
{ref: data.read, name: read-open, description: Own., hints: {openWorld: false}}
{name: drop, ref: data.drop, hints: {destructive: true}}
{name: drop-softly, ref: data.drop}
{name: hello, ref: data.hello}
{name: plain, description: P., call: api.all}
""",
        AGGREGATES,
    )
    assert hints(made) == {
        "read": [True, False, True, True],
        "read-open": [True, False, True, False],
        "drop": [False, True, True, True],
        "drop-softly": [False, True, True, True],
        "hello": [True, False, True, False],
        "plain": [True, False, True, True],
    }
    assert made.program is not None
    (adapter,) = made.program.adapters
    assert isinstance(adapter, McpAdapter)
    described = {tool.name: tool.description for tool in adapter.tools}
    assert described["read"] == "Reads."
    assert described["read-open"] == "Own."
    assert [i.name for i in adapter.tools[0].inputs] == ["item"]
    assert files_of(made)["flows.py"].count("async def read(") == 1


def test_a_reference_gives_its_own_inputs() -> None:
    made = compiled(
        '{name: t, ref: data.read, with: {item: "no-{{agent.number}}"},'
        " inputParameters: [{name: number, type: integer, required: true}]}",
        AGGREGATES,
    )
    text = " ".join(files_of(made)["mcp_server.py"].split())
    assert 'flows.read(api, item=filled("no-", arguments["number"]))' in text


def test_a_flow_whose_call_fails_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiled("{name: read, ref: data.read}", AGGREGATES)

    def script(exchange: Exchange) -> None:
        exchange.answer(b"{}", 429, content_type="application/json", retry_after="9")

    with (
        upstream(script) as url,
        imported(
            made, tmp_path, monkeypatch, API_BASE_URL=url, API_RETRIES="0"
        ) as load,
    ):
        got = call_tool(load, "read", item="1")
    assert got.is_error
    assert "try again after 9 seconds" in got.content[0].text


def test_lookups_take_texts_and_inputs() -> None:
    made = compiled(
        tool(
            call("b", "all"),
            "{type: lookup, name: look, index: b, match: k.id, lookupValue: '{{id}}',"
            " outputParameters: [x, y.z]}",
            mappings="{targetName: m, value: $.look.x}",
            inputs=ID,
        )
    )
    assert made.program is not None
    (flow,) = made.program.flows
    look = flow.steps[1]
    assert isinstance(look, LookupStep)
    assert (look.match, look.fields) == ("k.id", ("x", "y.z"))


LACKING = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources:
    - path: /books/{isbn}
      operations:
      - {name: book, method: GET}
    - path: /authors/{id}
      operations:
      - {name: author, method: GET}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - path: /books/{isbn}/author
      operations:
      - name: author
        method: GET
        steps:
        - {type: call, name: get-book, call: api.book, with: {isbn: web.isbn}}
        - {type: call, name: get-author, call: api.author, with: {id: WITH}}
  - type: mcp
    namespace: agent
    port: 9090
    tools:
    - name: author
      description: Who wrote it.
      inputParameters: [{name: isbn, type: string, required: true, description: I.}]
      steps:
      - {type: call, name: get-book, call: api.book, with: {isbn: agent.isbn}}
      - {type: call, name: get-author, call: api.author, with: {id: WITH}}
"""


@pytest.mark.parametrize(
    "given", ['"{{get-book.author.id}}"', "'a-{{get-book.author.id}}'"]
)
@pytest.mark.parametrize(
    "book", [{}, {"author": None}, {"author": {"id": None}}, [], "x"]
)
def test_an_answer_that_lacks_what_a_step_needs_is_no_mistake_of_the_caller(
    given: str, book: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = checked(compile_text(LACKING.replace("WITH", given)))
    asked: list[str] = []

    def answer(exchange: Exchange) -> None:
        asked.append(exchange.path)
        exchange.answer(json.dumps(book).encode(), content_type="application/json")

    with (
        upstream(answer) as url,
        imported(made, tmp_path, monkeypatch, API_BASE_URL=url) as load,
        serving(load("app").create_app()) as app,
    ):
        lacking = httpx.get(f"{app}/books/978/author")
        dotted = httpx.get(f"{app}/books/%2E%2E/author")
        failed = call_tool(load, "author", isbn="978")
        wrong = call_tool(load, "author", isbn="..")
    said = (
        "the step get-author failed:"
        " the upstream API answered without get-book.author.id"
    )
    assert lacking.status_code == 502
    assert (lacking.json()["step"], lacking.json()["detail"]) == ("get-author", said)
    assert failed.is_error and failed.content[0].text.startswith(said)
    assert (dotted.status_code, dotted.json()["step"]) == (422, "get-book")
    assert "invalid arguments" in wrong.content[0].text
    assert asked == ["/books/978"] * 2  # nobody is asked for an author without an id
