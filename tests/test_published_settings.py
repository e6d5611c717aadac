"""What published files write of addresses, binds and credentials, in ways of their own,
in places and with names of ours.

Every case is compiled, its findings compared by code and line, and verified: each unit
is called, and its request and its answer compared with what the spec says.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from compile_support import checked, compile_text, files_of
from nafgen.expect import base_url
from published_support import (
    BASE,
    OPERATION,
    ROUTE,
    TOOL,
    compiled,
    found_in,
    inputs,
    request,
)

# --- base URLs -------------------------------------------------------------------

ADDRESSES: list[tuple[str, dict[str, str], str, list[str]]] = [
    # as written, settings, the address, codes of findings
    ("https://api.example/v1/", {}, "https://api.example/v1", []),
    ("HTTPS://API.example/v1", {}, "https://api.example/v1", []),
    ("api.example:8443/v1", {}, "https://api.example:8443/v1", ["NAF409"]),
    ("//api.example/v1", {}, "https://api.example/v1", ["NAF409"]),
    ("https://api.example/a b", {}, "https://api.example/a%20b", []),
    ("http://[::1]:8080/v1", {}, "http://[::1]:8080/v1", []),
    ("''", {"SHOP_BASE_URL": "http://x.example"}, "http://x.example", ["NAF407"]),
    ("", {"SHOP_BASE_URL": "http://x.example"}, "http://x.example", ["NAF407"]),
    ("https://{z}.example", {"SHOP_Z": "eu"}, "https://eu.example", ["NAF407"]),
    ("https://{{z}}.example", {"SHOP_Z": "eu"}, "https://eu.example", ["NAF407"]),
    (
        "https://{a-b}.x/{v}",
        {"SHOP_A_B": "1", "SHOP_V": "2"},
        "https://1.x/2",
        ["NAF407"] * 2,
    ),
    (
        "https://api.example:{port}",
        {"SHOP_PORT": "81"},
        "https://api.example:81",
        ["NAF407"],
    ),
    ("'{ROOT_URL}/v1'", {"SHOP_ROOT_URL": "http://s"}, "http://s/v1", ["NAF407"]),
    ("'{{ROOT}}'", {"ROOT": "http://r/x"}, "http://r/x", ["NAF207"]),
    ("'{{ env.ROOT }}/v1'", {"ROOT": "http://r"}, "http://r/v1", ["NAF207"]),
    ("'${ROOT}/v1'", {"ROOT": "http://r"}, "http://r/v1", ["NAF207"]),
    (
        "https://${env.H}:${P}/v1",
        {"H": "h", "P": "1"},
        "https://h:1/v1",
        ["NAF207"] * 2,
    ),
    # with the binds of the test: by any spelling, REGION is MY_REGION
    ("https://{REGION}.example", {"MY_REGION": "eu"}, "https://eu.example", []),
    ("https://{{zones.REGION}}.x", {"MY_REGION": "eu"}, "https://eu.x", []),
    ("https://${REGION}.x/{REGION}", {"MY_REGION": "eu"}, "https://eu.x/eu", []),
    ("'{{zones.OTHER}}/v1'", {"OTHER": "http://o"}, "http://o/v1", ["NAF207"]),
    (
        "'{{SHOP21_BASE_URL}}/v1'",
        {"SHOP_BASE_URL": "http://o"},
        "http://o/v1",
        ["NAF207"],
    ),
]


def test_where_apis_are() -> None:
    """Each has a namespace of its own, which begins its settings."""
    apis = "".join(
        f"  - type: http\n    namespace: shop{index}\n    baseUri: {written}\n"
        "    resources: [{path: /x, operations: [{name: get, method: GET}]}]\n"
        for index, (written, *_) in enumerate(ADDRESSES)
    )
    head = "binds: [{namespace: zones, keys: {REGION: MY_REGION}}]\ncapability:\n"
    made = compile_text(f"naftiko: 1.0.0-alpha2\n{head}  consumes:\n{apis}")
    assert found_in(made) == [
        (code, 7 + 4 * index if written else 5 + 4 * index)
        for index, (written, *_, codes) in enumerate(ADDRESSES)
        for code in codes
    ]
    assert checked(made).program is not None
    for index, (upstream, (_, settings, address, _)) in enumerate(
        zip(made.program.upstreams, ADDRESSES, strict=True)
    ):
        own = {
            name.replace("SHOP_", f"SHOP{index}_", 1): value
            for name, value in settings.items()
        }
        assert httpx.URL(base_url(upstream, own)) == httpx.URL(address)


@pytest.mark.parametrize(
    "base",
    [
        "tcp://api.example",
        "https://api.example/v1?key=1",
        "https://api.example/v1#top",
        "https://user:password@api.example",
        "https://<your-host>/v1",
        "https://api.example/../v1",
        "https://{region}.example/%2e%2e/v1",
        "https://host name/v1",
        "localhost:8080/v1",
        "7",
        "[https://api.example]",
        "{url: https://api.example}",
    ],
)
def test_an_address_that_is_none_costs_its_api(base: str) -> None:
    made = compiled(base=base)
    assert [one for one in found_in(made) if one[0] != "NAF407"] == [("NAF101", BASE)]
    lost = [found.span.line for found in made.diagnostics if found.code == "NAF101"]
    assert lost == [BASE, ROUTE, TOOL]


@pytest.mark.parametrize(
    ("base", "warned"),
    [
        ("http://api.example", True),
        ("HTTP://api.example", True),
        ("http://api.{region}.example", True),
        ("http://{{HOST}}:3567", True),
        ("http://localhost:8080/v1", False),
        ("http://127.0.0.1", False),
        ("http://[::1]:8080", False),
        ("https://{region}.example", False),
        ("'{{ROOT}}/v1'", False),
    ],
)
def test_credentials_that_are_not_encrypted_are_reported(
    base: str, warned: bool
) -> None:
    bearer = "authentication: {type: bearer, token: '{{env.TOKEN}}'}"
    made = compiled(base=base, api=bearer)
    assert (("NAF410", BASE) in found_in(made)) is warned
    assert ("NAF410", BASE) not in found_in(compiled(base=base))


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_variable_of_the_base_url_is_no_input(method: str, declared: bool) -> None:
    params = "{name: q, in: query}" + ", {name: region, in: path}" * declared
    made = compiled(
        base="https://{region}.example",
        method=method,
        operation=f"inputParameters: [{params}]",
        route=", with: {region: rest.region, q: rest.q}",
        tool=", inputParameters: [{name: region}, {name: q}]",
    )
    lines = [found.span.line for found in made.diagnostics if found.code == "NAF411"]
    assert lines == [OPERATION if declared else ROUTE, TOOL]
    body = ["body"] * (method == "POST")
    assert inputs(made) == (["q", *body], ["q", *body])
    assert request(made, SHOP_REGION="eu").origin == "https://eu.example"


# --- binds -----------------------------------------------------------------------

BINDS = "[{namespace: n-s, keys: {KEY: MY_KEY, small: MY_SMALL}}, {namespace: two, keys: {K: K}}]"


CONSTANTS: list[tuple[str, str, int]] = [
    # as written, what is sent, how many binds are not declared
    ("{{KEY}}", "1", 0),
    ("{{ KEY }}", "1", 0),
    ("{{env.KEY}}", "1", 0),
    ("{{bind.KEY}}", "1", 0),
    ("{{n-s.KEY}}", "1", 0),
    ("{{small}}", "2", 0),
    ("a{{KEY}}b{{two.K}}{{n-s.small}}c", "a1b32c", 0),
    ("{{two.OTHER}}", "4", 1),
    ("{{OTHER}}", "4", 1),
    ("{{env.other}}", "4", 1),
]


@pytest.mark.parametrize("place", ["header", "query", "path", "cookie"])
def test_binds_stand_in_every_constant(place: str) -> None:
    names = [f"x-{index}" for index in range(len(CONSTANTS))]
    params = (
        f"{{name: {name}, in: {place}, value: '{written}'}}"
        for name, (written, *_) in zip(names, CONSTANTS, strict=True)
    )
    made = compiled(
        binds=BINDS,
        path="/".join(["", *(f"{{{name}}}" for name in names)] * (place == "path"))
        or "/",
        operation=f"inputParameters: [{', '.join(params)}]",
    )
    assert found_in(made) == [
        ("NAF207", OPERATION) for *_, number in CONSTANTS for _ in range(number)
    ]
    assert inputs(made) == ([], [])
    wanted = request(made, MY_KEY="1", MY_SMALL="2", K="3", OTHER="4")
    found: dict[str, Any] = {
        "header": wanted.headers,
        "query": dict(wanted.query),
        "path": dict(zip(names, wanted.path.split("/")[2:], strict=False)),
        "cookie": wanted.cookies,
    }
    assert [found[place].get(name) for name in names] == [
        sent for _, sent, _ in CONSTANTS
    ]


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        ("query", "[1, {a: 1}]", "NAF902"),
        ("header", "{a: 1}", "NAF902"),
        ("cookie", "[]", "NAF902"),
        ("path", "[a]", "NAF902"),
        ("path", "''", "NAF101"),
        ("path", "'..'", "NAF101"),
        ("query", "'{{#key}}'", "NAF902"),
        ("header", '"a\\nb"', "NAF101"),
    ],
)
def test_constants_that_cannot_be_sent(place: str, value: str, code: str) -> None:
    made = compiled(
        path="/x/{id}" if place == "path" else "/x",
        method="DELETE",
        operation=f"inputParameters: [{{name: id, in: {place}, value: {value}}}]",
    )
    assert found_in(made) == [(code, OPERATION)]
    assert made.program is None or not made.program.upstreams


@pytest.mark.parametrize(
    ("binds", "code"),
    [
        ("[{namespace: env, keys: {KEY: KEY, UNUSED: U}}]", None),
        ("[{namespace: env, keys: {KEY: ~}}]", "NAF409"),
        ("[{namespace: env, keys: {}}]", "NAF207"),
        ("[{namespace: env, keys: ~}]", "NAF207"),
        ("[{namespace: env}]", "NAF207"),
        ("~", "NAF207"),
        ("[]", "NAF207"),
        ("[{namespace: other, keys: {OTHER: KEY}}]", "NAF207"),
        ("[{namespace: env, keys: {KEY: '${KEY}'}}]", "NAF101"),
        ("[{namespace: env, keys: [KEY]}]", "NAF101"),
        ("[{namespace: env, location: 'file:///keys', keys: {KEY: KEY}}]", "NAF503"),
    ],
)
def test_what_declares_a_bind(binds: str, code: str | None) -> None:
    """Where nothing does, the environment is read all the same."""
    bearer = "authentication: {type: bearer, token: '{{env.KEY}}'}"
    made = compiled(binds=binds, api=bearer)
    codes = [found.code for found in made.diagnostics]
    undeclared = ["NAF207"] * (code not in (None, "NAF409", "NAF503"))
    assert codes == [code] * (code not in (None, "NAF207")) + undeclared
    assert request(made, KEY="k").headers["authorization"] == "Bearer k"


def test_a_bind_may_have_the_name_of_the_setting_of_the_base_url() -> None:
    key = "authentication: {type: apikey, key: X-Home, value: '{{SHOP_BASE_URL}}'}"
    made = compiled(api=key)
    assert request(made, SHOP_BASE_URL="http://a").headers["x-home"] == "http://a"
    assert "SHOP_API_BASE_URL" in files_of(made)["client.py"]


# --- credentials -----------------------------------------------------------------

QUERY = "authentication: {type: apikey, key: api_key, value: '{{K}}', placement: query}"
HEADER = "authentication: {type: apikey, key: X-Api-Key, value: ' {{K}} ', placement: header}"
COOKIE = "auth: {type: apikey, name: sid, value: '{{K}}', in: Cookie}"
BEARER = "authentication: {type: bearer, token: '{{K}} '}"


@pytest.mark.parametrize(
    ("api", "param"),
    [
        (QUERY, "name: api_key, in: query, required: true"),
        (QUERY, "name: API_KEY, required: true"),
        (QUERY, "name: api_key, in: query, value: '{{K}}'"),
        (HEADER, "name: x-api-key, in: header, required: true"),
        (COOKIE, "name: SID, in: cookie"),
        (BEARER, "name: authorization, in: header, required: true"),
        (BEARER, "name: Authorization, in: header, value: '{{K}}'"),
    ],
)
@pytest.mark.parametrize("calls", ["with", "declared"])
def test_a_configured_credential_is_no_input(api: str, param: str, calls: str) -> None:
    name = param.removeprefix("name: ").partition(",")[0]
    given = {
        "with": f", with: {{{name}: ROOT.{name}, q: ROOT.q}}",
        "declared": f", inputParameters: [{{name: {name}}}, {{name: q}}]",
    }[calls]
    made = compiled(
        binds="[{namespace: env, keys: {K: K}}]",
        api=api,
        operation=f"inputParameters: [{{{param}}}, {{name: q, in: query}}]",
        route=given.replace("ROOT", "rest"),
        tool=given.replace("ROOT", "tools"),
    )
    assert ("NAF411", OPERATION) in found_in(made)
    assert inputs(made) == (["q"], ["q"])


PROTOCOL = "Authorization accept User-Agent content-type Content-Length HOST Cookie"


@pytest.mark.parametrize("calls", ["with", "declared", "renamed", "neither"])
def test_no_tool_asks_for_headers_of_http(calls: str) -> None:
    """A route passes a credential on, where the spec says that it does."""
    names = PROTOCOL.split()
    params = [f"{{name: {name}, in: header, required: true}}" for name in names]
    own = [f"h{index}" if calls == "renamed" else n for index, n in enumerate(names)]
    with_ = ", ".join(f"{n}: ROOT.{o}" for n, o in zip(names, own, strict=True))
    declared = ", ".join(f"{{name: {name}, in: header}}" for name in own)
    given = {
        "with": f", with: {{{with_}, X-Version: ROOT.X-Version}}",
        "declared": f", inputParameters: [{declared}, {{name: X-Version, in: header}}]",
        "renamed": f", inputParameters: [{declared}, {{name: X-Version, in: header}}],"
        f" with: {{{with_}}}",
        "neither": "",
    }[calls]
    made = compiled(
        method="POST",
        operation="inputParameters: [{name: X-Version, in: header},"
        f" {', '.join(params)}, {{name: b, in: body}}]",
        route=given.replace("ROOT", "rest"),
        tool=given.replace("ROOT", "tools"),
    )
    route, tool = inputs(made)
    assert set(tool) == {"X-Version", "b"}
    passed = {own[0], own[-1]} if calls != "neither" else set()
    assert set(route) == {"X-Version", "b"} | passed
