"""What published files write in ways of their own, in places and with names of ours.

Each case is a small spec, what must be found in it, and what becomes of it. What is
compiled is verified: every unit is called, and its request and answer compared.
"""

from __future__ import annotations

import pytest
from compile_support import checked, compile_text, files_of
from nafgen.compile import Compilation
from nafgen.diagnostics import Severity

SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Shapes, description: Of specs}}
capability:
  consumes:
  - type: http
    namespace: shop
    baseUri: https://api.example.com/v1
{consumes}
  exposes:
  - type: mcp
    namespace: tools
    port: 9090
    tools:
{tools}
"""


def spec(consumes: str, tools: str) -> str:
    """A capability with one API, indented by 4, and tools, indented by 4."""
    return SPEC.format(consumes=consumes.rstrip(), tools=tools.rstrip())


def verified(source: str) -> Compilation:
    """The compilation of a spec, all of whose units do what it says."""
    return checked(compile_text(source))


def found_in(made: Compilation, *, notes: bool = False) -> list[tuple[str, int]]:
    """Codes and lines, of notes only where they matter."""
    return [
        (found.code, found.span.line)
        for found in made.diagnostics
        if notes or found.severity is not Severity.NOTE
    ]


def test_operations_of_an_api_without_resources() -> None:
    made = verified(
        spec(
            """\
    operations:
    - {name: list-things, method: GET, path: /things}
    - {name: read-thing, method: GET, path: 'things/{id}'}
    resources:
    - path: /others
      operations:
      - {name: list-others, method: GET}
""",
            "    - {name: read-thing, description: Read, call: shop.read-thing}",
        )
    )
    assert found_in(made, notes=True) == [("NAF409", 9)]
    client = files_of(made)["client.py"]
    for path in ('"/things"', 'f"/things/{segment(id_)}"', '"/others"'):
        assert f'Call("GET", {path})' in client


def test_a_call_names_a_member_of_the_body_by_its_own_name() -> None:
    """The template has a variable of another name, which a call may use as well."""
    made = verified(
        spec(
            """\
    resources:
    - path: /cart
      operations:
      - name: add
        method: POST
        body:
          type: json
          data: {id: '{{tools.product_id}}', quantity: '{{tools.n}}', source: web}
""",
            """\
    - name: by-member
      description: Add
      call: shop.add
      with: {id: tools.product, quantity: tools.quantity}
    - name: by-variable
      description: Add
      call: shop.add
      with: {product_id: tools.product_id}
    - name: over-a-constant
      description: Add
      call: shop.add
      with: {source: tools.source}
""",
        )
    )
    assert found_in(made) == [("NAF404", 32)]
    server = files_of(made)["mcp_server.py"]
    assert 'add(product_id=arguments.get("product"), n=arguments.get("quantity"))' in (
        " ".join(server.split()).replace("( ", "(").replace(" )", ")")
    )
    body = '{"id": product_id, "quantity": n, "source": "web"}'
    assert body in files_of(made)["client.py"]


@pytest.mark.parametrize(
    ("first", "second", "signature"),
    [
        ("{name: X-Trace, in: header}", "{name: x-trace, in: header}", "x_trace: str"),
        ("{name: id, in: body}", "{name: id, in: body, type: integer}", "id_: int"),
        ("{name: q, in: query}", "{name: q, in: query, type: integer}", "q: int"),
    ],
)
def test_a_parameter_written_twice_is_one(
    first: str, second: str, signature: str
) -> None:
    made = verified(
        spec(
            f"""\
    resources:
    - path: /cart
      operations:
      - name: add
        method: POST
        inputParameters:
        - {first}
        - {second}
""",
            "    - {name: add, description: Add, call: shop.add}",
        )
    )
    client = files_of(made)["client.py"]
    assert client.count(f"{signature} | None = None") == 3
