"""Find out how a file is to be read."""

from __future__ import annotations

from pathlib import Path

from mailcore.sheets.model import LIMITS, Limits, Preview, Understood


def understand(
    path: Path,
    *,
    file_name: str = "",
    encoding: str = "",
    delimiter: str = "",
    header: bool | None = None,
    sheet: int | None = None,
    limits: Limits = LIMITS,
) -> Understood:
    """Say how the file is to be read: what is not given is found out.

    Raises `SheetError` when nothing in it can be read.  The name of the file
    (``file_name`` as uploaded) only helps where the content leaves a doubt.
    """
    raise NotImplementedError


def preview(
    path: Path, understood: Understood, *, rows: int = 20, limits: Limits = LIMITS
) -> Preview:
    """Return the titles and the first rows, and what each column seems to hold."""
    raise NotImplementedError
