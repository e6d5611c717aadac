"""The rules of ARCHITECTURE.md that can be read off the sources."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from conftest import ROOT
from jinja2 import Environment, nodes
from msgspec import Struct
from nafgen.targets import package

PACKAGE = ROOT / "generator" / "nafgen"
TEMPLATES = ROOT / "templates"

LAYERS = {
    0: "files diagnostics pycode markdown yaml_rules manifest",
    1: "avro_samples media_types wire rule rule_set hosts versions source inputs spec spec_parts spec_skills paths ir ir_auth program program_calls program_control program_served scripted givens plan resources report"
    " result_steps samples tool_costs",
    2: "accepted schema official overlay reader imports locations bind_sources keywords values matching lower binds results operations"
    " upstreams route_paths exposed resolve base_urls extras body_texts rules link naming collisions skill_names names listing lint arguments references consumed_paths unfed inferred"
    " bodies body_members body_places parameter_values units fitting authentication lower_authentication placed_keys"
    " lower_consumed lower_exposed forwards declared bound_tokens pattern_syntax patterns selectors guards lower_guards lower_skills link_skills skill_folders"
    " path_scanner path_patterns path_filters path_syntax json_paths"
    " lower_behaviour steps given_values behaviours flows mocks readable"
    " lower_scripts script_sources script_names script_contexts"
    " served_files served lower_served wire_names"
    " lower_control controls binary_answers batches parts avro_schemas protobuf_schemas protobuf_samples answer_schemas",
    3: "targets",
    4: "render format layout layout_brackets layout_leaves layout_lines layout_plain layout_spacing layout_splits"
    " prove disk drift write",
    5: "compile documents examples expect expect_bodies expect_values expect_places expect_credentials flow_answers verify verify_flows verify_probe verify_client verify_rest verify_forward verify_skills"
    " verify_mcp verify_served verify_files verify_control verify_guard verify_tokens verify_exchanges verify_inputs verify_settings mock mock_bytes mock_requests mock_credentials"
    " expect_results script_engines",
    6: "signals discover result bulk remembered build validation sarif console config dump explain"
    " serving publishing cli __main__",
}
LAYER = {name: layer for layer, names in LAYERS.items() for name in names.split()}
OWNERS = {
    "yaml": {"source", "body_places"},
    "jsonschema": {"schema"},
    "jsonschema_rs": {"accepted"},
    "jsonpath": {"overlay"},
    "avro": {"avro_schemas"},
    "antlr4": {"protobuf_schemas"},
    "cssselect": {"selectors"},
    "google": {"protobuf_schemas", "protobuf_samples"},
    "proto_schema_parser": {"protobuf_schemas"},
    "jinja2": {"render"},
    "black": {"format"},
    "click": {"cli"},
    "uvicorn": {"serving"},
    "httpx": {
        "verify",
        "verify_probe",
        "verify_client",
        "verify_rest",
        "verify_forward",
        "verify_control",
        "verify_guard",
        "verify_tokens",
        "verify_mcp",
        "verify_exchanges",
        "verify_skills",
    },
    "fastapi": set(),
    "pydantic": {"verify_inputs"},
    "mcp": {"verify_mcp", "verify_served"},
    "mcp_types": {"verify_mcp", "verify_served"},
    "quickjs": {"script_engines"},
    "pydantic_monty": {"script_engines"},
    "jwt": {"verify_tokens"},
    "cryptography": {"verify_tokens"},
}
GENERATED_MAY_IMPORT = {
    "httpx",
    "aiohttp",
    "yarl",
    "fastapi",
    "anyio",
    "starlette",
    "pydantic",
    "mcp",
    "mcp_types",
    "jsonschema",
    "uvicorn",
    "jwt",
    "avro",
    "cssselect",
    "google",
    "lxml",
    "markdown_it",
    "ruamel",
    "jsonpath",
    "dotenv",
    "opentelemetry",
    "prometheus_client",
}
MODELS = "msgspec"
"""What all models are made of."""
SUPPORTED = {"json_paths", "expect_results"}
"""Modules that run support code of packages, of which there is no second one."""
SHARED = {
    "body_modules",
    "client_docs",
    "connections",
    "expressions",
    "guards",
    "readers",
    "skill_docs",
    "variables",
    "mappings",
    "observed",
    "scripts",
    "served",
    "sources",
    "tool_settings",
}
"""Modules of targets that the others know."""
IMPURE = {("os", "environ"), ("os", "getcwd"), ("Path", "cwd"), ("Path", "home")}
CLOCKS = {"datetime", "time"}
MAX_LINES = 400
MAX_FUNCTION = 60


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "runtime" not in path.parts)


def own_name(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Each import: module (dotted) and level (dots)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module:
                yield node.module, node.level
            else:
                yield from ((alias.name, node.level) for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=own_name)
def test_imports_point_down(path: Path) -> None:
    name = own_name(path)
    if name == "__init__":
        assert list(imports(path)) == []
        return
    inside = len(path.relative_to(PACKAGE).parts) > 1
    for module, level in imports(path):
        if level == 0 or module in ("__version__",):
            continue
        if inside and level == 1:
            assert name == "targets"
            allowed = path.stem == "__init__" or module in SHARED
            assert allowed, f"{path.stem} knows the target {module}"
            continue
        target = module.partition(".")[0]
        if target == "runtime":
            assert name in SUPPORTED, f"{name} runs support code"
            continue
        assert LAYER[target] <= LAYER[name], f"{name} imports {target}"


def test_every_module_has_a_layer() -> None:
    names = {own_name(path) for path in modules()} - {"__init__"}
    assert names == set(LAYER)


@pytest.mark.parametrize("path", modules(), ids=own_name)
def test_libraries_have_one_user(path: Path) -> None:
    for module, level in imports(path):
        library = module.partition(".")[0]
        if level or library in {*sys.stdlib_module_names, MODELS}:
            continue
        assert own_name(path) in OWNERS[library], f"{own_name(path)} imports {library}"


@pytest.mark.parametrize("path", modules(), ids=own_name)
def test_only_the_command_line_reads_its_surroundings(path: Path) -> None:
    if own_name(path) in ("cli", "serving", "verify"):
        return
    assert not CLOCKS & {module for module, _ in imports(path)}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in IMPURE


@pytest.mark.parametrize("path", modules(), ids=own_name)
def test_modules_and_functions_are_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION, node.name


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "runtime").glob("*.py")), ids=own_name
)
def test_support_code_is_independent(path: Path) -> None:
    for module, level in imports(path):
        library = module.partition(".")[0]
        assert library != "nafgen"
        known = library in sys.stdlib_module_names or library in GENERATED_MAY_IMPORT
        assert level == 1 or known, module


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "runtime").glob("*.py")), ids=own_name
)
def test_what_support_code_imports_comes_with_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    imported = [
        node.module
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
    ]
    assert sorted(package.siblings(text)) == sorted(imported)


GENERATED = sorted((ROOT / "generated").rglob("*.py"))


@pytest.mark.parametrize("path", GENERATED, ids=lambda p: "/".join(p.parts[-3:]))
def test_generated_packages_are_independent(path: Path) -> None:
    for module, level in imports(path):
        library = module.partition(".")[0]
        known = library in sys.stdlib_module_names or library in GENERATED_MAY_IMPORT
        assert level > 0 or known, module


ALLOWED_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.For,
    nodes.If,
    nodes.Not,
)


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.j2")), ids=lambda p: p.name)
def test_templates_hold_layout_only(path: Path) -> None:
    def walk(node: nodes.Node) -> Iterator[nodes.Node]:
        yield node
        for child in node.iter_child_nodes():
            yield from walk(child)

    tree = Environment().parse(path.read_text(encoding="utf-8"))
    for node in walk(tree):
        assert isinstance(node, ALLOWED_NODES), f"line {node.lineno}: {node!r}"


@pytest.mark.parametrize(
    "name",
    "ir manifest plan program program_calls program_served scripted spec wire".split(),
)
def test_models_are_frozen(name: str) -> None:
    module = import_module(f"nafgen.{name}")
    models = [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, Struct)
        and each.__module__ == module.__name__
    ]
    assert models
    assert all(model.__struct_config__.frozen for model in models)
