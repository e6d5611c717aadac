"""Python text: the only door from a spec's strings to generated code.

A template may print `Code` and nothing else. `Code` comes from this module (literals,
docstrings, identifiers, comments) or from a target that joins such pieces. A `Proof`
collects what may stand in a file, so that the finished text can be held against it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_PRINTABLE: Final = frozenset("LNPSM")
_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
RESERVED: Final = frozenset("""
    self cls False None True _ and as assert async await break case class continue
    def del elif else except finally for from global if import in is lambda match
    nonlocal not or pass raise return try type while with yield abs aiter all anext
    any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile
    complex delattr dict dir divmod enumerate eval exec filter float format
    frozenset getattr globals hasattr hash hex id input int isinstance issubclass
    iter len list locals map max memoryview min next object oct open ord pow print
    property range repr reversed round set setattr slice sorted staticmethod str
    sum super tuple type vars zip ArithmeticError AssertionError AttributeError
    BaseException BaseExceptionGroup BlockingIOError BrokenPipeError BufferError
    BytesWarning ChildProcessError ConnectionAbortedError ConnectionError
    ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError
    Ellipsis EncodingWarning EnvironmentError Exception ExceptionGroup
    FileExistsError FileNotFoundError FloatingPointError FutureWarning
    GeneratorExit IOError ImportError ImportWarning IndentationError IndexError
    InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError
    MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplemented
    NotImplementedError OSError OverflowError PendingDeprecationWarning
    PermissionError ProcessLookupError RecursionError ReferenceError
    ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration
    SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError
    TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError
    UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning
    ZeroDivisionError
    """.split())
"""Keywords and builtins, which no generated identifier may take.

Written out, because they differ between versions of Python and names must not.
"""


class Code(str):
    """A piece of Python text that is safe to print."""

    __slots__ = ()


def _plain(character: str) -> bool:
    """Whether a character may stand in a literal as itself.

    Decided by the frozen Unicode 3.2 tables, so that every Python agrees: controls,
    separators, bidirectional marks, surrogates and unassigned characters may not.
    """
    if character.isascii():
        return " " <= character <= "~"
    if character == "\xad":  # an invisible hyphen, which Unicode 3.2 took for a dash
        return False
    return unicodedata.ucd_3_2_0.category(character)[0] in _PRINTABLE


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _body(text: str, quote: str) -> str:
    if text.isascii() and text.isprintable() and quote not in text and "\\" not in text:
        return text  # as most texts are
    return "".join(
        (f"\\{c}" if c == quote else c if c != "\\" and _plain(c) else _escaped(c))
        for c in text
    )


def lit(value: bool | int | float | str | None) -> Code:
    """A literal that evaluates to exactly `value`.

    Raises:
        TypeError: the value is not a scalar.
        ValueError: the number is infinite or not a number.
    """
    if isinstance(value, str):
        quote = "'" if '"' in value and "'" not in value else '"'
        return Code(f"{quote}{_body(value, quote)}{quote}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not a finite number")
    if value is None or isinstance(value, bool | int | float):
        return Code(repr(value).replace("e+", "e"))  # as black and ruff write it
    raise TypeError(type(value).__name__)


def literal(value: object) -> Code:
    """A literal for a JSON value of any depth."""
    if isinstance(value, dict):
        members = (f"{lit(key)}: {literal(item)}" for key, item in value.items())
        return Code("{" + ", ".join(members) + "}")
    if isinstance(value, list | tuple):
        return Code("[" + ", ".join(map(literal, value)) + "]")
    if value is None or isinstance(value, bool | int | float | str):
        return lit(value)
    raise TypeError(type(value).__name__)


def fstring(parts: Iterable[str | Code]) -> Code:
    """An f-string: `Code` parts are expressions, other parts are text."""
    body = "".join(
        (
            f"{{{part}}}"
            if isinstance(part, Code)
            else _body(part, '"').replace("{", "{{").replace("}", "}}")
        )
        for part in parts
    )
    return Code(f'f"{body}"')


def doc_text(text: str) -> str:
    """A description as a docstring shows it: one line, white space folded."""
    return " ".join(text.split())


def doc(
    summary: str, arguments: Iterable[tuple[Code, str]] = (), *, indent: int = 0
) -> Code:
    """A docstring: a summary on one line, and a line for each described argument.

    `indent` is where the docstring will stand: black leaves some docstrings alone.
    """
    lines = [_doc_line(summary) or "(no description)"]
    described = [f"    {name}: {_doc_line(text)}" for name, text in arguments]
    if described:
        lines += ["", "Args:", *described, ""]
    joint = "\n" + " " * indent
    return Code(f'"""{joint.join(lines)}"""'.replace(f"{joint}\n", "\n\n"))


def _doc_line(text: str) -> str:
    return _body(doc_text(text), '"')


def identifier(name: str) -> Code:
    """A vetted identifier.

    Raises:
        ValueError: the name is not one, or is reserved.
    """
    if not _IDENTIFIER(name) or name in RESERVED:
        raise ValueError(f"not a free identifier: {name!r}")
    return Code(name)


def comment(text: str) -> Code:
    """A spec pointer for a comment: printable ASCII on one line.

    Raises:
        ValueError: the text is not.
    """
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"not a comment: {text!r}")
    return Code(f"# {text}")


def dotted(*names: str) -> Code:
    """Identifiers joined by dots."""
    return Code(".".join(identifier(name) for name in names))


class Symbol(Struct, frozen=True):
    """A name from a module: `module` is '' for the standard `import name`."""

    module: str
    name: str
    alias: str = ""


class Imports(Struct):
    """Collects the symbols that a file uses; the import lines fall out of it."""

    _symbols: set[Symbol] = field(default_factory=set)

    def use(self, module: str, name: str, alias: str = "") -> Code:
        """Import a symbol, and the name to use for it."""
        self._symbols.add(Symbol(module, name, alias))
        return Code(alias or name)

    def inside(self, package: str) -> frozenset[str]:
        """The modules of a package that are used."""
        return frozenset(
            (
                symbol.name
                if symbol.module == package
                else symbol.module[len(package) + 1 :]
            )
            for symbol in self._symbols
            if symbol.module == package or symbol.module.startswith(f"{package}.")
        )

    def blocks(self) -> tuple[tuple[Code, ...], ...]:
        """Import lines in isort's order: standard library, third party, own modules."""
        named: dict[tuple[str, str], list[str]] = {}
        for symbol in sorted(
            self._symbols, key=lambda s: (s.module, import_order(s.name), s.alias)
        ):
            name = f"{symbol.name} as {symbol.alias}" if symbol.alias else symbol.name
            # One with an alias has a line of its own, before the others of its module.
            line = (symbol.module or f"import {symbol.name}", symbol.alias and name)
            named.setdefault(line, []).append(name)
        groups: tuple[list[Code], ...] = ([], [], [], [])
        for module, alias in sorted(named, key=lambda m: (_module_key(m[0]), not m[1])):
            names = ", ".join(named[module, alias])
            plain = module.startswith("import ")
            line_ = module if plain else f"from {module} import ({names})"
            groups[_group(module)].append(Code(line_))
        return tuple(tuple(group) for group in groups if group)


_STANDARD: Final = frozenset({"collections", "typing"})


def _group(module: str) -> int:
    if module == "__future__":
        return 0
    if module.startswith("."):
        return 3
    return 1 if module.partition(".")[0] in _STANDARD else 2


def _module_key(module: str) -> tuple[bool, str]:
    return not module.startswith("import "), module


def import_order(name: str) -> tuple[int, list[str | int], str]:
    """isort's order of names: constants, then classes, then the rest; numbers count."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    parts = re.split(r"([0-9]+)", name.lower())
    return kind, [int(p) if p.isdigit() else p for p in parts], name
