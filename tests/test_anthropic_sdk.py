"""The official `anthropic` package against the generated REST app.

The app stands where the API stands: the SDK's base URL is the app's, and the app calls
a mock of the API with a key of its own.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import anthropic
import httpx2
import pytest
from anthropic.types.messages import MessageBatchSucceededResult
from e2e_support import (
    GENERATED,
    PACKAGE,
    SERVICE_KEY,
    SETTINGS,
    BatchesApi,
    a_request,
    free_port,
    served,
    wait_until,
)

SDK_KEY = "sk-ant-of-the-sdk"
SDK_HEADERS = {"anthropic-version": "1999-01-01", "x-of-the-caller": SDK_KEY}


@contextmanager
def rest_app(upstream: str, **settings: str) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(GENERATED))
        patch.setenv("ANTHROPIC_API_KEY", SERVICE_KEY)
        patch.setenv(f"{SETTINGS}_BASE_URL", upstream)
        for name, value in settings.items():
            patch.setenv(f"{SETTINGS}_{name}", value)
        app = importlib.import_module(f"{PACKAGE}.app").create_app()
    with served(app) as url:
        yield url
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[BatchesApi, str]]:
    api = BatchesApi()
    with served(api) as upstream, rest_app(f"{upstream}/v1") as url:
        api.public_url = url
        yield api, url


@pytest.fixture
def api(servers: tuple[BatchesApi, str]) -> BatchesApi:
    servers[0].clear()
    return servers[0]


def sdk(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        api_key=SDK_KEY,
        base_url=url,
        max_retries=0,
        timeout=10,
        default_headers=SDK_HEADERS,
    )


def async_sdk(url: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        api_key=SDK_KEY,
        base_url=url,
        max_retries=0,
        timeout=10,
        default_headers=SDK_HEADERS,
    )


@pytest.fixture
def client(servers: tuple[BatchesApi, str]) -> Iterator[anthropic.Anthropic]:
    with sdk(servers[1]) as client:
        yield client


def texts(
    results: list[anthropic.types.messages.MessageBatchIndividualResponse],
) -> list[str]:
    found = []
    for line in results:
        assert isinstance(line.result, MessageBatchSucceededResult)
        block = line.result.message.content[0]
        assert isinstance(block, anthropic.types.TextBlock)
        found.append(block.text)
    return found


def test_create(api: BatchesApi, client: anthropic.Anthropic) -> None:
    requests = [a_request("one"), a_request("two")]
    batch = client.messages.batches.create(requests=requests)  # type: ignore[arg-type]

    assert batch.id in api.batches
    assert batch.processing_status == "in_progress"
    assert batch.request_counts.processing == 2
    assert batch.created_at.isoformat() == "2026-05-19T10:00:00+00:00"
    [received] = api.log
    assert (received.method, received.path) == ("POST", "/v1/messages/batches")
    assert json.loads(received.body) == {"requests": requests}
    assert received.headers["content-type"] == "application/json"


def test_only_the_services_own_credential_and_version_reach_the_upstream(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    client.messages.batches.retrieve(api.add("one"))

    [received] = api.log
    assert received.headers["x-api-key"] == SERVICE_KEY
    assert received.headers["anthropic-version"] == "2023-06-01"
    assert SDK_KEY not in repr(received)
    assert not [name for name in received.headers if name.startswith("x-stainless")]


def test_a_request_id_of_the_upstream_reaches_the_caller(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    batch = client.messages.batches.retrieve(api.add("one"))

    assert batch._request_id == "req_of_the_upstream"


def test_list_pages_by_itself(api: BatchesApi, client: anthropic.Anthropic) -> None:
    names = [api.add("one") for _ in range(7)]

    listed = [batch.id for batch in client.messages.batches.list(limit=2)]

    assert listed == names[::-1]
    assert [received.query for received in api.log] == [
        {"limit": "2"},
        {"limit": "2", "after_id": names[5]},
        {"limit": "2", "after_id": names[3]},
        {"limit": "2", "after_id": names[1]},
    ]


def test_list_pages_backwards(api: BatchesApi, client: anthropic.Anthropic) -> None:
    names = [api.add("one") for _ in range(6)]

    page = client.messages.batches.list(limit=2, before_id=names[1])
    before = page.get_next_page()

    assert [batch.id for batch in page.data] == [names[3], names[2]]
    assert [batch.id for batch in before.data] == [names[5], names[4]]
    assert page.has_next_page()
    assert not before.has_next_page()


def test_list_without_arguments_sends_none(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    page = client.messages.batches.list()

    assert page.data == []
    assert [received.query for received in api.log] == [{}]


def test_retrieve_cancel_and_delete(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    name = api.add("one")

    canceled = client.messages.batches.cancel(name)
    retrieved = client.messages.batches.retrieve(name)
    api.finish(name)
    deleted = client.messages.batches.delete(name)

    assert canceled.processing_status == "canceling"
    assert canceled.cancel_initiated_at is not None
    assert retrieved == canceled
    assert (deleted.id, deleted.type) == (name, "message_batch_deleted")
    assert name not in api.batches
    assert [(received.method, received.path) for received in api.log] == [
        ("POST", f"/v1/messages/batches/{name}/cancel"),
        ("GET", f"/v1/messages/batches/{name}"),
        ("DELETE", f"/v1/messages/batches/{name}"),
    ]
    assert api.log[0].body == b""


def test_results_are_json_lines(api: BatchesApi, client: anthropic.Anthropic) -> None:
    name = api.finish(api.add("one", "two", "three"))

    results = client.messages.batches.results(name)
    lines = list(results)

    assert [line.custom_id for line in lines] == ["one", "two", "three"]
    assert texts(lines) == ["Grüße, one", "Grüße, two", "Grüße, three"]
    assert results.http_response.headers["content-type"] == "application/x-jsonl"


def test_results_arrive_line_by_line(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    name = api.finish(api.add("one", "two", "three"))
    api.hold.clear()

    results = iter(client.messages.batches.results(name))
    first = next(results)
    sent = api.lines_sent
    api.hold.set()
    rest = list(results)

    assert (first.custom_id, sent) == ("one", 2)
    assert [line.custom_id for line in rest] == ["two", "three"]


def test_results_cut_off_by_the_upstream_do_not_look_complete(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    name = api.finish(api.add("one", "two", "three"))
    api.cut = True

    results = iter(client.messages.batches.results(name))
    assert next(results).custom_id == "one"
    with pytest.raises(httpx2.RemoteProtocolError):
        next(results)


def test_a_caller_that_goes_away_ends_the_upstream_call(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    name = api.finish(api.add("one", "two", "three"))
    api.hold.clear()

    results = client.messages.batches.results(name)
    assert next(results).custom_id == "one"
    streaming = api.streaming
    results.close()

    try:
        wait_until(lambda: api.streaming == 0, "the upstream call to end")
        assert (streaming, api.lines_sent) == (1, 2)
    finally:
        api.hold.set()


def test_an_unknown_batch_is_not_found(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.batches.retrieve("msgbatch_none")

    assert "there is no batch msgbatch_none" in caught.value.message
    assert caught.value.body == {
        "type": "error",
        "error": {
            "type": "not_found_error",
            "message": "there is no batch msgbatch_none",
        },
    }
    assert caught.value.request_id == "req_of_the_upstream"


def test_what_the_upstream_refuses_is_a_bad_request(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    with pytest.raises(anthropic.BadRequestError, match="requests: at least one"):
        client.messages.batches.create(requests=[])
    with pytest.raises(anthropic.BadRequestError, match="the batch has not ended"):
        client.messages.batches.delete(api.add("one"))
    with pytest.raises(anthropic.BadRequestError, match="limit: not from 1 to 1000"):
        client.messages.batches.list(limit=1001)


def test_an_overloaded_upstream_is_named_as_such(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    api.fail_next(529, "overloaded_error", "try again later")

    with pytest.raises(anthropic.OverloadedError, match="try again later"):
        client.messages.batches.list()


def test_what_is_no_batch_never_reaches_the_upstream(
    api: BatchesApi, client: anthropic.Anthropic
) -> None:
    with pytest.raises(anthropic.UnprocessableEntityError) as caught:
        client.post("/v1/messages/batches", body=[1], cast_to=object)

    problem = caught.value.response.json()
    assert problem["status"] == 422
    assert caught.value.response.headers["content-type"] == "application/problem+json"
    with pytest.raises(anthropic.UnprocessableEntityError, match="limit"):
        client.messages.batches.list(limit="two")  # type: ignore[arg-type]
    assert api.log == []


def test_an_upstream_that_is_down_is_a_bad_gateway() -> None:
    port = free_port()
    with (
        rest_app(f"http://127.0.0.1:{port}/v1", RETRIES="0") as url,
        sdk(url) as client,
        pytest.raises(anthropic.InternalServerError) as caught,
    ):
        client.messages.batches.list()

    response = caught.value.response
    assert caught.value.status_code == 502
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["title"] == "Bad Gateway"
    assert SERVICE_KEY not in response.text
    assert str(port) not in response.text


def test_async_calls(servers: tuple[BatchesApi, str], api: BatchesApi) -> None:
    async def scenario() -> None:
        async with async_sdk(servers[1]) as client:
            batches = client.messages.batches
            created = await batches.create(
                requests=[a_request("one")]  # type: ignore[list-item]
            )
            canceled = await batches.cancel(created.id)
            retrieved = await batches.retrieve(created.id)
            api.finish(created.id)
            deleted = await batches.delete(created.id)
            with pytest.raises(anthropic.NotFoundError, match="there is no batch"):
                await batches.retrieve(created.id)
        assert created.processing_status == "in_progress"
        assert canceled.processing_status == "canceling"
        assert retrieved == canceled
        assert deleted.id == created.id

    asyncio.run(scenario())


def test_async_list_pages_by_itself(
    servers: tuple[BatchesApi, str], api: BatchesApi
) -> None:
    names = [api.add("one") for _ in range(7)]

    async def scenario() -> list[str]:
        async with async_sdk(servers[1]) as client:
            return [batch.id async for batch in client.messages.batches.list(limit=3)]

    assert asyncio.run(scenario()) == names[::-1]
    assert len(api.log) == 3


def test_async_results_arrive_line_by_line(
    servers: tuple[BatchesApi, str], api: BatchesApi
) -> None:
    name = api.finish(api.add("one", "two", "three"))
    api.hold.clear()

    async def scenario() -> None:
        async with async_sdk(servers[1]) as client:
            results = aiter(await client.messages.batches.results(name))
            first = await anext(results)
            sent = api.lines_sent
            api.hold.set()
            rest = [line async for line in results]
        assert (first.custom_id, sent) == ("one", 2)
        assert [line.custom_id for line in rest] == ["two", "three"]

    asyncio.run(scenario())


def test_many_calls_at_once(servers: tuple[BatchesApi, str], api: BatchesApi) -> None:
    names = [api.add(f"request-{number}") for number in range(40)]

    async def scenario() -> list[str]:
        async with async_sdk(servers[1]) as client:
            found = await asyncio.gather(
                *(client.messages.batches.retrieve(name) for name in names)
            )
        return [batch.id for batch in found]

    assert asyncio.run(scenario()) == names
    wait_until(lambda: len(api.log) == len(names), "all requests")
