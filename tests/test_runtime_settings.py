"""Settings: where they come from, which are refused, and that none is logged."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from conftest import ROOT
from nafgen.runtime.calls import Call, Connection
from nafgen.runtime.settings import (
    Environment,
    MissingSettingsError,
    SettingsError,
    missing_together,
)
from nafgen.runtime.upstream import AsyncClient, Client, basic

Patch = pytest.MonkeyPatch


def test_given_before_environment_before_default(monkeypatch: Patch) -> None:
    monkeypatch.setenv("A", "environment")
    env = Environment("X")
    assert env.get("A", "given", "default") == "given"
    assert env.get("A", None, "default") == "environment"
    monkeypatch.setenv("A", "")
    assert env.get("A", "", "default") == "default"


def test_all_missing_settings_are_named(monkeypatch: Patch) -> None:
    for name in ("A", "B", "C"):
        monkeypatch.delenv(name, raising=False)
    env = Environment("X")
    values = [env.get("A"), env.get("B", None, "default"), env.get("C"), env.get("A")]
    assert values == ["", "default", "", ""]
    with pytest.raises(MissingSettingsError, match="set A, C in the env") as caught:
        env.connection("https://api.test")
    assert caught.value.names == ("A", "C")


def test_missing_settings_of_several_clients_are_named_together(
    monkeypatch: Patch,
) -> None:
    for name in ("A", "B"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingSettingsError) as caught, missing_together():
        for name in ("A", "B", "A"):
            env = Environment(name)
            env.get(name)
            Client(env.connection(""), None).close()
    assert caught.value.names == ("A", "B")
    env = Environment("A")
    env.get("A")
    with pytest.raises(MissingSettingsError):
        env.connection("")


def test_an_error_within_is_not_replaced(monkeypatch: Patch) -> None:
    monkeypatch.delenv("A", raising=False)
    env = Environment("X")
    env.get("A")
    with pytest.raises(ZeroDivisionError), missing_together():
        env.connection("")
        _ = 1 / 0


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.test",
        "ftp://api.test",
        "https://",
        "https:/api.test",
        "file:///etc/passwd",
        "https://user:passw0rd@api.test",
        "https://api.test?key=passw0rd",
        "https://api.test#passw0rd",
        "https://api.test/passw0rd\n",
        "https://api.test:passw0rd",
    ],
)
def test_base_urls_that_are_none(base_url: str) -> None:
    with pytest.raises(SettingsError, match="X_BASE_URL") as caught:
        Environment("X").connection(base_url)
    assert "passw0rd" not in f"{caught.value}{caught.value.args}"
    assert caught.value.__suppress_context__ or not caught.value.__context__


def test_a_base_url_loses_its_last_slash() -> None:
    made = Environment("X").connection("HTTPS://api.test:8443/v1/")
    assert made.base_url == "HTTPS://api.test:8443/v1"


def test_numbers(monkeypatch: Patch) -> None:
    monkeypatch.setenv("X_TIMEOUT", "0.5")
    monkeypatch.setenv("X_RETRIES", "0")
    monkeypatch.setenv("X_MAX_CONNECTIONS", "7")
    made = Environment("X").connection("https://api.test")
    assert (made.timeout, made.retries, made.max_connections) == (0.5, 0, 7)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TIMEOUT", "soon"),
        ("TIMEOUT", "0"),
        ("TIMEOUT", "nan"),
        ("TIMEOUT", "inf"),
        ("RETRIES", "-1"),
        ("RETRIES", "1e999"),
        ("MAX_CONNECTIONS", "0"),
    ],
)
def test_numbers_that_are_none(name: str, text: str, monkeypatch: Patch) -> None:
    monkeypatch.setenv(f"X_{name}", text)
    with pytest.raises(SettingsError, match=f"X_{name} must be a number from"):
        Environment("X").connection("https://api.test")


def test_a_secret_that_cannot_be_sent_is_refused_before_anything_runs() -> None:
    with pytest.raises(SettingsError, match="x-api-key") as caught:
        Environment("X").connection(
            "https://api.test", headers={"x-api-key": "s3cr3t\n"}
        )
    assert "s3cr3t" not in f"{caught.value}{caught.value.args}"


@pytest.fixture(autouse=True)
def unfiltered(monkeypatch: Patch) -> None:
    """Log lines that the packages of other tests do not mask."""
    monkeypatch.setattr(logging.getLogger("httpx"), "filters", [])


def sent(connection: Connection, call: Call) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    with httpx.Client(transport=transport) as http:
        Client(connection, http).send(call)


def test_no_secret_is_logged(
    monkeypatch: Patch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KEY", "s3cr3t/ü key")
    monkeypatch.setenv("LONGER", "s3cr3t/ü key and more")
    monkeypatch.setenv("BOT", "123:telegr4m")
    caplog.set_level(logging.DEBUG)
    env = Environment("X")
    key, longer, bot = env.get("KEY"), env.get("LONGER"), env.get("BOT")
    headers = {"authorization": basic("user", key)}
    connection = env.connection(
        f"https://api.test/bot{bot}",
        query={"key": key, "longer": longer},
        headers=headers,
    )
    sent(connection, Call("GET", "/things"))
    assert "HTTP Request: GET https://api.test/bot[secret]/things?" in caplog.text
    for part in ("s3cr3t", "and%20more", "telegr4m", headers["authorization"]):
        assert part not in caplog.text


def test_a_short_setting_is_no_secret(
    monkeypatch: Patch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REGION", "eu")
    caplog.set_level(logging.INFO)
    env = Environment("X")
    sent(env.connection(f"https://{env.get('REGION')}.api.test"), Call("GET", "/queue"))
    assert "https://eu.api.test/queue" in caplog.text


# --- authentication that is supplied ---------------------------------------------


class Signed(httpx.Auth):
    """Signs each request by a number of its own."""

    def __init__(self) -> None:
        self.count = 0

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        self.count += 1
        request.headers["authorization"] = f"Signed {self.count}"
        yield request


def failing() -> httpx.Auth:
    raise RuntimeError("no s3cret here")


def test_authentication_is_given_or_made_by_a_factory(monkeypatch: Patch) -> None:
    monkeypatch.setenv("X_AUTH", f"{__name__}:Signed")
    given = Signed()
    assert Environment("X").auth("X_AUTH", given) is given
    made = Environment("X").auth("X_AUTH", None)
    assert isinstance(made, Signed)
    assert Environment("X").connection("https://x.test", auth=made).auth is made


def test_authentication_that_nobody_gives_is_a_missing_setting(
    monkeypatch: Patch,
) -> None:
    monkeypatch.setenv("X_AUTH", "")
    env = Environment("X")
    assert env.auth("X_AUTH", None) is None
    with pytest.raises(MissingSettingsError) as caught:
        env.connection("https://x.test")
    assert caught.value.names == ("X_AUTH",)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("s3cret", "X_AUTH must be package.module:factory"),
        (":s3cret", "X_AUTH must be package.module:factory"),
        ("s3cret:", "X_AUTH must be package.module:factory"),
        ("s3cret:factory", "the factory of X_AUTH fails: ModuleNotFoundError"),
        (f"{__name__}:s3cret", "the factory of X_AUTH fails: AttributeError"),
        (f"{__name__}:failing", "the factory of X_AUTH fails: RuntimeError"),
        ("builtins:object", "the factory of X_AUTH makes no httpx.Auth"),
    ],
)
def test_factories_that_are_none(name: str, said: str, monkeypatch: Patch) -> None:
    monkeypatch.setenv("X_AUTH", name)
    with pytest.raises(SettingsError) as caught:
        Environment("X").auth("X_AUTH", None)
    assert str(caught.value) == said


@pytest.mark.parametrize("stream", [False, True])
def test_supplied_authentication_signs_every_try(stream: bool) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(
            503 if len(seen) == 1 else 200, headers={"retry-after": "0"}
        )

    async def send_async(connection: Connection) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            await AsyncClient(connection, http).send(call, stream=stream)

    call = Call("GET", "/a")
    connection = Connection("https://x.test", auth=Signed())
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        Client(connection, http).send(call, stream=stream)
    assert seen == ["Signed 1", "Signed 2"]
    seen.clear()
    asyncio.run(send_async(connection))
    assert seen == ["Signed 3", "Signed 4"]


def test_the_factory_that_the_documentation_shows(
    monkeypatch: Patch, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "authentication.md").read_text(encoding="utf-8")
    shown = page.partition("```python\n# payments_auth.py\n")[2].partition("```")[0]
    (tmp_path / "payments_auth.py").write_text(shown, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for name, value in (
        ("AUTH", "payments_auth:signed"),
        ("KEY", "k"),
        ("SECRET", "s"),
    ):
        monkeypatch.setenv(f"PAYMENTS_{name}", value)
    made = Environment("PAYMENTS").auth("PAYMENTS_AUTH", None)
    assert made is not None
    request = httpx.Request("PUT", "https://x.test/a?b=1", content=b"{}")
    next(made.sync_auth_flow(request))
    signature = hmac.new(b"s", b"PUT/a?b=1{}", "sha256").hexdigest()
    assert request.headers["authorization"] == f"HMAC k:{signature}"
