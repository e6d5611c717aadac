"""Runs scripts of flows, in processes of their own that are ended when it takes too long.

Scripts are files of the package's folder `_scripts`: JavaScript (`.js`) in QuickJS, and
Python (`.py.txt`) in Monty. They get JSON and make JSON, and reach nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NoReturn

from .script_settings import TIMEOUT, ScriptError, ThrownError, settings

GRACE: Final = 5.0
"""Seconds that its process may take beside."""
MEMORY: Final = 128 * 1024**2
"""Bytes of memory that a script may use."""
MAX_CONTEXT: Final = 16 * 1024**2
"""Characters of JSON that a script may be given."""
MAX_RESULT: Final = 8 * 1024**2
"""Characters of JSON that a script may make."""
MAX_RUNNING: Final = max(2, os.cpu_count() or 1)
"""Scripts that run at once; others wait."""
LANGUAGES: Final = {".js": "javascript", ".txt": "python"}
"""Languages by the ends of names of files."""
FOLDER: Final = Path(__file__).parents[1] / "_scripts"
WORKER: Final = Path(__file__).with_name("script_worker.py")

_threads: Final = ThreadPoolExecutor(MAX_RUNNING, thread_name_prefix="scripts")


async def script(
    *files: str, context: Mapping[str, Any], timeout: float = TIMEOUT
) -> Any:
    """What the last of these files leaves in its variable `result`, None for nothing.

    The others are run before it, in their order. All know the variable `context`, which
    holds the values that are not None.

    Raises:
        ThrownError: one of these threw something.
        ScriptError: scripts are switched off, one of these took too long or needs too
            much memory, or the result is not JSON or too large.
    """
    language = LANGUAGES[Path(files[-1]).suffix]
    given = {name: value for name, value in context.items() if value is not None}
    with settings.recorded():
        settings.check(language)
        running = _Run(files, language, given, settings.timeout(timeout))
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(_threads, running.result)
        finally:
            running.end()  # whoever waited for it may have left


class _Worker:
    """A process that runs scripts, one at a time."""

    def __init__(self) -> None:
        # Its environment is empty, for this one may hold secrets.
        needed = {"SYSTEMROOT"} & os.environ.keys()
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in needed},
            start_new_session=True,
        )
        self.owner = os.getpid()
        self.is_late = False
        self.end = weakref.finalize(self, _end, self._process, self.owner)

    def answer(self, asked: bytes, seconds: float) -> bytes:
        """What it answers within so many seconds; what is cut off where it ends."""
        stdin, stdout = self._process.stdin, self._process.stdout
        timer = threading.Timer(seconds, self._too_late)
        timer.start()
        try:
            if stdin is None or stdout is None:
                return b""
            stdin.write(asked + b"\n")
            stdin.flush()
            return stdout.readline()
        except (OSError, ValueError):  # it is gone, and so are the pipes
            return b""
        finally:
            timer.cancel()

    def _too_late(self) -> None:
        self.is_late = True
        _kill(self._process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and those that it has started."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if os.getpid() == owner:  # it is not that of a process which this is a copy of
        _kill(process)
        process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()


_idle: Final[list[_Worker]] = []
"""Workers that wait for a script; each is as good as a new one."""


class _Run:
    """One run of scripts; `end` may be called from another thread at any time."""

    def __init__(
        self,
        files: tuple[str, ...],
        language: str,
        context: Mapping[str, Any],
        timeout: float,
    ) -> None:
        self._files = files
        self._language = language
        self._context = context
        self._timeout = timeout
        self._lock = threading.Lock()
        self._has_ended = False
        self._worker: _Worker | None = None

    def result(self) -> Any:
        """Run the scripts, and wait for their result."""
        asked = self._asked()
        worker = self._started()
        answered = worker.answer(asked, self._timeout + GRACE)
        with self._lock:
            self._worker = None
        if not answered.endswith(b"\n"):
            worker.end()
            late = f"ran longer than {self._timeout:g} s"
            how = late if worker.is_late else "ended the process that ran it"
            raise ScriptError(f"the script {how}")
        _idle.append(worker)
        return _read(answered)

    def end(self) -> None:
        """End what still runs."""
        with self._lock:
            self._has_ended = True
            if self._worker is not None:
                self._worker.end()

    def _started(self) -> _Worker:
        with self._lock:
            if self._has_ended:
                raise ScriptError("nobody waits for the script any more")
            while _idle and self._worker is None:
                worker = _idle.pop()
                if worker.owner == os.getpid():
                    self._worker = worker
            self._worker = self._worker or _Worker()
            return self._worker

    def _asked(self) -> bytes:
        context = _json(self._context)
        if len(context) > MAX_CONTEXT:
            raise ScriptError(
                f"scripts are given {MAX_CONTEXT:,} characters at the most"
            )
        asked = {
            "language": self._language,
            "sources": [(FOLDER / name).read_text("utf-8") for name in self._files],
            "context": context,
            "timeout": self._timeout,
            "memory": MEMORY,
            "result": MAX_RESULT,
            "path": [path for path in sys.path if path],
        }
        return json.dumps(asked).encode()


def _read(answered: bytes) -> Any:
    try:
        answer = json.loads(answered)
    except (ValueError, RecursionError):
        raise ScriptError("the script failed: its result is not JSON") from None
    if "thrown" in answer:
        raise ThrownError(f"the script failed: {answer['thrown']}")
    if "failure" in answer:
        raise ScriptError(f"the script failed: {answer['failure']}")
    if answer["result"] is None:
        return None
    try:
        return _value(answer["result"])
    except (ValueError, RecursionError):
        raise ScriptError("the script failed: its result is not JSON") from None


def _json(context: Mapping[str, Any]) -> str:
    try:
        return json.dumps(context, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ScriptError("what the script is given is not JSON") from None


def _value(made: str) -> Any:
    value = json.loads(made, parse_constant=_not_json)
    if "\\ud" in made:  # half a character, perhaps, which nobody could send on
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")
