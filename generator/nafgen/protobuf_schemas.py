"""Files of Protocol Buffers: the only user of proto_schema_parser, and of protobuf."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from .diagnostics import show
from .wire import ProtobufSchema

if TYPE_CHECKING:
    from proto_schema_parser import ast

_FILE: Final = "answer.proto"
_COMMON: Final = "google/protobuf/"
COMMON_FILES: Final = tuple(
    "any duration empty field_mask struct timestamp wrappers".split()
)
"""Files of Google that all others may import."""
_CARDINALITY: Final = {"OPTIONAL": 1, "REQUIRED": 2, "REPEATED": 3}


def protobuf_schema(data: bytes) -> ProtobufSchema:
    """The first message in a file, with all that it is made of.

    Raises:
        ValueError: it is no such file, or imports others; the message says why.
    """
    # Imported here, for few specs have one.
    from google.protobuf import descriptor_pb2, descriptor_pool

    try:
        made = _File(_parsed(data.decode()))
        pool = descriptor_pool.DescriptorPool()
        for name in COMMON_FILES:
            common = import_module(f"google.protobuf.{name}_pb2")
            pool.AddSerializedFile(common.DESCRIPTOR.serialized_pb)
        pool.Add(made.proto)
        # Names of types are looked up now, and are full ones afterwards.
        file = descriptor_pb2.FileDescriptorProto()
        pool.FindFileByName(_FILE).CopyToProto(file)
    except (TypeError, KeyError, AttributeError, RecursionError, UnicodeError) as error:
        reason = str(error).removeprefix(
            "Couldn't build proto file into descriptor pool"
        )
        raise ValueError(f"it cannot be compiled: {show(reason.strip(' :'))}") from None
    if not made.proto.message_type:
        raise ValueError("it has no message")
    name = made.proto.message_type[0].name
    package = made.proto.package
    text = base64.b64encode(file.SerializeToString(deterministic=True)).decode()
    return ProtobufSchema(f"{package}.{name}" if package else name, text)


def _parsed(text: str) -> ast.File:
    from antlr4.error.ErrorListener import ErrorListener
    from proto_schema_parser.parser import Parser

    class Strict(ErrorListener):  # type: ignore[misc]
        def syntaxError(  # noqa: N802
            self, recognizer: Any, symbol: Any, line: int, *about: Any
        ) -> None:
            raise ValueError(f"line {line} is not understood")

    def strict(part: Any) -> None:
        part.removeErrorListeners()
        part.addErrorListener(Strict())

    return Parser(setup_lexer=strict, setup_parser=strict).parse(text)


class _File:
    """A file as a FileDescriptorProto.

    What does not change how messages are read is left out: services, extensions, names
    and numbers that are reserved, and most options.
    """

    def __init__(self, file: ast.File) -> None:
        from google.protobuf import descriptor_pb2
        from proto_schema_parser import ast

        if file.edition or file.syntax not in (None, "proto2", "proto3"):
            raise ValueError("it is neither of proto2 nor of proto3")
        self._ast = ast
        self._is_3 = file.syntax == "proto3"
        self.proto = descriptor_pb2.FileDescriptorProto(
            name=_FILE, syntax=file.syntax or "proto2"
        )
        for element in file.file_elements:
            match element:
                case ast.Package(name=name):
                    self.proto.package = name
                case ast.Import(name=name):
                    self._import(name)
                case ast.Message():
                    self._message(element, self.proto.message_type.add())
                case ast.Enum():
                    self._enum(element, self.proto.enum_type.add())

    def _import(self, path: str) -> None:
        name = path.removeprefix(_COMMON).removesuffix(".proto")
        if path != f"{_COMMON}{name}.proto" or name not in COMMON_FILES:
            raise ValueError(f"it imports {show(path)}: one file must hold all")
        self.proto.dependency.append(path)

    def _message(self, message: ast.Message | ast.Group, proto: Any) -> None:
        proto.name = message.name
        self._elements(message.elements, proto)
        # The oneofs of optional fields come after all others.
        for field in proto.field:
            if field.proto3_optional:
                field.oneof_index = len(proto.oneof_decl)
                proto.oneof_decl.add().name = f"_{field.name}"

    def _elements(self, elements: Iterable[Any], proto: Any, oneof: int = -1) -> None:
        ast = self._ast
        for element in elements:
            match element:
                case ast.Field():
                    self._field(element, proto, oneof)
                case ast.MapField():
                    self._map(element, proto)
                case ast.Group():
                    self._group(element, proto, oneof)
                case ast.OneOf(name=name, elements=choices):
                    proto.oneof_decl.add().name = name
                    self._elements(choices, proto, len(proto.oneof_decl) - 1)
                case ast.Message():
                    self._message(element, proto.nested_type.add())
                case ast.Enum():
                    self._enum(element, proto.enum_type.add())

    def _field(self, field: ast.Field, proto: Any, oneof: int) -> None:
        made = proto.field.add(name=field.name, number=field.number)
        cardinality = field.cardinality.value if field.cardinality else ""
        made.label = _CARDINALITY.get(cardinality, 1)
        _set_type(made, field.type)
        if oneof >= 0:
            made.oneof_index = oneof
        elif self._is_3 and cardinality == "OPTIONAL":
            made.proto3_optional = True

    def _group(self, group: ast.Group, proto: Any, oneof: int) -> None:
        made = proto.field.add(name=group.name.lower(), number=group.number)
        made.label = _CARDINALITY[
            group.cardinality.value if group.cardinality else "OPTIONAL"
        ]
        made.type, made.type_name = made.TYPE_GROUP, group.name
        if oneof >= 0:
            made.oneof_index = oneof
        self._message(group, proto.nested_type.add())

    def _map(self, field: ast.MapField, proto: Any) -> None:
        words = field.name.split("_")
        entry = proto.nested_type.add()
        entry.name = "".join(word[:1].upper() + word[1:] for word in words) + "Entry"
        entry.options.map_entry = True
        for number, (name, kind) in enumerate(
            (("key", field.key_type), ("value", field.value_type)), 1
        ):
            _set_type(entry.field.add(name=name, number=number, label=1), kind)
        made = proto.field.add(name=field.name, number=field.number, label=3)
        made.type, made.type_name = made.TYPE_MESSAGE, entry.name

    def _enum(self, enum: ast.Enum, proto: Any) -> None:
        ast = self._ast
        proto.name = enum.name
        for element in enum.elements:
            match element:
                case ast.EnumValue(name=name, number=number):
                    proto.value.add(name=name, number=number)
                case ast.Option(name="allow_alias", value=value):
                    proto.options.allow_alias = value is True


def _set_type(field: Any, kind: str) -> None:
    """Give a field its type: that of a name is found when all names are known."""
    scalar = f"TYPE_{kind.upper()}"
    if (
        kind.islower()
        and kind not in ("message", "group", "enum")
        and hasattr(field, scalar)
    ):
        field.type = getattr(field, scalar)
    else:
        field.type_name = kind
