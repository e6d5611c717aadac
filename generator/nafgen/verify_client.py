"""Verifies generated clients: every operation, blocking and asynchronous."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from .diagnostics import Origin
from .examples import Answer, Journey, answers, variants, with_members
from .givens import leaves_of
from .ir import Argument, Member, Operation, Placed, Template
from .verify_probe import REFUSED, Bench, failure, short
from .wire import Location


async def check_clients(bench: Bench, blocking: dict[Origin, Any]) -> None:
    """Call every operation; `blocking` holds the blocking clients by their
    upstream's origin."""
    for upstream in bench.program.upstreams:
        clients = {
            "client": bench.clients[upstream.origin],
            "sync client": blocking[upstream.origin],
        }
        for operation in upstream.operations:
            name = bench.names.operations[operation.origin].method
            checks = [
                _Check(bench, operation, what, getattr(client, name))
                for what, client in clients.items()
            ]
            for check in checks:
                await check.run()
            if all(check.done for check in checks):
                bench.findings.called.add(operation.origin)


def journeys(operation: Operation) -> dict[Argument, frozenset[Location]]:
    """Where each argument of an operation goes."""
    made = {argument: {argument.location} for argument in operation.arguments}
    for argument in _arguments(operation.body):
        made[argument].add(Location.BODY)
    for part in operation.path:
        if isinstance(part, Argument):
            made[part].add(Location.PATH)
    for place, fields in (
        (Location.QUERY, operation.query),
        (Location.HEADER, operation.headers),
        (Location.COOKIE, operation.cookies),
    ):
        for field in fields:
            for argument in _arguments(field.value):
                made[argument].add(place)
    return {argument: frozenset(places) for argument, places in made.items()}


def _arguments(template: Template | None) -> Iterator[Argument]:
    for leaf in leaves_of(template) if template else ():
        value = leaf.value if isinstance(leaf, Placed) else leaf
        if isinstance(value, Argument):
            yield value
        elif isinstance(value, Member):
            yield value.argument


class _Check(Struct):
    """Calls one operation with one of the clients; `done` once a call went through."""

    bench: Bench
    operation: Operation
    what: str
    method: Any
    done: bool = False

    async def run(self) -> None:
        operation = self.operation
        places = journeys(operation)
        travels = [
            Journey(inbound=None, outbound=places[argument])
            for argument in operation.arguments
        ]
        replies = answers(operation)
        calls = variants(operation.arguments, travels)
        if operation.body is not None:
            calls.append(with_members(operation.body, calls[0]))
        # Every answer is given at least once, and every set of values sent once.
        for turn in range(max(len(calls), len(replies))):
            await self._call(calls[turn % len(calls)], replies[turn % len(replies)])
        await self._check_refusal(calls[0])

    async def _called(self, values: dict[Origin, Any]) -> Any:
        names = self.bench.names.operations[self.operation.origin].arguments
        made = self.method(**{names[origin]: value for origin, value in values.items()})
        return await made if inspect.isawaitable(made) else made

    async def _call(self, values: dict[Origin, Any], reply: Answer) -> None:
        bench, origin = self.bench, self.operation.origin
        bench.probe.expect(reply)
        wanted = bench.wanted(self.operation, values)
        try:
            got = await self._called(values)
        except Exception as error:
            refused = type(error).__name__ == "ArgumentError"
            if wanted is not None or not refused:
                bench.findings.add(origin, f"{self.what}: {failure(error)}")
            bench.compare(origin, self.what, None)
            return
        self.done |= bench.compare(origin, self.what, wanted)
        read = None if self.operation.method == "HEAD" else reply.value
        bench.check(origin, f"{self.what}: result", read, got)

    async def _check_refusal(self, values: dict[Origin, Any]) -> None:
        """An upstream's error raises, and the error has the answer."""
        bench, origin = self.bench, self.operation.origin
        bench.probe.expect(REFUSED)
        error_class = bench.load("_runtime.upstream").UpstreamError
        try:
            got = await self._called(values)
        except error_class as error:
            status = error.response.status_code
            bench.check(origin, f"{self.what}: status", REFUSED.status, status)
        except Exception as error:
            bench.findings.add(origin, f"{self.what}: on 404: {failure(error)}")
        else:
            message = f"{self.what}: expected an exception on 404, got {short(got)}"
            bench.findings.add(origin, message)
