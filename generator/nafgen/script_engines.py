"""Says what a script makes of its context, by its engine alone: what verification expects.

Run as a program it answers on stdout what stdin asks, for a script may not end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

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


class StoppedError(Exception):
    """A script fails with what it is given, or does not end."""


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
        raise StoppedError
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
        engine.eval(f"{source}\nvoid 0")
    made = engine.eval(
        f"JSON.stringify({_CLEAN}(typeof result == 'undefined' || result))"
    )
    if made != "true":
        raise ValueError("no JSON")
    return str(
        engine.eval("JSON.stringify(typeof result == 'undefined' ? null : result)")
    )


def _python(sources: Sequence[str], context: str) -> str:
    from pydantic_monty import Monty

    with (
        Monty(min_processes=1, max_processes=1) as pool,
        pool.checkout(limits={"max_feed_duration_secs": SECONDS}) as engine,
    ):
        said = [*sources, "result"]
        given = {"context": json.loads(context), "result": None}
        for number, source in enumerate(said):
            inputs = {} if number else given
            made = engine.feed_run(source, inputs=inputs, print_callback=_unheard)
    return json.dumps(made, allow_nan=False)


def _unheard(stream: str, text: str) -> None:
    """What a script prints is nothing that it makes."""


def main() -> None:
    """Run what stdin asks for; whatever fails ends in a traceback."""
    language, sources, context = json.load(sys.stdin)
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    run = {"javascript": _javascript, "python": _python}[language]
    print(run(sources, context))


if __name__ == "__main__":
    main()
