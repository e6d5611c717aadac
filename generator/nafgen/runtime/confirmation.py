"""Asks the user, through the client, before a tool runs that may destroy something."""

from __future__ import annotations

import json
import logging
import os
import time
from hashlib import sha256
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from .settings import SettingsError
from .tool_arguments import printable

KEY: Final = "CONFIRMATION_KEY"
"""The variable with the secret that processes share which serve the same clients."""
LIFETIME: Final = 600
"""Seconds in which a question can be answered."""
SHOWN: Final = 500
"""Characters of an argument that a user is shown at the most."""
_ANSWER: Final = "confirmation"
_FORM: Final[dict[str, Any]] = {"type": "object", "properties": {}}
_UNASKED: Final = (
    "this tool may destroy something, so that the user must confirm it, and this client"
    " cannot ask the user; nothing was done"
)
_UNFIT: Final = (
    f"this confirmation is not of this call, or is older than {LIFETIME} seconds; nothing"
    " was done; call again to ask the user anew"
)

logger: Final = logging.getLogger(__name__)


class Confirmation:
    """Whether the user confirms a call, asked anew for each.

    From 2026 on, the question is the call's result, and the client calls again with the
    answer. The server keeps nothing meanwhile: what the client brings back besides is
    sealed by a key, and names the tool, the arguments and the time of the question.
    So an answer counts for what it was asked for alone, in whichever process. Earlier
    clients are asked while the call waits, where the transport can carry a question.
    """

    def __init__(self) -> None:
        """Take the key from the environment, or one that only this process has.

        Raises:
            SettingsError: the key is too short to be a secret.
        """
        try:
            self._codec = AESGCMRequestStateCodec(
                [os.environ.get(KEY) or os.urandom(32)]
            )
        except ValueError:
            raise SettingsError(f"{KEY} must be a secret of 32 bytes or more") from None

    async def refusal(
        self, context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> str | InputRequiredResult | None:
        """Why the tool may not run, or the question; None where it is confirmed."""
        if not _can_ask(context):
            return _UNASKED
        if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            if params.input_responses is None and params.request_state is None:
                return self._question(params)
            answer = (params.input_responses or {}).get(_ANSWER)
            if not isinstance(answer, ElicitResult) or not self._is_for(params):
                # Not asked again: another process would not know that question either.
                logger.warning(
                    "a confirmation is of another call, key (%s) or time", KEY
                )
                return _UNFIT
        elif not context.session.can_send_request:
            return _UNASKED
        else:
            try:
                answer = await context.session.elicit_form(
                    _text(params), _FORM, context.request_id
                )
            except MCPError:
                return _UNASKED
        if answer.action == "accept":
            return None
        return "the user did not confirm this, so nothing was done; do not try again"

    def _question(self, params: CallToolRequestParams) -> InputRequiredResult:
        form = ElicitRequestFormParams(message=_text(params), requested_schema=_FORM)
        asked = f"{int(time.time())} {_digest(params)}"
        return InputRequiredResult(
            input_requests={_ANSWER: ElicitRequest(params=form)},
            request_state=self._codec.seal(asked.encode()),
        )

    def _is_for(self, params: CallToolRequestParams) -> bool:
        """Whether this is what was asked about, by whoever has the key, and of late."""
        try:
            asked = self._codec.unseal(params.request_state or "").decode()
        except InvalidRequestState:
            return False
        when, _, digest = asked.partition(" ")
        return digest == _digest(params) and time.time() - int(when) < LIFETIME


def _can_ask(context: ServerRequestContext[Any]) -> bool:
    """Whether the client shows forms; one that says nothing of how it asks does."""
    capabilities = context.session.client_capabilities
    asks = capabilities.elicitation if capabilities else None
    return asks is not None and (asks.form is not None or asks.url is None)


def _digest(params: CallToolRequestParams) -> str:
    about = [__name__, params.name, params.arguments or {}]
    return sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _text(params: CallToolRequestParams) -> str:
    """The question, in which no argument can pass for another line of it."""
    lines = [f"Run {params.name}? It may change or delete something for good."]
    for name, value in (params.arguments or {}).items():
        said = json.dumps(value, ensure_ascii=False)
        lines.append(f"{name}: {printable(said, SHOWN)}")
    return "\n".join(lines)
