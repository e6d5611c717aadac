"""CSS selectors: the only user of soupsieve, with which generated packages select too."""

from __future__ import annotations


def is_selector(text: str) -> bool:
    """Whether a text is a CSS selector."""
    # Imported here, for few specs have one.
    import soupsieve

    try:
        soupsieve.compile(text)
    except (soupsieve.SelectorSyntaxError, ValueError, RecursionError):
        return False
    return True
