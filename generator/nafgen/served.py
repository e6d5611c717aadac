"""Links the resources and prompts of MCP adapters."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from . import spec
from .behaviours import BehaviourLinker
from .binary_answers import DEFAULT_LIMIT
from .binary_answers import served as link_binary
from .binds import screaming
from .diagnostics import Origin, Reporter, Span, show
from .flows import Unit
from .givens import inputs_of
from .ir import READING, Input
from .program import Call, FlowCall, Folder, LeftOut, Prompt, Resource
from .reader import pointer_name
from .route_paths import shape
from .values import Placeholder, bind_name, path_template
from .wire import Location, PromptArgument, Type

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:").match
_LITERAL: Final = re.compile(r"[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]*").fullmatch
_PLACE: Final = re.compile(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")
"""What the support code of packages fills in prompts."""
_WRITING: Final = frozenset({"PUT", "PATCH", "DELETE"})


class ServedLinker(Struct):
    """Links what is served besides tools; `variables` are those of folders, of all
    adapters, and `left_out` is what could not be linked."""

    units: BehaviourLinker
    reporter: Reporter
    left_out: list[LeftOut]
    variables: set[str] = field(default_factory=set)

    def resources(
        self, exposed: spec.Mcp
    ) -> tuple[tuple[Resource, ...], tuple[Folder, ...]]:
        """The resources of an adapter, and those that are folders."""
        seen: dict[str, Span] = {}
        resources: list[Resource] = []
        folders: list[Folder] = []
        for entry in exposed.resources:
            made = self._resource(exposed, entry, seen)
            if isinstance(made, str):
                self._leave_out("resource", entry.name, made)
            elif isinstance(made, Folder):
                folders.append(made)
            else:
                resources.append(made)
        return tuple(resources), tuple(folders)

    def prompts(self, exposed: spec.Mcp) -> tuple[Prompt, ...]:
        """The prompts of an adapter."""
        prompts = []
        for entry in exposed.prompts:
            if isinstance(entry, spec.Unusable):
                self._leave_out("prompt", entry.name, entry.code)
            else:
                prompts.append(self._prompt(entry))
        return tuple(prompts)

    def _leave_out(self, kind: str, name: str, code: str) -> None:
        self.left_out.append(LeftOut(kind=kind, name=name, code=code))

    # --- resources -----------------------------------------------------------------

    def _resource(
        self,
        exposed: spec.Mcp,
        entry: spec.McpResource | spec.Unusable,
        seen: dict[str, Span],
    ) -> Resource | Folder | str:
        if isinstance(entry, spec.Unusable):
            return entry.code
        uri = self._uri(entry)
        if isinstance(uri, str):
            return uri
        first = seen.get(shape(uri))
        if first is not None:
            self.reporter.report(
                "NAF403",
                entry.origin.span,
                f"{show(entry.uri.value)} is the URI of another resource; the first wins",
                hint="remove one of the two, or change its URI",
                related=[("the first one", first)],
            )
            return "NAF403"
        made = (
            self._folder(exposed, entry)
            if entry.folder
            else self._dynamic(exposed, entry, uri)
        )
        if not isinstance(made, str):
            seen[shape(uri)] = entry.origin.span
        return made

    def _uri(self, entry: spec.McpResource) -> tuple[str | Input, ...] | str:
        """The parts of a URI, or the code of its error."""
        text = str(entry.uri.value)
        pieces = path_template(text)
        names = [piece.name for piece in pieces if isinstance(piece, Placeholder)]
        literals = [piece for piece in pieces if isinstance(piece, str)]
        message, hint, code = "", "", "NAF414"
        if not _SCHEME(text):
            message, hint = (
                "a URI begins with a scheme",
                "as in `desk://customers/{id}`",
            )
        elif not all(map(_LITERAL, literals)):
            message = "a URI cannot hold all of these characters"
            hint = "percent-encode them, as `%20` for a blank"
        elif not all(names):
            message = "a variable of this URI has no name"
            hint = "write it between the braces, as in `{id}`"
        elif len(set(names)) < len(names):
            message = "a URI has each variable once"
        elif any(
            not isinstance(a, str) and not isinstance(b, str)
            for a, b in pairwise(pieces)
        ):
            message = "nothing tells where one variable ends and the next begins"
            hint = "put text between the two"
        elif any(
            isinstance(p, Placeholder) and p.double and bind_name(p.name)
            for p in pieces
        ):
            message, code = "a bind in a URI would be shown to everybody", "NAF902"
            hint = "write the value itself, or leave it out"
        elif entry.folder and (names or "?" in text or "#" in text):
            message = "the URI of a folder has no variables, no `?` and no `#`"
            hint = "the paths of its files are added to it"
        if not message:
            return tuple(
                piece if isinstance(piece, str) else _variable(piece.name, entry)
                for piece in pieces
            )
        self.reporter.report(code, entry.uri.span, message, hint=hint)
        return code

    def _folder(self, exposed: spec.Mcp, entry: spec.McpResource) -> Folder:
        prefix = f"{screaming(exposed.namespace)}_{screaming(entry.name)}"
        number, variable = 1, f"{prefix}_FOLDER"
        while variable in self.variables:
            number += 1
            variable = f"{prefix}_{number}_FOLDER"
        self.variables.add(variable)
        limit = exposed.max_size
        return Folder(
            name=entry.name,
            title=entry.title,
            description=entry.description,
            uri=str(entry.uri.value),
            media_type=entry.media_type,
            is_binary=entry.is_binary,
            variable=variable,
            path=entry.folder,
            limit=DEFAULT_LIMIT if limit is None else limit.value,
            origin=entry.origin,
        )

    def _dynamic(
        self,
        exposed: spec.Mcp,
        entry: spec.McpResource,
        uri: tuple[str | Input, ...],
    ) -> Resource | str:
        variables = tuple(part for part in uri if isinstance(part, Input))
        unit = Unit(
            kind="mcp",
            namespace=exposed.namespace,
            name=entry.name,
            behaviour=entry.behaviour,
            params=(),
            path_inputs=variables,
            description=entry.description,
            origin=entry.origin,
        )
        linked = self.units.linked(unit, None)
        if isinstance(linked, str):
            return linked
        inputs, call, result = linked
        by_name = {each.name: each for each in inputs}
        made = tuple(p if isinstance(p, str) else by_name[p.name] for p in uri)
        given = tuple(part for part in made if isinstance(part, Input))
        call = _without_strangers(call, given)
        writes = self._writes(entry, call)
        failed = self._lacking(entry, call, given)
        if failed is not None or isinstance(writes, str):
            return failed or str(writes)
        return Resource(
            name=entry.name or call.callee.name,
            title=entry.title,
            description=entry.description or call.callee.description,
            uri=made,
            media_type=entry.media_type,
            is_binary=entry.is_binary,
            writes=writes,
            inputs=given,
            call=call,
            result=result,
            binary=link_binary(call, exposed.max_size, None, self.reporter),
            origin=entry.origin,
        )

    def _lacking(
        self,
        entry: spec.McpResource,
        call: Call | FlowCall,
        given: tuple[Input, ...],
    ) -> str | None:
        """The code of the error that a call needs what the URI does not give."""
        known = {each.name for each in given}
        failed = None
        for each in dict.fromkeys(
            i for _, value in call.values for i in inputs_of(value)
        ):
            if each.name not in known:
                failed = "NAF445"
                self.reporter.report(
                    failed,
                    entry.uri.span,
                    f"the call needs `{each.name}`, and this URI has no variable for it",
                    hint=f"write `{{{each.name}}}` into the URI, or a constant into `with`",
                )
        return failed

    def _writes(self, entry: spec.McpResource, call: Call | FlowCall) -> bool | str:
        """Whether reading may change something; the code of the error that it does."""
        ref = entry.behaviour.ref
        semantics = self.units.semantics.get(str(ref.value), {}) if ref else {}
        methods = {operation.method for operation in call.operations}
        if semantics.get("safe") or methods <= READING:
            return False
        if methods.isdisjoint(_WRITING):
            return True
        self.reporter.report(
            "NAF446",
            entry.origin.span,
            f"who reads `{entry.name}` would send {', '.join(sorted(methods & _WRITING))}",
            hint="make a tool of it: clients read resources whenever they like",
        )
        return "NAF446"

    # --- prompts -------------------------------------------------------------------

    def _prompt(self, entry: spec.Prompt) -> Prompt:
        arguments: dict[str, PromptArgument] = {}
        for argument in entry.arguments:
            if argument.name in arguments:
                message = f"there is another argument `{argument.name}`"
                self._mismatch(entry.origin.span, message, "rename one of the two")
            arguments.setdefault(argument.name, argument)
        placed = set()
        for _, content in entry.messages:
            for name in dict.fromkeys(_PLACE.findall(content.value)):
                placed.add(name)
                if name not in arguments:
                    message = f"`{{{{{name}}}}}` is no argument, so it stays as it is"
                    hint = f"declare `{name}` in `arguments`"
                    self._mismatch(content.span, message, hint)
        for name in arguments:
            if name not in placed:
                message = f"no message has a place for the argument {show(name)}"
                hint = f"write `{{{{{name}}}}}` where it goes, or remove it"
                self._mismatch(entry.origin.span, message, hint)
        return Prompt(
            name=entry.name,
            title=entry.title,
            description=entry.description,
            arguments=tuple(arguments.values()),
            messages=tuple((role, content.value) for role, content in entry.messages),
            origin=entry.origin,
        )

    def _mismatch(self, span: Span, message: str, hint: str) -> None:
        self.reporter.report("NAF447", span, message, hint=hint)


def _variable(name: str, entry: spec.McpResource) -> Input:
    pointer = f"{entry.origin.pointer}.uri[{pointer_name(name)}]"
    return Input(
        name=name,
        location=Location.PATH,
        whole=False,
        type=Type.STRING,
        items=None,
        required=True,
        description="",
        origin=Origin(pointer, entry.uri.span),
    )


def _without_strangers(
    call: Call | FlowCall, given: tuple[Input, ...]
) -> Call | FlowCall:
    """The call without optional values that joined by themselves: nobody gives them."""
    names = {each.name for each in given}
    values = tuple(
        (argument, value)
        for argument, value in call.values
        if argument.required
        or not isinstance(value, Input)
        or value.name in names
        or value.origin != argument.origin
    )
    return replace(call, values=values)
