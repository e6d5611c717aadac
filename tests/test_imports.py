"""Entries that come from other files: what is built of them, and when it is built again."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_support import Project
from compile_support import checked, files_of
from nafgen.compile import Compilation, compile_spec
from nafgen.diagnostics import Reporter
from nafgen.imports import MAX_IMPORTS, resolve
from nafgen.inputs import Spec
from nafgen.source import Document, load

APIS = """\
naftiko: 1.0.0-alpha2
binds:
- namespace: theirs
  keys:
    MUSIC_KEY: THEIR_KEY
consumes:
- type: http
  namespace: music
  baseUri: https://music.test
  description: All the songs
  inputParameters:
  - name: X-Key
    in: header
    value: "{{keys.MUSIC_KEY}}"
  resources:
  - path: /songs/{id}
    operations:
    - name: get-song
      method: GET
- type: http
  namespace: unused
  baseUri: https://unused.test
"""
SERVERS = """\
naftiko: 1.0.0-alpha2
info:
  label: Servers
capability:
  binds:
  - namespace: secrets
    keys:
      MUSIC_KEY: MY_KEY
  exposes:
  - type: mcp
    namespace: agent
    port: 9090
    description: Songs for agents
    tools:
    - name: get-song
      description: A song
      call: songs.get-song
      with:
        id: agent.number
      inputParameters:
      - name: number
        type: string
        required: true
        description: Which song
"""
SPEC = """\
naftiko: 1.0.0-alpha2
info:
  label: Songs
  description: Songs.
capability:
  binds:
  - from: ../shared/servers.yaml
    import: secrets
    as: keys
  consumes:
  - location: ../shared/apis.yaml
    import: music
    as: songs
    description: The songs that we use
  exposes:
  - from: ../shared/servers.yaml
    import: agent
"""
FILES = {
    "sub/spec.yaml": SPEC,
    "shared/apis.yaml": APIS,
    "shared/servers.yaml": SERVERS,
}


def compiled(**changes: str) -> Compilation:
    files = {name: text.encode() for name, text in FILES.items()}
    files |= {name: text.encode() for name, text in changes.items()}
    return compile_spec(
        Spec(shown="sub/spec.yaml", relative="sub/spec.yaml"), files.get
    )


def found(made: Compilation) -> list[tuple[str, str, int]]:
    return [(f.code, f.span.file, f.span.line) for f in made.diagnostics]


class TestMeaning:
    def test_entries_are_compiled_as_if_they_were_written_here(self) -> None:
        made = checked(compiled())
        assert found(made) == []
        assert made.package
        assert made.package.summary["operations"] == made.package.summary["tools"] == 1
        client = files_of(made)["client.py"]
        assert "class Songs" in client
        assert "SONGS_BASE_URL" in client
        assert "MY_KEY" in client  # of the imported bind, under its namespace here
        assert "THEIR_KEY" not in client  # binds of the source stay where they are
        assert "https://music.test" in client

    def test_findings_point_into_the_file_that_has_the_entry(self) -> None:
        servers = SERVERS.replace("call: songs.get-song", "call: songs.get-sing")
        made = compiled(**{"shared/servers.yaml": servers})
        assert found(made) == [("NAF204", "shared/servers.yaml", 17)]

    def test_the_overlay_beside_a_file_amends_what_is_imported(self) -> None:
        overlay = (
            "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n"
            "- target: $.consumes[0]\n  update: {baseUri: https://other.test}\n"
        )
        made = compiled(**{"shared/apis.overlay.yaml": overlay})
        assert "https://other.test" in files_of(made)["client.py"]
        assert made.package
        assert "shared/apis.overlay.yaml" in made.package.inputs

    def test_calls_of_what_cannot_be_imported_are_left_out_with_it(self) -> None:
        spec = SPEC.replace("import: music", "import: musik")
        made = compiled(**{"sub/spec.yaml": spec})
        assert ("NAF212", "sub/spec.yaml", 12) in found(made)
        left_out = [(unit.kind, unit.name, unit.code) for unit in made.left_out]
        assert left_out == [
            ("upstream", "songs", "NAF212"),
            ("tool", "get-song", "NAF212"),
        ]


class TestDocument:
    """What `resolve` makes of documents, before anything of them is compiled."""

    def resolved(self, spec: str, source: str) -> tuple[Document, list[str]]:
        reporter = Reporter()
        document = load("spec.yaml", spec.encode(), reporter)
        other = load("other.yaml", source.encode(), reporter)
        assert document is not None
        assert other is not None
        files = {"other.yaml": other, "spec.yaml": document}
        made, _ = resolve(document, files.__getitem__, reporter)
        return made, [f"{each.code} {each.message}" for each in reporter]

    @pytest.mark.parametrize("section", ["consumes", "exposes", "aggregates", "binds"])
    @pytest.mark.parametrize("shape", ["root", "capability", "mapping"])
    def test_all_sections(self, section: str, shape: str) -> None:
        source = {
            "root": f"{section}:\n- namespace: a\n- namespace: b\n  keep: [1]\n",
            "capability": f"capability:\n  {section}:\n  - namespace: b\n    keep: [1]",
            "mapping": f"{section}:\n  a: {{}}\n  b:\n    keep: [1]\n",
        }[shape]
        spec = (
            f"ikanos: 1.0.0-beta5\ncapability:\n  {section}:\n  - namespace: x\n"
            "  - {from: other.yaml, import: b, as: c}\n"
            "  - {from: other.yaml, import: b}\n"
        )
        made, said = self.resolved(spec, source)
        assert said == []
        assert made.root["capability"][section] == [
            {"namespace": "x"},
            {"namespace": "c", "keep": [1]},
            {"namespace": "b", "keep": [1]},
        ]

    def test_a_mapping_of_entries(self) -> None:
        spec = "ikanos: 1.0.0-beta5\ncapability:\n  consumes:\n    mine: {from: other.yaml, import: b}\n"
        made, said = self.resolved(spec, "consumes:\n  b: {baseUri: x}\n")
        assert said == []
        assert made.root["capability"]["consumes"] == {
            "mine": {"namespace": "b", "baseUri": "x"}
        }

    def test_the_root_goes_before_the_capability(self) -> None:
        source = (
            "consumes: [{namespace: a}]\ncapability: {consumes: [{namespace: b}]}\n"
        )
        spec = "capability: {consumes: [{location: other.yaml, import: b}]}\n"
        made, said = self.resolved(spec, source)
        assert made.root["capability"]["consumes"] == []
        assert said == ['NAF212 "other.yaml" has no "b" in `consumes`']

    def test_an_own_entry_under_another_namespace(self) -> None:
        spec = (
            "capability:\n  consumes:\n  - {namespace: a, baseUri: x}\n"
            "  - {location: spec.yaml, import: a, as: b}\n"
        )
        made, said = self.resolved(spec, "{}")
        assert said == []
        assert made.root["capability"]["consumes"] == [
            {"namespace": "a", "baseUri": "x"},
            {"namespace": "b", "baseUri": "x"},
        ]

    def test_a_cycle_of_imports(self) -> None:
        spec = "capability: {consumes: [{location: other.yaml, import: a, as: b}]}\n"
        source = "consumes: [{from: spec.yaml, import: b, as: a}]\n"
        _, said = self.resolved(spec, source)
        assert said == ['NAF212 "a" is itself imported in "other.yaml"']

    def test_a_file_without_capability_cannot_import(self) -> None:
        spec = "consumes: [{from: other.yaml, import: a}]\n"
        made, said = self.resolved(spec, "consumes: [{namespace: a}]\n")
        assert made.root == {"consumes": []}
        assert said == ["NAF212 a file without `capability` cannot import"]

    def test_a_mapping_of_location_is_no_import_but_of_consumes(self) -> None:
        spec = "binds: [{namespace: a, location: x}]\ncapability: {binds: []}\n"
        made, said = self.resolved(spec, "{}")
        assert said == []
        assert made.root["binds"] == [{"namespace": "a", "location": "x"}]

    def test_imports_are_bounded(self) -> None:
        entries = "\n".join(
            f"  - {{location: other.yaml, import: a, as: a{number}}}"
            for number in range(MAX_IMPORTS + 1)
        )
        made, said = self.resolved(
            f"capability:\n  consumes:\n{entries}\n", "consumes: [{namespace: a}]\n"
        )
        assert len(made.root["capability"]["consumes"]) == MAX_IMPORTS
        assert [each[:6] for each in said] == ["NAF004"]
        values = f"consumes: [{{namespace: a, all: [{'1, ' * 5000}]}}]\n"
        made, said = self.resolved(f"capability:\n  consumes:\n{entries}\n", values)
        assert len(made.root["capability"]["consumes"]) == 199
        assert {each[:6] for each in said} == {"NAF004"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    for name, text in FILES.items():
        made.write(f"specs/{name}", text)
    return made


class TestBuild:
    def build(self, project: Project, *options: str) -> str:
        return project("build", "specs/sub/spec.yaml", *options).err

    def test_a_change_of_an_imported_file_is_seen(self, project: Project) -> None:
        assert "1 spec: 1 built" in self.build(project)
        assert "1 spec: 1 unchanged" in self.build(project)
        assert self.build(project, "--check") == "1 spec: 1 unchanged\n"
        project.write("specs/shared/apis.yaml", APIS.replace("music.test", "new.test"))
        check = self.build(project, "--check")
        assert "the spec changed (shared/apis.yaml)" in check
        assert "1 spec: 1 built" in self.build(project)
        assert "https://new.test" in project.read("generated/sub/spec/client.py")
        assert "1 spec: 1 unchanged" in self.build(project)

    def test_no_module_is_imported_for_what_has_not_changed(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.build(project)
        monkeypatch.setattr("nafgen.compile.compile_spec", None)
        assert "1 spec: 1 unchanged" in self.build(project)

    def test_a_missing_file_that_comes_is_seen(self, project: Project) -> None:
        extra = "  - {location: ../shared/more.yaml, import: more}\n  exposes:\n"
        project.write("specs/sub/spec.yaml", SPEC.replace("  exposes:\n", extra))
        first = project("build", "specs/sub/spec.yaml")
        assert first.codes == [("specs/sub/spec.yaml", "NAF212")]
        assert "1 spec: 1 partial" in first.err
        again = project("build", "specs/sub/spec.yaml")
        assert again.codes == first.codes  # of the manifest
        more = "consumes: [{namespace: more, type: http, baseUri: 'https://a.test'}]\n"
        project.write("specs/shared/more.yaml", more)
        assert project("build", "specs/sub/spec.yaml").codes == []

    def test_an_overlay_that_comes_beside_an_imported_file_is_seen(
        self, project: Project
    ) -> None:
        self.build(project)
        overlay = (
            "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n"
            "- target: $.consumes[0]\n  update: {baseUri: https://other.test}\n"
        )
        project.write("specs/shared/apis.overlay.yaml", overlay)
        assert "1 spec: 1 built" in self.build(project)
        assert "https://other.test" in project.read("generated/sub/spec/client.py")

    def test_findings_of_the_manifest_name_the_imported_file(
        self, project: Project
    ) -> None:
        apis = APIS.replace("method: GET", "method: GET\n      unknown: 1")
        project.write("specs/shared/apis.yaml", apis)
        for _ in range(2):
            run = project("build", "specs/sub/spec.yaml")
            assert run.codes == [("specs/shared/apis.yaml", "NAF104")]

    def test_beside_rules(self, project: Project) -> None:
        rules = "[[tool.nafgen.rules]]\nhost = '*.test'\nbody-encoding = 'form'\n"
        for text in (rules, rules.replace("form", "json"), "[tool.nafgen]\n"):
            project.write("pyproject.toml", text)
            assert "1 spec: 1 built" in self.build(project)
            assert "1 spec: 1 unchanged" in self.build(project)

    def test_from_another_folder(self, project: Project) -> None:
        project.write("pyproject.toml", "[tool.nafgen]\n")
        assert "1 built" in self.build(project)
        run = project.run("build", "spec.yaml", at="specs/sub")
        assert "1 spec: 1 unchanged" in run.err

    def test_in_many_processes(self, project: Project) -> None:
        for number in range(9):
            project.write(f"specs/sub/more{number}.yaml", SPEC)
        for status in ("built", "unchanged"):
            run = project("build", "specs/sub", "--jobs", "3")
            assert f"10 specs: 10 {status}" in run.err
        project.write("specs/shared/apis.yaml", APIS.replace("music.test", "new.test"))
        run = project("build", "specs/sub", "--jobs", "3")
        assert "10 specs: 10 built" in run.err

    def test_explain_names_the_imported_file(self, project: Project) -> None:
        self.build(project)
        lines = project.read("generated/sub/spec/client.py").splitlines()
        line = next(n for n, text in enumerate(lines, 1) if "def get_song" in text)
        run = project("explain", f"generated/sub/spec/client.py:{line}")
        assert run.out.startswith("specs/shared/apis.yaml:18:7: capability.consumes[")

    def test_strict_holds_the_file_as_it_is_written(self, project: Project) -> None:
        run = project("validate", "--strict", "specs/sub/spec.yaml")
        lines = {
            line.split(":")[1] for line in run.err.splitlines() if "NAF105" in line
        }
        # Version alpha2 has imports in `consumes` only.
        assert lines == {"7", "8", "9", "16"}

    def test_verify(self, project: Project) -> None:
        run = project("verify", "specs/sub/spec.yaml")
        assert run.code == 0
        assert "called: 1 operations, 0 routes, 1 tools" in run.err


class TestContainment:
    def codes(self, project: Project) -> list[tuple[str, str]]:
        return project("build", "specs/sub/spec.yaml").codes

    @pytest.fixture(autouse=True)
    def _outside(self, project: Project) -> None:
        project.write("common/apis.yaml", APIS)

    def test_paths_that_leave_the_specs_folder(self, project: Project) -> None:
        for path in ("../../common/apis.yaml", "../../common/missing.yaml"):
            spec = SPEC.replace("../shared/apis.yaml", path)
            project.write("specs/sub/spec.yaml", spec)
            assert ("specs/sub/spec.yaml", "NAF503") in self.codes(project), path

    def test_links_that_leave_the_specs_folder(self, project: Project) -> None:
        shared = project.folder / "specs/shared/apis.yaml"
        shared.unlink()
        shared.symlink_to(project.folder / "common/apis.yaml")
        assert ("specs/sub/spec.yaml", "NAF503") in self.codes(project)
        (project.folder / "specs/link").symlink_to(project.folder / "common")
        spec = SPEC.replace("../shared/apis.yaml", "../link/apis.yaml")
        project.write("specs/sub/spec.yaml", spec)
        assert ("specs/sub/spec.yaml", "NAF503") in self.codes(project)

    def test_links_inside_the_specs_folder(self, project: Project) -> None:
        (project.folder / "specs/link").symlink_to(project.folder / "specs/shared")
        spec = SPEC.replace("../shared/apis.yaml", "../link/apis.yaml")
        project.write("specs/sub/spec.yaml", spec)
        assert self.codes(project) == []

    def test_folders_that_are_allowed(self, project: Project) -> None:
        spec = SPEC.replace("../shared/apis.yaml", "../../common/apis.yaml")
        project.write("specs/sub/spec.yaml", spec)
        assert ("specs/sub/spec.yaml", "NAF503") in self.codes(project)
        allow = '[tool.nafgen]\nimport-paths = ["common"]\n'
        project.write("pyproject.toml", allow)
        assert self.codes(project) == []
        assert "1 unchanged" in project("build", "specs/sub/spec.yaml").err
        project.write("pyproject.toml", "[tool.nafgen]\n")
        assert ("specs/sub/spec.yaml", "NAF503") in self.codes(project)

    def test_a_list_of_paths_is_needed(self, project: Project) -> None:
        project.write("pyproject.toml", '[tool.nafgen]\nimport-paths = "common"\n')
        run = project("build")
        assert run.code == 2
        assert "`import-paths` must be a list of paths" in run.err


class TestStandalone:
    """Files without `capability`: what they hold is for others to import."""

    @pytest.fixture(autouse=True)
    def _own_binds(self, project: Project) -> None:
        own = APIS.replace("namespace: theirs", "namespace: keys")
        project.write("specs/shared/apis.yaml", own)

    def test_apis_compile_to_clients(self, project: Project) -> None:
        run = project("build", "specs/shared/apis.yaml")
        assert run.code == 0, run.err
        package = {
            path.removeprefix("shared/apis/")
            for path in project.generated
            if path.startswith("shared/apis/") and "_runtime" not in path
        }
        assert package == {
            ".nafgen.json",
            "README.md",
            "__init__.py",
            "client.py",
            "py.typed",
        }
        assert " rest`" not in project.read("generated/shared/apis/README.md")
        run = project("verify", "specs/shared/apis.yaml")
        assert run.code == 0, run.err
        assert "called: 1 operations, 0 routes, 0 tools" in run.err

    def test_explain_knows_where_an_api_is_from(self, project: Project) -> None:
        project("build", "specs/shared/apis.yaml")
        lines = project.read("generated/shared/apis/client.py").splitlines()
        line = next(
            n for n, text in enumerate(lines, 1) if "def music_get_song" in text
        )
        run = project("explain", f"generated/shared/apis/client.py:{line}")
        assert run.out.startswith("specs/shared/apis.yaml:18:7: consumes[music].")

    @pytest.mark.parametrize("section", ["exposes", "aggregates", "binds"])
    def test_other_sections_have_no_package(
        self, project: Project, section: str
    ) -> None:
        text = f"ikanos: 1.0.0-beta5\n{section}: []\n"
        project.write("specs/shared/other.yaml", text)
        for command in ("build", "validate", "verify"):
            run = project(command, "specs/shared/other.yaml")
            assert run.code == 0, run.err
            assert run.codes == [("specs/shared/other.yaml", "NAF432")]
        assert not any("other" in path for path in project.generated)
        found = project("build", "--output-format", "json", "specs/shared/other.yaml")
        [spec] = found.json["specs"]
        assert (spec["status"], spec["package"]) == ("unchanged", "")
        assert project("build", "--check", "specs/shared/other.yaml").code == 0
