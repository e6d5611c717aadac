"""Whole capability specs with hostile text in every position, for property-based tests.

`TEXT` marks text that is only ever text: it may stand in literals and docstrings and
nowhere else. `NAME` marks text that names something, from which identifiers are made.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from hypothesis import strategies as st

TEXT: Final = "zq7x"
NAME: Final = "nm9k"

HOSTILE: Final = (
    *('"', "'", '"""', "'''", "\\", '\\"', "\\\\'", '""" + x + """', "`", "```"),
    *("\n", "\r\n", "\r", "\t", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"),
    *("\x00", "\x1b[31m", "\x07", "\x7f", "\u202e", "\u2066", "\u200b", "\ufeff"),
    *("\uffff", "\U000e0041", "é", "漢字", "🎉", "\uff46\uff55", "ﬁ", "İ", "ß"),
    *("{{ 7 * 7 }}", "{% raw %}", "{# x #}", "{{", "}}", "{", "}", "${HOME}", "$(id)"),
    *("{x!r}", "{0}", "{self.__class__}", "{{tools.x}}", "{{env.PATH}}", "%s", "%(x)s"),
    *("__import__('os')", "'); import os; ('", '"""\nimport os\n"""', "# noqa: E501"),
    *("\n# type: ignore\nimport os", "import", "class", "None", "self", "__class__"),
    *("__init__", "__main__", "print", "httpx", "client", "_runtime", "nafgen", "app"),
    *(
        "../../x",
        "..",
        ".",
        "/etc/passwd",
        "C:\\x",
        "\\\\host\\x",
        "file:///etc",
        "~/x",
    ),
    *("x\r\nX-Injected: 1", "x: 1\r\n\r\nGET / HTTP/1.1", "a;b", "a,b", "a=b&c=d#e?f"),
    *(
        "%2e%2e%2f",
        "%7Bx%7D",
        "%2F",
        "%3F",
        "%0a",
        "%00",
        "%",
        "&amp;",
        "<script>alert(1)</script>",
        "]]>",
        "<!--",
        "-->",
    ),
    *("# h", "* x", "| a | b |", "[a](javascript:x)", "![x](y)", "<b>", "- x", "1. x"),
    *(
        "::error::x",
        "key: value",
        "- &a *a",
        "!!python/object",
        "[table]",
        "a = 1",
        "---",
    ),
    *(
        "FROM x\nRUN y",
        "`id`",
        "; rm -rf /",
        "|| x",
        "0",
        "-1",
        "1e999",
        "true",
        "null",
    ),
    *(
        "",
        " ",
        "  x  ",
        "x" * 3000,
        "a b",
        "a-b",
        "a_b",
        "a.b",
        "a[b]",
        "a/b",
        "a:b",
        "$.a",
    ),
)
"""Pieces of text that some writer of some format could take for something else."""

UNREADABLE: Final = ("\ud800", "\udcff\ud83d")
"""What YAML cannot hold even as an escape: the file as a whole is refused."""

_IN_BRACES: Final = re.compile(rf"\{{[^{{}}]*{TEXT}[^{{}}]*\}}")
_ESCAPED: Final = frozenset('"\\')
_VERBS: Final = ("GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "get")
_TYPES: Final = ("string", "string", "integer", "number", "boolean", "array", "object")
_PLACES: Final = (*["query", "header", "cookie", "body"] * 3, "path")
_WIRE: Final = (
    "X-Trace",
    "x_trace",
    "session",
    "ETag",
    "Cookie",
    "Host",
    "class",
    "a.b",
)
_UNITS: Final = ("things", "listAllThings", "class", "import", "list", "get", "créer")
_FORMATS: Final = "json text binary xml csv tsv psv yaml html markdown".split()
_BODIES: Final = (
    "json",
    "json",
    "form",
    "formUrlEncoded",
    "multipart",
    "text",
    "xml",
    "raw",
    "binary",
    "image/png",
)

pieces = st.sampled_from(HOSTILE) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="{}"), max_size=8
)


def _sparse(text: str) -> bool:
    """Whether the mark is text: in braces it would name an input or a setting."""
    return not _IN_BRACES.search(text)


texts = (
    st.tuples(pieces, pieces).map(lambda two: two[0] + TEXT + two[1]).filter(_sparse)
)
"""Text of descriptions and values."""
hostile_names = st.tuples(pieces, pieces).map(lambda two: two[0] + NAME + two[1])
plain_names = st.sampled_from(
    ("id", "thing-id", "user_name", "listAllThings", "class", "a", "X-Trace", "body")
)
names = st.sampled_from((True, False)).flatmap(
    lambda is_plain: plain_names if is_plain else hostile_names
)
anything = st.one_of(texts, st.integers(), st.booleans(), st.floats(allow_nan=False))


def written(value: Any) -> bytes:
    """A value as YAML: flow style, every text double-quoted, keys of any length."""
    return f"{_written(value)}\n".encode()


def _written(value: Any) -> str:
    if isinstance(value, str):
        return f'"{"".join(map(_character, value))}"'
    if isinstance(value, dict):
        members = (f"? {_written(str(k))}\n: {_written(v)}" for k, v in value.items())
        return "{" + ",\n".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",\n".join(map(_written, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return repr(value)


def _character(c: str) -> str:
    if c in _ESCAPED:
        return f"\\{c}"
    if c.isascii() and c.isprintable():
        return c
    code = ord(c)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Draw:
    """Draws the parts of a spec: right ones mostly, so that something is compiled."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.of = draw
        self.operations: list[tuple[str, list[str], list[str]]] = []
        self.binds: list[str] = []

    def rarely(self, times: int = 12) -> bool:
        return self.of(st.sampled_from((*[False] * times, True)))

    def often(self) -> bool:
        return self.of(st.booleans())

    def some(self, make: Any, at_least: int, at_most: int) -> list[Any]:
        return [make() for _ in range(self.of(st.integers(at_least, at_most)))]

    def text(self) -> str:
        return self.of(texts)

    def name(self) -> str:
        return self.of(names)

    def word(self, *known: str) -> str:
        """One of the words that the specification knows, and rarely another one."""
        return self.text() if self.rarely(25) else self.of(st.sampled_from(known))

    def template(self) -> str:
        """A value: text, a reference to a setting, or both."""
        variable = self.of(st.sampled_from((*self.binds, "UNDECLARED", "env.TOKEN")))
        kinds = (
            self.text(),
            f"{{{{{variable}}}}}",
            f"{self.text()} {{{{{variable}}}}}",
        )
        return self.of(st.sampled_from([kind for kind in kinds if _sparse(kind)]))

    def described(self, made: dict[str, Any], *keys: str) -> dict[str, Any]:
        """The object with descriptions and, rarely, a key that nobody knows."""
        for key in keys:
            if self.often():
                made[key] = self.text()
        if self.rarely(20):
            made[self.of(hostile_names)] = self.of(anything)
        return made

    # --- parameters ----------------------------------------------------------------

    def param(self, place: str | None, name: str | None = None) -> dict[str, Any]:
        if name is None:
            narrow = place in ("header", "cookie") and not self.rarely(6)
            name = self.of(st.sampled_from(_WIRE)) if narrow else self.name()
        made: dict[str, Any] = {"name": name}
        if place is not None:
            made["in"] = place
        if not self.rarely():
            made["type"] = self.word(*_TYPES)
            if made["type"] == "array" and self.often():
                made["items"] = {"type": self.word(*_TYPES)}
        if self.often():
            made["required"] = self.often()
        if self.rarely(4):
            made["value"] = self.template() if self.often() else self.of(anything)
            if place == "path":  # which may become part of a name
                made["value"] = self.name()
        if self.rarely(40):
            made[self.word("pattern", "enum", "default", "example")] = self.text()
        return self.described(made, "description")

    def path(self, variables: list[str]) -> str:
        segments = [f"/{self.segment()}"]
        for name in variables:
            form = self.of(
                st.sampled_from(("/{%s}", "/{{%s}}", "/x-{%s}.json", "/{%s}"))
            )
            segments.append(form % name)
        if self.rarely():
            segments.append(f"?{self.name()}={self.text()}")
        return "".join(segments)

    def segment(self) -> str:
        known = st.sampled_from(("things", "a b", "v1", "é"))
        return self.of(hostile_names if self.rarely(4) else known)

    def variables(self) -> list[str]:
        """Names in a path."""
        known = st.sampled_from(("id", "thing-id", "user_name", "class", "Id"))
        return self.some(
            lambda: self.name() if self.rarely(4) else self.of(known), 0, 2
        )

    def output(self, depth: int = 0) -> dict[str, Any]:
        made: dict[str, Any] = {
            "type": self.word("object", "array", "string", "number")
        }
        if self.rarely(6):
            made["value"] = self.of(anything)
        else:
            member = self.of(st.sampled_from(("a", "a.b", NAME, "items", "0")))
            made["mapping"] = self.word("$.", "$", f"$.{member}", f"$.{self.name()}")
        if depth < 2 and made["type"] == "object" and self.often():
            del made["mapping" if "mapping" in made else "value"]
            outputs = self.some(lambda: (self.name(), self.output(depth + 1)), 1, 3)
            made["properties"] = dict(outputs)
        if depth < 2 and made["type"] == "array":
            made["items"] = self.output(depth + 1)
        return self.described(made, "description")

    def data(self, depth: int = 0) -> Any:
        kind = self.of(
            st.sampled_from(("text", "input", "both", "other", "map", "list"))
        )
        if kind == "input":
            return f"{{{{tools.{self.name()}}}}}"
        if kind == "both":
            return f"{self.text()} {{{{tools.{self.name()}}}}} {self.text()}"
        if kind == "map" and depth < 3:
            return dict(self.some(lambda: (self.name(), self.data(depth + 1)), 0, 3))
        if kind == "list" and depth < 3:
            return self.some(lambda: self.data(depth + 1), 0, 3)
        return self.text() if kind == "text" else self.of(anything)

    # --- the consumed side ------------------------------------------------------------

    def authentication(self) -> dict[str, Any]:
        kind = self.word(
            "basic", "bearer", "apikey", "none", "hmac", "oauth2", "digest"
        )
        made: dict[str, Any] = {"type": kind}
        if kind == "basic":
            made |= {"username": self.template(), "password": self.template()}
        elif kind == "bearer":
            made["token"] = self.template()
        elif kind == "apikey":
            made["key"] = self.of(st.sampled_from(("X-Key", "api_key", self.name())))
            made["value"] = self.template()
            made["placement"] = self.word("header", "query", "cookie")
        else:
            made |= dict(self.some(lambda: (self.name(), self.template()), 0, 2))
        return made

    def operation(self, namespace: str, variables: list[str]) -> dict[str, Any]:
        method = self.word(*_VERBS)
        made: dict[str, Any] = {"name": self.name(), "method": method}
        own: list[str] = []
        if self.rarely(4):
            own = [self.name()]
            made["path"] = self.path(own)
        params = self.some(lambda: self.param(self.word(*_PLACES)), 0, 3)
        params += [self.param("path", name) for name in variables if self.often()]
        if params:
            made["inputParameters"] = params
        if method not in ("GET", "HEAD", "get") and self.often():
            kind = self.word(*_BODIES)
            data = self.text() if kind in ("text", "raw", "xml") else self.data()
            if kind in ("binary", "image/png") and not self.rarely(4):
                data = f"{{{{tools.{self.name()}}}}}"
            made["body"] = {"type": kind, "data": data}
        if self.rarely(4):
            made["outputRawFormat"] = self.word(*_FORMATS)
            if self.often():
                made["outputSchema"] = self.text()
        if self.rarely(3):
            output = {
                "name": self.name(),
                "type": "object",
                "value": self.word("$.", "$.a"),
            }
            made["outputParameters"] = [output]
        given = [str(param["name"]) for param in params]
        self.operations.append(
            (f"{namespace}.{made['name']}", given, [*variables, *own])
        )
        return self.described(made, "description")

    def resource(self, namespace: str) -> dict[str, Any]:
        variables = self.variables()
        made: dict[str, Any] = {
            "name": self.name(),
            "path": self.path(variables),
            "operations": self.some(lambda: self.operation(namespace, variables), 1, 2),
        }
        if self.rarely(8):
            made["inputParameters"] = [self.param(self.word(*_PLACES))]
        return self.described(made, "description")

    def api(self, number: int) -> dict[str, Any]:
        namespace = self.of(st.sampled_from((f"api{number}", "json", self.name())))
        host = self.of(
            st.sampled_from(
                (
                    "https://api.example/v1",
                    "https://{region}.api.example/",
                    "",
                    "http://x",
                )
            )
        )
        base_uri = host + (f"/{self.text()}" if self.rarely(4) else "")
        made: dict[str, Any] = {
            "type": self.word("http"),
            "namespace": namespace,
            "baseUri": self.template() if self.rarely(20) else base_uri,
            "resources": self.some(lambda: self.resource(namespace), 1, 2),
        }
        if self.often():
            made["authentication"] = self.authentication()
        if self.rarely(4):
            made["headers"] = {self.name(): self.template()}
        if self.rarely(4):
            made["inputParameters"] = [self.param(self.word("query", "header"))]
        return self.described(made, "description")

    # --- the exposed side ---------------------------------------------------------------

    def unit(self, namespace: str, root: str) -> dict[str, Any]:
        """A call of a consumed operation; what it gives refers to inputs or is constant."""
        call, given, variables = self.of(st.sampled_from(self.operations))
        made: dict[str, Any] = {"name": self.name(), "call": self.word(call)}
        place = None if root == "tools" else self.word(*_PLACES)
        inputs = self.some(lambda: self.param(place), 0, 2) if self.rarely(2) else []
        if inputs:
            made["inputParameters"] = inputs
        if self.rarely(2):
            feeding = (root, namespace)
            made["with"] = {
                name: self.of(
                    st.sampled_from(
                        (
                            f"{self.of(st.sampled_from(feeding))}.{self.name()}",
                            self.template(),
                        )
                    )
                )
                for name in (*given, *variables)
            }
        if self.rarely(3):
            made["outputParameters"] = [self.output()]
        return self.described(made, "description", "label")

    def rest(self) -> dict[str, Any]:
        namespace = self.name()

        def operation() -> dict[str, Any]:
            return {"method": self.word(*_VERBS), **self.unit(namespace, "rest")}

        def resource() -> dict[str, Any]:
            made = {
                "name": self.name(),
                "path": f"/{len(made_paths)}{self.path(self.variables())}",
                "operations": self.some(operation, 1, 2),
            }
            made_paths.append(made["path"])
            return self.described(made, "description")

        made_paths: list[Any] = []
        made = {
            "type": "rest",
            "namespace": namespace,
            "port": self.of(st.integers(1, 65535)),
            "resources": self.some(resource, 1, 2),
        }
        return self.described(
            made, "description", *(["address"] if self.rarely() else [])
        )

    def mcp(self) -> dict[str, Any]:
        namespace = self.name()

        def tool() -> dict[str, Any]:
            made = self.unit(namespace, "tools")
            if self.rarely(3):
                hints = ("readOnly", "destructive", "idempotent", "openWorld")
                made["hints"] = {hint: self.often() for hint in hints}
            return made

        made = {
            "type": "mcp",
            "namespace": namespace,
            "port": self.of(st.integers(1, 65535)),
            "transport": self.word("http", "http", "stdio"),
            "tools": self.some(tool, 1, 2),
        }
        if self.rarely(3):
            made["resources"] = self.some(lambda: self.read(namespace), 1, 2)
        if self.rarely(3):
            made["prompts"] = self.some(self.prompt, 1, 2)
        if self.rarely(4):
            made["cacheScope"] = self.word("public", "private")
        return self.described(made, "description")

    def read(self, namespace: str) -> dict[str, Any]:
        """A resource, whose URI may have variables."""
        made = self.unit(namespace, "tools")
        made.pop("inputParameters", None)
        scheme = self.word("desk", "https", "file", "x-y.z")
        made["uri"] = f"{scheme}:/{self.path(self.variables())}"
        if self.often():
            made["mimeType"] = self.word("application/json", "text/plain", "image/png")
        if self.rarely(8):
            made["binary"] = True
        return made

    def prompt(self) -> dict[str, Any]:
        def message() -> dict[str, Any]:
            parts = [self.text(), *(f"{{{{{a['name']}}}}}" for a in arguments)]
            role = self.word("user", "assistant")
            return {"role": role, "content": " ".join(parts)}

        def argument() -> dict[str, Any]:
            made = {"name": self.name(), "required": self.often()}
            return self.described(made, "label", "description")

        arguments = self.some(argument, 0, 2)
        made = {
            "name": self.name(),
            "arguments": arguments,
            "template": self.some(message, 1, 2),
        }
        return self.described(made, "label", "description")

    def taught(self, adapters: list[dict[str, Any]]) -> dict[str, Any]:
        """A skill adapter, whose tools are those of others."""

        def tool() -> dict[str, Any]:
            made: dict[str, Any] = {"name": self.name()}
            served = [
                (a["namespace"], t["name"])
                for a in adapters
                for t in a.get("tools", ())
            ]
            if served and self.often():
                namespace, action = self.of(st.sampled_from(served))
                made["from"] = {"sourceNamespace": namespace, "action": action}
            else:
                made["instruction"] = self.word("guide.md", "a/b.md", self.text())
            return self.described(made, "description")

        def skill() -> dict[str, Any]:
            made: dict[str, Any] = {"name": self.name(), "tools": self.some(tool, 0, 2)}
            if self.often():
                made["location"] = self.word("file:///./skills/a", self.text())
            if self.often():
                made["metadata"] = {self.text(): self.text()}
            keys = "license compatibility allowed-tools argument-hint".split()
            return self.described(made, "description", *keys)

        made = {
            "type": "skill",
            "namespace": self.name(),
            "port": self.of(st.integers(1, 65535)),
            "skills": self.some(skill, 1, 2),
        }
        return self.described(made, "description")

    def capability(self) -> dict[str, Any]:
        keys = [
            f"{self.of(st.sampled_from(('KEY', 'API_TOKEN', 'PATH', 'class')))}"
            for _ in range(self.of(st.integers(0, 2)))
        ]
        self.binds = keys
        binds = {key: self.text() if self.rarely(20) else key.upper() for key in keys}
        if self.rarely():
            binds[self.of(hostile_names)] = "OTHER"
        numbers = range(1, self.of(st.integers(1, 2)) + 1)
        consumes = [self.api(number) for number in numbers]
        exposes = [*self.some(self.rest, 0, 1), *self.some(self.mcp, 0, 2)]
        if self.rarely(3):
            exposes.append(self.taught(exposes))
        capability: dict[str, Any] = {"consumes": consumes, "exposes": exposes}
        info = self.described({}, "label", "description")
        spec = {"naftiko": "1.0.0-alpha2", "info": info, "capability": capability}
        if binds:
            spec["binds"] = [{"namespace": self.word("env"), "keys": binds}]
        return self.described(spec)


@st.composite
def capabilities(draw: st.DrawFn) -> dict[str, Any]:
    """A whole capability."""
    return Draw(draw).capability()
