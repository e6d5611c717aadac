"""Reports inputs that a route or tool asks for and that its call sends nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from .consumed_paths import WRITING
from .diagnostics import Reporter, show
from .ir import Argument, Input
from .program import Callee
from .spec import Located
from .wire import Location


def report_unfed(
    unfed: Iterable[Input], kind: str, operation: Callee, reporter: Reporter
) -> str | None:
    """The code of the error that costs the unit of these inputs, if one does.

    Where a DELETE has no parameter at all, what is not sent may be what tells one thing
    from all of them.
    """
    failed = None
    whole = operation.method == "DELETE" and not operation.arguments
    for each in unfed:
        is_member = kind == "rest" and each.location is Location.BODY and not each.whole
        if is_member and isinstance(operation.body, Argument):
            code = failed = "NAF901"
            message = f"`{each.name}` is a member of a body that is taken as a whole"
            hint = "declare one input named `body` instead"
        elif whole:
            code = failed = "NAF402"
            message = (
                f"`{operation.name}` has no place for {show(each.name)}: DELETE would go"
                " to the whole collection, so this call is left out"
            )
            hint = "put it into the path of the consumed operation"
        elif each.location is Location.PATH:
            code = "NAF415"
            message = (
                f"`{each.name}` is in the path, but goes to no parameter of"
                f" `{operation.name}`"
            )
            hint = "give it to one in `with`, or take it out of the path"
        else:
            code = "NAF404"
            message = (
                f"{show(each.name)} goes to no parameter of `{operation.name}`, so it is"
                " not sent"
            )
            hint = (
                "give it to one in `with`, or declare it in the consumed operation's"
                " inputParameters"
            )
        reporter.report(code, each.origin.span, message, hint=hint)
    return failed


def report_mixed_body(inputs: Iterable[Input], reporter: Reporter) -> str | None:
    """The code of the error that a route's body is taken as a whole and in members."""
    taken = [each for each in inputs if each.location is Location.BODY]
    if not any(each.whole for each in taken):
        return None
    failed = None
    for each in taken:
        if not each.whole:
            failed = "NAF901"
            reporter.report(
                failed,
                each.origin.span,
                f"`{each.name}` is a member of a body that is taken as a whole",
                hint="declare one input named `body` instead",
            )
    return failed


def report_gathered(
    members: Iterable[Input], operation: Callee, reporter: Reporter
) -> None:
    """Say which inputs become members of a body that is taken as a whole."""
    for each in members:
        reporter.report(
            "NAF404",
            each.origin.span,
            f"`{operation.name}` declares no parameter {show(each.name)};"
            " the value is sent as a member of the body",
            hint="declare it in the consumed operation's inputParameters",
        )


def report_undeclared(
    name: str, given: Located, operation: Callee, reporter: Reporter
) -> str | None:
    """The code of the error that `with` gives what no parameter takes, if it is one."""
    is_whole = isinstance(operation.body, Argument)
    if name and is_whole and operation.method in WRITING:
        reporter.report(
            "NAF901",
            given.span,
            f"{show(name)} has no place in `{operation.name}`, whose body is taken as"
            " a whole",
            hint="another call gives it as `body`: give the same here, or members there",
        )
        return "NAF901"
    reporter.report(
        "NAF404",
        given.span,
        f"`{operation.name}` has no parameter {show(name)}, so this value is not sent",
        hint="declare it in the consumed operation's inputParameters; one that is"
        " `in: path` needs a place in the path as well",
    )
    return None
