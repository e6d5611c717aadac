"""Runs the steps of flows: several at once, each known by its name when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

import httpx

from .answers import ServiceError, StepError, UpstreamError
from .calls import ArgumentError, as_text
from .observing import observing

_FAILURES: Final = (ArgumentError, ServiceError, UpstreamError, httpx.RequestError)


async def step(name: str, running: Awaitable[Any]) -> Any:
    """The result of a step.

    Raises:
        StepError: it failed, because of what it was given, of the upstream or of this
            service.
    """
    try:
        if observing.observer is None:
            return await running
        with observing.observer.step(name):
            return await running
    except _FAILURES as error:
        raise StepError(name, error) from error


def needed(name: str, results: Mapping[str, Any]) -> None:
    """Hold the results of earlier steps to what a step needs of them.

    Raises:
        StepError: one of them is None.
    """
    missing = [result for result, value in results.items() if value is None]
    if missing:
        # Which answer it was is not known any more; the caller gave nothing wrong.
        what = f"without {', '.join(missing)}"
        raise StepError(name, UpstreamError(httpx.Response(502), what))


async def together(*steps: Coroutine[Any, Any, Any]) -> list[Any]:
    """The results of steps that run at once; when one fails, the others are cancelled."""
    tasks = [asyncio.ensure_future(each) for each in steps]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def extracted(answer: Any, members: Callable[[Any], dict[str, Any]]) -> Any:
    """The members that are made of an answer; objects of a list get theirs added."""
    if not isinstance(answer, list):
        return members(answer)
    return [{**_object(item), **members(item)} for item in answer]


def lookup(index: Any, match: str, wanted: Any, *fields: str) -> Any:
    """The fields of the first object in `index` whose member `match` is what is wanted.

    Of a list of what is wanted, a list of those that are found. Members are compared as
    texts, and have dots where they are members of members. None where there is none.
    """
    found: dict[str, Any] = {}
    for item in index if isinstance(index, list) else [index]:
        key = _member(item, match)
        if key is not None:
            found.setdefault(as_text(key), item)
    if not isinstance(wanted, list):
        item = None if wanted is None else found.get(as_text(wanted))
        return None if item is None else _fields(item, fields)
    keys = [as_text(each) for each in wanted if each is not None]
    return [_fields(found[key], fields) for key in keys if key in found]


def _fields(item: Any, fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: _member(item, name) for name in fields} if fields else item


def _member(item: Any, name: str) -> Any:
    """A member of an object, by its name or by the path that its dots say."""
    members = _object(item)
    if name in members:
        return members[name]
    first, dot, rest = name.partition(".")
    return _member(members.get(first), rest) if dot else None


def _object(item: Any) -> Mapping[str, Any]:
    return item if isinstance(item, dict) else {}
