"""What can be done with the definition of an attribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import InvalidInput
from pochtar.recipients.attribute_text import AttributeText
from pochtar.recipients.attribute_values import BadValue, coerce_value, fits
from pochtar.recipients.cleaning import MOST_KEYS, capped, clean_key, has_control
from pochtar.recipients.models import Attribute, AttributeType, Recipient
from pochtar.recipients.words import fold

LONGEST_NAME = 80
LONGEST_OPTION = 100
MOST_OPTIONS = 100
EXAMPLES = 5
EXAMINED = 20_000  # different values
CONVERTED = 20_000  # recipients whose values a change of the type rewrites at once
BATCH = 2000

BAD_VALUES = {
    "not_a_number": _("This is not a number. It should look like 1200.50."),
    "not_a_date": _("This is not a date. It should look like 31.12.1990."),
    "not_yes_or_no": _("This is neither “yes” nor “no”."),
    "not_an_option": _("This is not one of the options."),
}
HINTS = {
    AttributeType.NUMBER: _("not a number"),
    AttributeType.DATE: _("not a date"),
    AttributeType.YES_NO: _("neither “yes” nor “no”"),
    AttributeType.CHOICE: _("not among the options"),
    AttributeType.CHOICES: _("not among the options"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a person says about an attribute."""

    name: str
    type: str
    options: Sequence[str] = ()
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How the values that are there go with a type; numbers of recipients."""

    right: int
    readable: int  # would be, written otherwise
    wrong: int
    examples: list[str]  # of what is wrong
    complete: bool  # all values were looked at


def create_attribute(
    workspace: Workspace, definition: Definition, *, by: User, key: str
) -> Attribute:
    """Define an attribute under a key; values that are there already keep their text."""
    require_role(by, workspace, Role.EDITOR)
    if not key.strip():
        raise InvalidInput("attribute_key", _("Enter the key."), field="key")
    try:
        row = Attribute(workspace=workspace, key=clean_key(key))
    except InvalidInput as error:
        raise InvalidInput(error.code, error.text, field="key") from error
    if Attribute.objects.of(workspace).count() >= MOST_KEYS:
        raise InvalidInput(
            "too_many_keys",
            _("A workspace has at most %(most)d different attributes.")
            % {"most": MOST_KEYS},
        )
    _fill(row, definition)
    with transaction.atomic():
        _insert(row)
        write_audit(workspace, by=by, verb="attribute_created", subject=row)
    return row


def change_attribute(row: Attribute, definition: Definition, *, by: User) -> Attribute:
    """Change the definition, and write values otherwise that are right but for the form.

    What is no value of the new type keeps its text.  So do all, when they are too many
    to be rewritten at once.
    """
    require_role(by, row.workspace, Role.EDITOR)
    _fill(row, definition)
    with transaction.atomic():
        row.save()
        write_audit(
            row.workspace, by=by, verb="attribute_changed", subject=row, type=row.type
        )
    _convert(row)
    return row


@transaction.atomic
def delete_attribute(row: Attribute, *, by: User) -> None:
    """Delete the definition; values stay with their recipients as text."""
    require_role(by, row.workspace, Role.EDITOR)
    write_audit(
        row.workspace, by=by, verb="attribute_deleted", subject=row, key=row.key
    )
    row.delete()


def keep_keys(
    workspace: Workspace, keys: Iterable[str], names: Mapping[str, str] | None = None
) -> None:
    """Make sure that the workspace knows these merge fields.

    ``names`` are what the pages call those that are new, as far as it says.
    """
    known = set(Attribute.objects.of(workspace).values_list("key", flat=True))
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if len(known) + len(new) > MOST_KEYS:
        raise InvalidInput(
            "too_many_keys",
            _("A workspace has at most %(most)d different attributes.")
            % {"most": MOST_KEYS},
            field="attributes",
            details={"key": new[-1]},
        )
    Attribute.objects.bulk_create(
        [
            Attribute(workspace=workspace, key=key, name=_name_of(key, names or {}))
            for key in new
        ],
        ignore_conflicts=True,
    )


def defined_attributes(workspace: Workspace) -> QuerySet[Attribute]:
    """Return those that somebody has defined; a key in use alone is free text."""
    rows: QuerySet[Attribute] = Attribute.objects.of(workspace)
    free = Q(name="", type=AttributeType.TEXT)
    return rows.exclude(free).order_by("position", "key")


def how_fits(row: Attribute, definition: Definition) -> Fit:
    """Look at the values that are there: what would the definition say of them?"""
    counted = _values(row).values_list("value").annotate(number=Count("pk"))
    pairs = list(counted.order_by("-number")[: EXAMINED + 1])
    right = readable = wrong = 0
    examples: list[str] = []
    for value, number in pairs[:EXAMINED]:
        if fits(definition.type, value, definition.options):
            right += number
        elif _converted(value, definition):
            readable += number
        else:
            wrong += number
            examples.append(value)
    return Fit(
        right=right,
        readable=readable,
        wrong=wrong,
        examples=examples[:EXAMPLES],
        complete=len(pairs) <= EXAMINED,
    )


def clean_typed(
    workspace: Workspace, attributes: Mapping[str, str], *, before: Mapping[str, str]
) -> dict[str, str]:
    """Return the values as their types store them; what was there before may stay.

    InvalidInput with the key in ``details``.
    """
    typed = Attribute.objects.of(workspace).exclude(type=AttributeType.TEXT)
    cleaned = dict(attributes)
    for row in typed.filter(key__in=attributes):
        text = attributes[row.key]
        if text == before.get(row.key):
            continue
        value = coerce_value(row.type, text, row.options)
        if isinstance(value, BadValue):
            raise InvalidInput(
                value.code,
                BAD_VALUES[value.code],
                field="attributes",
                details={"key": row.key},
            )
        cleaned[row.key] = value
    return cleaned


def _name_of(key: str, names: Mapping[str, str]) -> str:
    name = " ".join(names.get(key, "").split())
    fits = name != key and len(name) <= LONGEST_NAME and not has_control(name)
    return name if fits else ""


def _fill(row: Attribute, definition: Definition) -> None:
    name = definition.name.strip()
    if not name:
        raise InvalidInput("name_empty", _("Give the attribute a name."), field="name")
    if has_control(name):
        raise InvalidInput(
            "control_character",
            _("The text contains a line break or another control character."),
            field="name",
        )
    row.name = capped(name, LONGEST_NAME, field="name")
    row.type = AttributeType(definition.type)
    row.options = _options(definition)
    row.position = definition.position


def _options(definition: Definition) -> list[str]:
    if definition.type not in {AttributeType.CHOICE, AttributeType.CHOICES}:
        return []
    options = [one.strip() for one in definition.options if one.strip()]
    if not options:
        raise _bad_options("options_empty", _("List at least one option."))
    if len(options) > MOST_OPTIONS:
        raise _bad_options("too_many_options", _("At most 100 options."))
    if any("," in one or ";" in one for one in options):
        raise _bad_options("option_comma", _("An option has no comma in it."))
    if any(has_control(one) for one in options):
        raise _bad_options(
            "control_character", _("An option has no control character in it.")
        )
    if len({fold(one) for one in options}) < len(options):
        raise _bad_options("option_twice", _("An option is listed twice."))
    return [capped(one, LONGEST_OPTION, field="options") for one in options]


def _bad_options(code: str, text: object) -> InvalidInput:
    return InvalidInput(code, str(text), field="options")


def _insert(row: Attribute) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise InvalidInput(
            "attribute_exists",
            _("There is an attribute with this key already."),
            field="key",
        ) from error


def _values(row: Attribute) -> QuerySet[Any]:
    people: QuerySet[Any] = Recipient.objects.of(row.workspace)
    value = AttributeText(F("attributes"), row.key)
    filled: QuerySet[Any] = people.annotate(value=value).exclude(value="").order_by()
    return filled


def _converted(value: str, definition: Definition) -> str:
    """Return the value in the form of the type, "" when it is none."""
    found = coerce_value(definition.type, value, definition.options)
    return "" if isinstance(found, BadValue) else found


def _convert(row: Attribute) -> None:
    """Rewrite what is right but for its form."""
    definition = Definition(name=row.name, type=row.type, options=row.options)
    if row.type == AttributeType.TEXT:
        return
    fit = how_fits(row, definition)
    if not fit.readable or not fit.complete or _values(row).count() > CONVERTED:
        return
    ids = list(_values(row).values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        _convert_batch(row.key, definition, ids[start : start + BATCH])


@transaction.atomic
def _convert_batch(key: str, definition: Definition, ids: Sequence[object]) -> None:
    changed = []
    for one in Recipient.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
        value = one.attributes.get(key, "")
        if fits(definition.type, value, definition.options):
            continue
        if converted := _converted(value, definition):
            one.attributes[key] = converted
            changed.append(one)
    Recipient.objects.bulk_update(changed, ["attributes"], batch_size=500)
