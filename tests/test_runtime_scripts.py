"""The support code of scripts: what they know and make, their limits, and what is shut."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from nafgen.runtime import scripts
from nafgen.runtime.answers import ServiceError
from nafgen.runtime.calls import ArgumentError
from nafgen.runtime.script_settings import ScriptError, ThrownError
from nafgen.runtime.scripts import script
from runtime_support import until

Write = Callable[..., tuple[str, ...]]
SHIPS: Final = [
    {"name": "Star", "tonnage": 42000, "fee": 1.5},
    {"name": "Söl", "tonnage": 900, "fee": 2},
]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """What writes files of scripts; their workers end with the test."""
    monkeypatch.setattr(scripts, "FOLDER", tmp_path)

    def written(*sources: str, python: bool = False) -> tuple[str, ...]:
        suffix = ".py.txt" if python else ".js"
        names = tuple(f"s{number}{suffix}" for number, _ in enumerate(sources))
        for name, source in zip(names, sources, strict=True):
            (tmp_path / name).write_text(source, encoding="utf-8")
        return names

    yield written
    while scripts._idle:
        scripts._idle.pop().end()


def run(files: tuple[str, ...], timeout: float = 20.0, **context: Any) -> Any:
    return asyncio.run(script(*files, context=context, timeout=timeout))


def failure(files: tuple[str, ...], timeout: float = 20.0, **context: Any) -> str:
    with pytest.raises((ScriptError, ThrownError)) as failed:
        run(files, timeout, **context)
    return str(failed.value)


@pytest.mark.parametrize(
    ("javascript", "python", "made"),
    [
        (
            "const result = context.ships.filter((s) => s.tonnage >= context.least);",
            "result = [s for s in context['ships'] if s['tonnage'] >= context['least']]",
            SHIPS[:1],
        ),
        (
            "let fees = 0; for (const s of context.ships) fees += s.fee;"
            " var result = {fees, names: context.ships.map((s) => s.name)};",
            "result = {'fees': sum(s['fee'] for s in context['ships']),"
            " 'names': [s['name'] for s in context['ships']]}",
            {"fees": 3.5, "names": ["Star", "Söl"]},
        ),
        ("result = 'absent' in context", "result = 'absent' in context", False),
        ("const unused = 1;", "unused = 1", None),
        ("let result;", "result = None", None),
        (
            "result = [1, -0.5, true, null, '🎉']",
            "result = (1, -0.5, True, None, '🎉')",
            [1, -0.5, True, None, "🎉"],
        ),
        (
            "context.least = 5; result = context.least",
            "context['least'] = 5\nresult = context['least']",
            5,
        ),
        (
            "console.log(1); print(2); console.error(3); result = 'said'",
            "print(1)\nresult = 'said'",
            "said",
        ),
    ],
)
def test_what_scripts_know_and_make(
    javascript: str, python: str, made: Any, write: Write
) -> None:
    context: dict[str, Any] = {"ships": SHIPS, "least": 1000, "absent": None}
    assert run(write(javascript), **context) == made
    assert run(write(python, python=True), **context) == made


def test_dependencies_are_run_before_in_their_order(write: Write) -> None:
    javascript = write(
        "const unit = 't'; let order = ['a'];",
        "order.push('b'); function weight(n) { return `${n} ${unit}`; }",
        "const result = [weight(context.n), ...order];",
    )
    assert run(javascript, n=5) == ["5 t", "a", "b"]
    python = write(
        "unit = 't'\norder = ['a']",
        "order.append('b')\ndef weight(n):\n    return f'{n} {unit}'",
        "result = [weight(context['n']), *order]",
        python=True,
    )
    assert run(python, n=5) == ["5 t", "a", "b"]


def test_each_run_has_an_engine_of_its_own(write: Write) -> None:
    """The process is used again, and nothing that a script leaves behind is."""
    for source, is_python in (
        ("result = globalThis.left; globalThis.left = 1; Array.prototype.odd = 1;", 0),
        ("try:\n    result = left\nexcept NameError:\n    result = None\nleft = 1", 1),
    ):
        files = write(source, python=bool(is_python))
        assert [run(files), run(files)] == [None, None]
    assert len(scripts._idle) == 1


@pytest.mark.parametrize(
    "expression",
    [
        *"require process std os fetch WebAssembly setTimeout scriptArgs".split(),
        "this.constructor.constructor('return this')().process",
        "(() => {}).constructor('return globalThis')().require",
    ],
)
def test_javascript_knows_nothing_of_the_host(expression: str, write: Write) -> None:
    guarded = (
        f"try {{ result = typeof ({expression}) }} catch {{ result = 'undefined' }}"
    )
    assert run(write(guarded)) == "undefined"


def test_javascript_imports_nothing(write: Write) -> None:
    files = write("import('./s0.js').then((m) => { result = m; });")
    assert run(files) is None
    assert "SyntaxError" in failure(write("import fs from 'fs'; result = fs"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("open('/etc/passwd').read()", "PermissionError"),
        ("import subprocess", "ModuleNotFoundError"),
        ("import socket", "ModuleNotFoundError"),
        ("import ctypes", "ModuleNotFoundError"),
        ("import os\nos.environ['PATH']", "not supported"),
        ("import os\nos.system('true')", "AttributeError"),
        ("().__class__.__base__.__subclasses__()", "AttributeError"),
        ("import pathlib\npathlib.Path('/etc/passwd').read_text()", "PermissionError"),
    ],
)
def test_python_reaches_nothing_of_the_host(
    source: str, said: str, write: Write
) -> None:
    assert said in failure(write(source, python=True))


def test_workers_know_no_secret(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    run(write("result = 1"))
    [worker] = scripts._idle
    environment = Path(f"/proc/{worker._process.pid}/environ")
    if environment.exists():
        assert environment.read_bytes() == b""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("throw new RangeError('no such\\nstatus')", "RangeError: no such (line 1)"),
        ("\n\nabsent.member", "ReferenceError: absent is not defined (line 3)"),
        ("throw {odd: true}", "[object Object]"),
        ("const = 1", "SyntaxError"),
        ("function f() { return f(); } f()", "Maximum call stack size"),
        ("let all = []; for (;;) all.push(new Array(1000).fill(1))", "memory"),
        ("let text = 'x'; for (;;) text += text;", "too long"),
        ("let n = 3n; for (;;) n = n * n", "too large"),
        ("new ArrayBuffer(2 ** 40)", "invalid array buffer length"),
        ("result = () => 1", "the result holds a function, which JSON cannot hold"),
        ("result = {deep: [NaN]}", "the result holds NaN"),
        ("result = 10n", "the result holds a bigint"),
        ("result = new Date()", "the result holds an object of a class"),
        ("result = new Map()", "the result holds an object of a class"),
        ("result = Promise.resolve(1)", "the result holds an object of a class"),
        ("result = {toJSON: () => 1}", "the result holds a function"),
        ("result = []; result.push(result)", "circular"),
        ("result = 'x'.repeat(2 ** 23 + 1)", "more than 8,388,608 characters"),
        ("result = []; for (let i = 0; i < 1500; i++) result = [result];", "not JSON"),
        ("result = '\\ud800'", "not JSON"),
        ("throw new Error('x'.repeat(10000))", "x" * 200),
    ],
)
def test_what_javascript_fails_with(source: str, said: str, write: Write) -> None:
    what = failure(write(source))
    assert what.startswith("the script failed: ")
    assert said in what
    assert len(what) < 400
    assert what.isprintable()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("\nraise ValueError('no such status')", "ValueError: no such status (line 2)"),
        ("result = context['absent']", "KeyError"),
        ("def (:", "SyntaxError"),
        ("def f():\n    return f()\nf()", "RecursionError"),
        ("text = 'x'\nwhile True:\n    text += text", "it needs too much memory"),
        ("result = 10 ** 10 ** 10", "it needs too much memory"),
        ("import time\ntime.sleep(60)", "sleep limit"),
        ("result = {1}", "set is not JSON serializable"),
        ("result = float('inf')", "Out of range float"),
        (
            "import datetime\nresult = datetime.date(2026, 1, 1)",
            "not JSON serializable",
        ),
        ("result = print", "not JSON serializable"),
        ("result = []\nresult.append(result)", "Circular reference"),
        ("result = 'x' * (2 ** 23 + 1)", "more than 8,388,608 characters"),
    ],
)
def test_what_python_fails_with(source: str, said: str, write: Write) -> None:
    what = failure(write(source, python=True))
    assert what.startswith("the script failed: ")
    assert said in what


@pytest.mark.parametrize(
    ("source", "is_python"),
    [
        ("for (;;);", False),
        ("for (;;) { try { for (;;); } catch { } }", False),
        ("/^(a+)+$/.test('a'.repeat(40) + 'b')", False),
        ("result = {get never() { for (;;); }}", False),
        ("while True:\n    pass", True),
        ("while True:\n    print('x' * 1000)", True),
    ],
)
def test_what_takes_too_long_is_ended_by_its_engine(
    source: str, is_python: bool, write: Write
) -> None:
    files = write(source, python=is_python)
    assert failure(files, 0.2) == "the script failed: it ran too long"


def test_what_no_engine_can_end_is_killed(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search in a long text is one instruction of the engine."""
    monkeypatch.setattr(scripts, "GRACE", 0.5)
    text = "const s = 'a'.repeat(2e7); for (let i = 0; i < 1e9; i++) s.indexOf('b');"
    began = time.monotonic()
    assert failure(write(text), 0.2) == "the script ran longer than 0.2 s"
    assert time.monotonic() - began < 5
    assert run(write("result = 1")) == 1  # by another process


def test_a_process_that_is_lost_fails_one_script(write: Write) -> None:
    files = write("result = 1")
    run(files)
    [worker] = scripts._idle
    os.kill(worker._process.pid, signal.SIGKILL)
    until(lambda: worker._process.poll() is not None)
    assert failure(files) == "the script ended the process that ran it"
    assert run(files) == 1


def test_the_loop_goes_on_and_scripts_run_at_once(write: Write) -> None:
    files = write(
        "const until = Date.now() + 300; while (Date.now() < until); result = 1"
    )

    async def both() -> tuple[list[Any], float]:
        ticks: list[float] = []

        async def tick() -> None:
            while True:
                ticks.append(time.monotonic())
                await asyncio.sleep(0.01)

        ticking = asyncio.ensure_future(tick())
        made = await asyncio.gather(*(script(*files, context={}) for _ in range(2)))
        ticking.cancel()
        gaps = [after - before for before, after in pairwise(ticks)]
        return made, max(gaps)

    made, longest = asyncio.run(both())
    assert made == [1, 1]
    assert longest < 0.25


def test_a_caller_who_leaves_ends_the_script(write: Write) -> None:
    files = write("while True:\n    pass", python=True)
    started: list[Any] = []
    original = scripts._Worker

    class Watched(original):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    async def leave() -> None:
        running = asyncio.ensure_future(script(*files, context={}, timeout=30))
        while not started:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    scripts._Worker = Watched  # type: ignore[misc]
    try:
        began = time.monotonic()
        asyncio.run(leave())
    finally:
        scripts._Worker = original  # type: ignore[misc]
    assert time.monotonic() - began < 5
    assert started[0]._process.poll() is not None
    assert scripts._idle == []


def test_settings(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPT_TIMEOUT", "0.1")
    assert failure(write("for (;;);")) == "the script failed: it ran too long"
    for wrong in ("soon", "0", "-1", "inf", "nan"):
        monkeypatch.setenv("SCRIPT_TIMEOUT", wrong)
        assert "SCRIPT_TIMEOUT must be" in failure(write("result = 1"))
    monkeypatch.setenv("SCRIPT_TIMEOUT", "")
    for off in ("false", "FALSE", "0"):
        monkeypatch.setenv("SCRIPTING", off)
        said = "scripts are switched off"
        assert failure(write("result = 1")) == said
    monkeypatch.setenv("SCRIPTING", "true")
    assert run(write("result = 1")) == 1


def test_what_cannot_be_given(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write("result = 1")
    for value in (b"bytes", float("nan"), {1, 2}):
        assert failure(files, given=value) == "what the script is given is not JSON"
    monkeypatch.setattr(scripts, "MAX_CONTEXT", 10)
    assert "10 characters at the most" in failure(files, given="x" * 10)


def test_what_a_script_throws_is_like_wrong_arguments(write: Write) -> None:
    assert issubclass(ThrownError, ArgumentError)
    for source, is_python in (
        ("throw new RangeError('no such status')", False),
        ("raise ValueError('no such status')", True),
    ):
        with pytest.raises(ThrownError, match="no such status"):
            run(write(source, python=is_python))


def test_what_no_caller_can_change_is_a_failure_of_the_service(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert issubclass(ScriptError, ServiceError)
    for source, is_python in (
        ("for (;;);", False),
        ("result = 10n", False),
        ("let all = []; for (;;) all.push(new Array(1000).fill(1))", False),
        ("while True:\n    pass", True),
        ("result = {1}", True),
        ("result = 10 ** 10 ** 10", True),
    ):
        with pytest.raises(ScriptError):
            run(write(source, python=is_python), 0.2)
    monkeypatch.setenv("SCRIPTING", "false")
    with pytest.raises(ScriptError):
        run(write("result = 1"))


def test_an_engine_that_is_missing_is_named(write: Write) -> None:
    worker = Path(scripts.__file__).with_name("script_worker.py")
    asked = (
        '{"language": "javascript", "sources": [""], "context": "{}", "timeout": 1,'
        ' "memory": 134217728, "result": 10, "path": []}\n'
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(worker)],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == '{"failure": "quickjs is not installed"}\n'
