"""What a person chooses for an import: checked before the file is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Workspace
from pochtar.base.errors import InvalidInput
from pochtar.recipients.cleaning import (
    MOST_ATTRIBUTES,
    MOST_KEYS,
    capped,
    clean_key,
)
from pochtar.recipients.models import Attribute, Basis, RecipientList

FIELDS = frozenset({"email", "full_name", "first_name", "last_name", "comment"})
LONGEST_WORDING = 5000


def clean_columns(
    workspace: Workspace, columns: Sequence[Mapping[str, str]]
) -> list[dict[str, str]]:
    """Return the columns as they are kept; InvalidInput.details names the column."""
    seen: set[tuple[str, str]] = set()
    cleaned = []
    for at, column in enumerate(columns):
        to, key = column.get("to", "skip"), ""
        if to == "attribute":
            key = _key(column.get("key", ""), at)
        elif to not in FIELDS and to != "skip":
            raise _bad("unknown_field", _("Choose where the column belongs."), at)
        if to != "skip" and (to, key) in seen:
            raise _twice(to, at)
        seen.add((to, key))
        cleaned.append({"title": str(column.get("title", "")), "to": to, "key": key})
    _check_fields({to for to, _key in seen})
    _check_number(workspace, {key for _to, key in seen if key})
    return cleaned


def clean_lists(
    workspace: Workspace, lists: Sequence[RecipientList]
) -> list[RecipientList]:
    known = RecipientList.objects.of(workspace).filter(pk__in=[row.pk for row in lists])
    if known.count() < len({row.pk for row in lists}):
        raise InvalidInput("list_gone", _("This list has been deleted."), field="lists")
    return list(lists)


def clean_basis(basis: str, wording: str) -> dict[str, str]:
    if basis and basis not in Basis.values:
        raise InvalidInput(
            "unknown_basis", _("Choose one of the bases."), field="basis"
        )
    wording = wording.replace("\r\n", "\n").strip()
    capped(wording, LONGEST_WORDING, field="wording")
    return {"basis": basis, "wording": wording if basis else ""}


def _key(text: str, at: int) -> str:
    try:
        return clean_key(text)
    except InvalidInput as error:
        raise _bad(error.code, error.text, at) from error


def _twice(to: str, at: int) -> InvalidInput:
    if to == "email":
        return _bad(
            "two_email_columns",
            _("Only one column can be the e-mail address. Skip the other one."),
            at,
        )
    if to == "attribute":
        return _bad("column_twice", _("This attribute is given twice."), at)
    return _bad("column_twice", _("Another column has been chosen for this field."), at)


def _check_fields(chosen: set[str]) -> None:
    if "email" not in chosen:
        raise InvalidInput(
            "no_email_column",
            _("Choose the column that has the e-mail addresses."),
            field="columns",
        )
    if "full_name" in chosen and chosen & {"first_name", "last_name"}:
        raise InvalidInput(
            "name_twice",
            _("Choose either the full name or the first and the last name."),
            field="columns",
        )


def _check_number(workspace: Workspace, keys: set[str]) -> None:
    if len(keys) > MOST_ATTRIBUTES:
        raise InvalidInput(
            "too_many_attributes",
            _("A recipient has at most %(most)d attributes.")
            % {"most": MOST_ATTRIBUTES},
            field="columns",
        )
    known = Attribute.objects.of(workspace).values_list("key", flat=True)
    if len(keys.union(known)) > MOST_KEYS:
        raise InvalidInput(
            "too_many_keys",
            _("A workspace has at most %(most)d different attributes.")
            % {"most": MOST_KEYS},
            field="columns",
        )


def _bad(code: str, text: str | Promise, at: int) -> InvalidInput:
    details: dict[str, Any] = {"column": at}
    return InvalidInput(code, text, field="columns", details=details)
