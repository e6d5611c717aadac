"""Says which inputs the values of a `with` mean, in whatever spelling they are named."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from msgspec import Struct

from . import spec
from .extras import filling, named
from .ir import Argument, Input
from .matching import counterpart, find
from .program import Callee
from .values import ROOTS, Placeholder, Reference, reference, template
from .wire import Location

_ROOT: Final = {"rest": "rest", "mcp": "tools"}


class References(Struct):
    """The references of one route or tool, and the inputs that it has.

    `inputs` and `constants` grow while the unit is linked. `offered` are the inputs that
    it declares or has in its path, `referred` are those that its `with` names.
    """

    kind: str
    namespace: str
    operation: Callee
    inputs: dict[str, Input]
    constants: Container[str]
    offered: tuple[str, ...] = ()
    referred: tuple[str, ...] = ()

    def read(self, invocation: spec.Invocation) -> None:
        """Note what is offered and what is referred to, once all is declared."""
        self.offered = tuple(self.inputs)
        targets = (self.target(given.value) for _, given in invocation.arguments)
        self.referred = tuple(target.name for target in targets if target)

    @property
    def own(self) -> str:
        """What references of this type of adapter begin with."""
        return _ROOT[self.kind]

    def is_own(self, target: Reference) -> bool:
        """Whether a reference is not written as in an adapter of another type."""
        return target.root in ("", self.own, self.namespace)

    def target(self, written: object) -> Reference | None:
        """What a text refers to when it names an input, in braces or without."""
        if not isinstance(written, str):
            return None
        target = self._reference(written)
        pieces = template(written)
        if target is None and len(pieces) == 1 and isinstance(pieces[0], Placeholder):
            target = self._placeholder(pieces[0])
        if target is None or target.name in self.inputs:
            return target
        name = target.name.removeprefix("body.")
        if not name or name == target.name:
            return target
        return Reference(target.root, name, in_body=self.kind == "rest")

    def _reference(self, text: str) -> Reference | None:
        return reference(text.removeprefix("$this."), ROOTS | {self.namespace})

    def _placeholder(self, piece: Placeholder) -> Reference | None:
        """What `{{x}}` refers to when it names an input and not a bind."""
        target = self._reference(piece.name)
        if target is not None:
            return target
        if piece.name in self.inputs or piece.name in self.constants:
            return Reference("", piece.name)
        is_name = piece.name.islower() and "." not in piece.name
        return Reference("", piece.name) if is_name else None

    def fed(self, name: str, invocation: spec.Invocation) -> Argument | None:
        """The argument that an input of a name feeds: by `with`, else by its name."""
        for key, located in invocation.arguments:
            target = self.target(located.value)
            if target is not None and find(name, (target.name,), str) is not None:
                return next(iter(filling(key, self.operation)), None)
        return next(iter(named(name, self.operation.arguments)), None)

    def meant(self, name: str, argument: Argument) -> Input | None:
        """The input that is referred to for an argument.

        In another spelling, it is one that nothing else refers to, and no variable of
        the path that the upstream's path needs.
        """
        if name in self.inputs:
            return self.inputs[name]
        is_path = argument.location is Location.PATH
        offered = [
            self.inputs[each]
            for each in self.offered
            if each in self.inputs and (is_path or not self._is_for_path(each))
        ]
        return counterpart(name, offered, self.referred, lambda i: i.name)

    def _is_free(self, name: str) -> bool:
        is_path = self.inputs[name].location is Location.PATH
        return name not in self.referred and not is_path

    def _is_for_path(self, name: str) -> bool:
        if self.inputs[name].location is not Location.PATH:
            return False
        paths = [a for a in self.operation.arguments if a.location is Location.PATH]
        return find(name, paths, lambda a: a.name) is not None

    def namesake(self, argument: Argument) -> Input | None:
        """The input of an argument's name.

        In another spelling, it is one that is for no other argument; a variable of the
        path is for paths alone.
        """
        if argument.name in self.inputs:
            return self.inputs[argument.name]
        is_path = argument.location is Location.PATH
        offered = [
            self.inputs[each]
            for each in self.offered
            if each in self.inputs and (is_path or self._is_free(each))
        ]
        names = [
            each.name
            for each in self.operation.arguments
            if each.location is Location.PATH or not is_path
        ]
        return counterpart(argument.name, offered, names, lambda i: i.name)
