"""Avro answers as JSON values."""

from __future__ import annotations

import base64
import io
import json
import math
import warnings
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import httpx
from avro.errors import AvroException, AvroWarning
from avro.io import BinaryDecoder, DatumReader
from avro.schema import parse

from .answers import BytesReader, UpstreamError


def avro_value(schema: Any) -> BytesReader:
    """Reads one datum, without a header before it, by its schema.

    Unions are the value in them. Bytes are text in base64; dates, times, decimals and
    numbers that are infinite or none are text, as in `2024-01-31T12:00:00Z`.
    """
    with warnings.catch_warnings():
        # Logical types that nobody knows are what they are made of.
        warnings.simplefilter("ignore", AvroWarning)
        parsed = parse(json.dumps(schema))

    def read(response: httpx.Response) -> Any:
        content = io.BytesIO(response.content)
        try:
            value = _plain(DatumReader(parsed).read(BinaryDecoder(content)))
        except (AvroException, ValueError, ArithmeticError, RecursionError):
            raise UpstreamError(response, "with broken Avro") from None
        if content.read(1):
            raise UpstreamError(response, "with broken Avro")
        return value

    return BytesReader(read)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list():
            return [_plain(item) for item in value]
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case datetime():
            utc = value.astimezone(UTC).isoformat()
            return utc.removesuffix("+00:00") + "Z"
        case date() | time():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
