"""Answers in Avro and Protocol Buffers: from a schema's file to what is served."""

from __future__ import annotations

import base64
import io
import json
import time
import uuid
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import httpx
import pytest
from cli_support import Project
from compile_support import checked, files_of
from conftest import ROOT
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from mcp_types import TextContent
from nafgen.answer_schemas import MAX_FILE
from nafgen.avro_samples import sample
from nafgen.avro_schemas import avro_schema
from nafgen.compile import Compilation, compile_spec
from nafgen.inputs import Spec
from nafgen.protobuf_schemas import protobuf_schema
from nafgen.runtime.answers import UpstreamError, decode, has_value
from nafgen.runtime.avro_answers import avro_value
from nafgen.runtime.protobuf_answers import protobuf_value
from nafgen.wire import ProtobufSchema
from running_support import running

CONFORMANCE = ROOT.parent / "shared" / "conformance"
ENGINE = CONFORMANCE / "ikanos-beta5/modules/ikanos-engine/src/test/resources"
CASE = ROOT / "tests" / "cases" / "binary-formats"
NODE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "next", "type": ["null", "Node"]}],
}


def answer(content: bytes, kind: str | None = "avro/binary") -> httpx.Response:
    headers = {} if kind is None else {"content-type": kind}
    return httpx.Response(200, content=content, headers=headers)


def written(schema: Any, value: Any) -> bytes:
    """A datum as another library writes it."""
    data = io.BytesIO()
    fastavro.schemaless_writer(data, fastavro.parse_schema(schema), value)
    return data.getvalue()


def message_of(schema: ProtobufSchema) -> Any:
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(schema.file))
    pool = descriptor_pool.DescriptorPool()
    for name in file.dependency:
        common = descriptor_pool.Default().FindFileByName(name)
        pool.AddSerializedFile(common.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.message))()


def record(**fields: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": "Answer",
        "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
    }


LOGICAL = record(
    day={"type": "int", "logicalType": "date"},
    moment={"type": "long", "logicalType": "timestamp-micros"},
    clock={"type": "int", "logicalType": "time-millis"},
    price={"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    id={"type": "string", "logicalType": "uuid"},
    odd={"type": "string", "logicalType": "nobody-knows"},
)


@pytest.mark.parametrize(
    ("schema", "value", "read"),
    [
        ("long", -(2**63), -(2**63)),
        ("string", "ünï", "ünï"),
        ("null", None, None),
        ("bytes", b"\x00\xff", "AP8="),
        ({"type": "fixed", "name": "F", "size": 2}, b"\x00\xff", "AP8="),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
        ("double", float("nan"), "nan"),
        ("double", float("-inf"), "-inf"),
        (["null", "string", record(a="int")], {"a": 1}, {"a": 1}),
        (["null", "string"], None, None),
        ({"type": "map", "values": "boolean"}, {"a": True}, {"a": True}),
        (NODE, {"next": {"next": None}}, {"next": {"next": None}}),
        (
            record(list={"type": "array", "items": ["null", "int"]}, of="float"),
            {"list": [1, None], "of": 0.5},
            {"list": [1, None], "of": 0.5},
        ),
        (
            LOGICAL,
            {
                "day": date(2024, 1, 31),
                "moment": datetime(2024, 1, 31, 12, 0, 0, 5, UTC),
                "clock": time_of_day(1, 2, 3, 4000),
                "price": Decimal("-12.30"),
                "id": uuid.UUID(int=1),
                "odd": "x",
            },
            {
                "day": "2024-01-31",
                "moment": "2024-01-31T12:00:00.000005Z",
                "clock": "01:02:03.004000",
                "price": "-12.30",
                "id": "00000000-0000-0000-0000-000000000001",
                "odd": "x",
            },
        ),
    ],
)
def test_avro(schema: Any, value: Any, read: Any) -> None:
    declared = avro_schema(json.dumps(schema).encode()).declared
    assert decode(answer(written(schema, value)), avro_value(declared)) == read


@pytest.mark.parametrize(
    "schema", [LOGICAL, NODE, [NODE, "null"], {"type": "array", "items": NODE}]
)
def test_samples_are_what_another_library_reads(schema: Any) -> None:
    data, held = sample(schema)
    content = io.BytesIO(data)
    fastavro.schemaless_reader(content, fastavro.parse_schema(schema), None)
    assert content.read() == b""
    assert decode(answer(data), avro_value(schema)) == held


@pytest.mark.parametrize(
    ("schema", "content"),
    [
        ("string", b"\x04a"),
        ("string", b"\x04\xff\xff"),
        ("string", b"\x02ab"),
        ("string", b"\x01"),
        ("string", b"\xfe\xff\xff\xff\x0f"),
        ("long", b"\xff" * 1_000_000 + b"\x01"),
        (NODE, b"\x02" * 1_000_000 + b"\x00"),
        ({"type": "array", "items": "string"}, b"\xfe\xff\xff\xff\x0f\x00"),
        ({"type": "array", "items": "null"}, b"\xfe\xff\xff\xff\xff\xff\xff\x0f\x00"),
        ({"type": "map", "values": "null"}, b"\xfe\xff\xff\xff\x0f\x00"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x08"),
        (["null", "int"], b"\x08"),
        ({"type": "int", "logicalType": "date"}, b"\xfe\xff\xff\xff\x0f"),
        (LOGICAL, b"Obj\x01 a container file"),
    ],
    ids=range(14),
)
def test_broken_or_hostile_avro_is_an_error(schema: Any, content: bytes) -> None:
    started = time.process_time()
    with pytest.raises(UpstreamError, match="answered with broken Avro"):
        decode(answer(content), avro_value(schema))
    assert time.process_time() - started < 1


PROTO = b"""
syntax = "proto3";
package depot.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/any.proto";
// A page of parts.
message Page {
  option deprecated = true;
  reserved 100 to 200, 300; reserved "old";
  repeated Part all_parts = 1;
  oneof next { string cursor = 2; int64 number = 3; }
  map<string, Part.Kind> kinds = 4;
  google.protobuf.Timestamp made = 5;
  optional bool last = 6;
  google.protobuf.Any more = 7;
  Page before = 8;
}
message Part {
  enum Kind { option allow_alias = true; NONE = 0; BOLT = 1; SCREW = 1; }
  int64 id = 1; bytes code = 2; Kind kind = 3; double weight = 4 [json_name = "w"];
}
service Depot { rpc List(Page) returns (stream Page); }
"""
EMPTY: dict[str, Any] = {"all_parts": [], "kinds": {}}
BOLT = {"id": "-7", "code": "AP8=", "kind": "BOLT", "weight": 0.5}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", EMPTY),
        (
            'all_parts { id: -7 code: "\\000\\377" kind: SCREW weight: 0.5 }',
            {"all_parts": [BOLT], "kinds": {}},
        ),
        ('cursor: "é" last: false', {**EMPTY, "cursor": "é", "last": False}),
        ("number: 9007199254740993", {**EMPTY, "number": "9007199254740993"}),
        ('kinds { key: "a" value: 7 }', {"all_parts": [], "kinds": {"a": 7}}),
        (
            "made { seconds: 1 nanos: 5000000 }",
            {**EMPTY, "made": "1970-01-01T00:00:01.005Z"},
        ),
        ("before { before {} }", {**EMPTY, "before": {**EMPTY, "before": EMPTY}}),
        (
            "all_parts { weight: nan }",
            {
                "all_parts": [{"id": "0", "code": "", "kind": "NONE", "weight": "NaN"}],
                "kinds": {},
            },
        ),
    ],
)
def test_protobuf(text: str, read: Any) -> None:
    from google.protobuf import text_format

    schema = protobuf_schema(PROTO)
    assert schema.message == "depot.v1.Page"
    message = text_format.Parse(text, message_of(schema))
    content = message.SerializeToString()
    response = answer(content or b"\x92\x01\x00", "application/x-protobuf")
    assert decode(response, protobuf_value(schema.message, schema.file)) == read


def test_proto2() -> None:
    schema = protobuf_schema(
        b"message A { required int32 a = 1; optional group B = 2 { optional int32 c = 1; }"
        b" repeated int32 d = 3 [packed = true]; extensions 100 to 199; }"
        b" extend A { optional int32 e = 100; }"
    )
    message = message_of(schema)
    message.a, message.b.c = 1, 2
    message.d.extend([3, 4])
    response = answer(message.SerializeToString(), None)
    read = protobuf_value(schema.message, schema.file)
    assert decode(response, read) == {"a": 1, "b": {"c": 2}, "d": [3, 4]}


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x12\x02\xff\xff",
        b"text",
        b"\x42\x7f" * 1000,
        # A time of no calendar, and a message of a type that nobody knows.
        b"\x2a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x3a\x05\x0a\x03x/y",
    ],
)
def test_broken_or_hostile_messages_are_errors(content: bytes) -> None:
    schema = protobuf_schema(PROTO)
    read = protobuf_value(schema.message, schema.file)
    with pytest.raises(UpstreamError, match="answered with a broken message"):
        decode(answer(content, None), read)


def test_messages_inside_one_another() -> None:
    schema = protobuf_schema(PROTO)
    content = b""
    for _ in range(2000):
        length = len(content)
        content = b"\x42" + bytes([length & 127 | 128, length >> 7]) + content
    with pytest.raises(UpstreamError, match="broken message"):
        decode(answer(content, None), protobuf_value(schema.message, schema.file))


@pytest.mark.parametrize(
    ("kind", "content", "value"),
    [
        ("application/json", b'{"error": 1}', {"error": 1}),
        ("text/plain", b"down", "down"),
        ("image/png", b"\x04ab", b"\x04ab"),
        ("application/octet-stream", b"\x04ab", "ab"),
        ("application/avro", b"\x04ab", "ab"),
        (None, b"\x04ab", "ab"),
        (None, b"\x04{}", "{}"),
    ],
)
def test_what_contradicts_the_schema_is_passed_on(
    kind: str | None, content: bytes, value: Any
) -> None:
    read = avro_value("string")
    assert decode(answer(content, kind), read) == value
    is_value = not isinstance(value, bytes) and kind != "text/plain"
    assert has_value(answer(content, kind), read) == is_value


# --- schemas ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'"NaN"', "no Avro schema"),
        (b"3", "no Avro schema"),
        (b'{"type": "record", "name": "A"}', "no Avro schema"),
        (b'{"type": "array", "items": ' * 70 + b'"int"' + b"}" * 70, "too deep"),
        (json.dumps(record(a="Answer")).encode(), "it holds itself"),
    ],
)
def test_what_is_no_avro_schema(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        avro_schema(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it has no message"),
        (b"\xff", "it cannot be compiled"),
        (b"message A {", "line 1 is not understood"),
        (b"\nmessage A { B b = 1; }", "it cannot be compiled"),
        (b"message A { optional B b = 1; }", "couldn't resolve name 'B'"),
        (b"message A { optional int32 b = 0; }", "invalid field number"),
        (b"message A { optional int32 b = 99999999999; }", "out of range"),
        (b'import "other.proto"; message A {}', "it imports"),
        (b'edition = "2023"; message A {}', "neither of proto2 nor of proto3"),
        (b"message A {" * 1000 + b"}" * 1000, "it cannot be compiled"),
    ],
)
def test_what_is_no_file_of_messages(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        protobuf_schema(data)


# --- what is built ---------------------------------------------------------------


def compiled(**changes: bytes) -> Compilation:
    files = {path.name: path.read_bytes() for path in CASE.glob("*.*")}
    files |= changes
    return compile_spec(Spec(shown="spec.yaml", relative="spec.yaml"), files.get)


def test_clients_routes_and_tools_read_what_other_libraries_write(
    tmp_path: Path,
) -> None:
    made = checked(compiled())
    declared = json.loads((CASE / "things.avsc").read_bytes())
    moment = datetime(2024, 1, 31, tzinfo=UTC)
    part = {"id": 1, "label": "Cup", "made": moment, "inside": []}
    parts = written(declared, {"parts": [part, {**part, "label": None}]})
    prices = message_of(protobuf_schema((CASE / "things.proto").read_bytes()))
    prices.prices.add(part_id="p", cents=2**60, unit=1)
    prices.valid_until.seconds = 60

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/parts":
            return answer(parts, "application/avro")
        return answer(prices.SerializeToString(), "application/octet-stream")

    with running(made, tmp_path, "Depot", respond) as package:
        assert package.call("list_parts")["parts"][0] == {
            "id": 1,
            "label": "Cup",
            "made": "2024-01-31T00:00:00Z",
            "inside": [],
        }
        assert package.call("list_prices") == {
            "prices": [
                {"part_id": "p", "cents": str(2**60), "unit": "PIECE", "discounts": {}}
            ],
            "valid_until": "1970-01-01T00:01:00Z",
        }
        mapped = package.ask("GET", "/parts")
        assert mapped.json() == [{"id": 1, "name": "Cup"}, {"id": 1, "name": None}]
        passed_on = package.ask("GET", "/prices")
        assert passed_on.content == prices.SerializeToString()
        assert passed_on.headers["content-type"] == "application/octet-stream"
        [content] = package.use("prices").content
        assert isinstance(content, TextContent)
        assert json.loads(content.text) == [{"part": "p", "cents": str(2**60)}]


def test_a_schema_is_looked_for_beside_the_file_that_names_it() -> None:
    spec = (
        "naftiko: 1.0.0-alpha2\ncapability:\n  consumes:\n"
        "  - {location: shared/apis.yaml, import: depot}\n"
    )
    apis = (
        "naftiko: 1.0.0-alpha2\nconsumes:\n"
        "- {type: http, namespace: depot, baseUri: https://depot.test, resources:"
        " [{path: /a, operations: [{name: a, method: GET, outputRawFormat: avro,"
        " outputSchema: schemas/a.avsc}]}]}\n"
    )
    files = {
        "spec.yaml": spec.encode(),
        "shared/apis.yaml": apis.encode(),
        "shared/schemas/a.avsc": b'"string"',
    }
    made = checked(
        compile_spec(Spec(shown="spec.yaml", relative="spec.yaml"), files.get)
    )
    assert made.package
    assert set(made.package.inputs) == set(files)
    assert 'avro_value("string")' in files_of(made)["client.py"]


def test_a_change_of_a_schema_is_a_change_of_the_spec(tmp_path: Path) -> None:
    project = Project(tmp_path)
    for path in CASE.glob("things.*"):
        project.write(f"specs/{path.name}", path.read_text())
    spec = (CASE / "spec.yaml").read_text()
    project.write("specs/depot.yaml", spec)
    assert project("build").code == 0
    times = project.times
    assert project("build").code == 0
    assert project.times == times
    client = tmp_path / "generated" / "depot" / "client.py"
    assert '"label"' in client.read_text()
    schema = (CASE / "things.avsc").read_text()
    project.write("specs/things.avsc", schema.replace("label", "title"))
    assert project("build", "--check").code == 1
    assert project("build").code == 0
    assert '"title"' in client.read_text()


def test_schemas_outside_the_specs_folder_are_not_read(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("things.avsc", '"string"')
    project.write("specs/things.proto", (CASE / "things.proto").read_text())
    spec = (CASE / "spec.yaml").read_text().replace("./things.avsc", "../things.avsc")
    project.write("specs/depot.yaml", spec)
    assert "NAF503" in project("validate").err


def test_a_schema_is_bounded() -> None:
    data = b'"' + b"x" * MAX_FILE + b'"'
    made = compiled(**{"things.avsc": data})
    assert "more than 262,144 bytes" in str(made.diagnostics[0])


@pytest.mark.skipif(not ENGINE.is_dir(), reason="the engine's own specs are not here")
@pytest.mark.parametrize("name", ["avro", "proto"])
def test_the_engines_own_spec(name: str, tmp_path: Path) -> None:
    suffix = {"avro": "avsc", "proto": "proto"}[name]
    schema = (ENGINE / "schemas" / f"test-records.{suffix}").read_bytes()
    text = (ENGINE / "formats" / f"{name}-capability.yaml").read_text()
    declared = f"outputRawFormat: {'avro' if name == 'avro' else 'protobuf'}"
    assert declared in text
    indent = " " * (
        text.index(declared) - text.rindex("\n", 0, text.index(declared)) - 1
    )
    text = text.replace(declared, f"{declared}\n{indent}outputSchema: records.{suffix}")
    files = {"spec.yaml": text.encode(), f"records.{suffix}": schema}
    made = checked(
        compile_spec(Spec(shown="spec.yaml", relative="spec.yaml"), files.get)
    )
    records = [{"id": "1", "title": "One", "description": "First"}]
    if name == "avro":
        content = written(json.loads(schema), {"records": records})
    else:
        message = message_of(protobuf_schema(schema))
        message.records.add(**records[0])
        content = message.SerializeToString()

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/records"
        return answer(content, "application/octet-stream")

    client = "MockAvro" if name == "avro" else "MockProto"
    with running(made, tmp_path, client, respond) as package:
        assert package.ask("GET", f"/{name}/records").json() == records
