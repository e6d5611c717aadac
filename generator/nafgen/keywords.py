"""Every keyword of the specification: read, informative, or not supported yet.

`Reader.check_keys` holds a document against these tables, so that no keyword is ever
ignored in silence: what stands in none of them is reported as unknown.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from .reader import Keys
from .versions import FUNCTIONS, LABEL, SOURCE, TARGET, Renamed

_NAMING: Final = ("name", "id", "title", "description", "tags")


def _keys(
    read: str,
    informative: str = "",
    separable: str = "",
    elsewhere: str = "",
    renamed: tuple[Renamed, ...] = (),
    **unsupported: str,
) -> Keys:
    return Keys(
        read=frozenset(read.split()),
        informative=frozenset((*informative.split(), *_NAMING)),
        unsupported={_SPELLED.get(key, key): code for key, code in unsupported.items()},
        separable=frozenset(separable.split()),
        elsewhere=frozenset(elsewhere.split()),
        renamed=(LABEL, *renamed),
    )


def _only(read: str, informative: str) -> Keys:
    """What an object that has no name may hold."""
    return replace(_keys(read), informative=frozenset(informative.split()), renamed=())


_SPELLED: Final = {"imported": "import"}

ROOT: Final = _keys(
    "naftiko ikanos info binds capability",
    separable="consumes exposes aggregates imports import",
    elsewhere="imports import",
    consumes="NAF901",
    exposes="NAF901",
    aggregates="NAF901",
    imports="NAF901",
    imported="NAF901",
)
STANDALONE: Final = _keys("naftiko ikanos info binds consumes exposes aggregates")
INFO: Final = _keys(
    "title name description version",
    "created modified stakeholders personas related",
)
IMPORT: Final = _keys("from import as", "namespace type")
IMPORTED_API: Final = _keys("import as", "namespace type", renamed=(SOURCE,))
BIND: Final = _keys("namespace keys location")
CAPABILITY: Final = _keys(
    "consumes exposes binds aggregates",
    separable="imports tools",
    elsewhere="imports",
    imports="NAF901",
    tools="NAF901",
)
CONSUMES: Final = _keys(
    "type namespace baseUri headers inputParameters authentication auth resources"
    " operations",
    elsewhere="location ref openapi",
    location="NAF901",
    ref="NAF901",
    openapi="NAF901",
    tunnel="NAF901",
)
AUTH: Final = {
    "none": _keys("type"),
    "basic": _keys("type username password", "realm"),
    "bearer": _keys("type token", "scheme realm scopes bearerFormat"),
    "apikey": _keys("type key value placement"),
    "digest": _keys("type username password", "realm"),
    "oauth2": _keys(
        "type authorizationServerUri resource scopes audience tokenEndpoint",
        "tokenValidation",
    ),
}
GUARD: Final = {
    "digest": _keys("type username password", "realm"),
    "oauth2": _keys(
        "type authorizationServerUri resource audience scopes tokenEndpoint"
        " tokenValidation"
    ),
}
CONSUMED_RESOURCE: Final = _keys("path inputParameters operations")
CONSUMED_OPERATION: Final = _keys(
    "method path inputParameters body outputRawFormat outputSchema outputParameters"
    " outputMediaType maxBinarySize",
)
REST: Final = _keys(
    "type namespace address port resources authentication auth maxBinarySize",
)
REST_RESOURCE: Final = _keys("path inputParameters operations forward")
FORWARD: Final = _only("targetNamespace trustedHeaders", "description")
REST_OPERATION: Final = _keys(
    "method inputParameters call with ref steps mappings outputParameters responses"
    " responseBinary",
)
RESPONSE: Final = _only("content", "description")
CONTENT: Final = _only("binary", "schema")
RESPONSE_BINARY: Final = _only("mediaType", "status description")
MCP: Final = _keys(
    "type namespace address port transport tools resources prompts authentication auth"
    " maxBinarySize ttlMs cacheScope",
)
TOOL: Final = _keys(
    "inputParameters call with ref steps mappings hints outputParameters",
    calls="NAF901",
    operation="NAF901",
)
CONTROL: Final = _keys("type address port authentication auth management observability")
MANAGEMENT: Final = replace(
    _keys(
        "health info scripting",
        separable="reload validate logs",
        reload="NAF901",
        validate="NAF901",
        logs="NAF901",
    ),
    informative=frozenset(),
    renamed=(),
)
OBSERVABILITY: Final = _only("enabled metrics traces exporters", "")
METRICS: Final = _only("local", "")
LOCAL_METRICS: Final = _only("enabled", "")
TRACES: Final = _only("sampling propagation local", "")
LOCAL_TRACES: Final = _only("enabled buffer-size", "")
EXPORTERS: Final = _only("otlp", "")
OTLP: Final = _only("endpoint", "")
SKILLS: Final = _keys("type namespace address port skills authentication auth")
SKILL: Final = _keys(
    "license compatibility metadata allowed-tools argument-hint user-invocable"
    " disable-model-invocation location tools"
)
SKILL_TOOL: Final = _keys("from instruction")
SKILL_SOURCE: Final = _only("sourceNamespace action", "")
MCP_RESOURCE: Final = _keys(
    "uri mimeType binary call with ref steps mappings location outputParameters",
)
PROMPT: Final = _keys("arguments template location")
PROMPT_MESSAGE: Final = _only("role content", "description")
PROMPT_ARGUMENT: Final = _keys("required", "type example examples")
AGGREGATE: Final = _keys("namespace", renamed=(FUNCTIONS,))
FLOW: Final = _keys(
    "inputParameters call with steps mappings semantics outputParameters"
    " outputMediaType",
)
SEMANTICS: Final = _only("safe idempotent", "cacheable description")
CALL_STEP: Final = _keys("type call with")
LOOKUP_STEP: Final = _keys("type index match lookupValue outputParameters")
SCRIPT_STEP: Final = _keys("type file language location dependencies with")
SCRIPTING: Final = _only(
    "enabled defaultLocation defaultLanguage timeout allowedLanguages",
    "statementLimit description",
)
MAPPING: Final = _keys("value", renamed=(TARGET,))
BODY: Final = _only("type data", "description")
HINTS: Final = _only("readOnly destructive idempotent openWorld", "title")
PARAM: Final = _keys(
    "in type items required value",
    "example examples mapping",
)
REST_PARAM: Final = replace(PARAM, read=PARAM.read | {"pattern"})
OUTPUT: Final = _keys(
    "type mapping value const properties items",
    "example examples",
)
