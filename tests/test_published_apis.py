"""How published files say what all requests carry: constants, credentials, addresses."""

from __future__ import annotations

from itertools import product

import pytest
from compile_support import compile_text, files_of
from files_support import found_in, left_out, line_of, spec, verified

# --- constants of a whole API --------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "sent"),
    [
        ("headers: {X-Version: 2024-01-01}", '{"x-version": "2024-01-01"}'),
        ("headers: {X-A: 5, x-b: true, X-C: 1.5}", '"x-a": "5", "x-b": "true"'),
        ("headers: {X-Key: 'k-{{env.KEY}}'}", 'headers={"x-key": f"k-{key}"}'),
        ("headers: {}", 'Call("GET", "/things")'),
        ("inputParameters: [{name: X-A, in: header, value: a}]", '{"x-a": "a"}'),
        ("inputParameters: {X-A: {in: header, value: 5}}", '{"x-a": "5"}'),
        ("inputParameters: [{name: q, in: query, value: 5}]", 'query={"q": "5"}'),
        ("inputParameters: [{name: q, value: a}]", 'query={"q": "a"}'),
        ("inputParameters: [{name: c, in: cookie, value: a}]", 'cookies={"c": "a"}'),
        (
            "inputParameters: [{name: b, in: body, value: [1]}]",
            'json=given({"b": [1], "n": n})',
        ),
    ],
)
def test_constants_of_an_api_are_sent_with_every_request(api: str, sent: str) -> None:
    made = verified(spec(api=api))
    assert sent in files_of(made)["client.py"]
    assert not [found for found in made.diagnostics if found.severity == "error"]


def test_a_constant_of_an_api_stands_in_the_paths_that_have_its_place() -> None:
    made = verified(
        spec(
            api="inputParameters: [{name: tenant, in: path, value: a/b}]",
            operation="{name: add, method: PUT, path: '/{tenant}', body: x}",
        )
    )
    assert '"/things/a%2Fb"' in files_of(made)["client.py"]
    assert found_in(made) == [("NAF401", line_of("api"))]


def test_a_constant_of_an_api_joins_the_template_of_a_body() -> None:
    block = "{type: json, data: {a: '{{tools.a}}', c: own}}"
    made = verified(
        spec(
            api="inputParameters: {b: {in: body, value: x}, c: {in: body, value: y}}",
            operation=f"{{name: add, method: POST, body: {block}}}",
        )
    )
    body = 'json=given({"b": "x", "c": "own", "a": a})'
    assert f'Call("POST", "/things", {body})' in files_of(made)["client.py"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ("{X-A: [a, b]}", "NAF101"),
        ("{X-A: {value: a}}", "NAF101"),
        ("{X-A: null}", "NAF101"),
        ("[{name: X-A, value: a}]", "NAF101"),
        ("'X-A: a'", "NAF101"),
        ("{'X A': a}", "NAF101"),
        ('{X-A: "a\\nb"}', "NAF101"),
        ("{X-A: '{{lower}}'}", "NAF902"),
    ],
)
def test_headers_that_cannot_be_sent(headers: str, code: str) -> None:
    made = compile_text(spec(api=f"headers: {headers}"))
    errors = [f for f in made.diagnostics if f.severity == "error" and f.span.line > 1]
    assert [(f.code, f.span.line) for f in errors] == [
        (code, line_of("api")),
        (code, line_of("exposes")),
    ]
    assert left_out(made)[0] == ("upstream", "shop", code)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *product(["header", "cookie", "path"], ["[a, b]", "{a: 1}", "[]"]),
        ("query", "{a: 1}"),  # a list is written as lists in queries are
    ],
)
def test_a_structure_is_sent_in_a_body_alone(place: str, value: str) -> None:
    param = f"{{name: p, in: {place}, value: {value}}}"
    operation = (
        f"{{name: add, method: PUT, path: '/{{p}}', inputParameters: [{param}]}}"
    )
    made = compile_text(spec(operation=operation))
    at = line_of("operation")
    assert ("NAF902", at) in found_in(made)
    assert left_out(made) == [("operation", "add", "NAF902")]
    in_body = verified(spec(operation=operation.replace(place, "body")))
    assert found_in(in_body) == []


# --- credentials ---------------------------------------------------------------------

KEY = '"x-key": key'
BEARER = '"authorization": f"Bearer {key}"'


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ("{type: API-Key, In: Header, Name: X-Key, Value: '{{KEY}}'}", KEY),
        ("{in: header, name: X-Key, value: '{{env.KEY}}'}", KEY),
        ("{type: apikey, in: null, name: X-Key, value: '{{KEY}}'}", KEY),
        ("{type: apikey, location: header, key: X-Key, token: '{{KEY}}'}", KEY),
        ("{type: apikey, header: X-Key, key: '{{ KEY }}'}", KEY),
        ("{type: apikey, header: {name: X-Key, value: '{{KEY}}'}}", KEY),
        ("{type: apikey, headers: [{X-Key: '{{KEY}}'}]}", KEY),
        ("{type: Header, headerName: X-Key, value: '${KEY}'}", KEY),
        ("{headers: {X-Key: '{{KEY}}', X-Org: acme}}", f'{KEY}, "x-org": "acme"'),
        ("{type: apikey, name: Authorization, value: 'Bearer {{KEY}}'}", BEARER),
        ("{type: apikey, placement: header, key: X-Key, value: 7}", '"x-key": "7"'),
        ("{type: query, parameters: {k: '{{KEY}}', v: 1}}", '"k": key, "v": "1"'),
        ("{type: apikey, queryParam: k, value: '{{KEY}}'}", 'query={"k": key}'),
        ("{type: bearer, placement: query, name: k, token: '{{KEY}}'}", '{"k": key}'),
        ("{type: BEARER, value: 'bearer {{KEY}}'}", BEARER),
        ("{type: bearer, accessToken: '{{KEY}}', scheme: Bearer}", BEARER),
        ("{type: oauth2, token: '{{KEY}}', scopes: [read]}", BEARER),
        ("{type: http, scheme: bearer, token: '{{KEY}}'}", BEARER),
        ("{type: Digest, user: me, pass: '{{KEY}}'}", 'DigestAuth("me", key)'),
        ("{type: oauth2, tokenUrl: 'https://a.test'}", "ClientCredentials("),
        (
            "{type: oauth2, flow: clientCredentials, token_url: 'https://a.test',"
            " client_id: me, client_secret: '{{KEY}}', scopes: {read: all, write: all}}",
            '"me", key, token_url=shop_token_url, scope="read write"',
        ),
        ("{type: client_credentials, issuer: 'https://a.test'}", "https://a.test"),
        ("{type: basic, user: '{{KEY}}'}", 'basic(key, "")'),
        ("{type: basic, username: '', password: '{{KEY}}'}", 'basic("", key)'),
        ("{type: None}", "return env.connection(base_url)"),
        ("{}", "return env.connection(base_url)"),
    ],
)
@pytest.mark.parametrize("key", ["authentication", "auth"])
def test_credentials_in_other_spellings(key: str, auth: str, sent: str) -> None:
    made = verified(spec(api=f"{key}: {auth}"))
    assert {code for code, _ in found_in(made, notes=False)} <= {"NAF207"}
    written = " ".join(files_of(made)["client.py"].replace(",\n", ", ").split())
    assert sent in written


@pytest.mark.parametrize(
    "auth",
    [
        "{type: oauth1, consumerKey: '{{KEY}}'}",
        "{type: Hmac, secret: '{{KEY}}'}",
        "{type: aws-sig-v4, region: eu}",
        "{type: oauth2, grantType: password, username: a, password: '{{KEY}}'}",
        "{type: oauth2, authorizationUrl: 'https://a.test', tokenUrl: 'https://a.test'}",
        "{type: oauth2, token: '{{KEY}}', tokenUrl: 'https://a.test'}",
        "{type: digest, token: '{{KEY}}'}",
        "{type: certificate, certificate: '{{KEY}}', key: '{{PEM}}'}",
        "{type: apikey, key: Authorization, value: 'HMAC {{KEY}}:{{signature}}'}",
        "{type: apikey, headers: {X-Key: {value: '{{KEY}}'}}}",
        "{type: bearer, token: '{{KEY}}', scheme: Token}",
        "{type: basic, token: '{{KEY}}'}",
        "{type: custom, headers: {X-Key: '{{KEY}}'}}",
        "{bearer: {token: '{{KEY}}'}}",
    ],
)
def test_credentials_that_must_be_supplied(auth: str) -> None:
    made = verified(spec(api=f"auth: {auth}"))
    assert ("NAF421", line_of("api")) in found_in(made)
    assert "SHOP_AUTH" in files_of(made)["client.py"]


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        ("{type: apikey, in: header, value: '{{KEY}}'}", "NAF102"),
        ("{type: apikey, in: trailer, name: X-Key, value: a}", "NAF903"),
        ("{type: apikey, in: path, name: key, value: a}", "NAF903"),
        ("{type: apikey, in: header, name: 'X Key', value: a}", "NAF101"),
        ('{type: bearer, token: "a\\nb"}', "NAF101"),
        ("[{type: bearer, token: a}]", "NAF101"),
        ("bearer", "NAF101"),
    ],
)
def test_credentials_that_no_request_could_carry(auth: str, code: str) -> None:
    made = compile_text(spec(api=f"authentication: {auth}"))
    assert (code, line_of("api")) in found_in(made)
    assert left_out(made) == [
        ("upstream", "shop", code),
        ("operation", "list", code),
        ("operation", "add", code),
        ("tool", "t", code),
    ]


# --- base URLs with variables --------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("'https://{region}.shop.example'", "NAF407"),
        ("'https://shop.example/{region}/v1'", "NAF407"),
        ("'{region}'", "NAF407"),
        ("'https://${REGION}.shop.example'", "NAF207"),
        ("'{{REGION}}/v1'", "NAF207"),
        ("'{{env.REGION}}'", "NAF207"),
        ("''", "NAF407"),
        ("null", "NAF407"),
        ("shop.example/v1", "NAF409"),
        ("//shop.example", "NAF409"),
    ],
)
def test_base_urls_that_are_not_all_there(address: str, code: str) -> None:
    source = spec().replace("https://shop.example", address)
    made = verified(source)
    at = line_of("api") - (1 if address != "null" else 3)
    assert found_in(made) == [(code, at)]


@pytest.mark.parametrize("level", ["api", "resource", "operation"])
@pytest.mark.parametrize("name", ["tenant-id", "tenantId", "TENANT_ID"])
def test_a_part_of_the_base_url_is_a_setting_at_every_level(
    level: str, name: str
) -> None:
    params = f"inputParameters: [{{name: {name}, in: path, required: true}}]"
    operation = "{{name: add, method: PUT, body: x{}}}"
    parts = {level: params, "operation": operation.format("")}
    if level == "operation":
        parts = {level: operation.format(f", {params}")}
    source = spec(**parts).replace("//shop", "//{tenant-id}.shop")
    made = verified(source)
    assert found_in(made) == [("NAF407", 7), ("NAF411", line_of(level))]
    assert 'Call("PUT", "/things"' in files_of(made)["client.py"]


def test_a_call_cannot_give_a_part_of_the_base_url() -> None:
    tool = "{name: t, call: shop.add, with: {version: tools.v, n: tools.n}}"
    operation = (
        "{name: add, method: POST, path: '%s', inputParameters: [{name: n, in: body}]}"
    )
    exposes = f"- {{type: mcp, namespace: m, port: 9090, tools: [{tool}]}}"
    for path, at in [("", line_of("exposes")), ("/{version}", 0)]:
        source = spec(operation=operation % path, exposes=exposes)
        made = verified(source.replace("shop.example", "shop.example/{version}"))
        noted = [("NAF411", at)] if at else []
        assert found_in(made) == [("NAF407", 7), *noted]
        takes_it = "def add(version: str" in files_of(made)["client.py"]
        assert takes_it == (path != "")


@pytest.mark.parametrize(
    "other",
    [
        "{type: apikey, key: X-B, value: '{{ONE}}', placement: header}",
        "{type: apikey, key: X-A, value: '{{TWO}}', placement: header}",
        "{type: apikey, key: X-A, value: '{{ONE}}', placement: query}",
        "{type: bearer, token: '{{ONE}}'}",
    ],
)
def test_apis_of_one_namespace_are_one_only_with_the_same_keys(other: str) -> None:
    key = "{type: apikey, key: X-A, value: '{{ONE}}', placement: header}"
    for auth, is_one in ((key, True), (other, False)):
        entry = (
            "- {type: http, namespace: shop, baseUri: 'https://shop.example',"
            f" authentication: {auth}, resources: [{{path: /more,"
            " operations: [{name: more, method: GET}]}]}"
        )
        made = verified(spec(api=f"authentication: {key}", others=entry))
        assert ("def more(" in files_of(made)["client.py"]) is is_one
        assert (("upstream", "shop", "NAF202") in left_out(made)) is not is_one
