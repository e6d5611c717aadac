"""Works on many specs, in several processes where that pays.

A process gets one spec at a time and sends back a `Result`, so memory holds the specs
that are in work and the results of the others. The process that started the workers
knows which spec each of them has: when one dies, that spec is known too, and another
worker takes over. Results come in the order of the specs, however many workers there are.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from .diagnostics import MAX_SHOWN, Diagnostic, Span, plain
from .inputs import Spec
from .resources import PACKAGE
from .result import Result
from .signals import end_on_sigterm_alone, shielded

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

Work = Callable[[Spec], Result]
"""What is done with a spec. Where processes are spawned, it must be picklable."""

Progress = Callable[[int], AbstractContextManager[Callable[[], None]]]
"""Shows how far the work on so many specs is, to be told of each that is done."""

_MANY: Final = 8  # specs that are worth starting processes for
_SECONDS_TO_END: Final = 10


@contextmanager
def unseen(_number: int) -> Iterator[Callable[[], None]]:
    """A progress that nobody sees."""
    yield lambda: None


def _default_jobs(number: int) -> int:
    if number < _MANY:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    work: Work,
    specs: Sequence[Spec],
    jobs: int | None = None,
    progress: Progress = unseen,
    families: Mapping[Spec, str] | None = None,
) -> list[Result]:
    """Do the work for each spec, in at most so many processes.

    Without `jobs`, in as many as there are cores to use, and in this one for a few specs.
    Specs of one family are never worked on at once. A spec whose work raises, or whose
    process dies, has NAF599 in its result.
    """
    groups = _groups(specs, families or {})
    jobs = min(jobs or _default_jobs(len(specs)), len(groups))
    with progress(len(specs)) as done:
        if jobs > 1:
            return _in_processes(work, specs, groups, jobs, done)
        results = []
        for spec in specs:
            results.append(_attempt(work, spec))
            done()
        return results


def _groups(
    specs: Sequence[Spec], families: Mapping[Spec, str]
) -> list[tuple[int, ...]]:
    """Places of specs by family, the smallest files first."""
    members: dict[str, list[int]] = {}
    for place, spec in enumerate(specs):
        members.setdefault(families.get(spec, spec.shown), []).append(place)

    def size(group: Iterable[int]) -> int:
        return sum(_size(specs[place]) for place in group)

    return sorted((tuple(group) for group in members.values()), key=size)


def _size(spec: Spec) -> int:
    try:
        return Path(spec.shown).stat().st_size
    except OSError:
        return 0  # to read it will fail too, and be reported


def _attempt(work: Work, spec: Spec) -> Result:
    try:
        return work(spec)
    except Exception as error:
        return failed(spec, _reason(error))


def failed(spec: Spec, reason: str) -> Result:
    """The result of a spec that nafgen fails on."""
    found = Diagnostic(
        code="NAF599",
        message=f"nafgen failed on this file: {reason}",
        span=Span.whole(spec.shown),
        hint="this is a fault of nafgen; please report it, with the file if you can",
    )
    return Result(
        spec=spec.shown,
        package="",
        status="refused",
        summary={},
        diagnostics=(found,),
    )


def _reason(error: Exception) -> str:
    """An exception's type, the place in nafgen that it comes from, and its first words."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if Path(f.filename).is_relative_to(PACKAGE)]
    place = f" at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
    words = plain(str(error))
    words = f"{words[:MAX_SHOWN]}…" if len(words) > MAX_SHOWN else words
    return f"{type(error).__name__}{place}{': ' if words else ''}{words}"


class _Worker(Struct):
    """A process, this end of the pipe to it, and the places that it has still to do.

    It is at work on the first of them.
    """

    process: BaseProcess
    pipe: Connection
    places: deque[int]

    def ask(self, spec: Spec) -> None:
        with suppress(OSError):  # it is dead, as its answer will say
            self.pipe.send(spec)

    def answer(self) -> Result | None:
        """What became of the spec in work; None when the process is dead."""
        try:
            found = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return found if isinstance(found, Result) else None

    def end(self, *, now: bool) -> str:
        """Wait for the process to end, and say how it did."""
        self.pipe.close()  # which tells it to end, when it is done
        if now:
            self.process.terminate()
        self.process.join(_SECONDS_TO_END)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        code = self.process.exitcode or 0
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with code {code}"


def _in_processes(
    work: Work,
    specs: Sequence[Spec],
    groups: list[tuple[int, ...]],
    jobs: int,
    done: Callable[[], None],
) -> list[Result]:
    """Do the work, the groups from the last to the first; empties `groups`."""
    from multiprocessing.connection import wait

    results: dict[int, Result] = {}
    workers: list[_Worker] = []
    gc.freeze()  # what is there by now, workers share, and do not look through

    def start(places: deque[int]) -> None:
        with shielded():
            workers.append(_started(work, places, workers))
        workers[-1].ask(specs[places[0]])

    try:
        while groups and len(workers) < jobs:
            start(deque(groups.pop()))
        while workers:
            ready = wait([worker.pipe for worker in workers])
            for worker in [each for each in workers if each.pipe in ready]:
                place = worker.places.popleft()
                result = worker.answer()
                places = worker.places or deque(groups.pop() if groups else ())
                if result is None or not places:
                    workers.remove(worker)
                    how = worker.end(now=False)
                    result = result or failed(specs[place], how)
                    if places:
                        start(places)
                else:
                    worker.places = places
                    worker.ask(specs[places[0]])
                results[place] = result
                done()
    finally:
        with shielded():
            for worker in workers:
                worker.end(now=True)
    return [results[place] for place in range(len(specs))]


def _started(work: Work, places: deque[int], others: Sequence[_Worker]) -> _Worker:
    """A new process; signals must be held back, until it is ready for them."""
    from multiprocessing import get_all_start_methods, get_context

    # What macOS itself brings into a process does not survive a fork.
    forks = "fork" in get_all_start_methods() and sys.platform != "darwin"
    context = get_context("fork") if forks else get_context("spawn")
    here, there = context.Pipe()
    inherited = [worker.pipe for worker in others] + [here] if forks else []
    process = context.Process(target=_serve, args=(work, there, inherited), daemon=True)
    process.start()
    there.close()
    return _Worker(process, here, places)


def _serve(work: Work, pipe: Connection, inherited: Sequence[Connection]) -> None:
    """In a worker process: do what is asked, until the pipe is closed."""
    end_on_sigterm_alone()
    for other in inherited:
        other.close()  # or no pipe would ever end that this process holds too
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_attempt(work, pipe.recv()))
