"""A message of Protocol Buffers, and the JSON value that stands in it.

What generated packages read it with is other code, so that one mistake cannot hide in
both.
"""

from __future__ import annotations

import base64
from importlib import import_module
from typing import Any, Final, TypeAlias

from .protobuf_schemas import COMMON_FILES
from .wire import ProtobufSchema

Sample: TypeAlias = tuple[bytes, Any]

_SHALLOW: Final = 4
"""Messages inside one another up to which all members are filled."""
_COMMON: Final = "google.protobuf."
_TEXT: Final = frozenset({"INT64", "UINT64", "SINT64", "FIXED64", "SFIXED64"})
_SCALARS: Final[dict[str, Any]] = {
    "STRING": "aü",
    "BYTES": b"\x00\xff",
    "BOOL": True,
    "DOUBLE": 0.1,
    "FLOAT": 0.5,
}


def sample(schema: ProtobufSchema) -> Sample:
    """A message with a value for all that its type has room for."""
    # Imported here, for few specs have one.
    from google.protobuf import descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    for name in COMMON_FILES:
        common = import_module(f"google.protobuf.{name}_pb2")
        pool.AddSerializedFile(common.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(base64.b64decode(schema.file))
    kind = pool.FindMessageTypeByName(schema.message)
    message = message_factory.GetMessageClass(kind)()
    held = _fill(message, 0)
    return message.SerializeToString(deterministic=True), held


def _fill(message: Any, depth: int) -> dict[str, Any]:
    """Give a message values; the JSON value that it has then."""
    held: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        choice = field.containing_oneof
        if choice is not None and choice.fields[0] is not field:
            continue
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            held[field.name] = _fill_map(message, field, depth)
        elif field.is_repeated:
            held[field.name] = _fill_list(message, field, depth)
        elif inner is None:
            value, held[field.name] = _scalar(field)
            setattr(message, field.name, value)
        elif _is_filled(inner, depth):
            part = getattr(message, field.name)
            part.SetInParent()
            held[field.name] = _fill(part, depth + 1)
    return held


def _fill_list(message: Any, field: Any, depth: int) -> list[Any]:
    items = getattr(message, field.name)
    if field.message_type is None:
        value, held = _scalar(field)
        items.extend([value, value])
        return [held, held]
    if not _is_filled(field.message_type, depth):
        return []
    return [_fill(items.add(), depth + 1) for _ in range(2)]


def _fill_map(message: Any, field: Any, depth: int) -> dict[str, Any]:
    members = getattr(message, field.name)
    key_field, value_field = field.message_type.fields
    key, held_key = _scalar(key_field)
    name = str(held_key).lower() if isinstance(held_key, bool) else str(held_key)
    if value_field.message_type is None:
        members[key], held = _scalar(value_field)
        return {name: held}
    if not _is_filled(value_field.message_type, depth):
        return {}
    return {name: _fill(members[key], depth + 1)}


def _is_filled(kind: Any, depth: int) -> bool:
    """Whether messages of a type have members here; the common ones have JSON of theirs."""
    return depth < _SHALLOW and not kind.full_name.startswith(_COMMON)


def _scalar(field: Any) -> tuple[Any, Any]:
    """A value, and what it is in JSON."""
    if field.enum_type is not None:
        first = field.enum_type.values[0]
        return first.number, first.name
    names = type(field).__dict__
    kind = next(
        name.removeprefix("TYPE_")
        for name in names
        if name.startswith("TYPE_") and getattr(field, name) == field.type
    )
    value = _SCALARS.get(kind, 7)
    if isinstance(value, bytes):
        return value, base64.b64encode(value).decode("ascii")
    return value, str(value) if kind in _TEXT else value
