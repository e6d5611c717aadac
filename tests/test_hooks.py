"""The pre-commit hooks, in real commits: nafgen is installed as users would have it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cli_support import CHANGED, PARTIAL, PHOTOS, environment

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parent.parent
# What the wheel is made of.
SHIPPED = (
    ".pre-commit-hooks.yaml",
    "LICENSE",
    "README.md",
    "docs/diagnostics",
    "generator/nafgen",
    "pyproject.toml",
    "templates",
)
CLIENT = "generated/photos/client.py"


class Repository:
    """A git repository with nafgen's hooks, or without any."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        variables = {
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PRE_COMMIT_HOME": str(cache),
            "PRE_COMMIT_COLOR": "never",
        }
        self.environment = environment(**variables)
        # The hook is to find the nafgen that pre-commit installs.
        del self.environment["PYTHONPATH"]
        self.run("git", "init", "--quiet", "--initial-branch=main")

    def run(self, *command: str) -> str:
        """Run a command that must succeed."""
        code, shown = self.attempt(*command)
        assert code == 0, shown
        return shown

    def attempt(self, *command: str) -> tuple[int, str]:
        """Run a command: its exit code, and all that it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout

    def commit(self) -> tuple[int, str]:
        return self.attempt("git", "commit", "--quiet", "-m", "change")

    def use(self, source: Repository, hook: str) -> None:
        """Install a hook of nafgen, and commit that."""
        config = (
            f"repos:\n- repo: {source.folder}\n  rev: v1\n  hooks:\n  - id: {hook}\n"
        )
        self.write(".pre-commit-config.yaml", config)
        self.run("git", "add", ".")
        self.run("git", "commit", "--quiet", "--no-verify", "-m", "start")
        self.run("pre-commit", "install")

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    @property
    def changes(self) -> str:
        return self.run("git", "status", "--porcelain")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """This checkout as it is now, as a repository with a release."""
    folder = tmp_path_factory.mktemp("hooks")
    source = Repository(folder / "nafgen", folder / "cache")
    for name in SHIPPED:
        path = source.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if (CHECKOUT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
            shutil.copytree(CHECKOUT / name, path, ignore=ignored)
        else:
            shutil.copy(CHECKOUT / name, path)
    source.run("git", "add", ".")
    source.run("git", "commit", "--quiet", "-m", "release")
    source.run("git", "tag", "v1")
    return source


@pytest.fixture
def repository(source: Repository, tmp_path: Path) -> Repository:
    """A project whose package was committed once, with another file beside."""
    project = Repository(tmp_path / "project", source.folder.parent / "cache")
    project.write("specs/photos.yaml", PHOTOS)
    project.write("notes.txt", "notes\n")
    project.use(source, "nafgen-build")
    project.attempt("pre-commit", "run", "--all-files")
    project.run("git", "add", ".")
    assert CLIENT in project.run("git", "ls-files")
    project.run("git", "commit", "--quiet", "-m", "build")
    return project


class TestBuildHook:
    def test_a_changed_spec(self, repository: Repository) -> None:
        repository.write("specs/photos.yaml", CHANGED)
        repository.run("git", "add", "specs")
        code, shown = repository.commit()
        assert code == 1
        assert "files were modified by this hook" in shown
        assert "1 spec: 1 built" in shown
        assert f" M {CLIENT}\n" in repository.changes
        repository.run("git", "add", ".")
        assert repository.commit()[0] == 0
        assert repository.changes == ""
        assert "An album" in repository.read(CLIENT)

    def test_a_new_spec(self, repository: Repository) -> None:
        """Its package is new to git, which pre-commit alone would not notice."""
        repository.write("specs/more.yaml", PHOTOS)
        repository.run("git", "add", "specs")
        code, shown = repository.commit()
        assert code == 1
        assert "2 specs: 1 built, 1 unchanged" in shown
        assert "?? generated/more/\n" in repository.changes
        repository.run("git", "add", ".")
        assert repository.commit()[0] == 0
        assert repository.changes == ""

    def test_a_spec_that_is_gone(self, repository: Repository) -> None:
        repository.write("specs/more.yaml", PHOTOS)
        repository.run("git", "rm", "--quiet", "specs/photos.yaml")
        repository.run("git", "add", "specs")
        code, shown = repository.commit()
        assert code == 1
        assert "1 spec: 1 built, 1 removed" in shown
        repository.run("git", "add", "--all", ".")
        assert repository.commit()[0] == 0
        assert not (repository.folder / CLIENT).exists()

    def test_a_hand_edit(self, repository: Repository) -> None:
        good = repository.read(CLIENT)
        repository.write(CLIENT, good + "# mine\n")
        repository.write("notes.txt", "more notes\n")
        repository.run("git", "add", ".")
        code, shown = repository.commit()
        assert code == 1
        assert "files were modified by this hook" in shown
        assert repository.read(CLIENT) == good
        repository.run("git", "add", ".")
        assert repository.commit()[0] == 0
        assert repository.changes == ""

    def test_findings(self, repository: Repository) -> None:
        """What cannot be compiled fails each commit, with its place."""
        repository.write("specs/photos.yaml", PARTIAL)
        for _ in range(2):
            repository.run("git", "add", ".")
            code, shown = repository.commit()
            assert code == 1
            assert "specs/photos.yaml:42:13: error[NAF204]" in shown

    def test_other_files(self, repository: Repository) -> None:
        repository.write("notes.txt", "more notes\n")
        repository.run("git", "add", ".")
        code, shown = repository.commit()
        assert code == 0
        assert "no files to check" in shown


class TestCheckHook:
    @pytest.fixture
    def checked(self, repository: Repository, source: Repository) -> Repository:
        config = repository.read(".pre-commit-config.yaml")
        repository.write(
            ".pre-commit-config.yaml", config.replace("nafgen-build", "nafgen-check")
        )
        repository.run("git", "add", ".")
        repository.run("git", "commit", "--quiet", "-m", "check")
        return repository

    def test_tells_them_apart(self, checked: Repository) -> None:
        for name in ("a", "b"):
            checked.write(f"specs/{name}.yaml", PHOTOS)
        checked.write("generated/photos/extra.py", "mine = 1\n")
        checked.write(CLIENT, checked.read(CLIENT) + "# mine\n")
        (checked.folder / "generated/photos/app.py").unlink()
        checked.run("git", "add", "--all", ".")
        before = checked.changes
        code, shown = checked.commit()
        assert code == 1
        for file, said in [
            (CLIENT, "error[NAF602]: this generated file was edited by hand"),
            (
                "generated/photos/app.py",
                "error[NAF611]: this generated file is missing",
            ),
            ("generated/photos/extra.py", "error[NAF613]: this file is in a generated"),
            ("generated/a/client.py", "error[NAF611]: this generated file is missing"),
        ]:
            assert f"{file}:1:1: {said}" in shown
        assert checked.changes == before

    def test_a_changed_spec(self, checked: Repository) -> None:
        checked.write("specs/photos.yaml", CHANGED)
        checked.run("git", "add", ".")
        code, shown = checked.commit()
        assert code == 1
        assert f"{CLIENT}:1:1: error[NAF612]: this generated file is out of" in shown
        assert "the spec changed (photos.yaml)" in shown
        assert "modified by this hook" not in shown

    def test_all_is_well(self, checked: Repository) -> None:
        checked.write("specs/README.md", "Specs.\n")
        checked.run("git", "add", ".")
        code, shown = checked.commit()
        assert code == 0
        assert "Passed" in shown
