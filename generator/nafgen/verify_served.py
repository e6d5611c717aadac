"""Verifies what MCP servers have besides tools: every resource read, every prompt got."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, TextResourceContents
from msgspec import Struct

from .diagnostics import Origin
from .examples import Answer, Journey, answers, answers_for, variants
from .expect import percent_encoded
from .expect_results import expected_result
from .expect_values import argument_values
from .givens import inputs_of
from .ir import Relay
from .program import Call, Folder, McpAdapter, Prompt, Resource
from .verify_client import journeys
from .verify_files import FILES
from .verify_flows import ExpectedFlow, expected_flows
from .verify_probe import REFUSED, Bench, failure
from .wire import Location

_OUTSIDE: Final = ("../notes.md", "%2e%2e/notes.md", "deep-er", "", "/etc/hosts")
_PLACE: Final = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}", re.ASCII)
_TOLD: Final = ("{{%s}} \\1 $& ünï", "plain %s")


async def check_served(bench: Bench, adapter: McpAdapter, client: Any) -> None:
    """Read every resource of an adapter, and get every prompt."""
    await _check_lists(bench, adapter, client)
    checks: list[tuple[Origin, Callable[[], Any]]] = []
    for resource in adapter.resources:
        checks.append((resource.origin, _Reading(bench, resource, client).run))
    for folder in adapter.folders:
        checks.append((folder.origin, _Files(bench, folder, client).run))
    for prompt in adapter.prompts:
        checks.append((prompt.origin, _Getting(bench, prompt, client).run))
    for origin, run in checks:
        try:
            await run()
        except Exception as error:
            bench.findings.add(origin, failure(error))


async def _check_lists(bench: Bench, adapter: McpAdapter, client: Any) -> None:
    """What is listed is what the spec has."""
    if adapter.resources or adapter.folders:
        named = bench.names.units
        uris = [_uri(each, named[each.origin].properties) for each in adapter.resources]
        single = [
            u
            for u, each in zip(uris, adapter.resources, strict=True)
            if not each.inputs
        ]
        files = [
            f"{folder.uri.rstrip('/')}/{path}"
            for folder in adapter.folders
            for path in FILES
        ]
        listed = [each.uri for each in (await client.list_resources()).resources]
        bench.check(adapter.origin, "listed resources", [*single, *files], listed)
        found = (await client.list_resource_templates()).resource_templates
        templates = [uri for uri in uris if uri not in single]
        bench.check(
            adapter.origin,
            "listed resource templates",
            templates,
            [each.uri_template for each in found],
        )
        unknown = await _error(client.read_resource("no-such:resource"))
        what = "an unknown resource: code"
        bench.check(adapter.origin, what, INVALID_PARAMS, unknown and unknown.code)
    if adapter.prompts:
        prompts = (await client.list_prompts()).prompts
        got = [
            (each.name, [(a.name, a.required) for a in each.arguments or ()])
            for each in prompts
        ]
        wanted = [
            (
                bench.names.prompts[each.origin],
                [(a.name, a.required) for a in each.arguments],
            )
            for each in adapter.prompts
        ]
        bench.check(adapter.origin, "listed prompts", wanted, got)


def _uri(resource: Resource, values: Mapping[Origin, str]) -> str:
    """The URI of a resource, with names in braces; those of the template."""
    return "".join(
        part if isinstance(part, str) else f"{{{values[part.origin]}}}"
        for part in resource.uri
    )


async def _error(reading: Any) -> MCPError | None:
    try:
        await reading
    except MCPError as error:
        return error
    return None


class _Reading(Struct):
    bench: Bench
    resource: Resource
    client: Any

    async def run(self) -> None:
        """Read with all values and answers, then with failures."""
        call = self.resource.call
        passed: dict[Origin, Any] | None = None
        if isinstance(call, Call):
            calls, replies = self._values(call), self._replies(call)
            for turn in range(max(len(calls), len(replies))):
                values = calls[turn % len(calls)]
                if await self._compare(call, values, replies[turn % len(replies)]):
                    self.bench.findings.called.add(self.resource.origin)
                    passed = passed or values
        else:
            for wanted in expected_flows(self.bench, self.resource):
                if await self._compare_flow(wanted):
                    self.bench.findings.called.add(self.resource.origin)
                    passed = passed or (None if wanted.stopped else wanted.values)
        if passed is not None and call.operations:
            await self._check_failures(passed)

    def _values(self, call: Call) -> list[dict[Origin, Any]]:
        places = journeys(call.operation)
        travels = [
            Journey(
                inbound=Location.PATH,
                outbound=frozenset(
                    place
                    for argument, source in call.values
                    if given in inputs_of(source)
                    for place in places[argument]
                ),
            )
            for given in self.resource.inputs
        ]
        return variants(self.resource.inputs, travels)

    def _replies(self, call: Call) -> tuple[Answer, ...]:
        if isinstance(self.resource.result, Relay):
            return answers(call.operation)
        return answers_for(self.resource.result, call.operation)

    async def _read(
        self, values: dict[Origin, Any]
    ) -> tuple[str, str | bytes] | MCPError:
        """The media type and what is read, or the error."""
        uri = "".join(
            part if isinstance(part, str) else percent_encoded(values[part.origin])
            for part in self.resource.uri
        )
        try:
            (found,) = (await self.client.read_resource(uri)).contents
        except MCPError as error:
            return error
        self.bench.check(self.resource.origin, "resource: URI", uri, found.uri)
        if isinstance(found, TextResourceContents):
            return found.mime_type or "", found.text
        return found.mime_type or "", base64.b64decode(found.blob)

    async def _compare(
        self, call: Call, values: dict[Origin, Any], reply: Answer
    ) -> bool:
        bench, operation = self.bench, call.operation
        bench.probe.expect(reply)
        got = await self._read(values)
        sent = argument_values(call, values, bench.settings)
        wanted = bench.wanted(operation, sent)
        done = bench.compare(self.resource.origin, self._what(got), wanted)
        if wanted is None:
            code = got.code if isinstance(got, MCPError) else None
            what = "resource, given what cannot be sent: code"
            bench.check(self.resource.origin, what, INVALID_PARAMS, code)
        elif not isinstance(got, MCPError):
            empty = not reply.content or operation.method == "HEAD"
            self._check_content(reply, empty, got)
        return done and not isinstance(got, MCPError)

    def _what(self, got: object) -> str:
        log = self.bench.log.take() if isinstance(got, MCPError) else ""
        return f"resource (answered {got}{log})" if log else "resource"

    def _check_content(
        self, reply: Answer, empty: bool, got: tuple[str, str | bytes]
    ) -> None:
        bench, origin = self.bench, self.resource.origin
        kind, data = got
        declared = self.resource.media_type
        if declared:
            bench.check(origin, "resource: media type", declared, kind)
        if empty:
            bench.check(origin, "resource: length", 0, len(data))
            return
        is_bytes = isinstance(reply.value, bytes) or self.resource.is_binary
        bench.check(origin, "resource: is a blob", is_bytes, isinstance(data, bytes))
        if isinstance(self.resource.result, Relay):
            whole = data.encode() if isinstance(data, str) else data
            bench.check(origin, "resource: content", reply.content, whole)
        else:
            value = expected_result(self.resource.result, reply.value)
            bench.check(origin, "resource: content", value, json.loads(data))

    async def _compare_flow(self, wanted: ExpectedFlow) -> bool:
        bench, origin = self.bench, self.resource.origin
        bench.probe.expect(REFUSED, *wanted.answers)
        got = await self._read(wanted.values)
        refused = isinstance(got, MCPError)
        bench.check(
            origin, f"{self._what(got)}: refused", bool(wanted.refused), refused
        )
        if wanted.stopped:
            bench.compare_all(origin, "resource", wanted.requests)
        if isinstance(got, MCPError) or wanted.refused:
            return wanted.stopped
        done = (
            bench.compare_all(origin, "resource", wanted.requests) or not wanted.answers
        )
        data = got[1]
        if isinstance(wanted.result, bytes):
            bench.check(origin, "resource: content", wanted.result, data)
        else:
            made = json.loads(data) if data else None
            bench.check(origin, "resource: content", wanted.result, made)
        return done

    async def _check_failures(self, values: dict[Origin, Any]) -> None:
        """The upstream's failures are errors that say what happened, never contents."""
        bench, origin = self.bench, self.resource.origin
        bench.probe.expect(REFUSED)
        got = await self._read(values)
        error = got if isinstance(got, MCPError) else None
        what = "resource, upstream answers 404"
        bench.check(origin, f"{what}: code", INTERNAL_ERROR, error and error.code)
        bench.check(origin, f"{what}: says so", True, "404" in str(error))
        bench.probe.reachable = False
        try:
            got = await self._read(values)
        finally:
            bench.probe.reachable = True
        code = got.code if isinstance(got, MCPError) else None
        what = "resource, upstream unreachable: code"
        bench.check(origin, what, INTERNAL_ERROR, code)


class _Files(Struct):
    bench: Bench
    folder: Folder
    client: Any

    async def run(self) -> None:
        """Read the files of a folder, and what is none of them."""
        bench, origin = self.bench, self.folder.origin
        start = f"{self.folder.uri.rstrip('/')}/"
        for path, data in FILES.items():
            if len(data) > self.folder.limit:
                error = await _error(self.client.read_resource(start + path))
                what = f"file {path}, which is too large: code"
                bench.check(origin, what, INTERNAL_ERROR, error and error.code)
                continue
            (found,) = (await self.client.read_resource(start + path)).contents
            is_text = isinstance(found, TextResourceContents)
            read = found.text.encode() if is_text else base64.b64decode(found.blob)
            bench.check(origin, f"file {path}", data, read)
        for path in _OUTSIDE:
            error = await _error(self.client.read_resource(start + path))
            code = error and error.code
            bench.check(origin, f"no file {path!r}: code", INVALID_PARAMS, code)
        bench.findings.called.add(origin)


class _Getting(Struct):
    bench: Bench
    prompt: Prompt
    client: Any

    async def run(self) -> None:
        """Get a prompt with all arguments, with those that it needs, and wrongly."""
        bench, origin = self.bench, self.prompt.origin
        every = [each.name for each in self.prompt.arguments]
        needed = [each.name for each in self.prompt.arguments if each.required]
        for names in (every, needed):
            for told in _TOLD:
                given = {name: told % name for name in names}
                got = await self.client.get_prompt(self._name, given)
                wanted = [
                    (role, _filled(text, given)) for role, text in self.prompt.messages
                ]
                messages = [(each.role, each.content.text) for each in got.messages]
                bench.check(origin, "prompt: messages", wanted, messages)
        wrong = [{n: "" for n in needed if n != left_out} for left_out in needed]
        wrong.append({**dict.fromkeys(needed, ""), "no such argument": ""})
        for arguments in wrong:
            error = await _error(self.client.get_prompt(self._name, arguments))
            code = error and error.code
            bench.check(
                origin, f"prompt given {[*arguments]}: code", INVALID_PARAMS, code
            )
        bench.findings.called.add(origin)

    @property
    def _name(self) -> str:
        return self.bench.names.prompts[self.prompt.origin]


def _filled(text: str, given: Mapping[str, str]) -> str:
    """A text with what is given in its places, and the others as they are."""
    pieces, end = [], 0
    for place in _PLACE.finditer(text):
        value = given.get(place.group(1), place.group())
        pieces += [text[end : place.start()], value]
        end = place.end()
    return "".join([*pieces, text[end:]])
