"""Prints diagnostics as SARIF 2.1.0, which code scanning services read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from . import __version__
from .diagnostics import CODES, Diagnostic, Span
from .resources import explanations

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME: Final = "https://github.com/nafgen/nafgen"
_PAGES: Final = f"{_HOME}/blob/v{__version__}/docs/diagnostics"


def document(findings: Sequence[Diagnostic], exit_code: int) -> dict[str, Any]:
    """A log of one run, as a JSON object; its rules are the codes that were found."""
    codes = sorted({found.code for found in findings})
    driver = {
        "name": "nafgen",
        "version": __version__,
        "informationUri": _HOME,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [
            {"executionSuccessful": exit_code != 2, "exitCode": exit_code},
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(found, codes.index(found.code)) for found in findings],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    rule = CODES[code]
    page = (explanations() / f"{code}.md").read_text(encoding="utf-8")
    return {
        "id": code,
        "shortDescription": {"text": rule.title},
        "help": {"text": page, "markdown": page},
        "helpUri": f"{_PAGES}/{code}.md",
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _result(found: Diagnostic, rule: int) -> dict[str, Any]:
    message = f"{found.message}. {found.hint}" if found.hint else found.message
    result = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": str(found.severity),
        "message": {"text": message},
        "locations": [_location(found.span)],
    }
    if found.related:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": text}, **_location(span)}
            for number, (text, span) in enumerate(found.related, 1)
        ]
    return result


def _location(span: Span) -> dict[str, Any]:
    region = {"startLine": span.line}
    if span != Span.whole(span.file):
        region |= {
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        }
    artifact = {"uri": _uri(span.file)}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _uri(file: str) -> str:
    """A file's address, relative where its name is; a colon would look like a scheme."""
    path = PurePath(file)
    # A name that is not UTF-8 keeps its bytes, as it does in `as_uri`.
    relative = quote(path.as_posix(), errors="surrogateescape")
    return path.as_uri() if path.is_absolute() else relative
