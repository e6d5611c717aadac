"""Verifies apps of skills: every path of theirs, called in memory over ASGI."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zipfile import ZipFile

import httpx

from .expect import percent_encoded
from .program import DerivedTool, McpAdapter, Skill, SkillAdapter
from .verify_forward import PROBLEM
from .verify_guard import check_refused, credentials
from .verify_probe import Bench, failure

_FILES: Final = {"verified.md": b"# Guide\n", "verified/data.json": b"{}\n"}
"""Files of each skill that has a folder while it is verified, beside those of its tools."""
_TYPES: Final = {".md": "text/markdown; charset=utf-8", ".json": "application/json"}


async def check_skills(bench: Bench, adapter: SkillAdapter) -> None:
    """Ask for all that an adapter serves."""
    app = bench.load(str(bench.names.modules[adapter.origin])).create_app()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://service.test",
        trust_env=False,
        auth=credentials(adapter.guard, bench.settings) if adapter.guard else None,
    ) as caller:
        await _check_list(bench, adapter, caller)
        for skill in adapter.skills:
            try:
                await _Check(bench, skill, caller).run()
            except Exception as error:
                bench.findings.add(skill.origin, f"skill: {failure(error)}")
        if adapter.guard is not None:
            for path in (
                "/skills",
                "/skills/x/download",
                "/openapi.json",
                "/-/nothing",
            ):
                bench.probe.received.clear()
                got = await caller.get(path, auth=None)
                check_refused(bench, adapter, f"GET {path}", got)


async def _check_list(
    bench: Bench, adapter: SkillAdapter, caller: httpx.AsyncClient
) -> None:
    """The list has all skills, and nothing can be written."""
    wanted = []
    for skill in adapter.skills:
        said: dict[str, Any] = {"name": skill.name, "description": skill.description}
        if skill.license:
            said["license"] = skill.license
        wanted.append({**said, "tools": [tool.name for tool in skill.tools]})
    got = await caller.get("/skills")
    expected = {"count": len(wanted), "skills": wanted}
    bench.check(adapter.origin, "GET /skills: body", expected, got.json())
    got = await caller.post("/skills", json={})
    bench.check(adapter.origin, "POST /skills: status", 405, got.status_code)
    got = await caller.get("/skills/no%20such%20skill")
    bench.check(adapter.origin, "an unknown skill: status", 404, got.status_code)


class _Check:
    """Asks for one skill and its files."""

    def __init__(self, bench: Bench, skill: Skill, caller: httpx.AsyncClient) -> None:
        self._bench = bench
        self._skill = skill
        self._caller = caller
        self._base = f"/skills/{percent_encoded(skill.name)}"

    async def run(self) -> None:
        got = await self._caller.get(self._base)
        self._check("what is said", _said(self._skill, self._bench), got.json())
        folder = self._skill.folder
        if folder is None:
            for path in ("contents", "contents/x.md", "download"):
                await self._refused(path, 404)
            return
        base = Path(self._bench.settings[folder.variable])
        await self._check_files(_files(base))

    async def _check_files(self, files: dict[str, bytes]) -> None:
        got = await self._get("contents")
        listed = [(each["path"], each["size"]) for each in got.json()["files"]]
        wanted = [(path, len(content)) for path, content in files.items()]
        self._check("files", wanted, listed)
        for path, content in files.items():
            got = await self._get(f"contents/{path}")
            self._check(f"{path}: content", content, got.content)
            kind = _TYPES.get(Path(path).suffix)
            if kind is not None:
                self._check(f"{path}: type", kind, got.headers.get("content-type"))
        got = await self._get("download")
        with ZipFile(io.BytesIO(got.content)) as archive:
            packed = {name: archive.read(name) for name in archive.namelist()}
        self._check("archive", files, packed)
        await self._refused("contents/missing.md", 404)
        for path in (
            "%2e%2e/secret",
            "..%2fsecret",
            "verified%5cdata.json",
            "link/secret",
        ):
            await self._refused(f"contents/{path}", 400)

    async def _get(self, path: str) -> httpx.Response:
        return await self._caller.get(f"{self._base}/{path}")

    async def _refused(self, path: str, status: int) -> None:
        got = await self._get(path)
        self._check(f"{path}: status", status, got.status_code)
        self._check(f"{path}: type", PROBLEM, got.headers.get("content-type"))

    def _check(self, what: str, wanted: object, got: object) -> None:
        what = f"skill {json.dumps(self._skill.name)}, {what}"
        self._bench.check(self._skill.origin, what, wanted, got)


def _said(skill: Skill, bench: Bench) -> dict[str, Any]:
    """What a skill says of itself, without what the spec does not say."""
    said: dict[str, Any] = {
        "name": skill.name,
        "description": skill.description,
        "license": skill.license or None,
        "compatibility": skill.compatibility or None,
        "metadata": dict(skill.metadata) or None,
        "allowed-tools": skill.allowed_tools or None,
        "argument-hint": skill.argument_hint or None,
        "user-invocable": skill.user_invocable,
        "disable-model-invocation": skill.disable_model_invocation,
    }
    tools = said["tools"] = []
    for tool in skill.tools:
        about: dict[str, Any] = {"name": tool.name, "description": tool.description}
        if isinstance(tool, DerivedTool):
            served = bench.names.units[tool.unit.origin].tool
            is_mcp = isinstance(tool.adapter, McpAdapter)
            about["type"] = "derived"
            about["invocationRef"] = {
                "targetNamespace": tool.adapter.namespace,
                "action": served if is_mcp else tool.action,
                "mode": "mcp" if is_mcp else "rest",
            }
        else:
            about |= {"type": "instruction", "instruction": tool.path}
        tools.append(about)
    return {key: value for key, value in said.items() if value is not None}


@contextmanager
def folders(adapter: SkillAdapter) -> Iterator[dict[str, str]]:
    """A folder of files for each skill that has one, by its variable; beside them is a
    file that is none of theirs."""
    with TemporaryDirectory(prefix="nafgen-skills-") as name:
        made = {}
        for number, skill in enumerate(adapter.skills):
            if skill.folder is not None:
                base = Path(name) / str(number) / "files"
                made[skill.folder.variable] = str(base)
                _fill(base, skill)
        yield made


def _fill(base: Path, skill: Skill) -> None:
    paths = [tool.path for tool in skill.tools if not isinstance(tool, DerivedTool)]
    files = {**_FILES, **dict.fromkeys(paths, b"An instruction.\n")}
    for path, content in files.items():
        # No disk has a file that is the folder of another, or a name of any length.
        with suppress(OSError):
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            (base / path).write_bytes(content)
    (base.parent / "secret").write_text("secret", encoding="utf-8")
    (base / "link").symlink_to("..")


def _files(base: Path) -> dict[str, bytes]:
    """All files of a folder, by their paths."""
    found = (path for path in base.rglob("*") if path.is_file())
    inside = {path.relative_to(base).as_posix(): path for path in found}
    return {
        path: inside[path].read_bytes()
        for path in sorted(inside)
        if not path.startswith("link/")
    }
