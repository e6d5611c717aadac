"""Settings that a file in YAML holds."""

from __future__ import annotations

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


def yaml_values(text: str) -> object:
    """A file in YAML, every value of which is the text that is written.

    Raises:
        ValueError: it is not YAML; what is wrong may be a part of a secret.
    """
    try:
        return YAML(typ="base", pure=True).load(text)
    except YAMLError:
        raise ValueError("this is not YAML") from None
