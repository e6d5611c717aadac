"""What calls give, in the spellings of published files, with names of ours.

Units are compared by what feeds each argument of the operation that they call; what is
compiled is verified, so that this is also what is sent.
"""

from __future__ import annotations

import json

import pytest
from test_published_references import api, asked, calls, capability, fed, units
from test_published_shapes import found_in, verified

DATES = """\
    - path: /calls/{http_protocol}
      operations:
      - name: list
        method: GET
        inputParameters:
        - {name: Start, in: query}
        - {name: Start<, in: query}
        - {name: 'Start>', in: query}
        - {name: 'tag[]', in: query}
        - {name: tag, in: query}
        - {name: httpProtocol, in: query}
        - {name: größe, in: query}
        - {name: gre, in: query}
"""


APART = {
    "one": {"Start<": "Start<"},
    "all": {"Start": "Start", "Start<": "Start<", "Start>": "Start>"},
    "crossed": {"Start>": "Start<", "Start<": "Start>"},
    "renamed": {"Start<": "since", "httpProtocol": "tag", "tag": "tag"},
    "both": {"tag": "tag", "tag[]": "tag[]"},
    "list": {"tag[]": "tag[]"},
    "ascii": {"gre": "gre"},
    "accents": {"größe": "größe"},
}


@pytest.mark.parametrize("root", ["tools", "rest"])
def test_names_that_differ_in_signs_alone_are_kept_apart(root: str) -> None:
    given = {
        name: json.dumps({k: f"{root}.{v}" for k, v in values.items()})
        for name, values in APART.items()
    }
    text = calls(root, given, "list", "/{http-protocol}")
    made = verified(
        capability(api(DATES), routes=text)
        if root == "rest"
        else capability(api(DATES), tools=text)
    )
    protocol = "http-protocol" if root == "rest" else "http_protocol"
    assert {name: fed(unit) for name, unit in units(made).items()} == {
        name: {"http_protocol": protocol} | values for name, values in APART.items()
    }


def test_a_declared_input_feeds_the_parameter_of_its_name_alone() -> None:
    made = verified(
        capability(
            api(DATES),
            tools="""\
    - name: near
      description: List
      call: shop.list
      inputParameters:
      - {name: start, type: string, description: Since}
      - {name: http-protocol, type: string, description: Protocol}
""",
        )
    )
    unit = units(made)["near"]
    assert fed(unit) == {"http_protocol": "http-protocol", "Start": "start"}
    assert asked(unit) == {"start": "body", "http-protocol": "body required"}


GRAMMAR = api("""\
    - path: /things/{id}
      operations:
      - name: get
        method: GET
        inputParameters: [{name: q, in: query}, {name: n, in: query, type: integer}]
""")
BINDS = "binds:\n- {namespace: keys, keys: {TOKEN: MY_TOKEN}}\n"

VALUES: dict[str, tuple[object, object]] = {
    # What is written as q, and what feeds q: an input, or a constant in a tuple.
    "reference": ("ROOT.x", "x"),
    "namespace": ("SPACE.x", "x"),
    "braces": ("{{ROOT.x}}", "x"),
    "spaces": ("{{ x }}", "x"),
    "signs": ("ROOT.a~b<", "a~b<"),
    "dots": ("ROOT.a.b.c", "a.b.c"),
    "bind": ("{{TOKEN}}", ("$MY_TOKEN",)),
    "env": ("{{env.TOKEN}}", ("$MY_TOKEN",)),
    "of-bind": ("{{keys.TOKEN}}", ("$MY_TOKEN",)),
    "bare-env": ("env.TOKEN", ("$MY_TOKEN",)),
    "bare-bind": ("keys.TOKEN", ("$MY_TOKEN",)),
    "undeclared": ("env.OTHER", ("$OTHER",)),
    "composite": ("a {{TOKEN}}", ("a ", "$MY_TOKEN")),
    "word": ("away", ("away",)),
    "the-name-of-a-bind": ("TOKEN", ("TOKEN",)),
    "dotted-word": ("Example.Things.All", ("Example.Things.All",)),
    "root-alone": ("ROOT", ("ROOT",)),
    "root-and-dot": ("ROOT.", ("ROOT.",)),
    "empty": ("", ("",)),
    "number": (3, (3,)),
    "fraction": (2.5, (2.5,)),
    "flag": (True, (True,)),
}


@pytest.mark.parametrize(("root", "space"), [("tools", "agent"), ("rest", "web")])
def test_what_values_mean(root: str, space: str) -> None:
    def meant(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(map(meant, value))
        if not isinstance(value, str):
            return value
        return value.replace("ROOT", root).replace("SPACE", space)

    given = {
        name: json.dumps({"id": f"{root}.id", "q": meant(value)})
        for name, (value, _) in VALUES.items()
    }
    text = calls(root, given, "get", "/{id}")
    spec = (
        capability(GRAMMAR, routes=text)
        if root == "rest"
        else capability(GRAMMAR, tools=text)
    )
    made = verified(spec.replace("capability:\n", f"{BINDS}capability:\n", 1))
    assert [code for code, _ in found_in(made)] == ["NAF207"]
    assert {name: fed(unit)["q"] for name, unit in units(made).items()} == {
        name: meant(feeds) for name, (_, feeds) in VALUES.items()
    }


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("null", "NAF902"),
        ("{a: '{{X}}'}", "NAF902"),
        ("'a-{{Tools.X}}'", "NAF902"),
        ("[.inf]", "NAF101"),
    ],
)
def test_values_that_cost_the_call(value: str, code: str) -> None:
    text = calls("tools", {"bad": f"{{q: {value}}}", "good": "{q: [1, a]}"}, "get")
    made = verified(capability(GRAMMAR, tools=text))
    assert found_in(made) == [(code, 18)]
    assert list(units(made)) == ["good"]


def test_a_reference_of_the_other_adapter_is_one() -> None:
    made = verified(
        capability(
            GRAMMAR,
            routes=calls("rest", {"r": "{q: tools.x, id: rest.id}"}, "get", "/{id}"),
            tools=calls("tools", {"t": "{q: rest.x, n: '{{rest.y}}'}"}, "get"),
        )
    )
    assert [
        (found.code, found.span.line)
        for found in made.diagnostics
        if found.code == "NAF409" and "adapter" not in found.message
    ] == [("NAF409", 20), ("NAF409", 24), ("NAF409", 24)]
    assert fed(units(made)["r"]) == {"id": "id", "q": "x"}
    assert fed(units(made)["t"]) == {"id": "id", "q": "x", "n": "y"}


KEYS = api("""\
    - path: /things/{thing-id}
      operations:
      - name: get
        method: GET
        inputParameters:
        - {name: pageSize, in: query, type: integer}
        - {name: X-Trace, in: header}
        - {name: needed, in: query, required: true}
        - {name: maybe, in: query}
        - {name: both, in: query}
        - {name: both, in: header}
""")


@pytest.mark.parametrize(
    ("given", "feeds", "found"),
    [
        ("{thing-id: tools.a}", {"thing-id": "a"}, []),
        ("{thingId: tools.a, page_size: 5}", {"thing-id": "a", "pageSize": (5,)}, []),
        ("{THING_ID: tools.a, x_trace: x}", {"thing-id": "a", "X-Trace": ("x",)}, []),
        ("{needed: tools.maybe}", {"needed": "maybe"}, []),
        ("{thing_id: tools.a, thing-id: tools.b}", {"thing-id": "b"}, [404]),
        ("{thing_id: tools.a, thingId: tools.b}", {"thing-id": "a"}, [404]),
        ("{other: tools.a}", {"other": "a"}, [404]),
        ("{7: tools.a}", {"7": "a"}, [404]),
        ("{on: tools.a}", {"on": "a"}, [404]),
        ("{'': tools.a}", {}, [404]),
        ("{maybe: tools.needed}", {"maybe": "needed"}, []),
        ("{}", {}, []),
        ("{both: tools.b}", {"both": "b"}, []),
        (
            "null",
            {"pageSize": "pageSize", "X-Trace": "X-Trace", "maybe": "maybe"}
            | {"both": "both"},
            [],
        ),
    ],
)
def test_keys_and_what_they_leave_out(
    given: str, feeds: dict[str, object], found: list[int]
) -> None:
    """What the call needs and is not given is asked for by its own name."""
    text = calls("tools", {"t": given}, "get")
    made = verified(capability(KEYS, tools=text))
    assert found_in(made) == [(f"NAF{code}", 24) for code in found]
    unit = units(made)["t"]
    assert fed(unit) == {"thing-id": "thing-id", "needed": "needed"} | feeds
    assert set(asked(unit)) == {f for f in fed(unit).values() if isinstance(f, str)}


PLACES = api("""\
    - path: /things
      operations:
      - {name: find, method: GET}
      - {name: add, method: POST}
      - name: set
        method: PUT
        body: {type: json, data: {title: '{{tools.name}}', kind: 1}}
      - {name: put, method: PATCH, inputParameters: [{name: body, in: body, type: object}]}
      - {name: clear, method: DELETE}
      - {name: drop, method: DELETE, inputParameters: [{name: id, in: query}]}
""")
LAST = PLACES.count("\n") + 9
"""The line of the first tool that calls them."""


def declaring(operation: str, names: str, given: str = "") -> str:
    """A tool with inputs, that calls an operation."""
    inputs = "".join(
        f"{{name: {name}, type: integer, description: D}}, " for name in names.split()
    )
    text = f"name: t, description: D, call: shop.{operation}"
    return f"    - {{{text}, inputParameters: [{inputs}]{given}}}\n"


@pytest.mark.parametrize(
    ("operation", "names", "given", "feeds", "found"),
    [
        ("find", "page size", "", {"page": "page", "size": "size"}, ["NAF404"]),
        ("add", "a b", "", {"a": "a", "b": "b"}, ["NAF404"]),
        ("set", "name more", "", {"name": "name", "more": "more"}, ["NAF404"]),
        ("put", "a b", "", {"body": {"a": "a", "b": "b"}}, ["NAF404"]),
        ("drop", "id", "", {"id": "id"}, []),
        ("drop", "other", "", {}, ["NAF404"]),
        ("find", "Authorization", "", {}, ["NAF404"]),
        ("find", "page", ", with: {}", {}, ["NAF404"]),
        ("find", "page p", ", with: {q: tools.p}", {"q": "p"}, ["NAF404"]),
    ],
)
def test_inputs_without_with_are_given_by_their_names(
    operation: str, names: str, given: str, feeds: dict[str, str], found: list[str]
) -> None:
    made = verified(capability(PLACES, tools=declaring(operation, names, given)))
    assert sorted({code for code, line in found_in(made) if line == LAST}) == found
    assert fed(units(made)["t"]) == feeds


@pytest.mark.parametrize("given", ["", ", with: {}"])
def test_an_input_that_a_delete_of_all_has_no_place_for(given: str) -> None:
    tools = declaring("clear", "id", given) + calls("tools", {"u": "{}"}, "find")
    made = verified(capability(PLACES, tools=tools))
    assert ("NAF402", LAST) in found_in(made)
    assert list(units(made)) == ["u"]


BOTH = {"whole": "{body: tools.body}", "members": "{name: tools.name, kind: 2}"}


@pytest.mark.parametrize("order", [["whole", "members"], ["members", "whole"]])
def test_a_whole_body_leaves_no_place_for_its_members(order: list[str]) -> None:
    text = calls("tools", {name: BOTH[name] for name in order}, "set")
    made = verified(capability(PLACES, tools=text))
    assert fed(units(made)["whole"]) == {"body": "body"}
    assert list(units(made)) == ["whole"]
    line = LAST + order.index("members")
    assert {where for code, where in found_in(made) if code == "NAF901"} == {line}
