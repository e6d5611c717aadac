"""Verifies MCP servers: every tool, called in memory in both eras of the protocol."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from mcp import Client
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    TextContent,
)
from msgspec import Struct

from .diagnostics import Origin
from .examples import Answer, Journey, answers, answers_for, json_answer, variants
from .expect_results import ABSENT, expected_result
from .expect_values import argument_values, in_json
from .givens import inputs_of
from .ir import Operation, Relay
from .names import client_parameter
from .program import Call, FlowCall, McpAdapter, Tool
from .verify_client import journeys
from .verify_flows import OCTETS, ExpectedFlow, expected_flows
from .verify_guard import check_mcp_guard
from .verify_inputs import NO_BASE64
from .verify_probe import REFUSED, Bench, failure
from .verify_served import check_served
from .wire import Type

STRANGER: Final = "no_such_argument"


async def check_mcp(bench: Bench, adapter: McpAdapter) -> None:
    """Call every tool of an adapter, and one of them in the handshake era too; read all
    resources and get all prompts in both."""
    module = bench.load(str(bench.names.modules[adapter.origin]))
    called = {o.namespace for unit in adapter.units for o in unit.call.operations}
    server = module.create_server(
        **{
            client_parameter(bench.names.upstreams[upstream.origin]): client
            for upstream in bench.program.upstreams
            if upstream.namespace in called
            for client in [bench.clients[upstream.origin]]
        }
    )
    async with Client(server, cache=None) as client:
        await _check_list(bench, adapter, client)
        for tool in adapter.tools:
            try:
                await _Check(bench, tool, client).run()
            except Exception as error:
                bench.findings.add(tool.origin, f"tool: {failure(error)}")
        await check_served(bench, adapter, client)
    async with Client(server, mode="legacy") as client:
        await _check_list(bench, adapter, client)
        for tool in adapter.tools[:1]:
            await _Check(bench, tool, client, "tool (2025)").plainly()
        await check_served(bench, adapter, client)
    await check_mcp_guard(bench, adapter, server)


async def _check_list(bench: Bench, adapter: McpAdapter, client: Any) -> None:
    """The listed tools are those of the spec, with its inputs and hints."""
    listed = {tool.name: tool for tool in (await client.list_tools()).tools}
    units = [bench.names.units[tool.origin] for tool in adapter.tools]
    names = [unit.tool for unit in units]
    bench.check(adapter.origin, "listed tools", names, list(listed))
    for unit, tool in zip(units, adapter.tools, strict=True):
        if unit.tool not in listed:
            continue
        found = listed[unit.tool]
        schema = found.input_schema
        named = unit.properties
        required = [named[given.origin] for given in tool.inputs if given.required]
        hints = found.annotations
        wanted = {
            "inputs": [named[given.origin] for given in tool.inputs],
            "required inputs": required,
            "additionalProperties": False,
            "description": tool.description,
            "hints": [
                tool.hints.read_only,
                tool.hints.destructive,
                tool.hints.idempotent,
                tool.hints.open_world,
            ],
        }
        got = {
            "inputs": list(schema.get("properties", {})),
            "required inputs": schema.get("required", []),
            "additionalProperties": schema.get("additionalProperties"),
            "description": found.description or "",
            "hints": [
                hints and hints.read_only_hint,
                hints and hints.destructive_hint,
                hints and hints.idempotent_hint,
                hints and hints.open_world_hint,
            ],
        }
        for what, value in wanted.items():
            bench.check(tool.origin, f"tool: {what}", value, got[what])


class _Check(Struct):
    bench: Bench
    tool: Tool
    client: Any
    what: str = "tool"

    async def plainly(self) -> None:
        """Call the tool once."""
        call = self.tool.call
        if isinstance(call, FlowCall):
            await self._compare_flow(next(expected_flows(self.bench, self.tool)))
        else:
            values, replies = self._values(call), self._replies(call.operation)
            await self._compare(call, values[0], replies[0])

    async def run(self) -> None:
        """Call the tool with all values and answers, then with failures."""
        call = self.tool.call
        if isinstance(call, FlowCall):
            await self._run_flow(call)
            return
        calls, replies = self._values(call), self._replies(call.operation)
        passed: dict[Origin, Any] | None = None
        for turn in range(max(len(calls), len(replies))):
            values, reply = calls[turn % len(calls)], replies[turn % len(replies)]
            if await self._compare(call, values, reply):
                self.bench.findings.called.add(self.tool.origin)
                passed = passed or values
        if passed is not None:
            await self._check_refusals(passed)
            await self._check_failures(passed)

    async def _run_flow(self, call: FlowCall) -> None:
        """The same for a tool that calls a flow."""
        passed: dict[Origin, Any] | None = None
        for wanted in expected_flows(self.bench, self.tool):
            if await self._compare_flow(wanted):
                self.bench.findings.called.add(self.tool.origin)
                passed = passed or (None if wanted.stopped else wanted.values)
        if passed is not None:
            await self._check_refusals(passed)
            if call.flow.operations:
                await self._check_failures(passed)

    async def _compare_flow(self, wanted: ExpectedFlow) -> bool:
        bench, origin = self.bench, self.tool.origin
        bench.probe.expect(REFUSED, *wanted.answers)
        got = await self._call(self._arguments(wanted.values))
        what = self._answered(got) if got.is_error else self.what
        bench.check(
            origin, f"{what}: isError", bool(wanted.refused), bool(got.is_error)
        )
        if wanted.stopped:
            bench.compare_all(origin, what, wanted.requests)
        if wanted.refused or got.is_error:
            return wanted.stopped
        done = bench.compare_all(origin, what, wanted.requests) or not wanted.answers
        if isinstance(wanted.result, bytes):
            said = self.tool.binary.media_type if self.tool.binary else ""
            kind = (said or OCTETS).partition(";")[0].lower()
            passed = (kind, wanted.result)
            bench.check(origin, f"{what}: bytes", passed, _bytes(got))
            return done
        made = json.loads(_text(got)) if got.content else None
        bench.check(origin, f"{what}: text", wanted.result, made)
        structured = wanted.result if isinstance(wanted.result, dict) else None
        what = f"{what}: structured content"
        bench.check(origin, what, structured, got.structured_content)
        return done

    def _values(self, call: Call) -> list[dict[Origin, Any]]:
        places = journeys(call.operation)
        travels = [
            Journey(
                inbound=None,
                outbound=frozenset(
                    place
                    for argument, source in call.values
                    if given in inputs_of(source)
                    for place in places[argument]
                ),
            )
            for given in self.tool.inputs
        ]
        return variants(self.tool.inputs, travels)

    def _replies(self, operation: Operation) -> tuple[Answer, ...]:
        if isinstance(self.tool.result, Relay):
            return answers(operation)
        return answers_for(self.tool.result, operation)

    def _arguments(self, values: dict[Origin, Any]) -> dict[str, Any]:
        named = self.bench.names.units[self.tool.origin].properties
        return {
            named[given.origin]: in_json(values[given.origin])
            for given in self.tool.inputs
            if given.origin in values
        }

    async def _call(self, arguments: dict[str, Any]) -> CallToolResult:
        name = self.bench.names.units[self.tool.origin].tool
        made = await self.client.call_tool(name, arguments)
        if not isinstance(made, CallToolResult):
            raise TypeError(f"the tool answered with {type(made).__name__}")
        return made

    async def _compare(
        self, call: Call, values: dict[Origin, Any], reply: Answer
    ) -> bool:
        bench, operation = self.bench, call.operation
        bench.probe.expect(reply)
        got = await self._call(self._arguments(values))
        sent = argument_values(call, values, bench.settings)
        wanted = bench.wanted(operation, sent)
        what = self._answered(got) if got.is_error else self.what
        done = bench.compare(self.tool.origin, what, wanted)
        if wanted is None:
            what = f"{self.what}, given what cannot be sent: isError"
            bench.check(self.tool.origin, what, True, bool(got.is_error))
        else:
            self._check_result(reply, got, operation)
        return done

    def _answered(self, got: CallToolResult) -> str:
        return f"{self.what} (answered {_text(got)}{self.bench.log.take()})"

    def _check_result(
        self, reply: Answer, got: CallToolResult, operation: Operation
    ) -> None:
        bench, origin = self.bench, self.tool.origin
        bench.check(origin, f"{self.what}: isError", False, bool(got.is_error))
        if not reply.content or operation.method == "HEAD":
            bench.check(origin, f"{self.what}: blocks", 0, len(got.content))
            return
        if isinstance(reply.value, bytes):
            declared = self.tool.binary.media_type if self.tool.binary else ""
            kind = (declared or reply.content_type).partition(";")[0].lower()
            wanted = (kind, reply.value)
            bench.check(origin, f"{self.what}: bytes", wanted, _bytes(got))
            return
        if isinstance(self.tool.result, Relay):
            relayed = reply.content.decode()
            bench.check(origin, f"{self.what}: text", relayed, _text(got))
            value = reply.value if reply.is_json else ABSENT
        else:
            value = expected_result(self.tool.result, reply.value)
            made = json.loads(_text(got))
            bench.check(origin, f"{self.what}: text", value, made)
        structured = value if isinstance(value, dict) else None
        what = f"{self.what}: structured content"
        bench.check(origin, what, structured, got.structured_content)

    async def _check_refusals(self, values: dict[Origin, Any]) -> None:
        """Wrong arguments are refused, by a tool result, before anything is sent."""
        arguments = self._arguments(values)
        wrong = {"an unknown argument": {**arguments, STRANGER: 1}}
        for given in self.tool.inputs:
            if given.required:
                rest = {k: v for k, v in values.items() if k != given.origin}
                wrong[f"no `{given.name}`"] = self._arguments(rest)
            if given.type is Type.BYTES:
                name = self.bench.names.units[self.tool.origin].properties[given.origin]
                wrong[f"no base64 as `{given.name}`"] = {**arguments, name: NO_BASE64}
        for what, refused in wrong.items():
            self.bench.probe.expect(json_answer({}))
            got = await self._call(refused)
            sent = len(self.bench.probe.received)
            origin = self.tool.origin
            what = f"{self.what} given {what}"
            self.bench.check(origin, f"{what}: isError", True, bool(got.is_error))
            self.bench.check(origin, f"{what}: requests upstream", 0, sent)

    async def _check_failures(self, values: dict[Origin, Any]) -> None:
        """The upstream's failures are results that say what happened."""
        bench, origin = self.bench, self.tool.origin
        bench.probe.expect(REFUSED)
        got = await self._call(self._arguments(values))
        what = f"{self.what}, upstream answers 404"
        bench.check(origin, f"{what}: isError", True, bool(got.is_error))
        bench.check(origin, f"{what}: says so", True, "404" in _text(got))
        bench.probe.reachable = False
        try:
            got = await self._call(self._arguments(values))
        finally:
            bench.probe.reachable = True
        what = f"{self.what}, upstream unreachable"
        bench.check(origin, f"{what}: isError", True, bool(got.is_error))


def _text(got: CallToolResult) -> str:
    return "".join(
        block.text for block in got.content if isinstance(block, TextContent)
    )


def _bytes(got: CallToolResult) -> tuple[str, bytes] | None:
    """The bytes of a result, with their media type."""
    for block in got.content:
        match block:
            case EmbeddedResource(
                resource=BlobResourceContents(mime_type=kind, blob=data)
            ):
                return kind or "", base64.b64decode(data)
            case ImageContent(mime_type=kind, data=data):
                return kind, base64.b64decode(data)
            case AudioContent(mime_type=kind, data=data):
                return kind, base64.b64decode(data)
    return None
