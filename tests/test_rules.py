"""Rules about APIs: which ones apply, which goes first, and what they change."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cli_support import Project
from conftest import ROOT
from nafgen import config
from nafgen.compile import Compilation, compile_spec
from nafgen.diagnostics import Reporter
from nafgen.hosts import HOSTS
from nafgen.inputs import Spec
from nafgen.ir import Upstream
from nafgen.program import McpAdapter
from nafgen.rule import Rule, parse
from nafgen.rule_set import NO_RULES, Rules
from nafgen.wire import ArrayStyle, Encoding, ObjectStyle

SPEC = """\
naftiko: 1.0.0-alpha2
binds:
- namespace: env
  keys: {{SHOP: SHOP, GITHUB_TOKEN: GITHUB_TOKEN}}
capability:
  consumes:
  - type: http
    namespace: shop-items
    baseUri: {url}
    headers: {headers}
    resources:
    - path: {path}
      operations:
      - name: create
        method: POST
        {body}
      - {{name: find, method: GET}}
  exposes:
  - type: mcp
    namespace: agent
    port: 8080
    tools:
    - {{name: list-items, call: shop-items.find}}
    - {{name: get-item, call: shop-items.find}}
    - {{name: create-item, call: shop-items.create}}
"""


def compiled(
    *own: Rule,
    url: str = "https://api.shop.test/v1",
    body: str = "inputParameters: [{name: body, in: body}]",
    builtin: bool = True,
    headers: str = "{}",
    path: str = "/items",
) -> Compilation:
    text = SPEC.format(url=url, body=body, headers=headers, path=path)
    spec = Spec(shown="spec.yaml", relative="spec.yaml")
    rules = Rules(own=own, builtin=builtin)
    return compile_spec(spec, {"spec.yaml": text.encode()}.get, rules=rules)


def upstream(*own: Rule, **options: Any) -> Upstream:
    program = compiled(*own, **options).program
    assert program is not None
    return program.upstreams[0]


def encoding(*own: Rule, **options: Any) -> Encoding:
    return upstream(*own, **options).operations[0].encoding


FORM = Rule(host="*.shop.test", encoding=Encoding.FORM)


class TestSelection:
    @pytest.mark.parametrize(
        ("rule", "fits"),
        [
            ({"host": "api.shop.test"}, True),
            ({"host": "API.Shop.test"}, True),
            ({"host": "*.shop.test"}, True),
            ({"host": "shop.test"}, False),
            ({"host": "*.test.evil"}, False),
            ({"namespace": "shop-*"}, True),
            ({"namespace": "shop"}, False),
            ({"bind": "GITHUB_*"}, True),
            ({"bind": "SLACK_*"}, False),
            ({"host": "*.shop.test", "namespace": "other"}, False),
        ],
    )
    def test_selectors(self, rule: dict[str, str], fits: bool) -> None:
        made = encoding(parse({**rule, "body-encoding": "form"}))
        assert (made is Encoding.FORM) is fits

    def test_a_port_and_a_user_are_not_the_host(self) -> None:
        assert encoding(FORM, url="https://api.shop.test:8443/") is Encoding.FORM
        assert encoding(FORM, url="https://evil.test/.shop.test") is Encoding.JSON

    def test_the_first_rule_of_a_key_wins(self) -> None:
        first = Rule(namespace="*", arrays=ArrayStyle.COMMA)
        second = Rule(host="*", arrays=ArrayStyle.BRACKETS, encoding=Encoding.FORM)
        made = upstream(first, second)
        assert made.arrays is ArrayStyle.COMMA
        assert made.operations[0].encoding is Encoding.FORM


class TestEncoding:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("inputParameters: [{name: body, in: body}]", Encoding.FORM),
            (
                "inputParameters: [{name: a, in: body}, {name: b, in: body}]",
                Encoding.FORM,
            ),
            ("body: {type: json, data: {a: '{{b}}'}}", Encoding.FORM),
            ("description: nothing said", Encoding.FORM),
            ("body: {type: xml, data: <a/>}", Encoding.XML),
            ("body: {type: multipart}", Encoding.MULTIPART),
            (
                "inputParameters: [{name: body, in: body},"
                " {name: Content-Type, in: header, value: application/json}]",
                Encoding.JSON,
            ),
        ],
    )
    def test_what_a_spec_says_goes_first(self, body: str, expected: Encoding) -> None:
        assert encoding(FORM, body=body) is expected

    def test_a_header_of_the_api(self) -> None:
        headers = "{content-type: application/x-www-form-urlencoded}"
        assert encoding(headers=headers) is Encoding.FORM


class TestBuiltin:
    def test_stripe(self) -> None:
        made = upstream(url="https://api.stripe.com")
        assert made.operations[0].encoding is Encoding.FORM
        assert made.arrays is ArrayStyle.BRACKETS
        assert made.objects is ObjectStyle.BRACKETS

    @pytest.mark.parametrize(
        ("host", "expected"),
        [
            ("api.twilio.com", Encoding.FORM),
            ("verify.twilio.com", Encoding.FORM),
            ("content.twilio.com", Encoding.JSON),
            ("api.sendgrid.com", Encoding.JSON),
            ("twilio.com.example", Encoding.JSON),
        ],
    )
    def test_twilio(self, host: str, expected: Encoding) -> None:
        assert encoding(url=f"https://{host}/v1") is expected

    def test_own_rules_go_first(self) -> None:
        own = Rule(host="api.stripe.com", encoding=Encoding.JSON)
        assert encoding(own, url="https://api.stripe.com") is Encoding.JSON

    def test_off(self) -> None:
        made = compiled(url="https://api.stripe.com", builtin=False)
        assert "NAF430" not in [found.code for found in made.diagnostics]
        assert encoding(url="https://api.stripe.com", builtin=False) is Encoding.JSON

    def test_a_header_that_the_spec_has(self) -> None:
        url = "https://api.anthropic.com"
        (added,) = upstream(url=url).headers
        assert (added[0], added[1].parts) == ("anthropic-version", ("2023-06-01",))
        (kept,) = upstream(url=url, headers="{Anthropic-Version: '2099-01-01'}").headers
        assert kept[1].parts == ("2099-01-01",)

    @pytest.mark.parametrize(
        ("path", "default"),
        [
            ("/repos/{owner}", "https://api.github.com"),
            ("/user", "https://api.github.com"),
            ("/items", None),
            ("/setup/api/start", None),
            ("/repositories-of-mine", None),
        ],
    )
    def test_an_empty_base_url(self, path: str, default: str | None) -> None:
        assert upstream(url="''", path=path).base_url.default == default

    def test_the_page_lists_them_all(self) -> None:
        page = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (?:bind )?`([^`]+)` \| (.+) \| (.+) \|$", page, re.M)
        listed = [
            (name, source)
            for name, _, source in rows
            if "Doc" in source or "API " in source
        ]
        assert listed == [(rule.host or rule.bind, rule.source) for rule in HOSTS]
        for (_, said, _), rule in zip(rows[-len(HOSTS) :], HOSTS, strict=True):
            for text in (rule.base_url, *(f"{n}: {v}" for n, v in rule.headers)):
                assert text in said


class TestEffects:
    def test_headers_with_binds(self) -> None:
        rule = Rule(namespace="*", headers=(("X-Shop", "id {{SHOP}}"),))
        made = upstream(rule)
        assert [s.variable for s in made.settings] == ["SHOP"]
        assert made.headers[0][0] == "X-Shop"

    def test_a_base_url_brings_its_host(self) -> None:
        located = Rule(namespace="shop-*", base_url="https://api.shop.test/v9")
        made = upstream(FORM, located, url="''")
        assert made.base_url.default == "https://api.shop.test/v9"
        assert made.operations[0].encoding is Encoding.FORM

    def test_a_base_url_of_the_spec_stays(self) -> None:
        located = Rule(namespace="shop-*", base_url="https://other.test")
        assert upstream(located).base_url.default == "https://api.shop.test/v1"

    @pytest.mark.parametrize(
        ("rule", "names"),
        [
            (Rule(host="*"), ["list-items", "get-item", "create-item"]),
            (Rule(host="*", include=("list-*", "get-*")), ["list-items", "get-item"]),
            (Rule(host="*", exclude=("*-item",)), ["list-items"]),
            (Rule(host="*", include=("*-item",), exclude=("get-*",)), ["create-item"]),
        ],
    )
    def test_tools(self, rule: Rule, names: list[str]) -> None:
        made = compiled(rule)
        assert made.program is not None and made.package is not None
        (adapter,) = made.program.adapters
        assert isinstance(adapter, McpAdapter)
        assert [tool.name for tool in adapter.tools] == names
        assert made.package.summary["left_out"] == []


RULE = """\
[tool.nafgen]
builtin-hosts = false

[[tool.nafgen.rules]]
host = "Api.Shop.test"
body-encoding = "form"
array-style = "comma"
object-style = "brackets"
headers = {X-A = "1"}
base-url = "https://shop.test"

[[tool.nafgen.rules]]
namespace = "shop-*"
bind = "SHOP*"

[tool.nafgen.rules.tools]
include = ["list-*"]
"""


class TestConfiguration:
    def test_all_keys(self, tmp_path: Any) -> None:
        (tmp_path / "pyproject.toml").write_text(RULE)
        found = config.load(tmp_path, Reporter())
        assert found is not None
        assert found.rules == Rules(
            own=(
                Rule(
                    host="api.shop.test",
                    encoding=Encoding.FORM,
                    arrays=ArrayStyle.COMMA,
                    objects=ObjectStyle.BRACKETS,
                    headers=(("X-A", "1"),),
                    base_url="https://shop.test",
                ),
                Rule(namespace="shop-*", bind="SHOP*", include=("list-*",)),
            ),
            builtin=False,
        )

    @pytest.mark.parametrize(
        ("line", "place", "message"),
        [
            ("hots = 'a'", "3:1", 'the key "hots" is not known'),
            ("  body-encoding = 'xml'", "3:3", '`body-encoding` cannot be "xml"'),
            ("array-style = 1", "3:1", "`array-style` cannot be 1"),
            ("object-style = []", "3:1", "`object-style` cannot be an empty list"),
            ("headers = {a = 1}", "3:1", "`headers` must be a table of texts"),
            ("tools = {only = []}", "3:1", "`tools` must be a table of"),
            ("tools = {include = [1]}", "3:1", "`tools` must be a table of"),
            ("[tool.nafgen.rules.tools]\nx = []", "3:1", "`tools` must be a table of"),
            ("namespace = 1", "3:1", "`namespace` must be text, not 1"),
        ],
    )
    def test_mistakes(self, tmp_path: Any, line: str, place: str, message: str) -> None:
        project = Project(tmp_path)
        head = "[[tool.nafgen.rules]]\nhost = 'a'"
        project.write("pyproject.toml", f"{head}\n{line}\n")
        run = project("build")
        assert run.code == 2
        assert run.err.startswith(f"pyproject.toml:{place}: error[NAF009]: {message}")

    def test_the_second_rule_is_named(self, tmp_path: Any) -> None:
        project = Project(tmp_path)
        good = "[[tool.nafgen.rules]]\nhost = 'a'\n"
        project.write("pyproject.toml", f"{good}[[tool.nafgen.rules]]\n")
        run = project("build")
        assert run.err.startswith(
            "pyproject.toml:3:1: error[NAF009]: a rule must say which APIs it is for\n"
        )

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("rules = 1", "`rules` must be a list of tables"),
            ("rules = [1]", "a rule must be a table"),
            ("builtin-hosts = 'no'", '`builtin-hosts` must be true or false, not "no"'),
        ],
    )
    def test_no_rules(self, tmp_path: Any, line: str, message: str) -> None:
        project = Project(tmp_path)
        project.write("pyproject.toml", f"[tool.nafgen]\n{line}\n")
        run = project("build")
        assert run.code == 2
        assert f"error[NAF009]: {message}\n" in run.err

    def test_a_rule_that_changes_builds_again(self, tmp_path: Any) -> None:
        spec = SPEC.format(
            url="https://api.shop.test", body="description: x", headers="{}", path="/i"
        )
        project = Project(tmp_path, shop=spec)
        client = project.folder / "generated/shop/client.py"
        rule = "[[tool.nafgen.rules]]\nhost = '*.test'\nbody-encoding = '{}'\n"
        for kind, field in (("form", "form=body"), ("json", "json=body")):
            project.write("pyproject.toml", rule.format(kind))
            assert "1 built" in project("build").err
            assert field in client.read_text()
            assert "1 unchanged" in project("build").err
            assert project("build", "--check").code == 0
        project.write("pyproject.toml", "")
        assert "1 built" in project("build").err

    def test_without_configuration_nothing_is_added(self) -> None:
        assert NO_RULES.inputs() == {}
        assert list(compiled().inputs) == ["spec.yaml"]
        assert Rules(builtin=False).inputs() != Rules(own=(FORM,)).inputs()
