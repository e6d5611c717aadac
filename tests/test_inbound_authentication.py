"""Compiled adapters with `authentication`: real processes and the callers they get."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from compile_support import checked, files_of, write_to
from conftest import ROOT
from e2e_support import DEADLINE, free_port, listens, wait_until
from guarded_support import BEARER, Token, compiled, running, started, tool_text
from inbound_support import challenge
from nafgen.compile import compile_spec
from nafgen.inputs import Spec
from runtime_support import serving
from test_runtime_inbound_oauth2 import OTHER_RSA, RESOURCE, Server

pytestmark = pytest.mark.slow
SECRET = "sk-mcp-YYYYYYYYYYYY"  # noqa: S105
CONFORMANCE = ROOT.parent / "shared" / "conformance"
STEP_3 = sorted(CONFORMANCE.rglob("tutorial/step-3-shipyard-auth.yml"))


def problems(failure: BaseException) -> list[str]:
    """What went wrong, of all that a task group raises."""
    inner = getattr(failure, "exceptions", ())
    return [text for each in inner for text in problems(each)] or [str(failure)]


def test_a_bearer_token_opens_both_adapters(tmp_path: Path) -> None:
    with running(checked(compiled()), tmp_path, SERVER_TOKEN=SECRET) as service:
        url = f"{service.rest}/ships"
        known = {"Authorization": f"Bearer {SECRET}"}
        assert httpx.get(url, headers=known).json() == [{"name": "Northern Star"}]
        assert challenge(httpx.get(url)) == 'Bearer realm="web"'
        wrong = httpx.get(url, headers={"Authorization": "Bearer of-another"})
        assert 'error="invalid_token"' in challenge(wrong)
        assert httpx.get(f"{service.rest}/-/health").json() == {"status": "UP"}
        for mode in ("auto", "legacy"):
            text = asyncio.run(tool_text(service.mcp, mode, Token(SECRET)))
            assert "Northern Star" in text
            for auth in (None, Token("of-another")):
                with pytest.raises(ExceptionGroup) as caught:
                    asyncio.run(tool_text(service.mcp, mode, auth))
                assert problems(caught.value) == ["Server returned an error response"]
        assert service.log.count('"POST /mcp HTTP/1.1" 401') >= 4
        assert challenge(httpx.post(service.mcp)) == 'Bearer realm="agent"'
        # What callers showed stays here; the service has credentials of its own.
        assert len(service.received) == 3
        for headers in service.received:
            assert headers["authorization"] == "Bearer of-the-registry"
            assert SECRET not in str(headers)
        assert SECRET not in service.log


def test_a_key_in_the_query_stands_in_no_log(tmp_path: Path) -> None:
    key = "{type: apikey, key: key, placement: query, value: '{{SERVER_TOKEN}}'}"
    with running(checked(compiled(key, key)), tmp_path, SERVER_TOKEN=SECRET) as service:
        shown = {"key": SECRET, "status": "active"}
        assert httpx.get(f"{service.rest}/ships", params=shown).status_code == 200
        challenge(httpx.get(f"{service.rest}/ships", params={"status": "active"}))
        [sent] = service.received
        assert sent[":path"] == "/ships?status=active"
        assert "/ships?status=active" in service.log
        assert SECRET not in service.log


def test_digest_authentication(tmp_path: Path) -> None:
    digest = "{type: digest, username: captain, password: '{{SERVER_TOKEN}}'}"
    made = checked(compiled(digest, digest))
    with running(made, tmp_path, SERVER_TOKEN=SECRET) as service:
        url = f"{service.rest}/ships"
        with httpx.Client(auth=httpx.DigestAuth("captain", SECRET)) as http:
            answers = [http.get(url, params={"status": s}) for s in ("a", "b c")]
            assert [answer.status_code for answer in answers] == [200, 200]
        wrong = httpx.DigestAuth("captain", "x")
        assert "algorithm=SHA-256" in challenge(httpx.get(url, auth=wrong))
        for mode in ("auto", "legacy"):
            known = httpx2.DigestAuth("captain", SECRET)
            text = asyncio.run(tool_text(service.mcp, mode, known))
            assert "Northern Star" in text


def test_access_tokens(tmp_path: Path) -> None:
    """None, a bad signature, expired, for another, without a scope, and a good one."""
    server = Server()
    oauth2 = (
        f"{{type: oauth2, authorizationServerUri: '{{{{SERVER_TOKEN}}}}',"
        f" resource: '{RESOURCE}', scopes: [ships:read]}}"
    )
    made = checked(compiled(oauth2, oauth2))
    with serving(server.app) as base:
        server.issuer = f"{base}/tenant"
        with running(made, tmp_path, SERVER_TOKEN=server.issuer) as service:
            tokens = [
                (None, 401, "Bearer realm="),
                (server.token(OTHER_RSA), 401, "invalid_token"),
                (server.token(exp=1), 401, "expired"),
                (server.token(aud="https://other.example"), 401, "another resource"),
                (server.token(scope="openid"), 403, "insufficient_scope"),
                (server.token(), 200, ""),
            ]
            metadata = "/.well-known/oauth-protected-resource/mcp"
            for method, url in (
                ("GET", f"{service.rest}/ships"),
                ("POST", service.mcp),
            ):
                for token, status, said in tokens:
                    shown = {"Authorization": f"Bearer {token}"} if token else {}
                    answer = httpx.request(method, url, headers=shown)
                    if status == 200:  # of MCP's, this is no message
                        assert answer.status_code in (200, 400, 406)
                    else:
                        wanted = challenge(answer, status)
                        assert said in wanted and metadata in wanted
                        assert ("error=" in wanted) == (token is not None)
                document = httpx.get(str(httpx.URL(url).join(metadata))).json()
                assert document["authorization_servers"] == [server.issuer]
                assert document["resource"] == RESOURCE
            for mode in ("auto", "legacy"):
                known = Token(server.token())
                text = asyncio.run(tool_text(service.mcp, mode, known))
                assert "Northern Star" in text
            assert server.asked == [server.only, "/keys"] * 2  # one each


def test_basic_authentication(tmp_path: Path) -> None:
    basic = "{type: basic, username: captain, password: '{{SERVER_TOKEN}}'}"
    with running(
        checked(compiled(basic, basic)), tmp_path, SERVER_TOKEN=SECRET
    ) as service:
        url = f"{service.rest}/ships"
        assert httpx.get(url, auth=("captain", SECRET)).status_code == 200
        assert challenge(httpx.get(url, auth=("captain", "x"))).startswith("Basic ")
        known = httpx2.BasicAuth("captain", SECRET)
        text = asyncio.run(tool_text(service.mcp, "auto", known))
        assert "Northern Star" in text


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "set REGISTRY_TOKEN, SERVER_TOKEN in the environment"),
        ({"REGISTRY_TOKEN": "x"}, "set SERVER_TOKEN in the environment"),
        ({"REGISTRY_TOKEN": "x", "SERVER_TOKEN": ""}, "set SERVER_TOKEN in"),
        ({"REGISTRY_TOKEN": "x", "SERVER_TOKEN": " "}, "callers of web is blank"),
    ],
)
def test_no_service_without_its_secrets(
    tmp_path: Path, env: dict[str, str], said: str
) -> None:
    process = started(compiled(), tmp_path, env, "serve", "--port", "0")
    assert process.wait(DEADLINE) == 2
    log = (tmp_path / "log.txt").read_text()
    assert said in log and "Traceback" not in log and "http://" not in log


def test_stdio_asks_nobody(tmp_path: Path) -> None:
    """Who starts the process is its only caller: it needs no token, not even set."""
    made = compiled()
    process = started(
        made, tmp_path, {"REGISTRY_TOKEN": "x"}, "mcp", "--transport", "stdio"
    )
    assert process.wait(DEADLINE) == 0, (tmp_path / "log.txt").read_text()
    assert "SERVER_TOKEN" not in files_of(made)["README.md"].partition("Settings")[0]


@pytest.mark.parametrize(
    ("authentication", "scheme", "needed"),
    [
        (BEARER, {"bearerAuth": {"type": "http", "scheme": "bearer"}}, ["bearerAuth"]),
        (
            "{type: digest, username: u, password: '{{SERVER_TOKEN}}'}",
            {"digestAuth": {"type": "http", "scheme": "digest"}},
            ["digestAuth"],
        ),
        (
            "{type: oauth2, authorizationServerUri: 'https://as', resource: 'https://r'}",
            {
                "oauth2Auth": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                }
            },
            ["oauth2Auth"],
        ),
        (
            "{type: oauth2, authorizationServerUri: 'https://as', resource: 'https://r',"
            " scopes: [a], tokenEndpoint: 'https://as/token'}",
            {
                "oauth2Auth": {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": "https://as/token",
                            "scopes": {"a": ""},
                        }
                    },
                }
            },
            ["oauth2Auth"],
        ),
        (
            "{type: basic, username: u, password: '{{SERVER_TOKEN}}'}",
            {"basicAuth": {"type": "http", "scheme": "basic"}},
            ["basicAuth"],
        ),
        (
            "{type: apikey, key: X-Key, value: '{{SERVER_TOKEN}}', placement: header}",
            {"apiKeyAuth": {"type": "apiKey", "in": "header", "name": "X-Key"}},
            ["apiKeyAuth"],
        ),
        (
            "{type: apikey, headers: {A: '{{SERVER_TOKEN}}', B: b}}",
            {
                "apiKeyAuth": {"type": "apiKey", "in": "header", "name": "A"},
                "apiKeyAuth2": {"type": "apiKey", "in": "header", "name": "B"},
            },
            ["apiKeyAuth", "apiKeyAuth2"],
        ),
    ],
)
def test_the_openapi_document_says_what_is_needed(
    tmp_path: Path, authentication: str, scheme: dict[str, Any], needed: list[str]
) -> None:
    document = openapi(tmp_path, authentication)
    assert document["components"]["securitySchemes"] == scheme
    security = document["paths"]["/ships"]["get"]["security"]
    assert sorted(name for each in security for name in each) == needed


@pytest.mark.skipif(not STEP_3, reason="the specification's tutorial is not here")
@pytest.mark.parametrize("spec", STEP_3, ids=lambda path: path.parts[-6])
def test_the_tutorial(spec: Path, tmp_path: Path) -> None:
    """The token of its file of secrets is right, others and none are not."""

    def read(shown: str) -> bytes | None:
        file = spec.parent / shown
        return file.read_bytes() if file.is_file() else None

    made = compile_spec(Spec(shown=spec.name, relative="spec.yaml"), read)
    secrets = str(spec.parent / "shared" / "secrets.yaml")
    port = free_port()
    env = {"REGISTRY_ENV_FILE": secrets}
    process = started(checked(made), tmp_path, env, "mcp", "--port", str(port))
    try:
        wait_until(lambda: listens(port), "the server")
        url, mode = f"http://127.0.0.1:{port}/mcp", {"accept": "application/json, */*"}
        hello = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "a", "version": "1"},
            },
        }
        for token, status in ((SECRET, 200), ("sk-mcp-XXXXXXXXXXXX", 401), ("", 401)):
            shown = {"Authorization": f"Bearer {token}"} if token else {}
            answer = httpx.post(url, json=hello, headers={**mode, **shown})
            assert answer.status_code == status, answer.text
    finally:
        process.terminate()
        process.wait(DEADLINE)


def openapi(folder: Path, authentication: str) -> Any:
    """The OpenAPI document of the app, made in a process of its own."""
    write_to(compiled(rest=authentication), folder)
    code = "import json; from spec import create_app; print(json.dumps(create_app().openapi()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(folder),
            "REGISTRY_TOKEN": "x",
            "SERVER_TOKEN": "x",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
