"""Turn the cells of a row into what is stored, or into the reason why not.

The rules are those of cleaning.py.  A million rows pass through here, so a row is first
looked at as a whole: if nothing in it is unusual (all printable, nothing long, already
in Unicode's composed form, an address that a regex settles), 5 µs are enough.  Whatever
is doubtful goes the careful way, cell by cell, through the functions of cleaning.py.
"""

from __future__ import annotations

import json.encoder
from collections.abc import Callable, Mapping, Sequence
from unicodedata import is_normalized

from mailcore.addresses import address_key
from mailcore.sheets import BadRow
from pochtar.base.addresshash import address_digits
from pochtar.base.errors import InvalidInput
from pochtar.recipients.attribute_values import BadValue, coerce_value
from pochtar.recipients.cleaning import (
    ENDS,
    LONGEST_NAME,
    clean_address,
    clean_comment,
    clean_full_name,
    clean_value,
)
from pochtar.recipients.words import fold

# email, email_key, address_hash (digits), full_name, name_key, comment, attributes (JSON)
Cleaned = tuple[str, str, str, str, str, str, str]
Cleaner = Callable[[list[str]], "Cleaned | str"]
Types = Mapping[str, tuple[str, Sequence[str]]]
# In this order they make a full name where the file has it in parts.
NAMES = ("first_name", "last_name")


def cleaner_of(columns: Sequence[Mapping[str, str]], *, ascii_only: bool) -> Cleaner:
    """Return the function that turns cells into columns, or into a refusal's code.

    ``ascii_only``: JSON as Django writes it on SQLite, where JSON is compared as text.
    """
    places = _Places(columns)
    quote: Callable[[str], str] = (
        json.encoder.encode_basestring_ascii
        if ascii_only
        else json.encoder.encode_basestring
    )
    attributes = [(at, f"{quote(key)}:") for at, key in places.attributes]
    carefully = _careful_cleaner(places, attributes, quote)
    at_email, at_comment, width = places.email, places.comment, places.width
    at_name, *at_more = places.names or [-1]

    def clean(cells: list[str]) -> Cleaned | str:
        whole = "".join(cells)
        if (
            len(cells) < width
            or len(whole) > LONGEST_NAME
            or not whole.isprintable()
            or not (whole.isascii() or is_normalized("NFC", whole))
            or isinstance(cells, BadRow)
        ):
            return carefully(cells)
        email = cells[at_email].strip(ENDS)
        if not (key := address_key(email)):
            return carefully(cells)
        name = cells[at_name].strip(ENDS) if at_name >= 0 else ""
        if at_more:
            name = places.name(cells)
        values = [
            start + quote(value)
            for at, start in attributes
            if (value := cells[at].strip(ENDS))
        ]
        return (
            email,
            key,
            address_digits(key),
            name,
            " ".join(name.split())
            .lower()
            .replace("ё", "е"),  # fold(), composed already
            cells[at_comment].strip() if at_comment >= 0 else "",
            "{" + ",".join(values) + "}",
        )

    return clean


def typed_cleaner(
    clean: Cleaner, columns: Sequence[Mapping[str, str]], types: Types
) -> Cleaner:
    """Return the cleaner that first reads the cells of typed attributes as their type.

    ``types``: of each attribute that is not plain text its type and its options.
    """
    typed = [
        (at, *types[column["key"]])
        for at, column in enumerate(columns)
        if column["to"] == "attribute" and column["key"] in types
    ]
    if not typed:
        return clean

    def clean_typed(cells: list[str]) -> Cleaned | str:
        if isinstance(cells, BadRow):
            return clean(cells)
        cells = list(cells)  # a refused row goes back as it came
        for at, kind, options in typed:
            if at < len(cells) and (text := cells[at].strip(ENDS)):
                value = coerce_value(kind, text, options)
                if isinstance(value, BadValue):
                    return value.code
                cells[at] = value
        return clean(cells)

    return clean_typed


def _careful_cleaner(
    places: _Places, attributes: Sequence[tuple[int, str]], quote: Callable[[str], str]
) -> Cleaner:
    """Return the same, cell by cell, for a row in which something is unusual."""

    def clean(cells: list[str]) -> Cleaned | str:
        if isinstance(cells, BadRow):
            return cells.code
        cells = cells + [""] * (places.width - len(cells))
        try:
            email, key = _address(cells[places.email])
            name = clean_full_name(places.name(cells))
            comment = (
                clean_comment(cells[places.comment]) if places.comment >= 0 else ""
            )
            values = [
                start + quote(value)
                for at, start in attributes
                if (value := clean_value(cells[at], key=start))
            ]
        except InvalidInput as error:
            return _code_of(error)
        found = "{" + ",".join(values) + "}"
        return email, key, address_digits(key), name, fold(name), comment, found

    return clean


class _Places:
    """Which column of the file is what."""

    def __init__(self, columns: Sequence[Mapping[str, str]]) -> None:
        wanted = {
            column["to"]: at
            for at, column in enumerate(columns)
            if column["to"] not in {"skip", "attribute"}
        }
        self.email = wanted["email"]
        self.comment = wanted.get("comment", -1)
        whole = [wanted["full_name"]] if "full_name" in wanted else []
        self.names = whole or [wanted[name] for name in NAMES if name in wanted]
        self.attributes = [
            (at, column["key"])
            for at, column in enumerate(columns)
            if column["to"] == "attribute"
        ]
        last = [self.email, self.comment, *self.names]
        self.width = max(last + [at for at, _key in self.attributes]) + 1

    def name(self, cells: list[str]) -> str:
        parts = (cells[at].strip(ENDS) for at in self.names)
        return " ".join(filter(None, parts))


def _address(cell: str) -> tuple[str, str]:
    """Return the address and its key; most of what comes this way is usual too."""
    email = cell.strip(ENDS)
    if key := address_key(email):
        return email, key
    address = clean_address(email)
    return address.display, address.key


def _code_of(error: InvalidInput) -> str:
    """Return the code with what it is about: the same is said of several fields."""
    if error.field == "email":
        return error.code
    about = {"full_name": "name", "attributes": "value"}.get(error.field, error.field)
    return f"{about}_{error.code.removesuffix('_character')}"
