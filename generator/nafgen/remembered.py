"""What was found in specs that no package is written for, from one build to the next.

A package's manifest says what it was made from, so that it is not made again. Here is one
for each spec that has no package, in a folder below that of the packages. It is ignored by
version control, can be deleted at any time, and says nothing that is taken for more than
data.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from .inputs import Spec
from .manifest import Manifest

FOLDER: Final = ".nafgen_cache"
_MAX_BYTES: Final = 16_000_000


class Memory(Struct, frozen=True):
    """The folder at `folder`; one that is not there, or not one, remembers nothing."""

    folder: Path

    def recall(self, spec: Spec) -> Manifest | None:
        """The manifest of a spec without a package; None where there is no sound one."""
        path = self._path(spec)
        try:
            if not stat.S_ISDIR(self.folder.lstat().st_mode):
                return None
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_BYTES:
                return None
            manifest = Manifest.parse(path.read_bytes())
        except OSError:
            return None
        if manifest is None or manifest.spec != spec.relative or manifest.files:
            return None
        # Without a hash of the spec itself, as where it could not be read, nothing holds.
        return manifest if manifest.inputs.get(spec.relative) else None

    def remember(self, spec: Spec, manifest: Manifest) -> None:
        """Keep the manifest of a spec, where that is possible."""
        path = self._path(spec)
        temporary = path.with_suffix(f".{os.urandom(8).hex()}.tmp")
        with suppress(OSError):
            self._make_folder()
            try:
                with temporary.open("xb") as file:
                    file.write(manifest.encode())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)  # where the disk is full

    def forget(self, spec: Spec) -> None:
        """Keep nothing of a spec."""
        with suppress(OSError):
            self._path(spec).unlink()

    def _path(self, spec: Spec) -> Path:
        place = f"{spec.from_output}\0{spec.relative}".encode(errors="surrogateescape")
        return self.folder / f"{sha256(place).hexdigest()}.json"

    def _make_folder(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            self.folder.mkdir()
            (self.folder / ".gitignore").write_bytes(b"# Made by nafgen.\n*\n")
        if not stat.S_ISDIR(self.folder.lstat().st_mode):
            raise NotADirectoryError  # what a link leads to is not ours
