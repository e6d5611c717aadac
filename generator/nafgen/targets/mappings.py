"""Functions that make results of answers, in Python."""

from __future__ import annotations

from collections.abc import Mapping
from types import EllipsisType
from typing import Final, TypeAlias

from msgspec import Struct

from ..ir import Constant, Each, Pick, Relay, Result, Shape
from ..names import UnitNames
from ..paths import Every, Function, Literal, Members, Path, Query
from ..pycode import Code, Imports, lit
from ..result_steps import queries
from .expressions import RUNTIME, comma

QUERIES: Final = "queries"
"""The support module that runs queries."""
QUERY_LIBRARY: Final = "python-jsonpath"
_FUNCTIONS: Final = {
    "length": "length",
    "keys": "keys",
    "append": "append",
    "sum": "total",
    "min": "smallest",
    "max": "largest",
    "avg": "average",
    "stddev": "deviation",
}
_FUNCTION_MODULE: Final = "path_functions"
_WILDCARDS: Final = f"{RUNTIME}.wildcards"
_Row: TypeAlias = list[str | int | Members | EllipsisType]
"""Steps that one call takes."""


class QueryView(Struct, frozen=True, kw_only=True):
    """A query that is read once, when the module is imported."""

    name: Code
    made: Code


class ResultView(Struct, frozen=True, kw_only=True):
    """A function that makes a result of an answer, and the queries in it."""

    name: Code
    queries: tuple[QueryView, ...]
    expression: Code


def result_view(
    result: Result | Relay, own: UnitNames, imports: Imports
) -> ResultView | None:
    """The function for a result; None where the answer is passed on."""
    if isinstance(result, Relay):
        return None
    imports.use("typing", "Any")
    found = queries(result)
    writer = ResultWriter(imports, dict(zip(found, own.queries, strict=True)))
    return ResultView(
        name=own.result,
        queries=writer.views(),
        expression=writer.made(result, Code("value")),
    )


def support_modules(*results: Result | Relay) -> frozenset[str]:
    """The support modules that what makes results needs."""
    imports = Imports()
    names = {query: Code("_") for query in queries(*results)}
    writer = ResultWriter(imports, names)
    writer.views()
    for result in results:
        if not isinstance(result, Relay):
            writer.made(result, Code("value"))
    return imports.inside(RUNTIME)


class ResultWriter(Struct, frozen=True):
    """Writes expressions that make results; `queries` has the name of each query."""

    imports: Imports
    queries: Mapping[Query, Code]

    def views(self) -> tuple[QueryView, ...]:
        """The queries, as constants of the module."""
        if self.queries:
            self.imports.use(f"{RUNTIME}.{QUERIES}", "jsonpath")
        return tuple(
            QueryView(name=name, made=Code(f"jsonpath({lit(query.text)})"))
            for query, name in self.queries.items()
        )

    def made(self, result: Result, value: Code) -> Code:
        """A result, made of a value."""
        match result:
            case Pick(path):
                return self.found(path, value)
            case Shape(members):
                pairs = (f"{lit(key)}: {self.made(r, value)}" for key, r in members)
                return Code(f"{{{comma(pairs)}}}")
            case Each(path, item):
                array = self.found(path, value)
                made = self.made(item, Code("item"))
                return Code(f"{self._mapping('each')}({array}, lambda item: {made})")
            case Constant(constant):
                return lit(constant)

    def found(self, path: Path, value: Code) -> Code:
        """What is at a path in a value: names and indexes in a row are one call."""
        row: _Row = []
        for step in path:
            if isinstance(step, str | int):
                row.append(step)
                continue
            if not isinstance(step, Every):
                value, row = self._picked(value, row), []
            match step:
                case Members(names):
                    pick = self.imports.use(_WILDCARDS, "pick_members")
                    value = Code(f"{pick}({comma([value, *map(lit, names)])})")
                case Every(below):
                    value, row = self._everything([*row, ...], below, value), []
                case Query():
                    value = Code(f"{self.queries[step]}({value})")
                case Function(name, operands):
                    given = (
                        lit(o.value) if isinstance(o, Literal) else self.found(o, value)
                        for o in operands
                    )
                    value = Code(f"{self._function(name)}({comma(given)})")
        return self._picked(value, row)

    def _everything(self, row: _Row, below: Path, value: Code) -> Code:
        """All that is at a path with wildcards, which is one call."""
        function = ""
        rest = below
        while rest:
            step, rest = rest[0], rest[1:]
            match step:
                case Every(inner):
                    row.append(...)
                    rest = (*inner, *rest)
                case Function(name, _):
                    function = self._function(name)
                case str() | int() | Members():
                    row.append(step)
        pick = self.imports.use(_WILDCARDS, "pick_all")
        found = Code(f"{pick}({comma([value, *map(_written, row)])})")
        if not function:
            return found
        return Code(f"{self._mapping('each')}({found}, {function})")

    def _picked(self, value: Code, row: _Row) -> Code:
        if not row:
            return value
        return Code(f"{self._mapping('pick')}({comma([value, *map(_written, row)])})")

    def _mapping(self, name: str) -> Code:
        return self.imports.use(f"{RUNTIME}.mapping", name)

    def _function(self, name: str) -> Code:
        module = self.imports.use(RUNTIME, _FUNCTION_MODULE)
        return Code(f"{module}.{_FUNCTIONS[name]}")


def _written(step: str | int | Members | EllipsisType) -> Code:
    match step:
        case Members(names):
            return Code(f"({comma(map(lit, names))})")  # there are two at least
        case str() | int():
            return lit(step)
        case _:
            return Code("...")
