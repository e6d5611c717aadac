"""A spec with skills, and the files of one, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

SPEC: Final = """\
ikanos: 1.0.0-beta5
info: {display: Shop, description: Orders of a shop.}
binds:
- {namespace: env, keys: {SHOP_TOKEN: SHOP_TOKEN}}
capability:
  consumes:
  - type: http
    namespace: orders
    baseUri: https://orders.test
    resources:
      orders:
        path: /orders
        operations:
          list-orders: {method: GET, description: All orders.}
  exposes:
  - type: mcp
    port: 3001
    namespace: shop-tools
    tools:
      list-orders: {description: Lists orders, call: orders.list-orders}
      "odd name": {description: Lists orders too., call: orders.list-orders}
  - type: rest
    port: 3002
    namespace: shop-api
    resources:
      orders:
        path: /orders
        operations:
          get-orders: {method: GET, call: orders.list-orders}
  - type: skill
    port: 3003
    namespace: shop-skills
    description: What agents should know.
%s    skills:
      order-management:
        description: Tools for managing orders
        license: MIT
        compatibility: Needs the network
        metadata: {author: the shop, version: "1.0"}
        allowed-tools: list-orders odd
        argument-hint: "[order]"
        user-invocable: false
        disable-model-invocation: true
        location: file:///./skills/orders
        tools:
          list-orders:
            description: List all orders
            from: {sourceNamespace: shop-tools, action: list-orders}
          odd:
            from: {sourceNamespace: shop-tools, action: odd name}
          get-orders:
            from: {sourceNamespace: shop-api, action: get-orders}
          order-guide:
            description: Guide for working with orders
            instruction: guides/order-guide.md
      onboarding:
        description: A skill with no tools
"""
OPEN: Final = SPEC % ""
GUARDED: Final = SPEC % (
    '    authentication: {type: bearer, token: "{{SHOP_TOKEN}}"}\n'
)
FILES: Final = {
    "SKILL.md": b"---\nname: order-management\n---\n",
    "guides/order-guide.md": "# Bestellungen für alle\n".encode(),
    "logo.png": b"\x89PNG\r\n\x1a\n\0\xff",
}


def fill(base: Path) -> Path:
    """Write the files of the skill, and beside the folder one that is none of them."""
    for path, content in FILES.items():
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_bytes(content)
    (base.parent / "secret.txt").write_text("secret", encoding="utf-8")
    return base


def front_matter(page: str) -> tuple[dict[str, Any], str]:
    """What a SKILL.md says at its top, as hosts read it, and the text below."""
    _, said, body = page.split("---\n", 2)
    found = yaml.safe_load(said)
    assert isinstance(found, dict)
    return found, body
