"""Finds the operation that a `call` names."""

from __future__ import annotations

from msgspec import Struct, field

from . import spec
from .diagnostics import Origin, Reporter, Span, show
from .ir import Argument, Input, Operation, Setting, segments
from .matching import find, suggestion
from .operations import Refused
from .scripted import Script
from .spec import Located
from .upstreams import Linked

Path = tuple[str | Input | Argument | Setting, ...]


class Resolver(Struct):
    """Resolves calls; `upstreams` are found by namespace.

    `refused` says which error cost a consumed API that is left out. `taken` counts how
    often each user has called a name that several operations share. `scripts` are found
    by the origins of their steps; a code stands for one that cannot be run.
    """

    upstreams: dict[str, Linked]
    refused: dict[str, str]
    reporter: Reporter
    scripts: dict[Origin, Script | str] = field(default_factory=dict)
    taken: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def called(
        self,
        invocation: spec.Invocation,
        name: str,
        span: Span,
        user: str,
        route: tuple[str, Path] | None = None,
    ) -> Operation | str:
        """The operation that a unit of `user` calls, or an error's code.

        `route` is a route's method and path: it decides between operations of one name.
        """
        if invocation.call is None:
            return self._called_by_name(name, span)
        call = invocation.call
        text = str(call.value)
        namespaces = sorted({*self.upstreams, *self.refused}, key=len, reverse=True)
        for namespace in namespaces:
            if not text.startswith(f"{namespace}."):
                continue
            if namespace not in self.upstreams:
                self.reporter.report(
                    self.refused[namespace],
                    call.span,
                    f"the API `{namespace}` is left out, and so is this call",
                    hint=f"the error of `{namespace}` says why",
                )
                return self.refused[namespace]
            wanted = text.removeprefix(f"{namespace}.")
            return self._operation(namespace, wanted, call, user, route)
        known = ", ".join(f"`{namespace}`" for namespace in sorted(self.upstreams))
        close = suggestion(text.partition(".")[0], namespaces)
        message = f"no consumed API has the namespace of {show(text)}"
        hint = f"did you mean `{close}`?" if close else f"known: {known or 'none'}"
        if text in self.upstreams:
            message = f"{show(text)} names an API and none of its operations"
            hint = f"add the operation, as in `{text}.OPERATION`"
        self.reporter.report("NAF202", call.span, message, hint=hint)
        return "NAF202"

    def _operation(
        self,
        namespace: str,
        wanted: str,
        call: Located,
        user: str,
        route: tuple[str, Path] | None,
    ) -> Operation | str:
        operations = self.upstreams[namespace].operations
        same = [operation for operation in operations if operation.name == wanted]
        found = same[0] if same else find(wanted, operations, lambda o: o.name)
        if len(same) > 1:
            alike = _nearest(same, *route) if route else []
            found = (
                alike[0]
                if len(alike) == 1
                else self._next_of_same(namespace, wanted, same, call, user)
            )
        if found is None:
            return self._unknown(namespace, wanted, call)
        if isinstance(found, Refused):
            self.reporter.report(
                found.code,
                call.span,
                f"`{wanted}` is left out, and so is this call",
                hint=f"the error of `{wanted}` says why",
            )
            return found.code
        if found.name != wanted:
            self.reporter.report(
                "NAF203", call.span, f'"{wanted}" is read as `{found.name}`'
            )
        return found

    def _next_of_same(
        self,
        namespace: str,
        wanted: str,
        same: list[Operation | Refused],
        call: Located,
        user: str,
    ) -> Operation | Refused:
        """The k-th call of a name that k operations share means the k-th of them."""
        key = (user, namespace, wanted)
        index = self.taken.get(key, 0)
        self.taken[key] = index + 1
        self.reporter.report(
            "NAF205",
            call.span,
            f"`{wanted}` is the name of {len(same)} operations; this call means number"
            f" {min(index + 1, len(same))}",
            hint="give each operation a name of its own",
        )
        return same[min(index, len(same) - 1)]

    def _unknown(self, namespace: str, wanted: str, call: Located) -> str:
        operations = self.upstreams[namespace].operations
        close = suggestion(wanted, (operation.name for operation in operations))
        origins = [
            o.origin.span
            for o in operations
            if isinstance(o, Operation) and o.name == close
        ]
        self.reporter.report(
            "NAF204",
            call.span,
            f'operation "{namespace}.{wanted}" is not defined',
            hint=f"did you mean `{close}`?" if close else f"add it to `{namespace}`",
            related=[(f"`{close}` is defined here", span) for span in origins[:1]],
        )
        return "NAF204"

    def _called_by_name(self, name: str, span: Span) -> Operation | str:
        found = [
            operation
            for linked in self.upstreams.values()
            for operation in linked.operations
            if operation.name == name
        ]
        if len(found) == 1 and isinstance(found[0], Operation):
            self.reporter.report(
                "NAF208", span, f"without `call`, `{name}` calls the operation `{name}`"
            )
            return found[0]
        self.reporter.report(
            "NAF201",
            span,
            f"{f'`{name}`' if name else 'this operation'} has no `call`",
            hint="add `call: NAMESPACE.OPERATION`",
        )
        return "NAF201"


def _nearest(
    operations: list[Operation | Refused], method: str, path: Path
) -> list[Operation]:
    """The operations whose paths a route has, most of it."""
    fitting = [
        (abs(len(_shape(each.path)) - len(_shape(path))), each)
        for each in operations
        if isinstance(each, Operation) and _fits(each, method, path)
    ]
    least = min((distance for distance, _ in fitting), default=0)
    return [each for distance, each in fitting if distance == least]


def _fits(operation: Operation, method: str, path: Path) -> bool:
    """Whether a route has the method and the path of an operation, but for a prefix."""
    if operation.method != method:
        return False
    ours, theirs = _shape(operation.path), _shape(path)
    length = min(len(ours), len(theirs))
    return ours[-length:] == theirs[-length:]


def _shape(path: Path) -> list[str]:
    return [
        "{}" if others else text for text, others in segments(path) if text or others
    ]
