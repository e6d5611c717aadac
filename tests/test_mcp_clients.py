"""The `mcp` package's own client against the generated MCP server, as a process.

Both transports, and both eras of the protocol: the stateless one and the handshake.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e_support import (
    SERVICE_KEY,
    SETTINGS,
    BatchesApi,
    a_request,
    environment,
    free_port,
    result_of,
    served,
)
from mcp import MCPError
from mcp_support import (
    CANCEL,
    CREATE,
    DELETE,
    INSTRUCTIONS,
    LIST,
    RESULTS,
    RETRIEVE,
    TOOLS,
    Session,
    failure,
    session,
    structured,
    text,
)

pytestmark = pytest.mark.slow

HANDSHAKE = {"legacy": "2025-11-25", "auto": "2026-07-28"}
"""Protocol version that a client's mode must lead to."""
CONNECTIONS = [(how, mode) for how in ("http", "stdio") for mode in HANDSHAKE]


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
