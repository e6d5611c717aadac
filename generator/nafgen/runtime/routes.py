"""Routes that are made when they are first needed, and read simple requests themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import Any, Final, get_args
from urllib.parse import parse_qsl

from fastapi.routing import APIRoute
from starlette.routing import Match, compile_path
from starlette.types import Receive, Scope, Send

_SCALARS: Final = frozenset({bool, float, int, str, type(None)})
_making: Final = RLock()
_OF_PATH: Final = frozenset({"param_convertors", "path_format", "path_regex"})


class QuickRoute(APIRoute):
    """A route of FastAPI whose models are made when it is first asked or described.

    A request whose parameters are scalars of its path and query, and fit, goes straight
    to the function. FastAPI sees to any other, and so to all errors.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.path = path
        self.endpoint = endpoint
        self.name = options["name"] or endpoint.__name__
        self.methods = {method.upper() for method in options["methods"]}
        self._begins = path.partition("{")[0]
        self._make = partial(super().__init__, path, endpoint, **options)

    def __getattr__(self, name: str) -> Any:
        if name in _OF_PATH:
            made = compile_path(self.path)
            self.path_regex, self.path_format, self.param_convertors = made
        elif name == "_fields":
            self._fields = _scalars(self)
        else:
            with _making:  # as apps may serve several threads
                self.__dict__.pop("_make", bool)()
        return self.__getattribute__(name)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route takes a request; most cannot, as their paths tell."""
        if not scope["path"].startswith(self._begins) and not scope.get("root_path"):
            return Match.NONE, {}
        return super().matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that the route takes."""
        values = self._read(scope)
        if values is None:
            await super().handle(scope, receive, send)
        else:
            response = await self.endpoint(**values)
            await response(scope, receive, send)

    def _read(self, scope: Scope) -> dict[str, Any] | None:
        """The arguments of the function; None where FastAPI has to find them."""
        fields = self._fields
        if (
            fields is None
            or scope["method"] not in (self.methods or ())
            or "fastapi.telemetry" in scope
        ):
            return None
        query = scope["query_string"].decode("latin-1")
        given = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
        sources = (scope["path_params"], given)
        values = {}
        for field, in_query in fields:
            text = sources[in_query].get(field.alias)
            if text is None:
                if field.field_info.is_required():
                    return None
                values[field.name] = field.default
                continue
            values[field.name], errors = field.validate(text)
            if errors:
                return None
        return values


def _scalars(route: APIRoute) -> tuple[tuple[Any, bool], ...] | None:
    """A route's parameters, and whether each is in the query; None where there are others."""
    takes = route.dependant
    others = (
        takes.dependencies,
        takes.header_params,
        takes.cookie_params,
        takes.body_params,
    )
    fields = [(field, False) for field in takes.path_params]
    fields += [(field, True) for field in takes.query_params]
    if any(others) or not all(_is_scalar(field) for field, _ in fields):
        return None
    return tuple(fields)


def _is_scalar(field: Any) -> bool:
    annotation = field.field_info.annotation
    return _SCALARS.issuperset(get_args(annotation) or [annotation])
