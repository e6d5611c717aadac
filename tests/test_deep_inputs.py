"""Inputs deep in a body, and from the environment, over an upstream on a loopback port."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from compile_support import checked, compile_file
from conftest import ROOT
from nafgen.runtime.calls import ArgumentError
from nafgen.runtime.members import body_member
from runtime_support import SOON, upstream
from test_forward import CONFORMANCE, ENGINE, Api, running

CASE = ROOT / "tests" / "cases" / "deep-inputs" / "spec.yaml"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", ""),
        ("integer", 0),
        ("number", 1),
        ("number", 1.5),
        ("boolean", False),
        ("array", []),
        ("object", {}),
        ("any", 0),
    ],
)
def test_members_keep_their_values(kind: str, value: Any) -> None:
    assert body_member({"a": {"b": value}}, kind, "a", "b") == value
    assert body_member({"a": value}, kind, "a", required=False) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 1),
        ("integer", "1"),
        ("integer", True),
        ("integer", 1.5),
        ("number", False),
        ("boolean", 0),
        ("array", {}),
        ("object", []),
    ],
)
def test_members_of_another_type_are_refused(kind: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"of type {kind} at a"):
        body_member({"a": {"b": value}}, kind, "a", "b", required=False)


@pytest.mark.parametrize("body", [None, {}, {"a": None}, {"a": []}, {"a": {"b": None}}])
def test_members_may_be_absent(body: Any) -> None:
    assert body_member(body, "string", "a", "b", required=False) is None
    with pytest.raises(ArgumentError, match="of type string at a"):
        body_member(body, "string", "a", "b")


def test_inputs_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api, made = Api(), checked(compile_file(CASE))
    settings = {"TZ": "CET"}
    body = {"user": {"id": "u1", "about": {"age": 7}}, "tags": ["a"], "more": 1}
    with (
        upstream(api) as url,
        running(made, tmp_path, monkeypatch, SHOP_BASE_URL=url, **settings) as app,
        httpx.Client(base_url=app, timeout=SOON, cookies={"region": "eu"}) as caller,
    ):
        assert caller.post("/orders", json=body).status_code == 201
        assert caller.post("/orders", json={"user": {"id": 1}}).status_code == 422
        assert caller.post("/orders", json={"user": "u1"}).status_code == 422
        assert caller.put("/orders", json=body).status_code == 201
        assert caller.post("/search", json=body).status_code == 201
        described = caller.get("/openapi.json").json()["paths"]["/orders"]["post"]
    order, put, search = api.requests
    assert (order[1], order[2]["x-zone"]) == ("/eu/orders", "CET")
    assert json.loads(order[3]) == {"id": "u1", "age": 7, "tags": ["a"]}
    assert json.loads(put[3]) == body
    assert search[1] == "/eu/orders?q=u1"
    assert search[3] == b""
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    user = schema["properties"]["user"]["properties"]
    assert user["id"] == {"type": "string", "description": "Who orders"}
    assert user["about"]["properties"]["age"]["type"] == "integer"


@pytest.mark.skipif(not CONFORMANCE.exists(), reason="not here")
def test_a_published_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{ENGINE}/http/http-body-capability.yaml"
    api, made = Api(), checked(compile_file(CONFORMANCE / name))
    with (
        upstream(api) as url,
        running(made, tmp_path, monkeypatch, TESTNS_BASE_URL=url) as app,
    ):
        body = {"user": {"id": "123", "name": "Alice"}}
        assert httpx.post(f"{app}/users", json=body).status_code == 201
    assert json.loads(api.requests[0][3]) == {"id": "123", "name": "Alice"}
