"""Tell what the cells of a column seem to hold.

One cell that does not fit makes a column text; only of addresses some may be broken:
mending them is what the import is for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailcore.sheets.dialects import is_address
from mailcore.sheets.model import ColumnKind

__all__ = ["kind_of"]

_YES_NO = frozenset(
    ("да", "нет", "yes", "no", "true", "false", "истина", "ложь", "y", "n", "д", "н")
)
_TIME = r"(?:[T ]\d{1,2}:\d\d(?::\d\d)?)?"
_DATE = re.compile(
    rf"(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}([./-])\d{{1,2}}\1(?:\d{{4}}|\d\d)){_TIME}"
)
# Leading zeros mean a code, eleven digits from 7 or 8 on a Russian telephone.
_NUMBER = re.compile(
    r"[-+]?(?:0|[1-9]\d{0,2}(?:[ \xa0\u202f]\d{3})+|[1-9]\d{0,14})(?:[.,]\d+)?"
)
_TELEPHONE = re.compile(r"\+?[78]\d{10}")


def kind_of(cells: Sequence[str]) -> ColumnKind:
    """Return the kind that fits the cells which are not blank."""
    values = [value for cell in cells if (value := cell.strip())]
    if not values:
        return "text"
    if sum(map(is_address, values)) * 2 > len(values):
        return "email"
    if all(value.lower() in _YES_NO for value in values):
        return "yes_no"
    if all(map(_DATE.fullmatch, values)):
        return "date"
    numbers = all(map(_NUMBER.fullmatch, values))
    return (
        "number" if numbers and not any(map(_TELEPHONE.fullmatch, values)) else "text"
    )
