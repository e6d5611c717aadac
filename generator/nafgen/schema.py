"""What a document must look like before its meaning is looked at.

JSON Schemas say it: `accepted` is what `lower` can read, and `official` makes that of a
version. Where their subschemas have a `description`, it is the phrase that completes
"must be". None uses `oneOf`, nor `anyOf` outside `if`: an object is held to the one shape
that its `type` names, so that each error is the cause.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from msgspec import Struct

from . import accepted
from .diagnostics import Reporter, Span, show
from .official import official
from .source import Document, Map, span_at
from .versions import (
    KEYS,
    RENAMED,
    UNDECLARED,
    VERSIONS,
    Version,
    declared,
    is_standalone,
    version_key,
)

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

JsonPath: TypeAlias = tuple[str | int, ...]

UNREADABLE: Final[frozenset[JsonPath]] = frozenset({()})
"""What `validate` returns when nothing of the document can be used."""

MAX_ERRORS: Final = 10_000
_MAX_TEXT: Final = 60
_MAX_KEYS: Final = 8
_OTHER_NAMES: Final = {
    **{keyword.naftiko: keyword.ikanos for keyword in RENAMED},
    **{keyword.ikanos: keyword.naftiko for keyword in RENAMED},
}
_TYPES: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
}
# Root keys by which other kinds of files are known, the telling ones first.
_DIALECTS: Final = (
    ({"openapi"}, "an OpenAPI description"),
    ({"swagger"}, "an OpenAPI description"),
    ({"asyncapi"}, "an AsyncAPI description"),
    ({"arazzo"}, "an Arazzo workflow"),
    ({"overlay", "actions"}, "an overlay"),
    ({"apiVersion", "kind"}, "a Kubernetes-style resource"),
    ({"specificationVersion"}, "a workflow over imported files"),
    ({"imports", "tools"}, "a list of tools over imported files"),
    ({"consumes"}, "a list of references to other files"),
    ({"capabilities"}, "a list of capabilities"),
    ({"workflow"}, "a workflow"),
    ({"workflows"}, "a list of workflows"),
    ({"operations"}, "a list of operations"),
    ({"tools"}, "a list of tools"),
    ({"mcp_tools"}, "a list of tools"),
    ({"actions"}, "a list of actions"),
    ({"adapters"}, "a list of adapters"),
)


class _Issue(Struct, frozen=True, kw_only=True):
    """A departure from a schema; `missing` is the key that the object at `path` lacks."""

    path: JsonPath
    span: Span
    message: str
    hint: str = ""
    missing: str = ""


def validate(
    document: Document,
    reporter: Reporter,
    *,
    strict: bool = False,
    written: Document | None = None,
) -> frozenset[JsonPath]:
    """Report where the document departs from what can be read.

    Returns the JSON paths of the values that cannot be read: the value itself when it is
    wrong, the object when it lacks a key. Units that contain one are to be left out.
    `UNREADABLE` stands for the whole document: it is no capability, or of a version
    that is not known, or wrong in more places than it is worth to look at.

    With `strict`, departures from the official schema are reported as NAF105. They do
    not count as unreadable, unless they are that as well. Held to it is the document as
    `written`, before entries of other files took their places.
    """
    root = _readable(document, reporter)
    if root is None:
        return UNREADABLE
    if version_key(root) is None and not strict:
        reporter.report(
            "NAF409",
            _first_key(root),
            f"no version is given, so this is read as `{UNDECLARED}`",
            hint=f"add `{UNDECLARED}`",
        )
    version = declared(root) or UNDECLARED
    own = (written or document).root
    departures = _errors(_official(version), own) if strict else []
    unreadable = [] if accepted.is_accepted(root) else _errors(_accepted(), root)
    seen = set()
    for issue in _issues(departures, own):
        seen.add((issue.path, issue.missing))
        reporter.report("NAF105", issue.span, issue.message, hint=issue.hint)
    broken = _issues(unreadable, root)
    for issue in broken:
        if (issue.path, issue.missing) not in seen:
            code = "NAF102" if issue.missing else "NAF101"
            reporter.report(code, issue.span, issue.message, hint=issue.hint)
    if MAX_ERRORS in (len(departures), len(unreadable)):
        reporter.report(
            "NAF004",
            _first_key(root),
            f"the file has {MAX_ERRORS:,} mistakes or more, and not all are listed",
            hint="correct those that are listed, or leave the file out",
        )
    if len(unreadable) == MAX_ERRORS:
        return UNREADABLE
    return frozenset(issue.path for issue in broken)


def _readable(document: Document, reporter: Reporter) -> Map | None:
    """The root of a capability of a known version; None after reporting why not."""
    root = document.root
    if not isinstance(root, Map):
        kind = "the file is empty" if root is None else f"its root is {show(root)}"
        _report_foreign(Span.whole(document.path), kind, reporter)
    elif (looks := _foreign_looks(root)) is not None:
        _report_foreign(_first_key(root), looks, reporter)
    elif all(key in root for key in KEYS):
        message = f"{' and '.join(f'`{key}`' for key in KEYS)} both give a version"
        span = root.key_span(KEYS[-1])
        reporter.report("NAF103", span, message, hint="remove one of them")
    elif declared(root) is None:
        _report_version(root, reporter)
    else:
        return root
    return None


def _report_version(root: Map, reporter: Reporter) -> None:
    key = str(version_key(root))
    numbers = [version.number for version in VERSIONS if version.key == key]
    others = [str(version) for version in VERSIONS if version.number == root[key]]
    hint = f"nafgen reads {numbers[0]} to {numbers[-1]}"
    if others:
        hint = f"did you mean `{others[0]}`?"
    message = f"{show(root[key])} is not a known version of `{key}`"
    reporter.report("NAF103", root.value_span(key), message, hint=hint)


def _report_foreign(span: Span, looks: str, reporter: Reporter) -> None:
    reporter.report(
        "NAF005",
        span,
        f"this is not a capability: {looks}",
        hint="a capability has `consumes` and `exposes` under the root key `capability`",
    )


def _foreign_looks(root: Map) -> str | None:
    """What a mapping looks like that is not a capability; None for a capability."""
    if "capability" in root:
        capability = root["capability"]
        if not isinstance(capability, Map):
            return f"its `capability` is {show(capability)}"
        if any(capability.get(key) is not None for key in ("consumes", "exposes")):
            return None
        listed = _listed(capability)
        return f"its `capability` has {listed}, and nothing to consume or expose"
    if is_standalone(root):
        return None
    looks = f"it has {_listed(root)} at its root"
    for keys, kind in _DIALECTS:
        if keys <= root.keys():
            return f"{looks} and looks like {kind}"
    return looks


def _listed(mapping: Map) -> str:
    keys = [_plain(key) for key in mapping]
    if len(keys) > _MAX_KEYS:
        keys = [*keys[:_MAX_KEYS], f"{len(keys) - _MAX_KEYS} more"]
    return ", ".join(keys) or "no keys"


def _plain(key: str) -> str:
    """A key as people write it, in quotes where it is not a plain word."""
    word = key.replace("-", "").replace("_", "").replace("$", "")
    plain = word.isascii() and word.isalnum() and len(key) <= _MAX_TEXT
    return key if plain else show(key)


@functools.cache
def _accepted() -> Validator:
    return _validator(json.loads(accepted.text()))


@functools.cache
def _official(version: Version) -> Validator:
    return _validator(official(version))


def _validator(schema: Mapping[str, Any]) -> Validator:
    from jsonschema import Draft202012Validator, validators

    # JSON Schema takes 8080.0 for an integer; what reads the document does not.
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    )
    extend: Any = validators.extend  # untyped in its stubs
    validator: Validator = extend(Draft202012Validator, type_checker=types)(schema)
    return validator


def _errors(validator: Validator, root: Map) -> list[ValidationError]:
    return list(islice(validator.iter_errors(root), MAX_ERRORS))


def _issues(errors: Iterable[ValidationError], root: Map) -> list[_Issue]:
    """What the errors say, each thing once."""
    return list(
        dict.fromkeys(issue for error in errors for issue in _explain(error, root))
    )


def _explain(error: ValidationError, root: Map) -> Iterator[_Issue]:
    path = tuple(error.absolute_path)
    schema = cast("Mapping[str, Any]", error.schema)
    value: Any = error.instance
    key_span, value_span = span_at(root, path)
    match error.validator:
        case "required":
            # jsonschema names no key, and repeats the error for each one missing.
            yield from _missing_keys(schema, value, path, key_span)
        case "additionalProperties":
            yield from _unknown_keys(schema, value, path)
        case "not":
            message = f"{_subject(path)} {schema['description']}"
            yield _Issue(path=path, span=key_span, message=message)
        case "minItems" | "minProperties":
            message = f"{_subject(path)} must not be empty"
            yield _Issue(path=path, span=key_span, message=message)
        case "maxItems" | "maxProperties":
            most = schema[str(error.validator)]
            message = f"{_subject(path)} must not hold more than {most} entries"
            yield _Issue(path=path, span=key_span, message=message)
        case _ if "propertyNames" in error.schema_path:
            message = f"the key {show(value)} must be {_expected(schema)}"
            span, _ = span_at(root, (*path, value))
            yield _Issue(path=(*path, value), span=span, message=message)
        case _:
            expected = f"{_subject(path)} must be {_expected(schema)}"
            message = f"{expected}, not {show(value)}"
            hint = _suggestion(value, schema.get("enum", ()))
            yield _Issue(path=path, span=value_span, message=message, hint=hint)


def _missing_keys(
    schema: Mapping[str, Any], mapping: Map, path: JsonPath, key_span: Span
) -> Iterator[_Issue]:
    named = path and isinstance(path[-1], str)
    span = key_span if named else _first_key(mapping)
    for key in schema["required"]:
        if key not in mapping:
            message = f"`{key}` is missing in {_subject(path)}"
            yield _Issue(path=path, span=span, message=message, missing=key)


def _unknown_keys(
    schema: Mapping[str, Any], mapping: Map, path: JsonPath
) -> Iterator[_Issue]:
    known = schema["properties"]
    for key in mapping:
        if key not in known:
            message = f"unknown key {show(key)} in {_subject(path)}"
            missing = [k for k in known if k not in mapping]
            other = _OTHER_NAMES.get(key)
            hint = _suggestion(other if other in missing else key, missing)
            span = mapping.key_span(key)
            yield _Issue(path=(*path, key), span=span, message=message, hint=hint)


def _suggestion(value: object, options: Sequence[str]) -> str:
    """A hint when the value is nearly one of the options."""
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        return ""
    by_case = {option.casefold(): option for option in options}
    close = difflib.get_close_matches(value.casefold(), by_case, 1)
    return f"did you mean `{by_case[close[0]]}`?" if close else ""


def _expected(schema: Mapping[str, Any]) -> str:
    if "description" in schema:
        return str(schema["description"])
    if "enum" in schema:
        options = ", ".join(schema["enum"])
        return f"one of {options}" if len(schema["enum"]) > 1 else options
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return " or ".join(_TYPES[name] for name in types if name != "null")


def _subject(path: JsonPath) -> str:
    """The value at a path, by its key, and by its position where it is in a list."""
    if not path:
        return "the document"
    if isinstance(path[-1], str):
        return f"`{_plain(path[-1])}`"
    return f"item {path[-1] + 1} of {_subject(path[:-1])}"


def _first_key(mapping: Map) -> Span:
    """The span that stands for a mapping where all of it would be too much."""
    return mapping.key_span(next(iter(mapping))) if mapping else mapping.span
