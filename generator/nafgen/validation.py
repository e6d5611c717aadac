"""What `validate` and `verify` do with a spec."""

from __future__ import annotations

from dataclasses import replace

from .compile import compile_spec
from .discover import reader
from .inputs import Spec
from .result import Result, result_of
from .rules import NO_RULES, Rules
from .verify import MissingLibrariesError, verify


def validated(spec: Spec, *, strict: bool, rules: Rules = NO_RULES) -> Result:
    """Compile a spec, and write nothing."""
    return result_of(compile_spec(spec, reader(spec), strict=strict, rules=rules))


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
    kinds = ("operations", "routes", "tools")
    return replace(
        result,
        diagnostics=(*result.diagnostics, *proof.differences),
        called={kind: getattr(proof, kind) for kind in kinds},
    )
