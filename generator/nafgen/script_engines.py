"""Says what a script makes of its context, by its engine alone: what verification expects.

Run as a program it answers on stdout what stdin asks, for a script may not end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NoReturn

SECONDS: Final = 5
"""Seconds that a script may run when it is verified."""

_CLEAN: Final = """(function clean(value) {
    if (typeof value != "object") {
        const odd = ["function", "symbol", "bigint"].includes(typeof value);
        return typeof value == "number" ? Number.isFinite(value) : !odd;
    }
    const kinds = [undefined, Object, Array];
    return value === null
        || kinds.includes(Object.getPrototypeOf(value)?.constructor)
        && Object.values(value).every(clean);
})"""
"""Whether JSON can hold a value of JavaScript as it is."""


THROWN: Final = 3
"""How the program exits when a script throws something."""
LIMITS: Final = ("InternalError: interrupted", "null", "TimeoutError", "MemoryError")
"""How engines begin to say that a script went beyond a limit."""


class StoppedError(Exception):
    """A script throws something, or else does not end, or makes what is not JSON."""

    def __init__(self, is_thrown: bool = False) -> None:
        super().__init__()
        self.is_thrown = is_thrown


@cache
def outcome(language: str, sources: tuple[str, ...], context: str) -> Any:
    """The variable `result` of scripts that know a context, which is JSON.

    Raises:
        StoppedError: they fail.
    """
    asked = json.dumps([language, sources, context])
    # It is this very file that is run, and by what runs this.
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", __file__],
            input=asked,
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS * len(sources) + SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise StoppedError from None
    if done.returncode or not done.stdout:
        raise StoppedError(done.returncode == THROWN)
    try:
        return json.loads(done.stdout)
    except (ValueError, RecursionError):
        raise StoppedError from None


def _javascript(sources: Sequence[str], context: str) -> str:
    import quickjs  # type: ignore[import-untyped, unused-ignore]

    engine = quickjs.Context()
    engine.set_time_limit(SECONDS)
    engine.eval("var print = () => {}; var console = new Proxy({}, {get: () => print})")
    engine.eval(f"var context = JSON.parse({json.dumps(context)})")
    for source in sources:
        try:
            engine.eval(f"{source}\nvoid 0")
        except (quickjs.JSException, quickjs.StackOverflow) as error:
            _exit(str(error))
    made = engine.eval(
        f"JSON.stringify({_CLEAN}(typeof result == 'undefined' || result))"
    )
    if made != "true":
        raise ValueError("no JSON")
    return str(
        engine.eval("JSON.stringify(typeof result == 'undefined' ? null : result)")
    )


def _python(sources: Sequence[str], context: str) -> str:
    from pydantic_monty import Monty, MontyRuntimeError, MontySyntaxError

    with (
        Monty(min_processes=1, max_processes=1) as pool,
        pool.checkout(limits={"max_feed_duration_secs": SECONDS}) as engine,
    ):
        given = {"context": json.loads(context), "result": None}
        for source in sources:
            try:
                engine.feed_run(source, inputs=given, print_callback=_unheard)
            except (MontyRuntimeError, MontySyntaxError) as error:
                _exit(error.display("type-msg"))
            given = {}
        made = engine.feed_run("result", print_callback=_unheard)
    return json.dumps(made, allow_nan=False)


def _unheard(stream: str, text: str) -> None:
    """What a script prints is nothing that it makes."""


def _exit(said: str) -> NoReturn:
    """End as a script does that threw something, or went beyond a limit."""
    sys.exit(1 if said.strip().startswith(LIMITS) else THROWN)


def main() -> None:
    """Run what stdin asks for; whatever fails ends in a traceback."""
    language, sources, context = json.load(sys.stdin)
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    run = {"javascript": _javascript, "python": _python}[language]
    print(run(sources, context))


if __name__ == "__main__":
    main()
