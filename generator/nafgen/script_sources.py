"""Reads the files of scripts, and says in which language each is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from . import spec
from .diagnostics import Origin, Reporter, Span, show
from .imports import Unfetched
from .locations import file_path
from .scripted import Language, Script, ScriptFile
from .spec import Located

MAX_FILE: Final = 256 * 1024
"""Bytes of a file at the most."""

Fetch: TypeAlias = Callable[[Located], bytes | Unfetched]
"""Reads the file at a path that is relative to the file in which it is written."""

_SEGMENT: Final = re.compile(r"[A-Za-z0-9._-]+").fullmatch
_SUFFIXES: Final = {
    ".js": Language.JAVASCRIPT,
    ".mjs": Language.JAVASCRIPT,
    ".py": Language.PYTHON,
}
_EXAMPLE: Final = "as `location: file:///./scripts`"


def read_scripts(
    capability: spec.Capability, fetch: Fetch, reporter: Reporter
) -> spec.Capability:
    """The capability with the scripts of its steps.

    Findings, each of which costs the unit of the step: NAF102 (nothing says where the
    file is), NAF214 (it cannot be used), NAF503 (it is elsewhere), NAF909 (its language
    is not run), NAF911 (scripts are switched off).
    """
    control = capability.control
    pass_ = _Pass(control.scripting if control else None, fetch, reporter)
    scripts = tuple((s.origin, pass_.script(s)) for s in capability.script_steps)
    return replace(capability, scripts=scripts)


class _Pass(Struct, frozen=True):
    scripting: spec.Scripting | None
    fetch: Fetch
    reporter: Reporter
    known: dict[tuple[str, str, Language], ScriptFile] = field(default_factory=dict)

    def script(self, step: spec.ScriptStep) -> Script | str:
        """The script of a step, or the code of why there is none (reported)."""
        scripting = self.scripting
        if scripting is not None and scripting.disabled is not None:
            return self._refused(
                Located(step.name, step.origin.span),
                "NAF911",
                f"{show(step.name)} is a script, and scripts are switched off",
                "let the control adapter say `enabled: true`, or do without it",
            )
        language = self._language(step)
        folder = self._folder(step)
        if not isinstance(language, Language) or isinstance(folder, str):
            return folder if isinstance(folder, str) else language
        files = []
        for file in (*step.dependencies, step.file):
            read = self._file(file, folder, language)
            if isinstance(read, str):
                return read
            files.append(read)
        timeout = scripting.timeout if scripting else None
        return Script(files=tuple(files), timeout=timeout)

    def _language(self, step: spec.ScriptStep) -> Language | str:
        scripting = self.scripting
        written = step.language or (scripting.language if scripting else None)
        if written is None:
            suffix = PurePosixPath(str(step.file.value)).suffix.lower()
            if suffix not in _SUFFIXES:
                return self._refused(
                    step.file,
                    "NAF102",
                    f"nothing says in which language {show(step.file.value)} is",
                    "add `language: javascript` or `language: python` to the step",
                )
            official = f"`language: {_SUFFIXES[suffix]}`"
            message = f"a script without `language` is read as the official {official}"
            self.reporter.report("NAF409", step.file.span, message)
            written = Located(str(_SUFFIXES[suffix]), step.file.span)
        allowed = scripting.languages if scripting else None
        if written.value not in list(Language):
            return self._refused(
                written,
                "NAF909",
                f"scripts in {show(written.value)} are not run",
                "write the script in javascript or python",
            )
        if allowed is not None and written.value not in [a.value for a in allowed]:
            return self._refused(
                written,
                "NAF909",
                f"the control adapter does not allow scripts in {written.value}",
                "add the language to its `allowedLanguages`",
            )
        return Language(written.value)

    def _folder(self, step: spec.ScriptStep) -> Located | str:
        """The folder of the files, as a path beside the file in which it is written."""
        scripting = self.scripting
        location = step.location or (scripting.location if scripting else None)
        if location is None:
            return self._refused(
                step.file,
                "NAF102",
                f"nothing says in which folder {show(step.file.value)} is",
                f"add the folder to the step, {_EXAMPLE}",
            )
        path = file_path(location)
        if path is None:
            return self._refused(
                location,
                "NAF101",
                f"{show(location.value)} is no folder",
                f"write one, {_EXAMPLE}",
            )
        if path.startswith("/") or "\\" in path or not path.isprintable():
            return self._refused(
                location,
                "NAF503",
                f"{show(location.value)} is not relative to this file",
                f"write a folder beside or below it, {_EXAMPLE}",
            )
        return Located(path, location.span)

    def _file(
        self, file: Located, folder: Located, language: Language
    ) -> ScriptFile | str:
        name = str(file.value)
        segments = name.split("/")
        if name.startswith("/") or ".." in segments:
            return self._refused(
                file,
                "NAF503",
                f"{show(name)} leads outside the folder of the scripts",
                "name a file in that folder",
            )
        if not all(_SEGMENT(each) and each != "." for each in segments):
            return self._refused(
                file,
                "NAF214",
                f"{show(name)} cannot be the file of a script",
                "letters, digits, dots, hyphens and underscores make the name of one",
            )
        path = posixpath.normpath(posixpath.join(folder.value, name))
        known = path, folder.span.file, language
        if known not in self.known:
            text = self._text(Located(path, folder.span))
            if isinstance(text, Unfetched):
                message = f"the script {show(name)} cannot be used: {text.reason}"
                return self._refused(file, text.code, message, text.hint)
            origin = Origin(f"{language}[{path}]", Span.whole(folder.span.file))
            made = ScriptFile(language=language, path=path, text=text, origin=origin)
            self.known[known] = made
        return self.known[known]

    def _text(self, path: Located) -> str | Unfetched:
        """What a file holds, its lines ended alike; or why it cannot be used."""
        data = self.fetch(path)
        if isinstance(data, Unfetched):
            return data
        if len(data) > MAX_FILE:
            reason = f"it has more than {MAX_FILE:,} bytes"
            return Unfetched("NAF214", reason, "make it smaller")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return Unfetched("NAF214", "it is not UTF-8", "save it as UTF-8")
        if "\0" in text:
            return Unfetched("NAF214", "it holds a NUL", "name a file of text")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _refused(self, located: Located, code: str, message: str, hint: str) -> str:
        self.reporter.report(code, located.span, message, hint=hint)
        return code
