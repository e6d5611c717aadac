"""The `mcp` package's own client against the generated MCP server, as a process.

Both transports, and both eras of the protocol: the stateless one and the handshake.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from e2e_support import (
    DEADLINE,
    SERVICE_KEY,
    SETTINGS,
    BatchesApi,
    a_request,
    command,
    environment,
    free_port,
    listens,
    result_of,
    served,
    service,
    two_free_ports,
)
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, TextContent

pytestmark = pytest.mark.slow

INSTRUCTIONS = (
    "MCP adapter for Anthropic Message Batches API — Message Batches. One tool per "
    "consumed operation, routed inline through this capability's consumes block."
)
BATCH_ID = {"message_batch_id": {"type": "string"}}
BODY = {"body": {"type": "object", "description": "Request body (JSON)."}}
PAGING = {
    "limit": {
        "type": "integer",
        "description": "Items per page, from 1 to 1000; 20 unless given.",
    },
    "before_id": {
        "type": "string",
        "description": "The page that ends before this batch.",
    },
    "after_id": {
        "type": "string",
        "description": "The page that begins after this batch.",
    },
}
LIST = "anthropic-list-message-batches"
CREATE = "anthropic-create-message-batch"
RETRIEVE = "anthropic-retrieve-message-batch"
DELETE = "anthropic-delete-message-batch"
CANCEL = "anthropic-cancel-message-batch"
RESULTS = "anthropic-retrieve-message-batch-results"


def tool(
    name: str,
    description: str,
    properties: dict[str, Any],
    required: list[str],
    hints: tuple[bool, bool, bool],
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return {
        "name": name,
        "description": description,
        "inputSchema": schema,
        "annotations": {
            "readOnlyHint": hints[0],
            "destructiveHint": hints[1],
            "idempotentHint": hints[2],
            "openWorldHint": True,
        },
    }


READS = (True, False, True)
WRITES = (False, False, False)
DESTROYS = (False, True, True)
TOOLS = [
    tool(LIST, "Anthropic List Message Batches", PAGING, [], READS),
    tool(CREATE, "Anthropic Create Message Batch", BODY, ["body"], WRITES),
    tool(
        RETRIEVE,
        "Anthropic Retrieve Message Batch",
        BATCH_ID,
        ["message_batch_id"],
        READS,
    ),
    tool(
        DELETE,
        "Anthropic Delete Message Batch",
        BATCH_ID,
        ["message_batch_id"],
        DESTROYS,
    ),
    tool(
        CANCEL,
        "Anthropic Cancel Message Batch",
        BATCH_ID | BODY,
        ["message_batch_id"],
        WRITES,
    ),
    tool(
        RESULTS,
        "Anthropic Retrieve Message Batch Results",
        BATCH_ID,
        ["message_batch_id"],
        READS,
    ),
]

HANDSHAKE = {"legacy": "2025-11-25", "auto": "2026-07-28"}
"""Protocol version that a client's mode must lead to."""
CONNECTIONS = [(how, mode) for how in ("http", "stdio") for mode in HANDSHAKE]


class Session:
    """A connected client whose calls block; `log` is the server process's."""

    def __init__(self, portal: BlockingPortal, client: Client, log: Path) -> None:
        self._portal = portal
        self.client = client
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def tools(self) -> list[dict[str, Any]]:
        listed = self._portal.call(self.client.list_tools)
        return [
            tool.model_dump(mode="json", by_alias=True, exclude_none=True)
            for tool in listed.tools
        ]

    def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        result: CallToolResult = self._portal.call(
            self.client.call_tool, name, arguments
        )
        return result


@contextmanager
def session(
    folder: Path, how: str, mode: str, env: dict[str, str]
) -> Iterator[Session]:
    """A server process and a client that is connected to it."""
    log = folder / "log.txt"
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        if how == "http":
            port = free_port()
            arguments = ("mcp", "--port", str(port))
            stack.enter_context(service(folder, env, *arguments, ports=(port,)))
            client = Client(f"http://127.0.0.1:{port}/mcp", mode=mode)
        else:
            start = StdioServerParameters(
                command=sys.executable,
                args=command("mcp", "--transport", "stdio")[1:],
                env=env,
            )
            errors = stack.enter_context(log.open("w"))
            client = Client(stdio_client(start, errlog=errors), mode=mode)
        stack.enter_context(portal.wrap_async_context_manager(client))
        yield Session(portal, client, log)


def text(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


def structured(result: CallToolResult) -> Any:
    """The structured content, which the text must repeat."""
    assert not result.is_error, result
    assert json.loads(text(result)) == result.structured_content
    return result.structured_content


def failure(result: CallToolResult) -> str:
    """The message of a failed call."""
    assert result.is_error, result
    assert result.structured_content is None
    return text(result)


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[BatchesApi, str]]:
    api = BatchesApi()
    with served(api) as url:
        yield api, f"{url}/v1"


@pytest.fixture
def api(upstream: tuple[BatchesApi, str]) -> BatchesApi:
    upstream[0].clear()
    return upstream[0]


@pytest.fixture(scope="module", params=CONNECTIONS, ids="-".join)
def connected(
    request: pytest.FixtureRequest,
    upstream: tuple[BatchesApi, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Session]:
    how, mode = request.param
    folder = tmp_path_factory.mktemp("connected")
    with session(folder, how, mode, environment(upstream[1])) as connected:
        assert connected.client.protocol_version == HANDSHAKE[mode]
        yield connected


@pytest.fixture(scope="module")
def http_port(
    upstream: tuple[BatchesApi, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    port = free_port()
    env = environment(upstream[1], ALLOWED_HOSTS="mcp.example.com")
    folder = tmp_path_factory.mktemp("http")
    with service(folder, env, "mcp", "--port", str(port), ports=(port,)):
        yield port


def test_the_server_introduces_itself(connected: Session) -> None:
    info = connected.client.server_info

    assert info is not None
    assert info.name == "message-batches-message-batches-mcp"
    assert connected.client.instructions == INSTRUCTIONS
    assert connected.client.server_capabilities.tools is not None


def test_tools_are_listed_in_the_specs_order(connected: Session) -> None:
    assert connected.tools() == TOOLS


def test_list(connected: Session, api: BatchesApi) -> None:
    names = [api.add("one") for _ in range(4)]

    page = structured(connected.call(LIST, {"limit": 2, "after_id": names[3]}))

    assert [batch["id"] for batch in page["data"]] == [names[2], names[1]]
    assert page["has_more"] is True
    [received] = api.log
    assert (received.method, received.path) == ("GET", "/v1/messages/batches")
    assert received.query == {"limit": "2", "after_id": names[3]}
    assert received.headers["x-api-key"] == SERVICE_KEY
    assert received.headers["anthropic-version"] == "2023-06-01"


def test_list_without_arguments(connected: Session, api: BatchesApi) -> None:
    assert structured(connected.call(LIST, {}))["data"] == []
    assert [received.query for received in api.log] == [{}]


def test_create(connected: Session, api: BatchesApi) -> None:
    body = {"requests": [a_request("one"), a_request("two")]}

    batch = structured(connected.call(CREATE, {"body": body}))

    assert batch["id"] in api.batches
    assert batch["request_counts"]["processing"] == 2
    [received] = api.log
    assert (received.method, received.path) == ("POST", "/v1/messages/batches")
    assert json.loads(received.body) == body


def test_retrieve_cancel_and_delete(connected: Session, api: BatchesApi) -> None:
    name = api.add("one")
    arguments = {"message_batch_id": name}

    canceled = structured(connected.call(CANCEL, arguments))
    retrieved = structured(connected.call(RETRIEVE, arguments))
    api.finish(name)
    deleted = structured(connected.call(DELETE, arguments))

    assert canceled["processing_status"] == "canceling"
    assert retrieved == canceled
    assert deleted == {"id": name, "type": "message_batch_deleted"}
    assert [(received.method, received.path) for received in api.log] == [
        ("POST", f"/v1/messages/batches/{name}/cancel"),
        ("GET", f"/v1/messages/batches/{name}"),
        ("DELETE", f"/v1/messages/batches/{name}"),
    ]
    assert api.log[0].body == b""


def test_results_are_text(connected: Session, api: BatchesApi) -> None:
    name = api.finish(api.add("one", "two"))

    result = connected.call(RESULTS, {"message_batch_id": name})

    assert not result.is_error
    assert result.structured_content is None
    lines = text(result).splitlines()
    assert [json.loads(line) for line in lines] == [result_of("one"), result_of("two")]


def test_an_argument_cannot_leave_its_place(
    connected: Session, api: BatchesApi
) -> None:
    for name, segment in (
        ("a/cancel?x=1#y", "a%2Fcancel%3Fx%3D1%23y"),
        ("a%2Fcancel", "a%252Fcancel"),
        ("é\n", "%C3%A9%0A"),
    ):
        failure(connected.call(RETRIEVE, {"message_batch_id": name}))
        assert api.log[-1].path == f"/v1/messages/batches/{segment}"
        assert api.log[-1].query == {}


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        (LIST, {"limit": "two"}, "limit"),
        (LIST, {"limit": True}, "limit"),
        (LIST, {"limit": None}, "limit"),
        (LIST, {"after_id": 7}, "after_id"),
        (LIST, {"limt": 2}, "limt"),
        (CREATE, {"body": "{}"}, "body"),
        (CREATE, {}, "body"),
        (RETRIEVE, {}, "message_batch_id"),
        (RETRIEVE, {"message_batch_id": ["a"]}, "message_batch_id"),
        (RETRIEVE, {"message_batch_id": "a", "x-api-key": "b"}, "x-api-key"),
    ],
    ids=str,
)
def test_wrong_arguments_never_reach_the_upstream(
    connected: Session,
    api: BatchesApi,
    name: str,
    arguments: dict[str, Any],
    named: str,
) -> None:
    message = failure(connected.call(name, arguments))

    assert named in message
    assert api.log == []


def test_an_id_that_is_no_segment_never_reaches_the_upstream(
    connected: Session, api: BatchesApi
) -> None:
    for name in ("", ".", "..", "../../admin"):
        message = failure(connected.call(RETRIEVE, {"message_batch_id": name}))
        assert message.startswith("invalid arguments: ")
    assert api.log == []


def test_what_the_upstream_refuses_is_told(connected: Session, api: BatchesApi) -> None:
    missing = failure(connected.call(RETRIEVE, {"message_batch_id": "msgbatch_none"}))
    running = failure(connected.call(DELETE, {"message_batch_id": api.add("one")}))

    assert "404" in missing
    assert "there is no batch msgbatch_none" in missing
    assert "400" in running
    assert "the batch has not ended" in running
    assert SERVICE_KEY not in missing + running + connected.log


def test_an_unknown_tool_is_a_protocol_error(
    connected: Session, api: BatchesApi
) -> None:
    with pytest.raises(MCPError, match="anthropic-drop-everything") as caught:
        connected.call("anthropic-drop-everything", {})

    assert caught.value.code == -32602
    assert api.log == []


@pytest.mark.parametrize(("how", "mode"), [("http", "auto"), ("stdio", "legacy")])
def test_an_upstream_that_is_down_is_told(tmp_path: Path, how: str, mode: str) -> None:
    port = free_port()
    env = environment(f"http://127.0.0.1:{port}/v1", **{f"{SETTINGS}_RETRIES": "0"})

    with session(tmp_path, how, mode, env) as connected:
        message = failure(connected.call(LIST, {}))
        log = connected.log

    assert "cannot be reached" in message
    assert "Traceback" not in message + log
    assert str(port) not in message
    assert SERVICE_KEY not in message + log


@pytest.mark.parametrize(("how", "mode"), [("http", "legacy"), ("stdio", "auto")])
def test_read_only_leaves_out_the_tools_that_write(
    upstream: tuple[BatchesApi, str],
    api: BatchesApi,
    tmp_path: Path,
    how: str,
    mode: str,
) -> None:
    name = api.finish(api.add("one"))
    env = environment(upstream[1], READ_ONLY="1")

    with session(tmp_path, how, mode, env) as connected:
        assert connected.tools() == [TOOLS[0], TOOLS[2], TOOLS[5]]
        for left_out in (CREATE, DELETE, CANCEL):
            with pytest.raises(MCPError, match=left_out):
                connected.call(left_out, {"message_batch_id": name})
        assert api.log == []
        found = structured(connected.call(RETRIEVE, {"message_batch_id": name}))

    assert found["id"] == name


def ask(port: int, **headers: str) -> httpx.Response:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = "application/json, text/event-stream"
    return httpx.post(
        f"http://127.0.0.1:{port}/mcp",
        json=request,
        headers={"accept": accept, "mcp-protocol-version": "2025-11-25", **headers},
    )


def test_a_foreign_host_name_is_refused(http_port: int) -> None:
    for host in ("evil.example", f"evil.example:{http_port}", "127.0.0.1.evil.example"):
        answer = ask(http_port, host=host)
        assert answer.status_code == 421
        assert LIST not in answer.text


def test_a_foreign_origin_is_refused(http_port: int) -> None:
    for origin in ("http://evil.example", "null"):
        answer = ask(http_port, origin=origin)
        assert answer.status_code == 403
        assert LIST not in answer.text


def test_own_and_allowed_host_names_are_served(http_port: int) -> None:
    for headers in (
        {},
        {"host": f"localhost:{http_port}"},
        {"host": "mcp.example.com"},
        {"origin": f"http://127.0.0.1:{http_port}"},
    ):
        answer = ask(http_port, **headers)
        assert answer.status_code == 200
        assert len(answer.json()["result"]["tools"]) == len(TOOLS)


@pytest.mark.parametrize(
    "arguments",
    [["serve"], ["rest"], ["mcp"], ["mcp", "--transport", "stdio"]],
    ids=" ".join,
)
def test_a_missing_key_is_named_before_anything_starts(
    arguments: list[str], http_port: int
) -> None:
    # Its port is taken: listening first would fail for another reason.
    done = subprocess.run(
        command(*arguments, "--port", str(http_port)),
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert "ANTHROPIC_API_KEY" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_tools_are_printed_without_a_key() -> None:
    done = subprocess.run(
        command("tools"),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == TOOLS


def test_stdout_carries_nothing_but_messages(
    upstream: tuple[BatchesApi, str], api: BatchesApi
) -> None:
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    call = {"name": LIST, "arguments": {}}
    unknown = {"name": "none", "arguments": {}}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
        {"id": 3, "method": "tools/call", "params": unknown},
        {"id": 4, "method": "no/such/method"},
    ]
    with subprocess.Popen(
        command("mcp", "--transport", "stdio"),
        env=environment(upstream[1]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        answers = []
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            process.stdin.flush()
            if "id" in message:
                answers.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.stdout.read() == ""
        errors = process.stderr.read()
        assert process.wait(DEADLINE) == 0

    assert [(answer["jsonrpc"], answer["id"]) for answer in answers] == [
        ("2.0", 1),
        ("2.0", 2),
        ("2.0", 3),
        ("2.0", 4),
    ]
    assert ["result" in answer for answer in answers] == [True, True, False, False]
    assert len(api.log) == 1
    assert "Traceback" not in errors
    assert SERVICE_KEY not in errors


def test_serve_runs_all_adapters_until_it_is_told_to_end(
    upstream: tuple[BatchesApi, str], api: BatchesApi, tmp_path: Path
) -> None:
    name = api.add("one")
    rest = two_free_ports()
    ports = (rest, rest + 1)
    env = environment(upstream[1])
    with (
        service(tmp_path, env, "serve", "--port", str(rest), ports=ports) as run,
        httpx.Client() as client,
    ):
        url = f"http://127.0.0.1:{rest}/v1/messages/batches/{name}"
        answer = client.get(url)
        listed = ask(rest + 1)
        code = run.stop()  # while the client keeps its connection alive

    assert answer.json()["id"] == name
    assert len(listed.json()["result"]["tools"]) == len(TOOLS)
    assert code == 0
    assert not any(listens(port) for port in ports)
    assert "Traceback" not in run.log
    assert SERVICE_KEY not in run.log


def test_serve_runs_nothing_when_a_port_is_taken(
    upstream: tuple[BatchesApi, str], tmp_path: Path
) -> None:
    rest = two_free_ports()
    env = environment(upstream[1])
    with (
        socket.create_server(("127.0.0.1", rest + 1)),
        service(tmp_path, env, "serve", "--port", str(rest), ports=()) as run,
    ):
        code = run.process.wait(DEADLINE)

    assert code == 2
    assert str(rest + 1) in run.log
    assert "Traceback" not in run.log
    assert not listens(rest)
