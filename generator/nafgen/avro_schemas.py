"""Schemas of Avro: the only user of avro, with which generated packages read too."""

from __future__ import annotations

import json
import warnings
from typing import Any, Final

from .avro_samples import sample
from .diagnostics import show
from .wire import AvroSchema

MAX_DEPTH: Final = 64
"""Values of a schema inside one another at the most."""


def avro_schema(data: bytes) -> AvroSchema:
    """The schema in a file.

    Raises:
        ValueError: it is not one; the message says why.
    """
    # Imported here, for few specs have one.
    from avro.errors import AvroException
    from avro.schema import parse

    try:
        declared = json.loads(data)
        text = json.dumps(declared, allow_nan=False)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if _depth(declared) > MAX_DEPTH:
        raise ValueError("it is too deep")
    try:
        with warnings.catch_warnings():
            # Logical types that nobody knows are what they are made of.
            warnings.simplefilter("ignore")
            parse(text)
        sample(declared)
    except AvroException as error:
        raise ValueError(f"it is no Avro schema: {show(str(error))}") from None
    except (TypeError, AttributeError, KeyError, IndexError, OverflowError):
        raise ValueError("it is no Avro schema") from None
    return AvroSchema(declared)


def _depth(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value
    if isinstance(members, str) or not hasattr(members, "__iter__"):
        return 0
    return 1 + max(map(_depth, members), default=0)
