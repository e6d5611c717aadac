"""Runs the queries of output mappings that need more than names, indexes and `*`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from jsonpath import JSONPathEnvironment, JSONPathError
from jsonpath.lex import Lexer

__all__ = ["JSONPathError", "jsonpath"]

MAX_DEPTH: Final = 200
MAX_MATCHED: Final = 4_096
"""Characters of a text that a regular expression is tried on; no longer one matches."""


class _Lexer(Lexer):
    """Reads `in`, `=~` and lists too, which RFC 9535 does not have."""

    def compile_strict_rules(self) -> Any:
        return self.compile_rules()


class _Environment(JSONPathEnvironment):
    lexer_class = _Lexer
    max_recursion_depth = MAX_DEPTH

    def getitem(self, obj: Any, key: Any) -> Any:
        """A text has no elements, although Python can slice it."""
        return () if isinstance(obj, str) else super().getitem(obj, key)

    def compare(self, left: object, operator: str, right: object) -> bool:
        if operator == "in" and isinstance(right, list):
            return any(super(_Environment, self).compare(left, "==", r) for r in right)
        if operator == "=~" and isinstance(left, str) and len(left) > MAX_MATCHED:
            return False
        return super().compare(left, operator, right)


_ENVIRONMENT: Final = _Environment(strict=True)


def jsonpath(text: str) -> Callable[[Any], list[Any]]:
    """What finds all that a query of RFC 9535 selects in a value.

    Raises:
        JSONPathError: the text is no query. What is made raises httpx.DecodingError for
            a value that nests too deeply for `..`.
    """
    compiled = _ENVIRONMENT.compile(text)

    def select(value: Any) -> list[Any]:
        if not isinstance(value, dict | list):
            return []
        try:
            return compiled.findall(value)
        except JSONPathError:
            from httpx import DecodingError  # it is not needed to read a query

            raise DecodingError("the answer nests too deeply") from None

    return select
