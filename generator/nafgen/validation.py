"""What `validate` and `verify` do with a spec."""

from __future__ import annotations

from msgspec.structs import replace

from .compile import compile_spec
from .discover import reader
from .inputs import Spec
from .lint import check_tools
from .plan import KINDS
from .result import Result, result_of
from .rule_set import NO_RULES, Rules
from .verify import MissingLibrariesError, verify


def validated(
    spec: Spec, *, strict: bool, lint: bool = False, rules: Rules = NO_RULES
) -> Result:
    """Compile a spec, and write nothing; with `lint`, say what is hard for agents."""
    made = compile_spec(spec, reader(spec), strict=strict, rules=rules)
    if lint and made.program is not None and made.names is not None:
        check_tools(made.program, made.names, made.reporter)
    return result_of(made)


def verified(spec: Spec, *, rules: Rules = NO_RULES) -> Result:
    """Compile a spec, and run what it was compiled to."""
    made = compile_spec(spec, reader(spec), rules=rules)
    result = result_of(made)
    if made.package is None:
        return result
    try:
        proof = verify(made)
    except MissingLibrariesError as error:
        return replace(result, missing=error.names)
    return replace(
        result,
        diagnostics=(*result.diagnostics, *proof.differences),
        called={kind: getattr(proof, kind) for kind in KINDS if kind in result.summary},
    )
