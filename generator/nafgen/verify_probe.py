"""What verification shares: an upstream that records, comparisons, and findings."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final
from urllib.parse import parse_qsl

import httpx
from msgspec import Struct, field

from .diagnostics import Diagnostic, Origin, plain
from .examples import Answer, json_answer
from .expect import ExpectedRequest, expected_request
from .expect_bodies import cookie_pairs, readable
from .expect_credentials import SUPPLIED
from .expect_places import UnsendableError
from .expect_results import ABSENT
from .ir import Operation
from .names import NameTable
from .program import Program
from .wire import Encoding

MAX_PER_UNIT: Final = 3
"""Differences of one unit that are reported; more of them say nothing new."""
MAX_SHOWN: Final = 160
"""Characters of a value in a message."""
_OWN: Final = frozenset("""
    accept accept-encoding connection content-length content-type cookie host
    user-agent
    """.split())
"""Headers that clients send whether or not an argument is given for them."""
_OPTION: Final = re.compile(r'; (name|filename)="([^"]*)"')
_PART_TYPE: Final = re.compile(r"\r\nContent-Type: ([^\r\n]+)", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"\\\\|%(?:22|[01][0-9A-F])")
REFUSED: Final = json_answer(
    {"error": {"type": "not_found", "of": "the upstream"}}, 404
)


class Probe(Struct):
    """An upstream that records the requests and gives the answer it is set to, or one
    after another those of `queue`.

    `gate` answers those that authentication takes, and these are not recorded.
    """

    gate: Callable[[httpx.Request], httpx.Response | None]
    answer: Answer = REFUSED
    queue: list[Answer] = field(default_factory=list)
    reachable: bool = True
    received: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        before = self.gate(request)
        if before is not None:
            return before
        self.received.append(request)
        if not self.reachable:
            raise httpx.ConnectError("unreachable on purpose", request=request)
        answer = self.queue.pop(0) if self.queue else self.answer
        kind = {"content-type": answer.content_type} if answer.content_type else {}
        # An answer to HEAD has no body, whatever the operation usually answers.
        content = b"" if request.method == "HEAD" else answer.content
        return httpx.Response(answer.status, headers=kind, content=content)

    def expect(self, answer: Answer, *before: Answer) -> None:
        """Forget what was received and give this answer from now on, after others."""
        self.received.clear()
        self.queue[:] = before
        self.answer = answer


class SuppliedAuth(httpx.Auth):
    """What a user supplies where nafgen does not know the scheme."""

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = SUPPLIED
        yield request


class Log(logging.Handler):
    """Keeps the last failure that generated code logs instead of printing it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.last = failure(error) if error else record.getMessage()

    def take(self) -> str:
        """What was logged since the last time, in brackets."""
        last, self.last = self.last, ""
        return f" [{last}]" if last else ""


class Findings(Struct):
    """Differences, and the units of which a call was compared."""

    differences: dict[Origin, list[Diagnostic]] = field(default_factory=dict)
    called: set[Origin] = field(default_factory=set)

    def add(self, origin: Origin, message: str) -> None:
        """Report a difference at the place in the spec that says otherwise."""
        found = Diagnostic(code="NAF701", message=plain(message), span=origin.span)
        known = self.differences.setdefault(origin, [])
        if len(known) < MAX_PER_UNIT and found not in known:
            known.append(found)


class Bench(Struct, frozen=True, kw_only=True):
    """All that the checks of one spec need.

    `settings` are values by environment variable; `clients` the asynchronous clients by
    their upstream's origin.
    """

    program: Program
    names: NameTable
    settings: Mapping[str, str]
    load: Callable[[str], ModuleType]
    probe: Probe
    findings: Findings
    log: Log
    clients: dict[Origin, Any] = field(default_factory=dict)

    def wanted(
        self, operation: Operation, values: dict[Origin, Any]
    ) -> ExpectedRequest | None:
        """The request that arguments must make; None where they must be refused."""
        upstream = next(
            upstream
            for upstream in self.program.upstreams
            if upstream.namespace == operation.namespace
        )
        try:
            return expected_request(upstream, operation, values, self.settings)
        except UnsendableError:
            return None

    def compare(
        self, origin: Origin, what: str, wanted: ExpectedRequest | None
    ) -> bool:
        """Report how the received requests differ; whether the wanted one arrived."""
        return self.compare_all(origin, what, [] if wanted is None else [wanted])

    def compare_all(
        self, origin: Origin, what: str, wanted: Sequence[ExpectedRequest]
    ) -> bool:
        """The same for requests that must arrive in this order."""
        received = self.probe.received
        if len(received) != len(wanted):
            numbers = {0: "no request", 1: "one request"}
            number = numbers.get(len(wanted), f"{len(wanted)} requests")
            message = f"{what}: expected {number} upstream, got {len(received)}"
            self.findings.add(origin, message)
            return False
        for request, arrived in zip(wanted, received, strict=True):
            for message in differences(request, arrived):
                self.findings.add(origin, f"{what}: {message}")
        return bool(wanted)

    def check(self, origin: Origin, what: str, wanted: Any, got: Any) -> None:
        """Report a value that is not the expected one."""
        if not same(wanted, got):
            self.findings.add(origin, f"{what}{apart(wanted, got)}")


def differences(wanted: ExpectedRequest, got: httpx.Request) -> Iterator[str]:
    """How a request differs from the expected one, a message for each part."""
    raw_path, _, raw_query = got.url.raw_path.decode("ascii").partition("?")
    query = parse_qsl(raw_query, keep_blank_values=True)
    cookies = got.headers.get("cookie", "")
    parts = {
        "method": (wanted.method, got.method),
        "host": (wanted.origin, f"{got.url.scheme}://{got.url.netloc.decode('ascii')}"),
        "path": (wanted.path, raw_path),
        # Names may come in any order, the values of one name only in theirs.
        "query": (_by_name(wanted.query), _by_name(query)),
        "cookies": (dict(wanted.cookies), dict(cookie_pairs(cookies))),
        "body": (wanted.body, body_of(wanted.encoding, got)),
    }
    headers = httpx.Headers(got.headers.raw, encoding="latin-1")
    for name, value in wanted.headers.items():
        parts[f"header {name}"] = (value, headers.get(name, ABSENT))
    for name in wanted.unsent - _OWN:
        parts[f"header {name}"] = (ABSENT, headers.get(name, ABSENT))
    for part, (expected, value) in parts.items():
        if not same(expected, value):
            yield f"{part}{apart(expected, value)}"


def _by_name(pairs: Any) -> list[list[str]]:
    return [list(pair) for pair in sorted(pairs, key=lambda pair: str(pair[0]))]


def body_of(encoding: Encoding, request: httpx.Request) -> Any:
    """What a body in this encoding says, in the form of `ExpectedRequest.body`."""
    content = request.content
    if not content:
        return ABSENT
    try:
        match encoding:
            case Encoding.JSON:
                return json.loads(content)
            case Encoding.FORM:
                pairs = parse_qsl(
                    content.decode(), keep_blank_values=True, strict_parsing=True
                )
                return _by_name(pairs)
            case Encoding.MULTIPART:
                return [*_parts(request.headers.get("content-type", ""), content)]
            case Encoding.TEXT | Encoding.XML:
                return content.decode()
            case Encoding.BINARY:
                return content
    except ValueError:
        return content


def _parts(kind: str, content: bytes) -> Iterator[dict[str, Any]]:
    boundary = f"\r\n--{kind.partition('boundary=')[2]}".encode()
    for block in (b"\r\n" + content).split(boundary)[1:-1]:
        head, _, value = block.partition(b"\r\n\r\n")
        found: dict[str, Any] = {
            key: _ESCAPE.sub(_unescaped, written)
            for key, written in _OPTION.findall(head.decode())
        }
        found["value"] = readable(value)
        if media_type := _PART_TYPE.search(head.decode()):
            found["content_type"] = media_type[1]
        yield found


def _unescaped(escape: re.Match[str]) -> str:
    """What an escape in a name stands for: a backslash, or a character by its code."""
    return "\\" if escape[0].startswith("\\") else chr(int(escape[0][1:], 16))


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; unlike in Python, 1 is not true."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def apart(wanted: Any, got: Any) -> str:
    """Where two JSON values differ first, and how: `.a[0]: expected 1, got 2`."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in {**wanted, **got}:
            pair = wanted.get(key, ABSENT), got.get(key, ABSENT)
            if not same(*pair):
                return f".{key}{apart(*pair)}"
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for index, pair in enumerate(zip(wanted, got, strict=True)):
            if not same(*pair):
                return f"[{index}]{apart(*pair)}"
    return f": expected {short(wanted)}, got {short(got)}"


def short(value: Any) -> str:
    """A value on one line."""
    if value is ABSENT:
        return "nothing"
    if isinstance(value, bytes):
        text = repr(value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def failure(error: BaseException) -> str:
    """An exception on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MAX_SHOWN]
