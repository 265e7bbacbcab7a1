"""Guess from a column's heading where its values belong."""

from __future__ import annotations

from collections.abc import Sequence

from mailcore.sheets.model import Column, ColumnKind


def recognise(
    titles: Sequence[str],
    kinds: Sequence[ColumnKind] = (),
    *,
    rows: Sequence[Sequence[str]] = (),
) -> list[Column]:
    """Propose for each column where it goes; at most one is the e-mail.

    With ``kinds`` and ``rows`` of the preview a column of addresses is found under
    any heading, and of two the fuller one wins.  Keys are unique and valid.
    """
    raise NotImplementedError
