"""Reports what makes tools hard, or dangerous, for the models that use them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from .diagnostics import Origin, Reporter, plain, show
from .listing import server_names
from .names import NameTable
from .program import McpAdapter, Program, Tool
from .program_served import Prompt

MAX_REQUIRED: Final = 12
"""Arguments that a call needs at the most, before models begin to mix them up."""
MAX_QUALIFIED: Final = 64
"""Characters that hosts allow for the names of a server and its tool, as they join them."""


def _patterns(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


_ATTACKS: Final = _patterns(
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}"
    r"\b(?:previous|prior|above|earlier|preceding|other|all|your)\b[^.\n]{0,30}"
    r"\b(?:instructions?|prompts?|rules|guidelines|messages)\b",
    r"\b(?:do not|don't|never|without)\s+(?:tell|inform|mention|reveal|notify|ask)"
    r"(?:ing)?\b[^.\n]{0,20}\busers?\b",
    r"\b(?:system prompt|developer message|hidden instructions?)\b",
    r"<\s*/?\s*(?:system|important|instructions?|assistant|secret)\s*>",
)
"""What would change how a model behaves, wherever it stands."""
_ORDERS: Final = (
    *_ATTACKS,
    *_patterns(
        r"\byou\s+(?:must|should)\s+(?:always\s+|never\s+|first\s+|not\s+|also\s+)*"
        r"(?:call|invoke|execute)\b",
        r"\b(?:before|instead of|after)\s+(?:using|calling|invoking|running)\s+"
        r"(?:any|all|each|every|other|another)\b[^.\n]{0,10}\btools?\b",
    ),
)
"""The same of one tool, and what says when to call others."""
_UNSEEN: Final = re.compile(
    "<!--"
    "|[\u202a-\u202e\u2060-\u2064\u2066-\u206f\U000e0000-\U000e007f]"
    "|[\u200b-\u200d\ufeff]{2,}"
)
"""Comments of Markdown, and characters that turn text around or have no shape. Single
ones of no width join letters and emoji in many languages."""


class _Text(Struct, frozen=True):
    """A text that clients pass on to models: what it is of, and where that stands."""

    of: str
    text: str
    origin: Origin
    forbidden: tuple[re.Pattern[str], ...] = _ORDERS


def check_texts(program: Program, reporter: Reporter) -> None:
    """Report texts of servers that would mislead a model, or the people who review them."""
    for said in _texts(program):
        matches = (each.search(said.text) for each in said.forbidden)
        match = next(filter(None, matches), None)
        if match is not None:
            reporter.report(
                "NAF504",
                said.origin.span,
                f"{said.of} tells a model what to do: {show(match[0])}",
                hint="say what it does; a model takes this for an order",
            )
        hidden = _UNSEEN.search(said.text)
        if hidden is not None:
            reporter.report(
                "NAF505",
                said.origin.span,
                f"{said.of} holds what is not shown: {_named(hidden[0])}",
                hint="remove it; a model reads it, and whoever reviews it does not",
            )


def _named(hidden: str) -> str:
    if hidden == "<!--":
        return "a comment"
    return plain(hidden) if len(hidden) == 1 else f"{plain(hidden[0])} and more"


def _texts(program: Program) -> Iterator[_Text]:
    for server in _servers(program):
        instructions = server.description or program.description
        of = "the description of the server"
        yield _Text(of, instructions, server.origin, _ATTACKS)
        for each in (*server.units, *server.folders, *server.prompts):
            yield _Text(f"the title of `{each.name}`", each.title, each.origin)
            of = f"the description of `{each.name}`"
            yield _Text(of, each.description, each.origin)
        for given in (given for unit in server.units for given in unit.inputs):
            of = f"the description of the argument `{given.name}`"
            yield _Text(of, given.description, given.origin)
        for prompt in server.prompts:
            yield from _of_prompt(prompt)
    for skill in (skill for adapter in program.skills for skill in adapter.skills):
        # A skill is instructions, which say what to call, and when.
        for part in (skill, *skill.tools):
            of = f"the description of `{part.name}`"
            yield _Text(of, part.description, part.origin, _ATTACKS)


def _of_prompt(prompt: Prompt) -> Iterator[_Text]:
    for argument in prompt.arguments:
        of = f"the description of the argument `{argument.name}`"
        yield _Text(of, argument.description, prompt.origin)
    for _, message in prompt.messages:
        # Whoever chooses a prompt wants a model to be told what to do.
        of = f"a message of `{prompt.name}`"
        yield _Text(of, message, prompt.origin, _ATTACKS)


def _servers(program: Program) -> list[McpAdapter]:
    return [each for each in program.adapters if isinstance(each, McpAdapter)]


def check_tools(program: Program, names: NameTable, reporter: Reporter) -> None:
    """Report tools that a model cannot tell apart, or can hardly call."""
    servers = _servers(program)
    for server in servers:
        _check_descriptions(server, reporter)
        for tool in server.tools:
            _check_arguments(tool, reporter)
    _check_names(servers, server_names(program, names), names, reporter)


def _check_descriptions(server: McpAdapter, reporter: Reporter) -> None:
    known: dict[str, Tool] = {}
    for tool in server.tools:
        unsaid = [] if tool.description != tool.name else ["what it does"]
        unsaid += [f"`{given.name}`" for given in tool.inputs if not given.description]
        if unsaid:
            reporter.report(
                "NAF801",
                tool.origin.span,
                f"`{tool.name}` does not describe {_joined(unsaid)}",
                hint="add a `description`, here or on what is called",
            )
        first = known.setdefault(" ".join(tool.description.lower().split()), tool)
        if first is not tool:
            reporter.report(
                "NAF802",
                tool.origin.span,
                f"`{tool.name}` has the description of `{first.name}`",
                hint="say what tells them apart, so that a model finds the right one",
                related=[("the other one", first.origin.span)],
            )


def _joined(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _check_arguments(tool: Tool, reporter: Reporter) -> None:
    required = sum(given.required for given in tool.inputs)
    if required > MAX_REQUIRED:
        reporter.report(
            "NAF803",
            tool.origin.span,
            f"`{tool.name}` needs {required} arguments, and models mix up more than"
            f" {MAX_REQUIRED}",
            hint="give values that do not change in `with`, or make arguments optional",
        )


def _check_names(
    servers: Iterable[McpAdapter],
    called: Mapping[Origin, str],
    names: NameTable,
    reporter: Reporter,
) -> None:
    known: dict[str, tuple[McpAdapter, Tool]] = {}
    for server in servers:
        for tool in server.tools:
            name = names.units[tool.origin].tool
            other, first = known.setdefault(name, (server, tool))
            if other is not server:
                reporter.report(
                    "NAF804",
                    tool.origin.span,
                    f"{show(other.namespace)} has a tool `{name}`, too",
                    hint="name them apart: many hosts load all servers at once",
                    related=[("the other one", first.origin.span)],
                )
            qualified = f"mcp__{called[server.origin]}__{name}"
            if len(qualified) > MAX_QUALIFIED:
                reporter.report(
                    "NAF805",
                    tool.origin.span,
                    f"`{qualified}` has {len(qualified)} characters, and hosts that"
                    f" name tools so allow {MAX_QUALIFIED}",
                    hint="shorten the tool's name, or the server's in the host",
                )
