"""Resources and prompts of compiled specs: what they are listed as, read and said."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from compile_support import checked, compile_file, compile_text, files_of
from conftest import ROOT
from files_support import left_out
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents
from nafgen.compile import Compilation, compile_spec
from nafgen.inputs import Spec
from nafgen.plan import GeneratedFile, Package
from nafgen.verify import verify
from package_support import imported
from runtime_support import Exchange, upstream

CONFORMANCE = ROOT.parent / "shared" / "conformance"
SHAPES = {
    "ikanos": "ikanos-beta5/modules/ikanos-engine/src/test/resources",
    "naftiko": "framework-alpha3/src/test/resources",
}
UNKNOWN, FAILED = -32602, -32603
SPEC = """\
ikanos: 1.0.0-beta5
info: {{display: Desk, description: A desk.}}
binds:
- {{namespace: env, keys: {{DESK_KEY: DESK_KEY}}}}
capability:
  consumes:
  - type: http
    namespace: crm
    baseUri: https://crm.test
    resources:
      customer:
        path: /customers/{{id}}
        operations:
          get:
            method: GET
            inputParameters:
              fields: {{in: query, required: false}}
              X-Trace: {{in: header, required: false}}
      photo:
        path: /customers/{{id}}/photo
        operations:
          photo: {{method: GET, outputRawFormat: binary}}
      search:
        path: /search
        operations:
          search:
            method: POST
            body: {{type: json, data: {{q: "{{{{q}}}}", limit: "{{{{limit}}}}"}}}}
  aggregates:
  - namespace: flows
    display: Flows
    flows:
      look-up:
        semantics: {{safe: true}}
        inputParameters:
          q: {{type: string, required: true}}
          limit: {{type: integer, required: false}}
        steps:
          search: {{type: call, call: crm.search, with: {{q: flows.q, limit: flows.limit}}}}
        mappings:
        - {{target: found, value: $.search.items}}
  exposes:
  - type: mcp
    namespace: desk
    port: 9090
    {more}
    tools:
      get: {{description: Get, call: crm.get}}
    resources: {resources}
    prompts: {prompts}
"""


def spec(
    resources: str = "{}", prompts: str = "{}", more: str = "description: D"
) -> str:
    return SPEC.format(resources=resources, prompts=prompts, more=more)


def served(
    resources: str = "{}", prompts: str = "{}", more: str = "description: D"
) -> Compilation:
    return checked(compile_text(spec(resources, prompts, more)))


class Crm:
    """An upstream that records, and answers what it is set to."""

    def __init__(self, content: bytes = b"{}", status: int = 200) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        self.content, self.status = content, status
        self.headers = {"content_type": "application/json"}

    def __call__(self, exchange: Exchange) -> None:
        body = exchange.rfile.read(int(exchange.headers.get("content-length", "0")))
        self.requests.append((exchange.command, exchange.path, body))
        exchange.answer(self.content, self.status, **self.headers)


@pytest.fixture
def crm() -> Iterator[tuple[Crm, str]]:
    api = Crm()
    with upstream(api) as url:
        yield api, url


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def server_of(
    made: Compilation,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    **settings: str,
) -> Iterator[Any]:
    """What makes a server of a package; one is for one client, for it closes its own."""
    with imported(made, folder, monkeypatch, **settings) as load:
        yield load("mcp_server").create_server


def told(
    server: Any, ask: Callable[[Client], Awaitable[Any]], era: str = "auto"
) -> Any:
    async def run() -> Any:
        async with Client(server(), mode=era, cache=None) as client:
            return await ask(client)

    return anyio.run(run)


def read(server: Any, uri: str, era: str = "auto") -> tuple[str | None, str | bytes]:
    (found,) = told(server, lambda client: client.read_resource(uri), era).contents
    if isinstance(found, TextResourceContents):
        return found.mime_type, found.text
    return found.mime_type, base64.b64decode(found.blob)


def refused(
    server: Any, ask: Callable[[Client], Awaitable[Any]], era: str = "auto"
) -> MCPError:
    async def caught(client: Client) -> MCPError:
        with pytest.raises(MCPError) as error:
            await ask(client)
        return error.value

    found = told(server, caught, era)
    assert isinstance(found, MCPError)
    return found


# --- the reference engine's own spec ---------------------------------------------------

OWN = """\
ikanos: 1.0.0-beta5
info: {display: Both, description: Resources and prompts}
capability:
  exposes:
  - type: mcp
    port: 9096
    namespace: both
    tools:
      query: {display: Query, description: Query, call: api.query, with: {datasource_id: one}}
    resources:
      database-schema:
        display: Database Schema
        uri: data://databases/pre-release/schema
        description: Schema of the database
        mimeType: application/json
        call: api.query
        with: {datasource_id: test-db-id-123}
      user-profile:
        display: User Profile
        uri: data://users/{userId}/profile
        description: User profile by ID
        mimeType: application/json
        call: api.query
        with: {datasource_id: "{{userId}}"}
    prompts:
      participant-outreach:
        display: Participant Outreach
        description: Draft outreach message to pre-release participants
        arguments:
          participant_name: {description: Name of the participant, required: true}
          product_name: {description: Name of the product, required: true}
        template:
        - {role: user, content: "Draft an email to {{participant_name}} on {{product_name}}."}
      summary-prompt:
        display: Summary Prompt
        description: Summarize data in a given format
        arguments:
          data: {description: The raw data to summarize, required: true}
          format: {description: "bullet-points, paragraph, or table", required: false}
        template:
        - role: user
          content: "Summarize the following data in {{format}} format:\\n\\n{{data}}"
        - {role: assistant, content: I'll summarize the data for you.}
        - {role: user, content: Please focus on the key insights.}
  consumes:
  - type: http
    namespace: api
    baseUri: http://localhost:8080/v1
    resources:
      query:
        path: databases/{{datasource_id}}/query
        operations:
          query: {method: POST, body: '{"filter": {"property": "Status"}}'}
"""


def engine_spec(shape: str) -> Compilation:
    if shape == "own":
        return compile_text(OWN)
    if not CONFORMANCE.is_dir():
        pytest.skip("there are no files of the engine")
    folder = CONFORMANCE / SHAPES[shape]
    return compile_file(folder / "mcp" / "mcp-resources-prompts-capability.yaml")


@pytest.fixture(params=["own", *SHAPES])
def engine(
    request: pytest.FixtureRequest,
    crm: tuple[Crm, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Any, Crm]]:
    made = checked(engine_spec(request.param))
    assert made.left_out == ()
    assert made.program is not None
    variable = made.program.upstreams[0].base_url.variable
    with server_of(made, tmp_path, monkeypatch, **{variable: f"{crm[1]}/v1"}) as server:
        yield server, crm[0]


def test_resources_are_listed_apart_from_templates(
    engine: tuple[Any, Crm], era: str
) -> None:
    server, _ = engine
    listed = told(server, lambda client: client.list_resources(), era)
    (schema,) = listed.resources
    assert schema.name == "database-schema"
    assert (schema.title, schema.uri) == (
        "Database Schema",
        "data://databases/pre-release/schema",
    )
    assert (schema.mime_type, schema.description is None) == ("application/json", False)
    found = told(server, lambda client: client.list_resource_templates(), era)
    (profile,) = found.resource_templates
    assert (profile.name, profile.title) == ("user-profile", "User Profile")
    assert profile.uri_template == "data://users/{userId}/profile"


def test_variables_of_a_uri_are_given_to_the_call(
    engine: tuple[Any, Crm], era: str
) -> None:
    server, api = engine
    api.content = b'{"results": []}'
    assert read(server, "data://users/42/profile", era) == (
        "application/json",
        '{"results": []}',
    )
    assert (
        read(server, "data://databases/pre-release/schema", era)[1] == '{"results": []}'
    )
    assert [(method, path) for method, path, _ in api.requests] == [
        ("POST", "/v1/databases/42/query"),
        ("POST", "/v1/databases/test-db-id-123/query"),
    ]
    for uri in ("data://nowhere", "data://users//profile", "data://users/42", ""):
        error = refused(server, lambda client, uri=uri: client.read_resource(uri), era)
        assert error.code == UNKNOWN
    assert len(api.requests) == 2


def test_prompts_are_listed_and_filled(engine: tuple[Any, Crm], era: str) -> None:
    server, _ = engine
    listed = told(server, lambda client: client.list_prompts(), era).prompts
    assert [(each.name, each.title) for each in listed] == [
        ("participant-outreach", "Participant Outreach"),
        ("summary-prompt", "Summary Prompt"),
    ]
    assert [(a.name, a.required) for a in listed[1].arguments] == [
        ("data", True),
        ("format", False),
    ]
    got = told(
        server, lambda client: client.get_prompt("summary-prompt", {"data": "A"}), era
    )
    assert [(each.role, each.content.text) for each in got.messages] == [
        ("user", "Summarize the following data in {{format}} format:\n\nA"),
        ("assistant", "I'll summarize the data for you."),
        ("user", "Please focus on the key insights."),
    ]
    error = refused(server, lambda client: client.get_prompt("absent", {}), era)
    assert error.code == UNKNOWN


def test_only_what_is_there_is_announced(
    engine: tuple[Any, Crm], era: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def capabilities(client: Client) -> Any:
        return client.server_capabilities

    found = told(engine[0], capabilities, era)
    assert found.tools is not None
    assert found.resources is not None
    assert found.prompts is not None
    with server_of(served(), tmp_path / "other", monkeypatch) as server:
        found = told(server, capabilities, era)
    assert (found.resources, found.prompts) == (None, None)


# --- resources ---------------------------------------------------------------------------


def test_an_upstream_error_is_an_error(
    crm: tuple[Crm, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, era: str
) -> None:
    api, url = crm
    api.content, api.status = b'{"error": "there is no customer 7"}', 404
    made = served(
        "{one: {uri: 'desk://customers/{id}', description: A, call: crm.get}}"
    )
    with server_of(made, tmp_path, monkeypatch, CRM_BASE_URL=url) as server:
        error = refused(server, lambda c: c.read_resource("desk://customers/7"), era)
    assert error.code == FAILED
    assert "404 Not Found" in error.message
    assert "there is no customer 7" in error.message


def test_optional_parameters_that_nobody_gives_are_not_sent(
    crm: tuple[Crm, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, url = crm
    made = served(
        "{plain: {uri: 'desk://plain/{id}', description: A, call: crm.get},"
        " given: {uri: 'desk://given/{who}/{fields}', description: A, call: crm.get,"
        " with: {id: desk.who, fields: '{{fields}}', X-Trace: t}}}"
    )
    with server_of(made, tmp_path, monkeypatch, CRM_BASE_URL=url) as server:
        read(server, "desk://plain/7")
        read(server, "desk://given/a%20b/x%2Cy")
    paths = [path for _, path, _ in api.requests]
    assert paths == ["/customers/7", "/customers/a%20b?fields=x%2Cy"]


def test_bytes_of_the_upstream_are_a_blob(
    crm: tuple[Crm, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, era: str
) -> None:
    api, url = crm
    api.content, api.headers = b"\x89PNG\x00", {"content_type": "image/png"}
    photo = "call: crm.photo, description: A"
    made = served(
        f"{{photo: {{uri: 'desk://photo/{{id}}', {photo}}},"
        f" own: {{uri: 'desk://own/{{id}}', mimeType: image/x-own, {photo}}}}}",
        more="maxBinarySize: 1KiB",
    )
    with server_of(made, tmp_path, monkeypatch, CRM_BASE_URL=url) as server:
        assert read(server, "desk://photo/7", era) == ("image/png", b"\x89PNG\x00")
        assert read(server, "desk://own/7", era) == ("image/x-own", b"\x89PNG\x00")
        api.content = b"\x00" * 1025
        error = refused(server, lambda c: c.read_resource("desk://photo/7"), era)
    assert (error.code, "more than 1,024 bytes" in error.message) == (FAILED, True)


def test_mappings_steps_aggregates_and_mocks(
    crm: tuple[Crm, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, url = crm
    api.content = b'{"items": [1, 2], "name": "Ann", "secret": 1}'
    made = served("""
      mapped:
        uri: desk://mapped/{id}
        call: crm.get
        outputParameters: [{type: object, properties: {name: {type: string, mapping: $.name}}}]
      steps:
        uri: desk://steps/{id}
        steps:
          get: {type: call, call: crm.get, with: {id: desk.id}}
          search: {type: call, call: crm.search, with: {q: "{{get.name}}"}}
        mappings: [{target: n, value: $.search.items}]
      ref:
        uri: desk://ref/{q}
        ref: flows.look-up
      mock:
        uri: desk://hello/{name}
        outputParameters: {text: {type: string, value: "Hello {{name}}"}, n: {type: number, value: 3}}
""")
    with server_of(made, tmp_path, monkeypatch, CRM_BASE_URL=url) as server:
        found = {
            uri: read(server, f"desk://{uri}")
            for uri in ("mapped/7", "steps/7", "ref/x", "hello/%7B%7Bname%7D%7D")
        }
    assert {uri: (kind, json.loads(text)) for uri, (kind, text) in found.items()} == {
        "mapped/7": ("application/json", {"name": "Ann"}),
        "steps/7": ("application/json", {"n": [1, 2]}),
        "ref/x": ("application/json", {"found": [1, 2]}),
        "hello/%7B%7Bname%7D%7D": (
            "application/json",
            {"text": "Hello {{name}}", "n": 3},
        ),
    }
    sent = [
        (method, path, body and json.loads(body)) for method, path, body in api.requests
    ]
    assert sent == [
        ("GET", "/customers/7", b""),
        ("GET", "/customers/7", b""),
        ("POST", "/search", {"q": "Ann"}),
        ("POST", "/search", {"q": "x"}),
    ]


def test_read_only_keeps_what_only_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, era: str
) -> None:
    made = served(
        "{get: {uri: 'desk://get/{id}', call: crm.get}, ref: {uri: 'desk://ref/{q}', ref: flows.look-up},"
        " post: {uri: 'desk://post/{q}/{limit}', call: crm.search}}"
    )
    for value, names in (("1", ["get", "ref"]), ("0", ["get", "ref", "post"])):
        folder = tmp_path / value
        with server_of(made, folder, monkeypatch, READ_ONLY=value) as server:
            found = told(server, lambda c: c.list_resource_templates(), era)
        assert [each.name for each in found.resource_templates] == names


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        (
            "{uri: 'desk://a/{id}/{fields}', call: crm.get, with: {id: desk.id, fields: desk.other}}",
            "NAF445",
        ),
        ("{uri: 'desk://a', call: crm.get}", "NAF445"),
        ("{uri: 'desk://a', ref: flows.look-up}", "NAF445"),
        ("{uri: 'desk://a', steps: {get: {type: call, call: crm.get}}}", "NAF445"),
        ("{uri: 'desk://a/{DESK_KEY}/{{DESK_KEY}}', call: crm.get}", "NAF414"),
        ("{uri: 'desk://a/{{env.DESK_KEY}}', call: crm.get}", "NAF902"),
        ("{uri: 'desk://a', location: 'file:///./../x'}", "NAF503"),
        ("{uri: 'desk://a', location: 'file:///C:\\\\x'}", "NAF503"),
        ("{uri: 'desk://a', location: ./x}", "NAF101"),
        ("{uri: 'desk://a', ref: flows.absent}", "NAF209"),
    ],
)
def test_what_cannot_be_read_is_left_out(resource: str, code: str) -> None:
    made = compile_text(
        spec(f"{{bad: {resource}, good: {{uri: 'desk://g/{{id}}', call: crm.get}}}}")
    )
    assert left_out(made) == [("resource", "bad", code)]
    assert made.summary()["resources"] == 1
    checked(made)


def test_an_adapter_may_have_nothing_but_resources_or_prompts(
    era: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = spec(prompts="{ask: {template: [{role: user, content: Hi}]}}")
    tools = "    tools:\n      get: {description: Get, call: crm.get}\n"
    assert tools in text
    made = checked(compile_text(text.replace(tools, "")))
    with server_of(made, tmp_path, monkeypatch) as server:
        assert told(server, lambda client: client.list_tools(), era).tools == []
        got = told(server, lambda client: client.get_prompt("ask"), era)
    assert got.messages[0].content.text == "Hi"


def test_what_the_spec_says_of_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = "{one: {uri: 'desk://customers', outputParameters: {a: {type: string, value: b}}}}"
    ask = "{ask: {template: [{role: user, content: Hi}]}}"

    async def kept(client: Client) -> list[tuple[int, str]]:
        answers: list[Any] = [
            await client.list_tools(),
            await client.list_resources(),
            await client.list_resource_templates(),
            await client.list_prompts(),
            await client.read_resource("desk://customers"),
        ]
        return [(each.ttl_ms, each.cache_scope) for each in answers]

    lists = (300_000, "public")
    for more, wanted in (
        ("description: D", [*[lists] * 4, (0, "private")]),
        ("ttlMs: 5000", [(5000, "private")] * 5),
        ("cacheScope: public", [(0, "public")] * 5),
        ("{ttlMs: 7, cacheScope: public}", [(7, "public")] * 5),
    ):
        made = served(one, ask, more.strip("{}").replace(", ", "\n    "))
        with server_of(
            made, tmp_path / str(len(wanted) + len(more)), monkeypatch
        ) as server:
            assert told(server, kept) == wanted


# --- folders -------------------------------------------------------------------------------

HANDBOOK = "{handbook: {display: Handbook, uri: 'desk://handbook', description: A, location: 'file:///./handbook'}}"


def test_a_package_finds_its_folder_from_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, era: str
) -> None:
    text = spec(HANDBOOK).encode()
    file = Spec(
        shown="specs/team/desk.yaml",
        relative="team/desk.yaml",
        from_output="../../specs",
    )
    made = checked(compile_spec(file, {"specs/team/desk.yaml": text}.get))
    (tmp_path / "specs" / "team" / "handbook").mkdir(parents=True)
    (tmp_path / "specs" / "team" / "handbook" / "a.md").write_text("A")
    monkeypatch.chdir(tmp_path)
    with server_of(made, tmp_path / "out", monkeypatch) as server:
        assert read(server, "desk://handbook/a.md", era) == ("text/markdown", "A")
        for path in ("../desk.yaml", "%2e%2e/desk.yaml", "", "a.md/.."):
            uri = f"desk://handbook/{path}"
            error = refused(server, lambda c, uri=uri: c.read_resource(uri), era)
            assert error.code == UNKNOWN


def test_folders_have_variables_of_their_own() -> None:
    files = "{uri: 'desk://%s', location: 'file:///./handbook'}"
    made = served(f"{{a-b: {files % 'a'}, a.b: {files % 'b'}}}")
    text = files_of(made)["README.md"]
    assert "`DESK_A_B_FOLDER`: default: `../../specs/handbook`" in text
    assert "`DESK_A_B_2_FOLDER`" in text


def test_a_folder_that_is_missing_is_named_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        imported(served(HANDBOOK), tmp_path, monkeypatch) as load,
        pytest.raises(
            ValueError, match="handbook: DESK_HANDBOOK_FOLDER names no folder"
        ),
    ):
        load("mcp_server").create_server()


def test_where_a_folder_is_decides_whether_to_build_again() -> None:
    def inputs(resources: str) -> Mapping[str, str]:
        return served(resources).inputs

    assert "[places]" in inputs(HANDBOOK)
    assert "[places]" not in inputs("{}")


# --- prompts -------------------------------------------------------------------------------


def with_files(files: dict[str, bytes], prompts: str) -> Compilation:
    data = {"spec.yaml": spec(prompts=prompts).encode(), **files}
    return compile_spec(Spec(shown="spec.yaml", relative="spec.yaml"), data.get)


def test_a_prompt_in_a_file_is_compiled_into_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, era: str
) -> None:
    text = '\ufeffHello {{who}},\r\ncosts $1 or \\1; """ \'x\' {{other}} \u202e\n'
    prompts = "{hi: {arguments: {who: {description: W}}, location: 'file:///./prompts/hi.md'}}"
    made = checked(with_files({"prompts/hi.md": text.encode()}, prompts))
    assert made.inputs["prompts/hi.md"] != ""
    with server_of(made, tmp_path, monkeypatch) as server:
        got = told(server, lambda c: c.get_prompt("hi", {"who": "{{who}} $0"}), era)
    (message,) = got.messages
    wanted = (
        text.removeprefix("\ufeff")
        .replace("\r\n", "\n")
        .replace("{{who}}", "{{who}} $0")
    )
    assert (message.role, message.content.text) == ("user", wanted)
    other = with_files({"prompts/hi.md": b"Other"}, prompts)
    assert other.inputs["prompts/hi.md"] != made.inputs["prompts/hi.md"]


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "NAF216"), (b"caf\xe9", "NAF216"), (b"x" * 262_145, "NAF216")],
    ids=["absent", "latin", "long"],
)
def test_a_file_that_is_no_prompt(content: bytes | None, code: str) -> None:
    files = {} if content is None else {"hi.md": content}
    made = with_files(files, "{hi: {location: 'file:///./hi.md'}}")
    assert left_out(made) == [("prompt", "hi", code)]
    assert "hi.md" in made.inputs  # when it is there, the spec is to be built again


def test_prompts_have_names_that_every_client_takes() -> None:
    say = "{template: [{role: user, content: Hi}]}"
    made = served(
        prompts=f"{{draft a reply: {say}, draft-a-reply: {say}, draft: {say}}}"
    )
    assert made.names is not None
    assert [*made.names.prompts.values()] == [
        "draft-a-reply",
        "draft-a-reply-2",
        "draft",
    ]
    codes = [found.code for found in made.diagnostics]
    assert codes.count("NAF304") == 1
    assert codes.count("NAF302") == 2


# --- verification --------------------------------------------------------------------------

WRONG = {
    "another call": ("calls.get(variables[", 'calls.get("x" + variables['),
    "another URI": ('"desk://one/{id}"', '"desk://two/{id}"'),
    "no resource": ("on_read_resource=readable.read", "on_read_resource=None"),
    "another media type": ('media_type="text/plain"', 'media_type="text/html"'),
    "another text": ("Hi {{who}}", "Hello {{who}}"),
    "another argument": ('name="who"', 'name="whom"'),
    "an argument that may be missing": ('"W", required=True', '"W", required=False'),
    "other files": ('"desk://handbook"', '"desk://handbooks"'),
    "smaller files": ("limit=10485760", "limit=1"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_in_a_package_is_found(what: str) -> None:
    made = compile_text(
        spec(
            "{one: {uri: 'desk://one/{id}', mimeType: text/plain, call: crm.get},"
            f" {HANDBOOK[1:]}",
            "{hi: {arguments: {who: {description: W}}, template: [{role: user, content: 'Hi {{who}}'}]}}",
        )
    )
    assert made.package is not None
    assert verify(made).differences == ()
    old, new = (text.encode() for text in WRONG[what])
    assert sum(old in file.data for file in made.package.files) == 1
    files = tuple(
        GeneratedFile(path=file.path, data=file.data.replace(old, new))
        for file in made.package.files
    )
    package = made.package
    made.package = Package(
        path=package.path,
        spec=package.spec,
        inputs=package.inputs,
        files=files,
        summary=package.summary,
    )
    assert verify(made).differences != ()
