"""How a package on disk departs from what is planned for it. Reads only.

A file on disk is nafgen's when the package's manifest lists it with the hash it has, or
when it is just what is planned. Any other file in the place of a planned one was edited
by hand, if the manifest or its first line says that it was generated, or is foreign.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from .disk import MAKE_WAY, REAL_FOLDER, TEMPORARY, Kind, Mode, Site
from .manifest import Manifest, digest
from .plan import HEADER, MANIFEST

_REBUILD: Final = "run `nafgen build`"
_KEEP_EDIT: Final = (
    "move the change into the spec or an overlay, then run"
    " `nafgen build --discard-edits`"
)
_FOREIGN: Final = "nafgen deletes only what it wrote itself: move or delete it by hand"


class Change(Struct, frozen=True, kw_only=True):
    """A file to write or delete: its path in the folder, its content before and after.

    None stands for no file.
    """

    path: str
    old: bytes | None
    new: bytes | None


class Drift(Struct, frozen=True, kw_only=True):
    """The changes that bring a folder up to date, in the order to apply them.

    If `refused`, none may be applied. `interim` is to be applied before the first of
    them: a manifest that knows each file both as it was and as it will be.
    """

    changes: tuple[Change, ...]
    interim: Change | None = None
    refused: bool = False


def package_drift(
    site: Site, planned: Mapping[str, bytes], finished: Manifest | None
) -> Drift:
    """Compare a package's folder with the files planned and the manifest to end with.

    `finished` None means that the package goes. Reports why it is refused, what is
    foreign and, unless the mode is WRITE, each change.

    Raises:
        FileError: the disk cannot be read.
    """
    comparison = _Comparison(site=site, tree=site.scan())
    written = None if comparison.is_blocked(MANIFEST) else comparison.content(MANIFEST)
    before = None if written is None else Manifest.parse(written)
    if written is not None and before is None:
        comparison.edited(MANIFEST, "this manifest cannot be read")
    comparison.before = before
    comparison.reason = _reason(before, finished)
    for path in sorted(planned):
        comparison.compare(path, planned[path])
    comparison.clean(planned, gone=finished is None)
    comparison.temporaries()
    interim = _interim(comparison, written, finished)
    comparison.end(written, finished)
    return Drift(
        changes=tuple(comparison.changes), interim=interim, refused=comparison.refused
    )


def root_drift(site: Site, planned: Mapping[str, bytes]) -> Drift:
    """Compare the output folder itself, which has no manifest and holds packages.

    Raises:
        FileError: the disk cannot be read.
    """
    comparison = _Comparison(site=site, tree=site.scan(deep=False))
    for path in sorted(planned):
        comparison.compare(path, planned[path])
    comparison.temporaries()
    return Drift(changes=tuple(comparison.changes), refused=comparison.refused)


def _reason(before: Manifest | None, after: Manifest | None) -> str:
    """Why what nafgen wrote then is not what it would write now."""
    if before is None or after is None:
        return "it is not what nafgen generates"
    if before.pending:
        return "an earlier build was interrupted"
    reasons = []
    if inputs := {*before.inputs.items()} ^ {*after.inputs.items()}:
        names = ", ".join(sorted({path for path, _ in inputs}))
        reasons.append(f"the spec changed ({names})")
    if before.generator != after.generator:
        reasons.append("nafgen changed")
    return " and ".join(reasons) or "a setting changed, not the spec and not nafgen"


def _interim(
    comparison: _Comparison, written: bytes | None, finished: Manifest | None
) -> Change | None:
    """The manifest for the time of writing; None where the one on disk does as well."""
    pending = {
        change.path: digest(change.new)
        for change in comparison.changes
        if change.new is not None
    }
    if finished is None or finished.encode() == written or not pending:
        return None
    recorded = comparison.before.files if comparison.before else {}
    files = {**recorded, **comparison.owned}
    manifest = replace(finished, files=files, pending=pending)
    return Change(path=MANIFEST, old=written, new=manifest.encode())


class _Comparison(Struct, kw_only=True):
    """A comparison under way.

    `owned` are the hashes of files on disk that are nafgen's, `blocked` paths of things
    in the way, which are reported already.
    """

    site: Site
    tree: Mapping[str, Kind]
    before: Manifest | None = None
    reason: str = ""
    changes: list[Change] = field(default_factory=list)
    owned: dict[str, str] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    refused: bool = False

    def content(self, path: str) -> bytes | None:
        """The content of the file at `path`; None where there is no file."""
        is_file = self.tree.get(path) is Kind.FILE
        return self.site.read(path) if is_file else None

    def is_blocked(self, path: str) -> bool:
        """Whether what is no file, or no folder above it, is in the place of a file."""
        for parent in PurePosixPath(path).parents:
            if self.tree.get(str(parent), Kind.FOLDER) is not Kind.FOLDER:
                self._block(str(parent), "folder")
                return True
        if self.tree.get(path, Kind.FILE) is not Kind.FILE:
            self._block(path, "file")
            return True
        return False

    def compare(self, path: str, new: bytes) -> None:
        """Compare a planned file with what stands in its place."""
        if self.is_blocked(path):
            return
        old = self.content(path)
        recorded = self._recorded(path)
        if old is None:
            self._differs("NAF611", path, "this generated file is missing")
        elif old == new:
            self.owned[path] = digest(old)
            return
        elif digest(old) in recorded:
            self.owned[path] = digest(old)
            message = f"this generated file is out of date: {self.reason}"
            self._differs("NAF612", path, message)
        elif recorded or HEADER.encode() in old.partition(b"\n")[0]:
            self.edited(path, "this generated file was edited by hand")
        else:
            message = "this file was not written by nafgen, which has to write one here"
            self._refuse("NAF601", path, message, MAKE_WAY)
            return
        self.changes.append(Change(path=path, old=old, new=new))

    def clean(self, planned: Mapping[str, bytes], *, gone: bool) -> None:
        """Plan to delete own files that are not `planned`, and report foreign ones."""
        for path, kind in self.tree.items():
            if path in planned or path in self.blocked or path == MANIFEST:
                continue
            if kind in (Kind.FOLDER, Kind.PACKAGE) or self._is_temporary(path):
                continue
            recorded = self._recorded(path)
            if kind is Kind.FILE and recorded:
                old = self.site.read(path)
                if digest(old) not in recorded:
                    message = "this file was edited by hand, but is no longer generated"
                    self.edited(path, message)
                else:
                    self.owned[path] = digest(old)
                    if not gone:
                        message = "this file is no longer generated"
                        self._differs("NAF613", path, message)
                self.changes.append(Change(path=path, old=old, new=None))
            else:
                message = f"this {kind} is in a generated package, but not generated"
                span = self.site.span(path)
                self.site.reporter.report("NAF613", span, message, hint=_FOREIGN)

    def temporaries(self) -> None:
        """Plan to delete what a killed build has left."""
        for path in self.tree:
            if self._is_temporary(path):
                self._differs("NAF613", path, "an interrupted build left this file")
                old = self.site.read(path)
                self.changes.append(Change(path=path, old=old, new=None))

    def end(self, written: bytes | None, finished: Manifest | None) -> None:
        """Compare the manifest last: a change of it alone is still a change."""
        new = finished.encode() if finished else None
        if written == new:
            return
        if finished is None and self.before is not None:
            message = f"this package is left over: its spec {self.before.spec} is gone"
            self._differs("NAF613", MANIFEST, message)
        elif written is None and not self.changes:
            self._differs("NAF611", MANIFEST, "the package's manifest is missing")
        elif self.before is not None and not self.changes:
            message = f"the package's manifest is out of date: {self.reason}"
            self._differs("NAF612", MANIFEST, message)
        self.changes.append(Change(path=MANIFEST, old=written, new=new))

    def edited(self, path: str, message: str) -> None:
        """Report a hand edit, which only the user may give up."""
        if not self.site.discard_edits:
            self._refuse("NAF602", path, message, _KEEP_EDIT)
        else:
            self._differs("NAF602", path, message)

    def _block(self, path: str, wanted: str) -> None:
        self.blocked.add(path)
        kind = self.tree[path]
        message = f"a {kind} stands where nafgen needs a {wanted}"
        if kind is Kind.LINK:
            self._refuse("NAF502", path, message, REAL_FOLDER)
        else:
            self._refuse("NAF601", path, message, MAKE_WAY)

    def _refuse(self, code: str, path: str, message: str, hint: str) -> None:
        self.refused = True
        self.site.reporter.report(code, self.site.span(path), message, hint=hint)

    def _differs(self, code: str, path: str, message: str) -> None:
        if self.site.mode is not Mode.WRITE:
            span = self.site.span(path)
            self.site.reporter.report(code, span, message, hint=_REBUILD)

    def _is_temporary(self, path: str) -> bool:
        is_file = self.tree[path] is Kind.FILE
        return is_file and TEMPORARY.fullmatch(path) is not None

    def _recorded(self, path: str) -> tuple[str, ...]:
        """The hashes by which the manifest knows the file."""
        if self.before is None:
            return ()
        maps = (self.before.files, self.before.pending)
        return tuple(each[path] for each in maps if path in each)
