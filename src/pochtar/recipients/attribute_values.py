"""How a value of each type is read, stored and shown.

Every value is stored as text, so that letters, exports and a change of the type need no
conversion; a type says only which texts are right:

=======  ==========================================================================
text     whatever is allowed in a value
number   "1234.5": no spaces, a point, at most 16 characters
date     "2026-11-29"
yes_no   "yes" or "no"
choice   one of the options, letter by letter
choices  options in the order of their definition, joined by ", "
=======  ==========================================================================

``coerce_value`` reads what people and spreadsheets write.  It is pure, and cheap enough
for every cell of a million rows.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.folding import fold
from mailcore.segment_fields import NO, SEPARATOR, YES, is_date, is_number
from pochtar.recipients.attribute_models import AttributeType

_YES = frozenset(
    ["yes", "y", "true", "1", "+", "да", "д", "истина", "вкл", "on", "есть"]
)
_NO = frozenset(["no", "n", "false", "0", "-", "нет", "н", "ложь", "выкл", "off"])
_SPACES = re.compile("[\\s\u00a0\u202f']+")
_DAY_FIRST = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?:\s+0?0:00(?::00)?)?")
_YEAR_FIRST = re.compile(r"(\d{4})[./-](\d{1,2})[./-](\d{1,2})(?:[ T]00:00(?::00)?)?")
_BETWEEN = re.compile(r"\s*[,;]\s*")


@dataclass(frozen=True, slots=True)
class BadValue:
    """A text that is no value of its type; ``code`` says why.

    Codes: ``not_a_number``, ``not_a_date``, ``not_yes_or_no``, ``not_an_option``.
    """

    code: str


def coerce_value(
    attribute_type: str, text: str, options: Sequence[str] = ()
) -> str | BadValue:
    """Return the text as it is stored ("" for nothing), or what is wrong with it.

    The text has no control characters (``cleaning.clean_value``).
    """
    text = text.strip()
    if not text or attribute_type == AttributeType.TEXT:
        return text
    match attribute_type:
        case AttributeType.NUMBER:
            return _number(text)
        case AttributeType.DATE:
            return _date(text)
        case AttributeType.YES_NO:
            return _yes_no(text)
        case AttributeType.CHOICE:
            return _option(text, options) or BadValue("not_an_option")
    return _choices(text, options)


def fits(attribute_type: str, value: str, options: Sequence[str] = ()) -> bool:
    """Say whether a stored value is one of its type, as it is."""
    match attribute_type:
        case AttributeType.NUMBER:
            return is_number(value)
        case AttributeType.DATE:
            return is_date(value)
        case AttributeType.YES_NO:
            return value in {YES, NO}
        case AttributeType.CHOICE:
            return value in options
        case AttributeType.CHOICES:
            return set(value.split(SEPARATOR)) <= set(options)
    return True


def _number(text: str) -> str | BadValue:
    if is_number(text):  # nearly always, and cheap
        return "0" if text == "-0" else text
    plain = _SPACES.sub("", text).replace("−", "-")
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    elif "," in plain:
        plain = _without_thousands(plain)
    plain = plain.removeprefix("+")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain if is_number(plain) else BadValue("not_a_number")


def _without_thousands(text: str) -> str:
    """Return 1,234,567.5 and 1.234.567,5 without the marks of thousands."""
    thousands, point = (",", ".") if text.rfind(".") > text.rfind(",") else (".", ",")
    if re.fullmatch(rf"[+-]?\d{{1,3}}(?:\{thousands}\d{{3}})+(?:\{point}\d+)?", text):
        return text.replace(thousands, "").replace(point, ".")
    return text


def _date(text: str) -> str | BadValue:
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = found.groups()
    elif found := _DAY_FIRST.fullmatch(text):
        day, month, year = found.groups()
    else:
        return BadValue("not_a_date")
    try:
        return dt.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return BadValue("not_a_date")


def _yes_no(text: str) -> str | BadValue:
    word = text.lower()
    if word in _YES:
        return YES
    return NO if word in _NO else BadValue("not_yes_or_no")


def _option(text: str, options: Sequence[str]) -> str:
    """Return the option that the text means, "" if none."""
    if text in options:
        return text
    meant = fold(text)
    return next((option for option in options if fold(option) == meant), "")


def _choices(text: str, options: Sequence[str]) -> str | BadValue:
    found = {_option(one, options) for one in _BETWEEN.split(text) if one}
    if "" in found:
        return BadValue("not_an_option")
    return SEPARATOR.join(option for option in options if option in found)
