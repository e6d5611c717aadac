"""Verification finds nothing in what is right, and each thing that is made wrong."""

import os
import sys

import pytest
from msgspec.structs import replace
from nafgen import verify as verify_module
from nafgen.compile import Compilation
from nafgen.verify import MissingLibrariesError, Verification, verify
from nafgen.verify_probe import apart, same
from verify_support import KITCHEN, ONE_KEY, TWO_UPSTREAMS, compiled


def changed(made: Compilation, path: str, old: str, new: str) -> Compilation:
    """The compilation with a text of one file replaced."""
    assert made.package is not None
    files = []
    for file in made.package.files:
        if file.path == path:
            assert old.encode() in file.data, file.data.decode()
            file = replace(file, data=file.data.replace(old.encode(), new.encode()))
        files.append(file)
    return replace(made, package=replace(made.package, files=tuple(files)))


def messages(found: Verification) -> list[str]:
    return [f"{one.span.line}: {one.message}" for one in found.differences]


def counts(found: Verification) -> tuple[int, int, int]:
    return found.operations, found.routes, found.tools


@pytest.mark.parametrize(
    ("source", "called"),
    [
        (KITCHEN, (8, 7, 6)),
        (TWO_UPSTREAMS, (2, 2, 2)),
        (ONE_KEY.format("header"), (1, 0, 1)),
        (ONE_KEY.format("query"), (1, 0, 1)),
        (ONE_KEY.format("cookie"), (1, 0, 1)),
    ],
    ids=["kitchen", "two", "header", "query", "cookie"],
)
def test_what_is_right_has_no_differences(
    source: str, called: tuple[int, int, int]
) -> None:
    found = verify(compiled(source))
    assert messages(found) == []
    assert counts(found) == called


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("client.py", 'Call("DELETE"', 'Call("PUT"', 'method: expected "DELETE"'),
        ("client.py", '"/dishes"', '"/dish"', 'path: expected "/v2/dishes"'),
        ("client.py", '"limit": limit', '"limits": limit', "query"),
        ("client.py", '"x-key": kitchen_key', '"x-key": "no"', "header x-key"),
        ("client.py", '"x-trace": x_trace', '"x-other": x_trace', "header x-trace"),
        ("client.py", '"session": session', '"sessions": session', "cookies"),
        ("client.py", '"servings": servings', '"servings": 1', "body"),
        ("client.py", "kitchen.example.com", "elsewhere.example.com", "host"),
        ("client.py", "{segment(dish_id)}", "{dish_id}", "path"),
        ("client.py", 'env.get("KITCHEN_KEY"', 'env.get("OTHER"', "missing settings"),
        ("app.py", '"dishes": each(', '"dish": each(', "GET route: body"),
        ("app.py", "calls.drop_dish(dish_id)", 'calls.drop_dish("1")', "DELETE route"),
        ("app.py", '@app.patch("', '@app.post("', "PATCH route"),
        ("app.py", "add_health(app)", "app.routes.clear()", "GET route: status"),
        ("mcp_server.py", '"id": pick(', '"ID": pick(', "tool: text"),
        ("mcp_server.py", "read_only=True", "read_only=False", "tool: hints"),
        ("mcp_server.py", 'required=["title"]', "required=[]", "tool: required"),
        ("mcp_server.py", 'arguments.get("limit")', "1", "tool: query"),
        (
            "_runtime/tools.py",
            '"additionalProperties"] = False',
            '"additionalProperties"] = True',
            "unknown argument: isError",
        ),
        ("_runtime/tools.py", "is_error=True", "is_error=False", "404: isError"),
    ],
)
def test_what_is_wrong_is_found(path: str, old: str, new: str, message: str) -> None:
    found = verify(changed(compiled(KITCHEN), path, old, new))
    assert any(message in one for one in messages(found)), messages(found)
    assert {one.code for one in found.differences} == {"NAF701"}


SUPPLIED = TWO_UPSTREAMS.replace(
    "{type: bearer, token: '{{TOKEN}}'}", "{type: oauth1, consumerKey: '{{TOKEN}}'}"
)


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("client.py", "base_url, auth=auth)", "base_url)", "header authorization"),
        ("client.py", 'env.auth("TOKEN_AUTH", auth)', "auth", "missing settings"),
        ("client.py", '"TOKEN_AUTH"', '"OTHER_AUTH"', "missing settings"),
    ],
)
def test_authentication_that_is_supplied(
    path: str, old: str, new: str, message: str
) -> None:
    made = compiled(SUPPLIED)
    right = verify(made)
    assert (messages(right), counts(right)) == ([], (2, 2, 2))
    wrong = messages(verify(changed(made, path, old, new)))
    assert any(message in one for one in wrong), wrong


FLOWS = TWO_UPSTREAMS.replace(
    "{type: bearer, token: '{{TOKEN}}'}",
    "{type: oauth2, authorizationServerUri: 'https://a.test/b', scopes: [read]}",
).replace("type: basic", "type: digest")


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("client.py", 'scope="read"', 'scope="write"', "token request: the form"),
        ("client.py", 'server="https://a', 'server="https://c', "TokenError"),
        ("client.py", "(user, password)", "(password, user)", "answered 401"),
        ("client.py", 'env.get("USER", user)', '""', "missing settings"),
        ("_runtime/oauth2.py", "if self._is_basic:", "if False:", "token request"),
        ("_runtime/oauth2.py", 'f"Bearer {', 'f"Token {', "header authorization"),
        ("_runtime/oauth2.py", '"POST"', '"PUT"', "the method is PUT"),
    ],
)
def test_authentication_that_takes_several_requests(
    path: str, old: str, new: str, message: str
) -> None:
    made = compiled(FLOWS)
    right = verify(made)
    assert (messages(right), counts(right)) == ([], (2, 2, 2))
    wrong = messages(verify(changed(made, path, old, new)))
    assert any(message in one for one in wrong), wrong


ODD_HEADERS = """
naftiko: 1.0.0-alpha2
info: {label: Odd, description: Headers that the protocol knows too}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example.com
    resources:
    - path: /things
      operations:
      - name: list-things
        method: GET
        inputParameters:
        - {name: Authorization, in: header, required: false}
        - {name: Accept-Encoding, in: header}
        - {name: Connection, in: header}
        - {name: Cookie, in: header}
        - {name: Host, in: header}
        - {name: q, in: query}
      - name: add-thing
        method: POST
        inputParameters:
        - {name: Content-Type, in: header}
        - {name: title, in: body}
  exposes:
  - type: rest
    namespace: things
    port: 8080
    resources:
    - path: /things
      operations:
      - method: GET
        call: api.list-things
        with: {Authorization: rest.Authorization, Cookie: rest.Cookie, q: rest.q}
      - method: POST
        call: api.add-thing
        with: {Content-Type: rest.Content-Type, title: rest.title}
  - type: mcp
    namespace: tools
    port: 8081
    tools:
    - name: list-things
      description: List
      call: api.list-things
      with: {Authorization: tools.Authorization, Cookie: tools.Cookie, q: tools.q}
"""


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("client.py", "", "", ""),
        ("client.py", '"host": host', '"host": "x"', "header host"),
        ("client.py", '"cookie": cookie', '"cookie": "a=b"', "cookies"),
        ("app.py", "=authorization", "=None", "header authorization"),
    ],
)
def test_headers_of_the_protocol(path: str, old: str, new: str, message: str) -> None:
    found = verify(changed(compiled(ODD_HEADERS), path, old, new))
    assert counts(found) == (2, 2, 1)
    if message:
        assert any(message in one for one in messages(found)), messages(found)
    else:
        assert messages(found) == []


def test_a_difference_is_at_the_unit_and_says_both_sides() -> None:
    made = changed(compiled(TWO_UPSTREAMS), "client.py", '"/things"', '"/thing"')
    found = verify(made)
    assert '17: client: path: expected "/things", got "/thing"' in messages(found)


def test_a_unit_that_cannot_be_called_is_not_counted() -> None:
    made = changed(compiled(TWO_UPSTREAMS), "app.py", "calls.plain_list", "calls.nope")
    found = verify(made)
    assert counts(found) == (2, 1, 2)
    assert any("not called successfully" in one for one in messages(found))


def test_a_package_that_cannot_be_imported_is_a_difference() -> None:
    made = changed(compiled(TWO_UPSTREAMS), "client.py", "import httpx", "import nope_")
    found = verify(made)
    assert counts(found) == (0, 0, 0)
    assert any("ModuleNotFoundError" in one for one in messages(found))


def test_an_adapter_that_fails_leaves_the_others() -> None:
    made = changed(compiled(TWO_UPSTREAMS), "app.py", "import client", "import nope")
    assert counts(verify(made)) == (2, 0, 2)


def test_a_package_may_be_called_like_a_library() -> None:
    found = verify(compiled(TWO_UPSTREAMS, "httpx.yaml"))
    assert messages(found) == []


def test_it_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITCHEN_KEY", "of the user")
    monkeypatch.setenv("READ_ONLY", "1")
    before = dict(os.environ), list(sys.path), set(sys.modules)
    found = verify(compiled(TWO_UPSTREAMS))
    assert found.tools == 2
    assert (dict(os.environ), sys.path) == before[:2]
    assert not [name for name in sys.modules if name.startswith("nafgen_verified")]


def test_settings_of_the_user_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "TOKEN_BASE_URL", "PLAIN_TIMEOUT"):
        monkeypatch.setenv(name, "of the user")
    assert messages(verify(compiled(TWO_UPSTREAMS))) == []


def test_nothing_compiled_is_nothing_to_verify() -> None:
    with pytest.raises(ValueError, match="nothing was compiled"):
        verify(compiled("a: 1"))


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        verify_module, "find_spec", lambda name: None if name == "mcp" else object()
    )
    with pytest.raises(MissingLibrariesError) as raised:
        verify(compiled(TWO_UPSTREAMS))
    assert raised.value.names == ("mcp",)


def test_what_reads_answers_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        verify_module, "find_spec", lambda name: object() if name == "httpx" else None
    )
    made = compiled("""
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: a
    baseUri: https://a.test
    resources:
    - path: /x
      operations:
      - {name: page, method: GET, outputRawFormat: markdown}
      - {name: list, method: HEAD, outputRawFormat: xml}
""")
    with pytest.raises(MissingLibrariesError) as raised:
        verify(made)
    assert raised.value.names == ("markdown_it", "ruamel")


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, True, False),
        (1, 1.0, True),
        ([1, {"a": False}], [1, {"a": 0}], False),
        ({"a": None}, {}, False),
        ([1], [1, 2], False),
    ],
)
def test_json_values_are_compared_as_json(
    left: object, right: object, equal: bool
) -> None:
    assert same(left, right) is equal


def test_a_difference_is_shown_where_it_is() -> None:
    wanted, got = {"a": [1, {"b": None}]}, {"a": [1, {}]}
    assert apart(wanted, got) == ".a[1].b: expected null, got nothing"
