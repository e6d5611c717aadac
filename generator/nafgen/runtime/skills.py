"""Serves skills: what they say of themselves, and the files that explain them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, NamedTuple, ParamSpec
from zipfile import ZipFile, ZipInfo

from fastapi import FastAPI, Response
from starlette.exceptions import HTTPException

from .folders import MAX_FILE, File, Folder, TooLargeError, UnsafePathError, media_type
from .rest import OPTIONS as REST_OPTIONS
from .rest import closing

OPTIONS: Final[dict[str, Any]] = {**REST_OPTIONS, "responses": None}
"""Arguments of `FastAPI` that every app of skills shares: those of REST, but for what only
an upstream answers."""
_LISTED: Final = ("name", "description", "license")
_CREATED: Final = (1980, 1, 1, 0, 0, 0)
"""The time of each file in an archive, so that archives differ only where files do."""
_P = ParamSpec("_P")


class Skill(NamedTuple):
    """A skill: what is said of it, with its `name` and its `tools`, and its files."""

    about: Mapping[str, Any]
    folder: Folder | None = None


def add_skills(app: FastAPI, skills: Iterable[Skill]) -> None:
    """Serve skills at `/skills`, for reading only."""
    app.router.lifespan_context = closing()
    known = {skill.about["name"]: skill for skill in skills}
    listed = [_listed(skill.about) for skill in known.values()]

    @app.get("/skills")
    async def list_skills() -> dict[str, Any]:
        """All skills."""
        return {"count": len(listed), "skills": listed}

    @app.get("/skills/{name}")
    async def get_skill(name: str) -> dict[str, Any]:
        """One skill, and its tools."""
        return dict(_found(known, name).about)

    @app.get("/skills/{name}/contents")
    @_answering
    def list_contents(name: str) -> dict[str, Any]:
        """The files of a skill."""
        files = _folder(known, name).files()
        return {"name": name, "files": [file._asdict() for file in files]}

    @app.get("/skills/{name}/contents/{file:path}", response_class=Response)
    @_answering
    def get_file(name: str, file: str) -> Response:
        """A file of a skill."""
        content = _folder(known, name).read(file)
        # No browser takes a file for what it is not.
        headers = {"x-content-type-options": "nosniff"}
        return Response(content, headers=headers, media_type=media_type(file))

    @app.get("/skills/{name}/download", response_class=Response)
    @_answering
    def download(name: str) -> Response:
        """All files of a skill in a ZIP archive."""
        folder = _folder(known, name)
        archive = _archive(folder, folder.files())
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name)
        headers = {"content-disposition": f'attachment; filename="{plain}.zip"'}
        return Response(archive, headers=headers, media_type="application/zip")


def _listed(about: Mapping[str, Any]) -> dict[str, Any]:
    """What the list of all skills says of one."""
    said = {key: about[key] for key in _LISTED if key in about}
    return {**said, "tools": [tool["name"] for tool in about["tools"]]}


def _found(known: Mapping[str, Skill], name: str) -> Skill:
    if name not in known:
        raise HTTPException(404, "there is no such skill")
    return known[name]


def _folder(known: Mapping[str, Skill], name: str) -> Folder:
    folder = _found(known, name).folder
    if folder is None:
        raise HTTPException(404, "this skill has no files")
    return folder


def _answering(get: Callable[_P, Any]) -> Callable[_P, Any]:
    """What reads files, with its errors as answers."""

    @wraps(get)
    def answering(*args: _P.args, **kwargs: _P.kwargs) -> Any:
        try:
            return get(*args, **kwargs)
        except UnsafePathError as error:
            raise HTTPException(400, str(error)) from None
        except FileNotFoundError as error:
            raise HTTPException(404, str(error)) from None
        except TooLargeError as error:
            raise HTTPException(500, str(error)) from None

    return answering


def _archive(folder: Folder, files: Sequence[File]) -> bytes:
    """Files as they are, in the order of their paths.

    They are not compressed, so that an archive is the same wherever it is made.

    Raises:
        TooLargeError: they have too many bytes together.
    """
    if sum(file.size for file in files) > MAX_FILE:
        message = f"the files of a skill have {MAX_FILE} bytes together at the most"
        raise TooLargeError(message)
    archive = io.BytesIO()
    with ZipFile(archive, "w") as made:
        for file in files:
            content = folder.read(file.path)
            entry = ZipInfo(file.path, _CREATED)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            made.writestr(entry, content)
    return archive.getvalue()
