"""The shipyard's APIs, as the examples of their OpenAPI descriptions say they answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml
from conftest import ROOT
from runtime_support import Exchange

CONFORMANCE: Final = ROOT.parent / "shared" / "conformance"
_ENGINE: Final = CONFORMANCE / "ikanos-beta5/modules/ikanos-engine/src/test/resources"
_ECHO: Final = re.compile(r"\{\{ request\.body/(\w+) \}\}").fullmatch


@dataclass
class Shipyard:
    """An upstream that answers with the examples of one of the two APIs."""

    name: str
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        path = _ENGINE / "openapi" / f"naftiko-shipyard-{self.name}-api.yaml"
        self.paths: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["paths"]

    def __call__(self, exchange: Exchange) -> None:
        length = int(exchange.headers.get("content-length", "0"))
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        body = exchange.rfile.read(length)
        self.requests.append((exchange.command, exchange.path, headers, body))
        path, _, query = exchange.path.partition("?")
        for template, item in self.paths.items():
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
            match = re.fullmatch(pattern, urlsplit(path).path)
            operation = item.get(exchange.command.lower())
            if match and operation:
                variables = [f"/{n}={v}" for n, v in match.groupdict().items()]
                self._answer(exchange, operation, [f"?{query}", *variables], body)
                return
        exchange.answer(b"", 404)

    def _answer(
        self, exchange: Exchange, operation: Any, wanted: list[str], body: bytes
    ) -> None:
        answers = operation["responses"]
        found = next(status for status in answers if status.startswith("2"))
        for kind, media in answers[found].get("content", {}).items():
            examples = media["examples"]
            chosen = [name for name in wanted if name in examples]
            plain = [name for name in examples if name[0] not in "?/"]
            if not chosen and not plain and "404" in answers:
                found, media = "404", answers["404"]["content"][kind]
                examples = media["examples"]
                plain = list(examples)
            value = examples[(chosen or plain)[0]]["value"]
            exchange.answer(
                _written(value, body).encode(), int(found), content_type=kind
            )
            return
        exchange.answer(b"", int(found))


def _written(value: Any, body: bytes) -> str:
    """An example as it is sent; what it repeats of the request is put into it."""
    if isinstance(value, str):
        return value
    sent = json.loads(body) if body else {}
    made = value
    if isinstance(value, dict):
        made = {
            name: sent[echo[1]] if isinstance(v, str) and (echo := _ECHO(v)) else v
            for name, v in value.items()
        }
    return json.dumps(made, ensure_ascii=False)


def tutorial(shape: str) -> Path:
    """The folder of the tutorial in one of the two shapes."""
    folders = {
        "ikanos": "ikanos-beta5/modules/ikanos-docs/tutorial",
        "naftiko": "framework-alpha3/src/main/resources/tutorial",
    }
    return CONFORMANCE / folders[shape]
