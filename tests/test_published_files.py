"""Whole files as they are published: shapes, names, constants, includes, what is no spec.

Each table holds variations of one thing in a small spec of ours: what is said of it and
where, and what is sent. All that is compiled is verified: each unit is called, and its
request and its answer are compared with what the spec says.
"""

from __future__ import annotations

import pytest
from compile_support import compile_text, files_of
from files_support import counts, found_in, left_out, line_of, spec, verified

# --- names that nothing refers to ----------------------------------------------------


@pytest.mark.parametrize(
    ("info", "label"),
    [
        ("{title: A}", "A"),
        ("{name: B, version: 1.0}", "B"),
        ("{label: '', title: '', name: C}", "C"),
        ("{label: D, title: E, name: F}", "D"),
        ("{label: null, personas: [{id: x}], related: {a: b}}", ""),
        ("null", ""),
    ],
)
def test_what_a_capability_is_called(info: str, label: str) -> None:
    made = verified(spec(info=info))
    assert made.capability is not None
    assert (made.capability.label, found_in(made)) == (label, [])
    server = files_of(made)["mcp_server.py"]
    assert f'"""MCP adapter for {label or "tools"}."""' in server


@pytest.mark.parametrize("name", ["'a b.c_{d}#,'", "''", "null", "2024", "1.5", "true"])
def test_resources_of_any_name(name: str) -> None:
    route = (
        f"{{name: {name}, path: /x, operations: [{{method: GET, call: shop.list}}]}}"
    )
    exposes = f"- {{type: rest, namespace: web, port: 80, resources: [{route}]}}"
    made = verified(spec(resource=f"name: {name}", exposes=exposes))
    assert (counts(made), found_in(made)) == ((2, 1, 0), [])


@pytest.mark.parametrize(
    "named", ["id: look", "name: null, id: look", "name: '', id: look", "name: look"]
)
def test_an_operation_is_called_by_its_name_or_its_id(named: str) -> None:
    tools = "[{name: a, call: shop.look}, {name: look}]"
    made = verified(
        spec(
            operation=f"{{{named}, method: head}}",
            exposes=f"- {{type: mcp, namespace: m, port: 90, tools: {tools}}}",
        )
    )
    assert (counts(made), found_in(made)) == (
        (2, 0, 2),
        [("NAF208", line_of("exposes"))],
    )
    assert 'Call("HEAD", "/things")' in files_of(made)["client.py"]


@pytest.mark.parametrize(
    ("operation", "tool", "description"),
    [
        ("name: look", "name: t", "t"),
        ("name: look", "name: '', label: Look", "look"),
        ("name: look", "name: t, description: ''", "t"),
        ("name: look, description: Looks.", "name: t", "Looks."),
        ("name: look, description: Looks.", "name: t, description: T.", "T."),
    ],
)
def test_a_tool_is_described(operation: str, tool: str, description: str) -> None:
    source = spec(
        operation=f"{{{operation}, method: HEAD}}",
        exposes=f"- {{type: mcp, tools: [{{{tool}, call: shop.look}}]}}",
    )
    server = files_of(verified(source))["mcp_server.py"]
    assert f'description="{description}"' in server


# --- types and outputs ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "python"),
    [
        ("Integer", "int"),
        ("int", "int"),
        ("Float", "float"),
        ("bool", "bool"),
        ("list", "list[Any]"),
        ("str", "str"),
        ("date", "str"),
        ("null", "str"),
    ],
)
def test_types_in_other_spellings(written: str, python: str) -> None:
    param = f"{{name: q, in: query, type: {written}, required: true, description: d}}"
    made = verified(
        spec(operation=f"{{name: add, method: GET, inputParameters: [{param}]}}")
    )
    assert f"def add(q: {python}) -> Call" in files_of(made)["client.py"]
    known = written == "null"
    noted = [] if known else [("NAF409", line_of("operation"))]
    assert found_in(made) == noted


@pytest.mark.parametrize(
    ("output", "result"),
    [
        ("{type: object, mapping: $.}", "return value"),
        ("{type: Object, mapping: $, properties: null}", "return value"),
        ("{type: array, mapping: $.}", "return value"),
        ("{name: n, type: integer, mapping: $.n, description: d}", 'pick(value, "n")'),
        ("{type: array, mapping: $.a, items: []}", 'pick(value, "a")'),
        ("{type: array, mapping: $.a, items: null}", 'pick(value, "a")'),
        (
            "{type: array, mapping: $.a, items: [{type: text, mapping: $.b}]}",
            'each(pick(value, "a"), lambda item: pick(item, "b"))',
        ),
    ],
)
def test_outputs_without_members(output: str, result: str) -> None:
    tool = f"{{name: t, call: shop.list, outputParameters: [{output}]}}"
    made = verified(
        spec(exposes=f"- {{type: mcp, namespace: m, port: 90, tools: [{tool}]}}")
    )
    assert found_in(made, notes=False) == []
    server = files_of(made)["mcp_server.py"]
    assert ("pick(" not in server) if result == "return value" else (result in server)


def test_items_that_are_several_are_refused() -> None:
    output = "{type: array, mapping: $.a, items: [{name: b, mapping: $.b}]}"
    tool = f"{{name: t, call: shop.list, outputParameters: [{output}]}}"
    made = verified(
        spec(exposes=f"- {{type: mcp, namespace: m, port: 90, tools: [{tool}]}}")
    )
    assert found_in(made) == [("NAF101", line_of("exposes"))]
    assert left_out(made) == [("tool", "t", "NAF101")]


# --- adapters ------------------------------------------------------------------------

TOOLS = "tools: [{name: t, call: shop.list}]"


@pytest.mark.parametrize(
    "adapter",
    [
        "{type: rest, namespace: web, port: 8080, resources: []}",
        "{type: rest, namespace: web, resources: {}}",
        "{type: rest, resources: null}",
        "{type: rest, resources: [{path: /a, operations: []}, {path: /b}]}",
        "{type: mcp, namespace: web}",
        "{type: mcp, namespace: web, port: 9090, tools: []}",
        "{type: mcp, tools: {}}",
    ],
)
def test_an_adapter_without_units_is_not_written(adapter: str) -> None:
    made = verified(spec(exposes=f"- {adapter}"))
    assert found_in(made) == [("NAF418", line_of("exposes"))]
    assert not {"app.py", "mcp_server.py"} & files_of(made).keys()


ROUTED = "resources: [{path: /a, operations: [{method: GET, call: shop.list}]}]"


@pytest.mark.parametrize(
    ("adapter", "defaults"),
    [
        (f"type: mcp, port: null, {TOOLS}", ["namespace: mcp", "port: 9090"]),
        (f"type: mcp, namespace: m, {TOOLS}", ["port: 9090"]),
        (f"type: mcp, port: 90, address: null, {TOOLS}", ["namespace: mcp"]),
        (f"type: mcp, transport: stdio, {TOOLS}", ["namespace: mcp"]),
        (f"type: mcp, transport: stdio, namespace: m, {TOOLS}", []),
        (f"type: rest, {ROUTED}", ["namespace: rest", "port: 8080"]),
        (f"type: rest, namespace: null, port: 80, {ROUTED}", ["namespace: rest"]),
        (f"type: rest, namespace: w, port: 80, {ROUTED}", []),
    ],
)
def test_an_adapter_without_port_or_namespace(
    adapter: str, defaults: list[str]
) -> None:
    made = verified(spec(exposes=f"- {{{adapter}}}"))
    assert found_in(made) == [("NAF409", line_of("exposes"))] * len(defaults)
    assert [found.message for found in made.diagnostics] == [
        f"an adapter without `{default.split(':')[0]}` is read as the official"
        f" `{default}`"
        for default in defaults
    ]


@pytest.mark.parametrize(
    ("adapter", "code", "unit"),
    [
        ("{namespace: x, tools: [{name: u}]}", "NAF102", ("tool", "u")),
        ("{type: null, namespace: x, tools: [{name: u}]}", "NAF101", ("tool", "u")),
        ("{type: agent-skill, namespace: x, skill: {}}", "NAF907", None),
        ("{type: http, namespace: x, paths: [{path: /u}]}", "NAF907", ("route", "/u")),
        (
            "{type: mcp, namespace: x, port: 0, tools: [{name: u}]}",
            "NAF101",
            ("tool", "u"),
        ),
    ],
)
def test_one_adapter_does_not_cost_the_other(
    adapter: str, code: str, unit: tuple[str, str] | None
) -> None:
    made = verified(
        spec(exposes=f"- {{type: mcp, namespace: m, port: 90, {TOOLS}}}\n  - {adapter}")
    )
    assert found_in(made) == [(code, line_of("exposes") + 1)]
    assert counts(made) == (2, 0, 1)
    named = [(kind, name) for kind, name, _ in left_out(made)]
    assert named == [("adapter", "x"), *([unit] if unit else [])]


def test_what_replaces_a_call_costs_the_unit() -> None:
    units = ["calls: [shop.list]", "operation: shop.list", "call: [shop.list]"]
    tools = ", ".join(f"{{name: t{i}, {unit}}}" for i, unit in enumerate(units))
    made = verified(
        spec(
            exposes=f"- {{type: mcp, namespace: m, port: 90, tools: [{tools}, {TOOLS[8:-1]}]}}"
        )
    )
    assert [unit[1:] for unit in left_out(made)] == [
        ("t0", "NAF901"),
        ("t1", "NAF901"),
        ("t2", "NAF101"),
    ]


# --- other files ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "codes"),
    [
        ("{namespace: far, ref: shared/far.yaml}", ["NAF901"]),
        (
            "{namespace: far, openapi: openapi/far.yml, location: ../}",
            ["NAF901", "NAF901"],
        ),
        ("{openapi: far, location: ../../openapi/far.yml}", ["NAF901", "NAF901"]),
        ("{import: far, location: ./shared/far.yaml}", ["NAF212"]),
        ("{import: other, location: ./far.yaml, as: far}", ["NAF212"]),
        (
            "{import: other, from: ./far.yaml, namespace: far}",
            ["NAF409", "NAF212", "NAF409"],
        ),
        ("{type: workers-kv, namespace: far, binding: KV}", ["NAF907"]),
    ],
)
def test_an_api_of_another_file_costs_what_calls_it(
    entry: str, codes: list[str]
) -> None:
    tools = "{type: mcp, namespace: m, port: 90, tools: [{name: u, call: far.get}, {name: t, call: shop.list}]}"
    source = spec(exposes=f"- {tools}")
    made = verified(source.replace("consumes:\n", f"consumes:\n  - {entry}\n"))
    code = next(each for each in codes if each != "NAF409")
    expected = [(each, 5) for each in codes] + [(code, line_of("exposes") + 1)]
    assert found_in(made) == expected
    assert left_out(made) == [("upstream", "far", code), ("tool", "u", code)]
    assert counts(made) == (2, 0, 1)


@pytest.mark.parametrize(
    ("entry", "line"),
    [("shared/far.yaml", 5), ("{$ref: shared/far.yaml}", 5), ("null", 5)],
)
def test_an_entry_that_is_no_api_costs_itself(entry: str, line: int) -> None:
    source = spec().replace("consumes:\n", f"consumes:\n  - {entry}\n")
    made = verified(source)
    assert {line for _, line in found_in(made)} == {line}
    assert counts(made) == (2, 0, 1)


@pytest.mark.parametrize("place", ["imports", "import"])
def test_imports_of_a_whole_file(place: str) -> None:
    made = verified(f"{place}: [{{location: shared/far.yaml}}]\n" + spec())
    assert found_in(made) == [("NAF901", 1)]
    assert counts(made) == (2, 0, 1)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("openapi.yml", "list"),
        ("openapi:far-things", "list:all"),
        ("My_Api", "List_All"),
        ("shop.list", "list"),
        ("a.b.c", "list.of.d"),
        ("2go", "2"),
        ("东京", "列表"),
    ],
)
def test_identifiers_of_any_characters(namespace: str, name: str) -> None:
    entry = (
        f"{{type: http, namespace: '{namespace}', baseUri: 'https://far.example',"
        f" resources: [{{path: /far, operations: [{{name: '{name}', method: GET}}]}}]}}"
    )
    tools = f"[{{name: '{name}', call: '{namespace}.{name}'}}, {{name: t, call: shop.list}}]"
    source = spec(exposes=f"- {{type: mcp, namespace: '{namespace}', tools: {tools}}}")
    made = verified(source.replace("consumes:\n", f"consumes:\n  - {entry}\n"))
    assert (counts(made), found_in(made, notes=False)) == ((3, 0, 2), [])
    assert made.program is not None
    called = [tool.call.operation.namespace for tool in made.program.adapters[0].tools]
    assert called == [namespace, "shop"]


# --- truncated files, and what is no capability --------------------------------------

FOOTER = "# --- truncated at 32 KB (81 KB total) ---"
LINK = "# Full source: https://files.example/shop.yaml"


@pytest.mark.parametrize(
    "footer",
    [
        f"{FOOTER}",
        f"\n{FOOTER}\n{LINK}\n",
        f"\n\n    {FOOTER}  \n\n\n",
        "#--- TRUNCATED AT 16 KB ---\n",
        f"{FOOTER}\r\n{LINK}\r\n",
    ],
)
def test_what_is_left_of_a_truncated_file_is_compiled(footer: str) -> None:
    source = spec()
    made = verified(f"{source}{footer}")
    at = (source + footer).split("truncated at")[0].count("\n") + 1
    if "TRUNCATED" in footer:
        at = source.count("\n") + 1
    assert (counts(made), found_in(made)) == ((2, 0, 1), [("NAF008", at)])


@pytest.mark.parametrize(
    ("cut", "code"),
    [
        ("exposes:", None),
        ("exposes:\n  - type:", "NAF101"),
        ("exposes:\n  -", "NAF101"),
        ("exposes:\n  - type: mcp\n    tools:", "NAF418"),
        ("exposes:\n  - type: mcp\n    tools:\n    -", "NAF101"),
        ("exposes:\n  - type: mcp\n    tools:\n    - name: u\n      hin", "NAF002"),
        ("exposes:\n  - {type: mcp, tools: [{name: u", "NAF002"),
        ("exposes:\n  - type: mcp\n    tools:\n    - name: 'u", "NAF002"),
        ("exposes:\n  - type: rest\n    resources:", "NAF418"),
        ("exposes:\n  - type: rest\n    resources:\n    - pa", "NAF101"),
        (
            "exposes:\n  - type: rest\n    resources:\n    - path: /a\n      op",
            "NAF002",
        ),
    ],
)
def test_a_file_that_is_cut_in_its_last_unit(cut: str, code: str | None) -> None:
    kept = spec()[: spec().index("exposes:")]
    made = compile_text(f"{kept}{cut}\n\n{FOOTER}\n{LINK}\n")
    by_line = dict(found_in(made, notes=False))
    if code == "NAF002":
        [found] = made.diagnostics
        assert found.hint == "get the whole file"
        assert [text for text, _ in found.related][-1].startswith("the file says")
        return
    at = kept.count("\n") + cut.count("\n") + 1
    assert by_line == {"NAF008": at + 2, **({code: at} if code else {})}
    assert counts(made) == (2, 0, 0)


API = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: shop
    baseUri: https://shop.example
    resources:
    - path: /things
      operations:
      - {name: list, method: GET}
      - {name: list-all, method: GET, path: /all}
"""
REMOVE = "      - name: remove\n        method: DELETE\n"
TOOL = "  exposes:\n  - type: mcp\n    namespace: m\n    tools:\n    - name: t\n"
ROUTES = (
    "  exposes:\n  - type: rest\n    namespace: w\n    resources:\n    - path: /a\n"
)
ROUTE = f"{ROUTES}      operations:\n      - method: GET\n        call: shop.list\n"


@pytest.mark.parametrize(
    ("cut", "line", "unit"),
    [
        (REMOVE, 1, ("operation", "remove")),
        (f"{REMOVE}        path: /{{id}}", 1, ("operation", "remove")),
        (f"{REMOVE}        description:", 1, ("operation", "remove")),
        (f"{REMOVE}        description: |\n\n          A", 1, ("operation", "remove")),
        (
            f"{REMOVE}        inputParameters:\n        - name: id\n          in: qu",
            1,
            ("operation", "remove"),
        ),
        (
            f"{REMOVE}        inputParameters: [{{name: id, in: query}}]",
            1,
            ("operation", "remove"),
        ),
        (f"{TOOL}      call: shop.list", 5, ("tool", "t")),
        (f"{TOOL}      call: shop.list\n      hints:\n        rea", 5, ("tool", "t")),
        (f"{ROUTE}        name: get", 7, ("route", "get")),
        (
            f"{ROUTE}        id: get\n        with:\n          id: s",
            7,
            ("route", "get"),
        ),
    ],
)
def test_the_unit_in_which_a_file_was_cut_is_left_out(
    cut: str, line: int, unit: tuple[str, str]
) -> None:
    source = f"{API}{cut}\n"
    made = verified(f"{source}{FOOTER}\n")
    of_units = [found for found in found_in(made) if found[0] == "NAF010"]
    assert of_units == [("NAF010", API.count("\n") + line)]
    assert left_out(made) == [(*unit, "NAF010")]
    assert counts(made) == (2, 0, 0)
    repaired = compile_text(source)
    assert not {"NAF008", "NAF010"} & {found.code for found in repaired.diagnostics}


def test_what_calls_the_unit_in_which_a_file_was_cut_is_left_out() -> None:
    tools = "[{name: t, call: shop.list}, {name: u, call: shop.remove}]"
    exposes = f"capability:\n  exposes: [{{type: mcp, namespace: m, tools: {tools}}}]\n"
    made = verified(f"{API.replace('capability:', exposes[:-1])}{REMOVE}{FOOTER}\n")
    assert counts(made) == (2, 0, 1)
    assert left_out(made) == [
        ("operation", "remove", "NAF010"),
        ("tool", "u", "NAF010"),
    ]


@pytest.mark.parametrize(
    "cut",
    [
        "info:\n  label: Shop\n  description: A sh",
        "    description: A sh",
        "    - path: /oth",
        "  - type: http\n    namespace: far\n    baseUri: https://far.exam",
        f"{ROUTE}        name: get\n    description: Rou",
        "      - {name: add, method: POST}",
    ],
)
def test_a_file_that_was_cut_in_no_unit_keeps_all(cut: str) -> None:
    made = verified(f"{API}{cut}\n{FOOTER}\n")
    assert "NAF010" not in [code for code, _ in found_in(made)]
    assert left_out(made) == []


def test_of_several_apis_the_last_one_was_cut() -> None:
    other = API[API.index("  - type") :].replace("shop", "far")
    made = verified(f"{API}{REMOVE}{other}{REMOVE}{FOOTER}\n")
    assert counts(made) == (5, 0, 0)
    assert left_out(made) == [("operation", "remove", "NAF010")]
    assert made.program is not None
    kept = [[o.name for o in api.operations] for api in made.program.upstreams]
    assert kept == [["list", "list-all", "remove"], ["list", "list-all"]]


@pytest.mark.parametrize(
    ("source", "looks"),
    [
        ("name: x\npersona: p\napis: []\ntools: [{name: t}]", "a list of tools"),
        ("server: {rest: {}}\ntools: [{method: GET, path: /a}]", "a list of tools"),
        ("id: x\nconsumes: [{ref: shared/a.yaml}]", "references to other files"),
        ("capabilities: [{method: GET, path: /a}]", "a list of capabilities"),
        ("apis: {}\nworkflow: {}\nexposes: {paths: {}}", "a workflow"),
        ("kind: Capability\napiVersion: v1\nmetadata: {}", "Kubernetes"),
        ("specificationVersion: 1\nworkflows: []", "over imported files"),
        ("imports: []\ntools: []\nexpose: {rest: {}}", "over imported files"),
        ("capability: {name: x, categories: []}", "has name, categories"),
        ("naftiko: 1.0.0-alpha2\ncapability: {imports: [], workflow: {}}", "workflow"),
        ("naftiko: {version: 1}\ninfo: {}\nservers: []\ntools: []", "a list of tools"),
        ("mcp_tools: []", "a list of tools"),
        ("actions: []", "a list of actions"),
        ("adapters: []", "a list of adapters"),
        ("operations: [{path: /a}]\nworkflow: {}", "a workflow"),
        ("capability:", "`capability` is null"),
        ("capability: [a]", "`capability` is a list"),
        ("- capability: {consumes: []}", "its root is a list"),
        ("404: Not Found", "it has 404 at its root"),
        ("version https://git-lfs.example/v1", "its root is"),
        ("---", "the file is empty"),
    ],
)
def test_what_is_no_capability_is_said_once(source: str, looks: str) -> None:
    made = compile_text(f"{source}\n")
    [found] = made.diagnostics
    assert (found.code, found.span.line) == ("NAF005", 1)
    assert looks in found.message
    assert "under the root key `capability`" in found.hint
    assert made.package is None


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("1.0.0-alpha1", None),
        ("'1.0.0-alpha2'", None),
        ("1.0.0-alpha3", None),
        ("v1.0.0-alpha2", "NAF103"),
        ("1.0", "NAF103"),
        ("{version: 1.0.0-alpha2}", "NAF103"),
        ("[1.0.0-alpha2]", "NAF103"),
    ],
)
def test_versions(version: str, code: str | None) -> None:
    made = compile_text(spec().replace("1.0.0-alpha2", version, 1))
    assert found_in(made) == ([(code, 1)] if code else [])
    assert (made.package is None) == (code is not None)
