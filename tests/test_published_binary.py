"""Bodies of bytes: one input, sent as it is."""

from __future__ import annotations

import pytest
from bodies_support import (
    OPERATION,
    ROUTE,
    TOOL,
    asked,
    compiled,
    found_in,
    operation_of,
    request,
    route_of,
    sent,
    spec,
    tool_of,
    verified,
)
from compile_support import files_of
from nafgen.program import Route

DATA = b"\x89PNG\r\n\x1a\n\x00\xff"
BLOCK = "body: {type: binary, data: '{{tools.file}}'}"
SIZED = BLOCK + ", inputParameters: [{name: size, in: query}]"
HEADER = "{name: Content-Type, in: header, value: image/png}"


def of_type(written: str) -> str:
    return f"body: {{type: '{written}', data: '{{{{tools.file}}}}'}}"


@pytest.mark.parametrize(
    ("written", "media_type"),
    [
        ("binary", "application/octet-stream"),
        ("Binary", "application/octet-stream"),
        ("octet-stream", "application/octet-stream"),
        ("octet_stream", "application/octet-stream"),
        ("application/octet-stream", "application/octet-stream"),
        ("image/png", "image/png"),
        ("audio/mpeg", "audio/mpeg"),
        ("video/mp4; codecs=avc1", "video/mp4; codecs=avc1"),
        ("font/woff2", "font/woff2"),
        ("application/pdf", "application/pdf"),
        ("application/zip", "application/zip"),
        (
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ],
)
def test_types(written: str, media_type: str) -> None:
    made = verified(spec(of_type(written)))
    operation = operation_of(made)
    assert (operation.encoding, operation.media_type) == ("binary", media_type)
    assert found_in(made, notes=True) == []
    got = request(made, tool_of(made), file=DATA)
    assert (got.headers["content-type"], got.body) == (media_type, DATA)


@pytest.mark.parametrize(
    ("type_", "encoding"),
    [
        ("image/svg+xml", "xml"),
        ("text/csv", "text"),
        ("application/sparql-query", "text"),
        ("application/yaml", "text"),
    ],
)
def test_types_of_text_stay_text(type_: str, encoding: str) -> None:
    assert operation_of(verified(spec(of_type(type_)))).encoding == encoding


@pytest.mark.parametrize(
    ("operation", "name", "type_", "notes"),
    [
        (BLOCK, "file", "bytes", []),
        ("body: {type: binary, data: '  {{ file }} '}", "file", "bytes", []),
        ("body: {type: octet-stream, data: {content: '{{tools.content}}'}}",
         "content", "bytes", [("NAF409", OPERATION)]),
        ("body: {type: binary}", "body", "bytes", [("NAF412", OPERATION)]),
        ("body: {type: binary, data: {}}", "body", "bytes", [("NAF412", OPERATION)]),
        ("body: {type: binary}, inputParameters: [{name: body, in: body, type: string,"
         " required: true}]", "body", "bytes!", []),
        ("body: {type: binary}, inputParameters: [{name: file, in: body, type: object}]",
         "file", "bytes", []),
        (BLOCK + ", inputParameters: [{name: file, in: body, required: true}]",
         "file", "bytes!", []),
        (f"inputParameters: [{HEADER}]", "body", "bytes", [("NAF412", OPERATION)]),
        (f"inputParameters: [{HEADER}, {{name: body, in: body, required: true}}]",
         "body", "bytes!", []),
        (f"inputParameters: [{HEADER}, {{name: picture, in: body}}]",
         "picture", "bytes", []),
        (f"body: '{{{{tools.file}}}}', inputParameters: [{HEADER}]", "file", "bytes", []),
    ],
)  # fmt: skip
def test_the_body_is_one_input(
    operation: str, name: str, type_: str, notes: list[tuple[str, int]]
) -> None:
    made = verified(spec(operation))
    assert found_in(made, notes=True) == notes
    assert asked(tool_of(made)) == {name: type_}
    assert asked(route_of(made)) == {name: f"{type_} body"}
    for unit in (tool_of(made), route_of(made)):
        assert sent(made, unit, **{name: DATA}) == DATA


@pytest.mark.parametrize(
    "data",
    [
        "hello",
        "'a {{tools.x}}'",
        "'{{tools.x}}{{tools.y}}'",
        "'{{TENANT}}'",
        "5",
        "[1]",
        "['{{tools.x}}']",
        "{a: text}",
        "{a: 5}",
        "{a: '{{tools.x}}', b: '{{tools.y}}'}",
        "{a: {b: '{{tools.x}}'}}",
    ],
)
def test_what_a_spec_writes_itself_is_refused(data: str) -> None:
    made = compiled(spec(f"body: {{type: binary, data: {data}}}"))
    found = next(f for f in made.diagnostics if f.code == "NAF902")
    assert (found.span.line, "tools.file" in found.hint) == (OPERATION, True)
    assert made.package is None


@pytest.mark.parametrize(
    "operation",
    [
        "body: {type: binary},"
        " inputParameters: [{name: a, in: body}, {name: b, in: body}]",
        "body: {type: binary}, inputParameters: [{name: body, in: body, value: text}]",
        f"inputParameters: [{HEADER}, {{name: a, in: body}}, {{name: b, in: body}}]",
        f"body: text, inputParameters: [{HEADER}]",
    ],
)
def test_bytes_have_no_members_and_are_no_constant(operation: str) -> None:
    assert ("NAF902", OPERATION) in found_in(compiled(spec(operation)))


@pytest.mark.parametrize(
    ("route", "tool", "inputs"),
    [
        ("inputParameters: [{name: file, in: body, type: string}]",
         "inputParameters: [{name: file, type: string, required: false}]", "file"),
        ("inputParameters: [{name: up, in: body}], with: {file: rest.up}",
         "inputParameters: [{name: up, required: false}], with: {file: tools.up}", "up"),
        ("with: {file: rest.up}", "with: {file: tools.up}", "up"),
        ("with: {file: rest.body.up}", "with: {file: '{{tools.up}}'}", "up"),
        # A call may give the whole body by that name, whatever the block calls it.
        ("with: {body: rest.up}", "with: {body: tools.up}", "up"),
    ],
)  # fmt: skip
def test_inputs_take_bytes_whatever_they_declare(
    route: str, tool: str, inputs: str
) -> None:
    made = verified(spec(BLOCK, route, tool))
    for unit in (tool_of(made), route_of(made)):
        assert asked(unit)[inputs].startswith("bytes")
        assert sent(made, unit, **{inputs: DATA}) == DATA
        assert not isinstance(unit, Route) or unit.inputs[0].whole


@pytest.mark.parametrize(
    ("route", "tool", "found"),
    [
        ("with: {file: text}", "with: {file: text}",
         [("NAF902", ROUTE), ("NAF902", TOOL)]),
        ("with: {file: 5}", "with: {file: '{{TENANT}}'}",
         [("NAF902", ROUTE), ("NAF902", TOOL)]),
        ("with: {file: {a: rest.b}}", "with: {file: [tools.a]}",
         [("NAF902", ROUTE), ("NAF902", TOOL)]),
        ("inputParameters: [{name: file, in: body, value: a}]",
         "inputParameters: [{name: file, value: a}]",
         [("NAF902", ROUTE), ("NAF902", TOOL)]),
        ("with: {file: rest.a, size: rest.a}", "with: {file: tools.a, size: tools.a}",
         [("NAF902", ROUTE), ("NAF902", TOOL)]),
        ("inputParameters: [{name: file, in: query}]", "", [("NAF908", ROUTE)]),
        ("inputParameters: [{name: file, in: header}]", "", [("NAF908", ROUTE)]),
    ],
)  # fmt: skip
def test_what_cannot_be_bytes_costs_its_unit(
    route: str, tool: str, found: list[tuple[str, int]]
) -> None:
    assert found_in(verified(spec(SIZED, route, tool))) == found


def test_a_route_that_gets_takes_bytes_only_where_they_are_needed() -> None:
    needed = BLOCK + ", inputParameters: [{name: file, in: body, required: true}]"
    assert asked(route_of(verified(spec(needed, by="GET")))) == {"file": "bytes! body"}
    assert asked(route_of(verified(spec(BLOCK, by="GET")))) == {}


def test_parameters_of_a_type_that_is_called_bytes_are_text() -> None:
    written = "inputParameters: [{name: a, in: query, type: bytes}]"
    assert asked(tool_of(verified(spec(written, method="GET")))) == {"a": "string"}


def test_tools_ask_for_base64_and_routes_for_the_body_itself() -> None:
    files = files_of(verified(spec(of_type("image/png"))))
    schema = '"file": {"type": "string", "contentEncoding": "base64"}'
    assert schema in files["mcp_server.py"]
    assert 'Body(media_type="image/png")' in files["app.py"]
