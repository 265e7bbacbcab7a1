"""Turn what a person pastes into a table."""

from __future__ import annotations


def from_paste(text: str) -> bytes:
    """Return UTF-8 CSV of pasted cells, or of a list of addresses.

    Understood are cells copied from a spreadsheet, CSV, and addresses, with or without
    names (``Name <a@b.ru>``), one a line or separated by commas or semicolons.
    """
    raise NotImplementedError
