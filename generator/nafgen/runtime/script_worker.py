"""Runs scripts, as a process of its own: asked on stdin, it answers on stdout.

Whatever a script does to its engine happens here, where there is no secret, and where
nothing is lost when the process ends. Each script has an engine of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

STACK: Final = 512 * 1024
"""Bytes of stack that JavaScript may use: less than any system gives a process."""
DEPTH: Final = 500
"""Calls within each other that Python may make."""
SPACE: Final = 1024**3
"""Bytes of address space that the process may have beside the memory of scripts."""
MESSAGE: Final = 300
"""Characters of what a script says of its failure."""
# Takes what JSON.stringify does not say: that it left something out or changed it.
TO_JSON: Final = """((stringify, isFinite, isArray, prototypeOf, plain) => () => {
    if (typeof result === "undefined") return undefined;
    function refuse(what) {
        throw new TypeError(`the result holds ${what}, which JSON cannot hold`);
    }
    return stringify([result], function (key) {
        const value = this[key];
        switch (typeof value) {
            case "number":
                return isFinite(value) ? value : refuse(value);
            case "function":
            case "symbol":
            case "bigint":
                return refuse(`a ${typeof value}`);
            case "object": {
                if (value === null || isArray(value)) return value;
                const prototype = prototypeOf(value);
                if (prototype === null || prototype === plain) return value;
                return refuse("an object of a class");
            }
        }
        return value;
    });
})(JSON.stringify, Number.isFinite, Array.isArray, Object.getPrototypeOf, Object.prototype)
"""
# What scripts print goes nowhere: stdout and stderr are the server's.
CONSOLE: Final = """
globalThis.print = () => {};
globalThis.console = { debug() {}, error() {}, info() {}, log() {}, warn() {} };
"""
IN_PYTHON: Final = """
import json as _json
_json.dumps(result, allow_nan=False)
"""


class ThrownError(Exception):
    """A script threw something; the message says what."""


class FailedError(Exception):
    """A script went beyond a limit, or left what is not JSON; the message says which."""


def javascript(
    sources: Sequence[str], context: str, timeout: float, memory: int
) -> str | None:
    """The variable `result` of scripts in JavaScript as JSON; None where it is not set.

    Raises:
        ThrownError: they threw something.
        FailedError: they went beyond a limit, or the result is not JSON.
    """
    quickjs = import_module("quickjs")  # it has no types
    thrown = (quickjs.JSException, quickjs.StackOverflow)
    engine = quickjs.Context()
    engine.set_memory_limit(memory)
    engine.set_max_stack_size(STACK)
    engine.set_time_limit(timeout)
    try:
        engine.eval(CONSOLE)
        to_json = engine.eval(TO_JSON)
        engine.set("context", engine.parse_json(context))
        for source in sources:
            # What the last statement makes is nothing that Python should get.
            engine.eval(f"{source}\n;undefined")
    except thrown as error:
        raise _of_javascript(str(error), len(sources) == 1) from None
    try:
        made = to_json()
    except thrown as error:
        raise FailedError(str(_of_javascript(str(error), False))) from None
    return None if made is None else str(made)[1:-1]


def _of_javascript(said: str, has_line: bool) -> Exception:
    """What JavaScript threw; of several files, it does not say which one's line it is."""
    first, *stack = said.strip().splitlines() or [""]
    if first.endswith("InternalError: interrupted"):
        return FailedError("it ran too long")
    if first in ("", "null"):
        return FailedError("it threw null, or needs too much memory")
    places = [line for line in stack if "<input>:" in line]
    if not has_line or not places:
        return ThrownError(first)
    line = places[0].rpartition("<input>:")[2].partition(":")[0]
    return ThrownError(f"{first} (line {line})")


def python(
    sources: Sequence[str], context: str, timeout: float, memory: int
) -> str | None:
    """The same for scripts in Python, where a result that is not set is null."""
    monty = import_module("pydantic_monty")
    limits = {
        "max_feed_duration_secs": timeout,
        "max_memory": memory,
        "max_recursion_depth": DEPTH,
        "max_total_sleep_secs": 0.0,
    }
    with (
        monty.Monty(min_processes=1, max_processes=1) as pool,
        pool.checkout(limits=limits) as engine,
    ):
        given: dict[str, Any] = {"context": json.loads(context), "result": None}
        try:
            for source in sources:
                engine.feed_run(source, inputs=given, print_callback=_unheard)
                given = {}
        except (monty.MontyRuntimeError, monty.MontySyntaxError) as error:
            raise _of_python(error, len(sources) == 1) from None
        try:
            made = engine.feed_run(IN_PYTHON, print_callback=_unheard)
        except (monty.MontyRuntimeError, monty.MontySyntaxError) as error:
            raise FailedError(str(_of_python(error, False))) from None
        except monty.MontyError as error:
            raise FailedError(str(error)) from None
    return str(made)


def _of_python(error: Any, has_line: bool) -> Exception:
    said: str = error.display("type-msg")
    if said.startswith("TimeoutError: feed time limit"):
        return FailedError("it ran too long")
    if said.startswith("MemoryError: "):
        return FailedError("it needs too much memory")
    frames = error.traceback() if has_line else []
    return ThrownError(f"{said} (line {frames[-1].line})" if frames else said)


def _unheard(stream: str, text: str) -> None:
    """What scripts print goes nowhere: stdout and stderr are the server's."""


ENGINES: Final = {"javascript": javascript, "python": python}


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The `result` of what is asked for as JSON or None, or what was `thrown`, or a
    `failure`."""
    run = ENGINES[asked["language"]]
    limits = asked["timeout"], asked["memory"]
    try:
        made = run(asked["sources"], asked["context"], *limits)
    except ThrownError as error:
        return {"thrown": _line(str(error))}
    except FailedError as error:
        return {"failure": _line(str(error))}
    except ImportError as error:
        return {"failure": f"{error.name} is not installed"}
    except (MemoryError, OSError, RuntimeError, ValueError) as error:
        return {"failure": f"the engine failed: {_line(str(error))}"}
    if made is not None and len(made) > asked["result"]:
        return {"failure": f"its result has more than {asked['result']:,} characters"}
    return {"result": made}


def _line(text: str) -> str:
    """A text of others as one short line of printable characters."""
    shown = "".join(c if c.isprintable() else " " for c in text[:MESSAGE])
    return shown if len(text) <= MESSAGE else f"{shown}…"


def limit(memory: int) -> None:
    """Have the system hold this process, and those it starts, to limits as well."""
    if sys.platform != "win32":
        import resource

        limits = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_AS: memory + SPACE,
        }
        for which, most in limits.items():
            highest = resource.getrlimit(which)[1]
            if highest == resource.RLIM_INFINITY or highest > most:
                resource.setrlimit(which, (most, most))


def main() -> None:
    """Answer each line of stdin by one on stdout."""
    for line in sys.stdin:
        asked = json.loads(line)
        sys.path += [path for path in asked["path"] if path not in sys.path]
        limit(asked["memory"])
        print(json.dumps(answer(asked)), flush=True)


if __name__ == "__main__":
    main()
