"""CSS selectors: the only user of cssselect, with which generated packages select too."""

from __future__ import annotations

import re
from typing import Final

MAX_SELECTOR: Final = 1000
"""Characters of a selector at the most."""

_STRINGS: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_PREFIX: Final = re.compile(r"(?<!:):(?!:)").search
_NOT_XML: Final = re.compile(
    "[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
).search


def is_selector(text: str) -> bool:
    """Whether a text is a CSS selector that generated packages can follow.

    In HTML there are no namespaces that a prefix could stand for.
    """
    # Imported here, for few specs have one.
    import cssselect

    try:
        path = cssselect.HTMLTranslator().css_to_xpath(text)
    except (cssselect.SelectorError, ValueError, RecursionError):
        return False
    is_plain = not _NOT_XML(path) and not _PREFIX(_STRINGS.sub("", path))
    return is_plain and len(text) <= MAX_SELECTOR
