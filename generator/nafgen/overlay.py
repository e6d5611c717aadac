"""Applies OpenAPI Overlay 1.0 files, which amend a document without touching its file.

An update is merged into each object that its target selects: objects recursively, lists by
concatenation, all else by replacement. A list as the target gets the items of the update
if that is a list too, else the update as one more item.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from .diagnostics import Reporter, Span
from .source import MAX_DEPTH, MAX_NODES, Document, Map, Seq

MAX_MATCHES: Final = 100_000
# Long enough for any sensible path; too short to exhaust the parser's stack.
MAX_TARGET: Final = 1_000

_KINDS: Final[dict[type, str]] = {
    str: "text",
    bool: "`true` or `false`",
    Map: "a mapping",
    Seq: "a list",
    object: "anything",
}
_Fields = Mapping[str, tuple[type, bool]]  # the type, and whether the key is required
_OVERLAY: Final[_Fields] = {
    "overlay": (str, True),
    "info": (Map, True),
    "extends": (str, False),
    "actions": (Seq, True),
}
_INFO: Final[_Fields] = {"title": (str, True), "version": (str, True)}
_ACTION: Final[_Fields] = {
    "target": (str, True),
    "description": (str, False),
    "update": (object, False),
    "remove": (bool, False),
}


class _InvalidError(Exception):
    """The overlay cannot be applied: where, why, and what to do."""

    def __init__(self, span: Span, message: str, hint: str) -> None:
        super().__init__(message)
        self.span, self.message, self.hint = span, message, hint


class _Selected(Struct):
    """A node on the way to selected nodes: which of its children, and whether itself."""

    children: dict[str | int, _Selected]
    chosen: bool = False


def apply(document: Document, overlay: Document, reporter: Reporter) -> Document | None:
    """The document as amended by all actions of the overlay, in their order.

    Values that come from the overlay keep their spans in the overlay file; `document`
    itself is not changed. Findings: NAF006 (the overlay cannot be applied; the result is
    None), NAF007 (an action matches nothing, a warning).
    """
    try:
        actions = _actions(overlay)
        root, room = document.root, MAX_NODES
        for action in actions:
            selected = _select(root, action)
            if not selected:
                span = action.value_span("target")
                message = f"`{action['target']}` matches nothing"
                hint = "correct the target, or remove the action"
                reporter.report("NAF007", span, message, hint=hint)
            elif action.get("remove", False):
                root = _removed(root, _tree(selected), action)
            elif "update" in action:
                room -= _growth(action, selected)
                if room < 0:
                    message = f"the updates add more than {MAX_NODES:,} values"
                    raise _at(action, "update", message, "select fewer nodes")
                root = _updated(root, _tree(selected), action)
    except _InvalidError as found:
        reporter.report("NAF006", found.span, found.message, hint=found.hint)
        return None
    return replace(document, root=root)


def _actions(overlay: Document) -> list[Map]:
    root = overlay.root
    if not isinstance(root, Map):
        message = "an overlay is a mapping with `overlay`, `info` and `actions`"
        span = root.span if isinstance(root, Seq) else Span.whole(overlay.path)
        raise _InvalidError(span, message, "see the OpenAPI Overlay Specification 1.0")
    _check(root, _OVERLAY)
    if not re.fullmatch(r"1\.0\.[0-9]+", root["overlay"]):
        message = f"version `{root['overlay']}` of the overlay format is not supported"
        raise _at(root, "overlay", message, "write `overlay: 1.0.0`")
    _check(root["info"], _INFO)
    actions: Seq = root["actions"]
    for index, action in enumerate(actions):
        if not isinstance(action, Map):
            message, hint = "an action is a mapping", "give it a `target`"
            raise _InvalidError(actions.item_span(index), message, hint)
        _check(action, _ACTION)
    return list(actions)


def _check(node: Map, fields: _Fields) -> None:
    for key, value in node.items():
        if key.startswith("x-"):
            continue
        if key not in fields:
            hint = "use one of: " + ", ".join(f"`{name}`" for name in fields)
            raise _InvalidError(node.key_span(key), f"the key `{key}` is unknown", hint)
        kind = fields[key][0]
        if not isinstance(value, kind):
            hint = "put the value in quotes" if kind is str else "change the value"
            raise _at(node, key, f"`{key}` has to be {_KINDS[kind]}", hint)
    for key, (_, required) in fields.items():
        if required and key not in node:
            message, hint = f"the key `{key}` is missing", f"add `{key}`"
            raise _InvalidError(node.span, message, hint)


def _at(node: Map, key: str, message: str, hint: str) -> _InvalidError:
    return _InvalidError(node.value_span(key), message, hint)


def _select(root: Any, action: Map) -> list[tuple[str | int, ...]]:
    """The paths of the containers and values that the action's target selects."""
    from jsonpath import JSONPathEnvironment, JSONPathError

    class Environment(JSONPathEnvironment):
        # It counts the scalars at the bottom as one more level.
        max_recursion_depth = MAX_DEPTH + 1

    target: str = action["target"]
    hint = "write a JSONPath of RFC 9535, as `$.info.title`"
    if len(target) > MAX_TARGET:
        message = f"the target has more than {MAX_TARGET:,} characters"
        raise _at(action, "target", message, hint)
    try:
        query = Environment(strict=True).compile(target)
        if not isinstance(root, Map | Seq):
            return []
        # The library slices text too, whereas the standard only selects from lists.
        found = [
            match.parts
            for match in islice(query.finditer(root), MAX_MATCHES + 1)
            if match.parent is None or not isinstance(match.parent.obj, str)
        ]
    except JSONPathError as error:
        message = f"`{target}` is no JSONPath: {error.message}"
        raise _at(action, "target", message, hint) from error
    if len(found) > MAX_MATCHES:
        message = f"the target selects more than {MAX_MATCHES:,} nodes"
        raise _at(action, "target", message, "select fewer nodes")
    return found


def _tree(paths: Iterable[Sequence[str | int]]) -> _Selected:
    root = _Selected({})
    for path in paths:
        node = root
        for step in path:
            node = node.children.setdefault(step, _Selected({}))
        node.chosen = True
    return root


def _growth(action: Map, selected: Sequence[Sequence[str | int]]) -> int:
    """How many values the update adds at most, after a check of how deep they come."""
    nodes, height = measure(action["update"])
    if max(map(len, selected)) + height > MAX_DEPTH:
        message = f"the update would nest more than {MAX_DEPTH} levels"
        raise _at(action, "update", message, "flatten it")
    return nodes * len(selected)


def measure(value: Any) -> tuple[int, int]:
    """The number of values in a value, and of the levels of its containers."""
    if isinstance(value, Map):
        inner = [measure(item) for item in value.values()]
    elif isinstance(value, Seq):
        inner = [measure(item) for item in value]
    else:
        return 1, 0
    nodes = 1 + sum(nodes for nodes, _ in inner)
    return nodes, 1 + max((height for _, height in inner), default=0)


def _removed(node: Any, selected: _Selected, action: Map) -> Any:
    if selected.chosen:
        raise _at(
            action, "target", "the whole document is removed", "narrow the target"
        )
    result: Map | Seq
    if isinstance(node, Map):
        result = Map(node.span)
        for key, value in node.items():
            child = selected.children.get(key)
            if child is None or not child.chosen:
                kept = _removed(value, child, action) if child else value
                result.put(key, kept, node.key_span(key), node.value_span(key))
        return result
    result = Seq(node.span)
    for index, value in enumerate(node):
        child = selected.children.get(index)
        if child is None or not child.chosen:
            kept = _removed(value, child, action) if child else value
            result.add(kept, node.item_span(index))
    return result


def _updated(node: Any, selected: _Selected, action: Map) -> Any:
    if selected.children:
        node = _copy(node)
        for step, child in selected.children.items():
            node[step] = _updated(node[step], child, action)
    if not selected.chosen:
        return node
    update = action["update"]
    if isinstance(node, Map):
        if isinstance(update, Map):
            return _merged(node, update)
        message = "the target is a mapping, and the update is not"
        raise _at(action, "update", message, "write the update as a mapping")
    if isinstance(node, Seq):
        if isinstance(update, Seq):
            return _joined(node, update)
        result = _copy(node)
        result.add(update, action.value_span("update"))
        return result
    message = "the target is a single value, which cannot be updated"
    raise _at(action, "target", message, "target the mapping around it")


def _copy(node: Any) -> Any:
    return (
        _merged(node, Map(node.span))
        if isinstance(node, Map)
        else _joined(node, Seq(node.span))
    )


def _merged(old: Map, new: Map) -> Map:
    result = Map(old.span)
    for key, value in old.items():
        result.put(key, value, old.key_span(key), old.value_span(key))
    for key, value in new.items():
        before = result.get(key)
        if isinstance(before, Map) and isinstance(value, Map):
            result[key] = _merged(before, value)
        elif isinstance(before, Seq) and isinstance(value, Seq):
            result[key] = _joined(before, value)
        else:
            result.put(key, value, new.key_span(key), new.value_span(key))
    return result


def _joined(old: Seq, new: Seq) -> Seq:
    result = Seq(old.span)
    for items in (old, new):
        for index, item in enumerate(items):
            result.add(item, items.item_span(index))
    return result
