"""Keep a spreadsheet from running what is only text (SEC-12).

A text is risky if a character that begins a formula comes first, or first after
quotes, white space and characters without width.  It gets an apostrophe, which a
spreadsheet takes as "this is text".

The apostrophe is itself among those quotes.  So a text which begins with an apostrophe
and a risky rest is risky too and gets another one: that makes the way back exact.
"""

from __future__ import annotations

import re

__all__ = ["escape_cell", "unescape_cell"]

_QUOTES = "\"'\uff02\uff07"
_NO_WIDTH = "\u200b-\u200f\u2060\ufeff"
_STARTS = "=+\\-@\t\r\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
_risky = re.compile(rf"[\s{_QUOTES}{_NO_WIDTH}]*[{_STARTS}]").match


def escape_cell(text: str) -> str:
    """Return the text with an apostrophe before it if a spreadsheet might run it."""
    return f"'{text}" if _risky(text) else text


def unescape_cell(text: str) -> str:
    """Return what `escape_cell` was given; any other text comes back as it is."""
    return text[1:] if text[:1] == "'" and _risky(text, 1) else text
