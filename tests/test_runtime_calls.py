"""What the clients send: paths, queries, headers, cookies and bodies."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx
import pytest
from nafgen.runtime.calls import (
    ArgumentError,
    Call,
    Connection,
    Setting,
    basic,
    given,
    joined,
    segment,
)


def request(call: Call, **shared: Any) -> httpx.Request:
    connection = Connection("https://api.test/v1", **shared)
    return httpx.Client().build_request(**connection.arguments(call))


def target(call: Call, **shared: Any) -> str:
    return request(call, **shared).url.raw_path.decode()


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("msg_01-a", "msg_01-a"),
        (7, "7"),
        (7.0, "7"),
        (True, "true"),
        ("a/b", "a%2Fb"),
        ("a\\b", "a%5Cb"),
        ("%2e%2e", "%252e%252e"),
        ("%2E%2E%2Fadmin", "%252E%252E%252Fadmin"),
        ("...", "..."),
        ("a..b", "a..b"),
        ("?x=1#y", "%3Fx%3D1%23y"),
        ("{x}", "%7Bx%7D"),
        ("a b\r\n\0", "a%20b%0D%0A%00"),
        ("ü", "%C3%BC"),
        ("\uff0e\uff0f", "%EF%BC%8E%EF%BC%8F"),
        (["a", 1], "%5B%22a%22%2C1%5D"),
    ],
)
def test_a_segment_stays_one_segment(value: object, encoded: str) -> None:
    assert segment(value) == encoded
    sent = target(Call("GET", f"/things/{segment(value)}/parts"))
    assert sent == f"/v1/things/{encoded}/parts"


@pytest.mark.parametrize(
    "value",
    ["", None, ".", "..", "../admin", "a/../b", "..\\x", "a/.", "\ud800", "a\udfff"],
)
def test_a_value_that_could_climb_is_refused(value: object) -> None:
    with pytest.raises(ArgumentError) as caught:
        segment(value)
    assert caught.value.__cause__ is None


def test_query_values_become_text() -> None:
    query = {
        "none": None,
        "flag": True,
        "off": False,
        "many": ["a", None, 2, True],
        "empty": [],
        "object": {"a": [1, "ü"]},
        "number": 1.5,
        "whole": 20.0,
        "text": "a b+c&d=e/ü",
    }
    assert target(Call("GET", "/x", query=query)) == (
        "/v1/x?flag=true&off=false&many=a&many=2&many=true"
        "&object=%7B%22a%22%3A%5B1%2C%22%5Cu00fc%22%5D%7D&number=1.5&whole=20"
        "&text=a%20b%2Bc%26d%3De%2F%C3%BC"
    )


def test_a_query_in_the_path_is_merged() -> None:
    call = Call("GET", "/x?fixed=1", query={"a": 2})
    assert target(call, query={"key": "s3cr3t"}) == "/v1/x?fixed=1&a=2&key=s3cr3t"
    assert target(Call("GET", "/x?fixed=1", query={"a": None})) == "/v1/x?fixed=1"


def test_a_query_that_is_too_long_is_refused() -> None:
    with pytest.raises(ArgumentError, match="URL"):
        target(Call("GET", "/x", query={"a": "b" * 70_000}))


def test_headers() -> None:
    call = Call("GET", "/x", headers={"x-a": True, "x-b": None, "x-c": " é\t"})
    sent = request(call, headers={"x-api-key": "k", "x-c": "default"})
    raw = dict(sent.headers.raw)
    assert raw[b"x-a"] == b"true"
    assert raw[b"x-c"] == b"\xe9"
    assert raw[b"x-api-key"] == b"k"
    assert b"x-b" not in raw
    assert raw[b"accept"].startswith(b"application/json")
    assert b"content-type" not in raw


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\0", "\x7f", "€", "\ud800"])
def test_a_header_that_cannot_be_sent_is_refused(value: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        request(Call("GET", "/x", headers={"x-a": value}))
    assert value not in str(caught.value)


def test_cookies_encode_only_what_would_end_them() -> None:
    call = Call("GET", "/x", cookies={"a": "b; c=d", "none": None})
    sent = request(call, cookies={"session": "ab+/=="})
    assert sent.headers["cookie"] == "session=ab+/==; a=b%3B%20c=d"


def test_body() -> None:
    body = {"n": None, "text": "ü", "half": "\ud800", "list": [1, 2.5, True]}
    sent = request(Call("POST", "/x", json=body))
    assert sent.headers["content-type"] == "application/json"
    assert json.loads(sent.content) == body
    assert sent.content.isascii()


@pytest.mark.parametrize("body", [{}, [], 0, False, ""])
def test_a_body_that_is_empty_or_false_is_sent(body: object) -> None:
    assert request(Call("POST", "/x", json=body)).content == json.dumps(body).encode()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_cannot_write_are_refused(number: float) -> None:
    with pytest.raises(ArgumentError, match="JSON"):
        request(Call("POST", "/x", json={"a": [number]}))
    with pytest.raises(ArgumentError, match="JSON"):
        request(Call("GET", "/x", query={"a": {"b": number}}))


def test_a_body_that_is_too_deep_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ArgumentError, match="JSON"):
        request(Call("POST", "/x", json=deep))


def test_given_drops_what_is_none() -> None:
    assert given({"a": None, "b": 0, "c": ""}) == {"b": 0, "c": ""}
    assert given({"a": None}) is None


def test_joined() -> None:
    assert joined("a", 1, True) == "a1true"
    assert joined("a", None) is None


def test_settings_are_filled_in_wherever_they_stand() -> None:
    account = Setting("{ACCOUNT}")
    call = Call(
        "POST",
        f"/a/{segment(account)}/{segment('{ACCOUNT}')}/{segment(Setting('x/{ACCOUNT}'))}",
        query={"q": Setting("by {ACCOUNT} {{}}")},
        headers={"x-h": account},
        cookies={"c": account},
        json={"b": [joined("{", account, "}")], "plain": "{ACCOUNT}"},
    )
    sent = request(call, settings={"ACCOUNT": "a/b"})
    path = "/v1/a/a%2Fb/%7BACCOUNT%7D/x%2Fa%2Fb"
    assert sent.url.raw_path.decode() == f"{path}?q=by%20a%2Fb%20%7B%7D"
    assert sent.headers["x-h"] == "a/b"
    assert sent.headers["cookie"] == "c=a/b"
    assert json.loads(sent.content) == {"b": ["{a/b}"], "plain": "{ACCOUNT}"}


def test_a_setting_in_a_path_cannot_climb() -> None:
    with pytest.raises(ArgumentError):
        target(Call("GET", f"/a/{segment(Setting('{A}'))}"), settings={"A": ".."})


def test_basic() -> None:
    assert basic("user", "päss") == "Basic dXNlcjpww6Rzcw=="
    assert basic("user", "\udcff") == "Basic dXNlcjr/"


def test_a_connection_prints_no_secret() -> None:
    connection = Connection("https://api.test", headers={"x-api-key": "s3cr3t"})
    assert "s3cr3t" not in f"{connection!r}{connection}"
