"""What models are made of: dataclasses whose methods are written when they are first called.

`dataclasses` writes and compiles six methods of every class, which is most of what it costs
to import a module of models. Of the classes of all that specs may hold, one spec needs few.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(
        *, frozen: bool = False, slots: bool = False, kw_only: bool = False
    ) -> Callable[[type], type]:
        """A class as `dataclasses.dataclass` makes it, with slots or without."""

        def made(plain: type) -> type:
            model = dataclasses.dataclass(
                init=False, repr=False, eq=False, slots=slots, kw_only=kw_only
            )(plain)
            own = vars(model)
            _write_when_called(model, "__init__", _init)
            _write_when_called(model, "__eq__", _eq)
            if "__repr__" not in own:
                model.__repr__ = _repr
            if frozen:
                _write_when_called(model, "__hash__", _hash)
                model.__setattr__ = model.__delattr__ = _refuse
                model.__getstate__, model.__setstate__ = _state, _restore
            else:
                model.__hash__ = None
            return model

        return made


_Namespace = dict[str, Any]
_FACTORY: Final = object()
"""In the place of an argument that a factory makes."""


def _write_when_called(
    model: Any, name: str, write: Callable[[Any], tuple[str, _Namespace]]
) -> None:
    def first(self: object, *args: object, **kwargs: object) -> Any:
        text, namespace = write(model)
        exec(text, namespace)  # noqa: S102 - of names of fields alone
        method = namespace[name]
        method.__qualname__ = f"{model.__qualname__}.{name}"
        setattr(model, name, method)
        return method(self, *args, **kwargs)

    setattr(model, name, first)


def _init(model: Any) -> tuple[str, _Namespace]:
    """`__init__`, which sets slots without asking the class, as that may be frozen."""
    namespace: _Namespace = {"_FACTORY": _FACTORY, "_set": object.__setattr__}
    parameters: dict[bool, list[str]] = {False: [], True: []}
    lines = []
    for field in dataclasses.fields(model):
        name, value = field.name, field.name
        if field.default_factory is not dataclasses.MISSING:
            namespace[f"_make_{name}"] = field.default_factory
            default, value = " = _FACTORY", f"_make_{name}()"
            if field.init:
                value = f"{value} if {name} is _FACTORY else {name}"
        elif field.default is not dataclasses.MISSING:
            namespace[f"_default_{name}"] = field.default
            default = f" = _default_{name}"
            value = name if field.init else f"_default_{name}"
        elif field.init:
            default = ""
        else:
            continue  # which is for `__post_init__` to set
        if field.init:
            parameters[bool(field.kw_only)].append(f"{name}{default}")
        slot: Any = getattr(model, name, None)
        if hasattr(slot, "__set__"):
            namespace[f"_set_{name}"] = slot.__set__
            lines.append(f"    _set_{name}(self, {value})")
        else:
            lines.append(f"    _set(self, {name!r}, {value})")
    if hasattr(model, "__post_init__"):
        lines.append("    self.__post_init__()")
    keywords = ["*", *parameters[True]] if parameters[True] else []
    head = f"def __init__({', '.join(['self', *parameters[False], *keywords])}):"
    return "\n".join([head, *(lines or ["    pass"])]), namespace


def _eq(model: Any) -> tuple[str, _Namespace]:
    names = [field.name for field in dataclasses.fields(model) if field.compare]
    own, other = _tuple("self", names), _tuple("other", names)
    lines = (
        "def __eq__(self, other):",
        "    if other.__class__ is self.__class__:",
        f"        return {own} == {other}",
        "    return NotImplemented",
    )
    return "\n".join(lines), {}


def _hash(model: Any) -> tuple[str, _Namespace]:
    fields = dataclasses.fields(model)
    names = [f.name for f in fields if (f.compare if f.hash is None else f.hash)]
    return f"def __hash__(self):\n    return hash({_tuple('self', names)})", {}


def _tuple(owner: str, names: Iterable[str]) -> str:
    return f"({''.join(f'{owner}.{name}, ' for name in names)})"


def _shown(model: Any) -> Iterator[str]:
    for field in dataclasses.fields(model):
        if field.repr:
            yield f"{field.name}={getattr(model, field.name)!r}"


def _repr(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(_shown(self))})"


def _refuse(self: object, name: str, value: object = None) -> None:
    raise dataclasses.FrozenInstanceError(f"field {name!r} cannot be changed")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: Iterable[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
