"""Answers in Protocol Buffers as JSON values."""

from __future__ import annotations

import base64
from typing import Any, Final

import httpx
from google.protobuf import (  # type: ignore[import-untyped, unused-ignore]
    any_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    json_format,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.message import (  # type: ignore[import-untyped, unused-ignore]
    DecodeError,
)

from .answers import BytesReader, UpstreamError

_COMMON: Final = (
    any_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
"""The files that all others may import."""


def protobuf_value(message: str, file: str) -> BytesReader:
    """Reads one message by the full name of its type, and by the file that defines it, a
    FileDescriptorProto in base64.

    What is read follows ProtoJSON: integers of 64 bits are text, bytes are in base64,
    values of enums are names. Members have the names of the file, and those that always
    have a value are never left out.
    """
    pool = descriptor_pool.DescriptorPool()
    for common in _COMMON:
        pool.AddSerializedFile(common.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(base64.b64decode(file))
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName(message))

    def read(response: httpx.Response) -> Any:
        try:
            return json_format.MessageToDict(
                made.FromString(response.content),
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
                descriptor_pool=pool,
            )
        except (DecodeError, ValueError, TypeError, RecursionError):
            raise UpstreamError(response, "with a broken message") from None
        except json_format.Error:
            raise UpstreamError(response, "with a broken message") from None

    return BytesReader(read)
