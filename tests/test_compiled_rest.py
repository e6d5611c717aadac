"""Compiled REST adapters over an upstream on a loopback port: statuses and inputs."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from compile_support import checked, compile_text
from runtime_support import SOON, Exchange, upstream
from test_forward import Api, running

SPEC = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: registry
    baseUri: https://registry.example
    inputParameters: [{name: X-API-Key, in: header, value: ABC123}]
    resources:
    - path: /ships/{imo}
      operations: [{name: get, method: GET}]
    - path: /search
      operations:
      - {name: search, method: POST, inputParameters: [{name: q, in: query}]}
    - path: /voyages
      operations:
      - {name: create, method: POST, body: '{"from": "{{from}}", "to": "{{to}}", "fixed": "{{fixed}}"}'}
  exposes:
  - type: rest
    namespace: fleet
    port: 8080
    resources:
    - path: /ships/{{imo}}
      operations:
      - method: GET
        call: registry.get
        with: {imo: fleet.imo}
        outputParameters: [{type: object, mapping: $., properties: {name: {type: string, mapping: $.name}}}]
    - path: /search
      operations:
      - method: POST
        call: registry.search
        with: {q: fleet.userId}
        inputParameters: [{name: userId, in: body, type: string, description: Who, value: $.user.id}]
    - path: /voyages
      operations:
      - method: POST
        call: registry.create
        with: {from: fleet.port, to: '{{to}}', fixed: plain text}
        inputParameters:
        - {name: port, in: header, type: string, description: From}
        - {name: to, in: query, type: string, description: To}
"""


def test_statuses_and_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api, made = Api(), checked(compile_text(SPEC))

    def script(exchange: Exchange) -> None:
        if exchange.command == "GET":
            exchange.answer(b'{"error": "none"}', 404, content_type="application/json")
        else:
            api(exchange)

    with (
        upstream(script) as url,
        running(made, tmp_path, monkeypatch, REGISTRY_BASE_URL=url) as app,
        httpx.Client(base_url=app, timeout=SOON) as caller,
    ):
        absent = caller.get("/ships/IMO-0000000")
        searched = caller.post("/search", json={"user": {"id": "999"}})
        created = caller.post("/voyages?to=Singapore", headers={"port": "Oslo"})
        wrong, unknown = caller.delete("/voyages"), caller.get("/nothing")
    # An error of the upstream keeps its status and its body, mapped or not.
    assert (absent.status_code, absent.json()) == (404, {"error": "none"})
    assert (searched.status_code, created.status_code) == (201, 201)
    search, create = api.requests
    assert search[:2] == ("POST", "/search?q=999")
    assert search[2]["x-api-key"] == "ABC123"
    sent = {"from": "Oslo", "to": "Singapore", "fixed": "plain text"}
    assert json.loads(create[3]) == sent
    assert (wrong.status_code, unknown.status_code) == (405, 404)
    assert wrong.headers["allow"] == "OPTIONS, POST"
    for problem in (wrong, unknown):
        assert problem.headers["content-type"] == "application/problem+json"


def test_an_invalid_call_is_found_when_it_is_compiled() -> None:
    made = compile_text(SPEC.replace("call: registry.get", "call: invalidCallFormat"))
    (found,) = (each for each in made.diagnostics if each.code == "NAF202")
    assert '"invalidCallFormat"' in found.message
    assert made.package is not None
    assert made.package.summary["routes"] == 2
