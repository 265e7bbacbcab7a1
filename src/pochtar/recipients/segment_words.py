"""A rule in words: «Город — Казань или Уфа, и добавлены за последние 30 дней»."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from mailcore.segment_fields import Kind, Shape
from mailcore.segments import How, Leaf, Rule, leaves_of
from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Attribute, Basis, RecipientList
from pochtar.recipients.segment_sources import mailings

Words = str | Promise

FIELD_NAMES: dict[str, Words] = {
    "email": gettext_lazy("E-mail"),
    "domain": gettext_lazy("Domain of the address"),
    "full_name": gettext_lazy("Full name"),
    "comment": gettext_lazy("Comment"),
    "created": gettext_lazy("Added"),
    "status": gettext_lazy("Status"),
    "basis": gettext_lazy("Basis of consent"),
    "list": gettext_lazy("List"),
    "mailing": gettext_lazy("Mailing"),
}
OPTION_NAMES: dict[str, Words] = {
    "subscribed": pgettext_lazy("recipients", "gets mailings"),
    "unsubscribed": pgettext_lazy("recipients", "unsubscribed"),
    "stopped": pgettext_lazy("recipients", "on the stop list"),
    "unconfirmed": pgettext_lazy("recipients", "unconfirmed"),
    **dict(Basis.choices),
}
# An operator as the builder offers it, and the whole question as a sentence says it.
OPERATOR_NAMES: dict[str, Words] = {
    "is": pgettext_lazy("operator", "is"),
    "is_not": pgettext_lazy("operator", "is not"),
    "one_of": pgettext_lazy("operator", "is one of"),
    "contains": pgettext_lazy("operator", "contains"),
    "begins": pgettext_lazy("operator", "begins with"),
    "empty": pgettext_lazy("operator", "is empty"),
    "filled": pgettext_lazy("operator", "has a value"),
    "lt": pgettext_lazy("operator", "less than"),
    "le": pgettext_lazy("operator", "at most"),
    "ge": pgettext_lazy("operator", "at least"),
    "gt": pgettext_lazy("operator", "more than"),
    "between": pgettext_lazy("operator", "from … to"),
    "before": pgettext_lazy("operator", "before"),
    "on": pgettext_lazy("operator", "on"),
    "after": pgettext_lazy("operator", "after"),
    "last": pgettext_lazy("operator", "within the last … days"),
    "next": pgettext_lazy("operator", "within the next … days"),
    "anniversary": pgettext_lazy("operator", "day and month within the next … days"),
    "yes": pgettext_lazy("operator", "yes"),
    "no": pgettext_lazy("operator", "no"),
    "any": pgettext_lazy("operator", "has any of"),
    "every": pgettext_lazy("operator", "has all of"),
    "none": pgettext_lazy("operator", "has none of"),
    "in": pgettext_lazy("operator", "in the list"),
    "not_in": pgettext_lazy("operator", "not in the list"),
    "received": pgettext_lazy("operator", "received"),
    "not_received": pgettext_lazy("operator", "did not receive"),
    "received_last": pgettext_lazy("operator", "received any within the last … days"),
    "not_received_last": pgettext_lazy(
        "operator", "received none within the last … days"
    ),
}
_SENTENCES: dict[str, Words] = {
    "is": gettext_lazy("{name} is {value}"),
    "is_not": gettext_lazy("{name} is not {value}"),
    "one_of": gettext_lazy("{name} is {value}"),
    "contains": gettext_lazy("{name} contains {value}"),
    "begins": gettext_lazy("{name} begins with {value}"),
    "empty": gettext_lazy("{name} is empty"),
    "filled": gettext_lazy("{name} has a value"),
    "lt": gettext_lazy("{name} is less than {value}"),
    "le": gettext_lazy("{name} is at most {value}"),
    "ge": gettext_lazy("{name} is at least {value}"),
    "gt": gettext_lazy("{name} is more than {value}"),
    "between": gettext_lazy("{name} is from {value}"),
    "before": gettext_lazy("{name} is before {value}"),
    "on": gettext_lazy("{name} is on {value}"),
    "after": gettext_lazy("{name} is after {value}"),
    "last": gettext_lazy("{name} is within the last {value}"),
    "next": gettext_lazy("{name} is within the next {value}"),
    "anniversary": gettext_lazy("{name} has its day and month within the next {value}"),
    "yes": gettext_lazy("{name} is “yes”"),
    "no": gettext_lazy("{name} is “no”"),
    "any": gettext_lazy("{name} has {value}"),
    "every": gettext_lazy("{name} has all of {value}"),
    "none": gettext_lazy("{name} has none of {value}"),
}
_OWN_SENTENCES: dict[tuple[str, str], Words] = {
    ("created", "before"): gettext_lazy("added before {value}"),
    ("created", "on"): gettext_lazy("added on {value}"),
    ("created", "after"): gettext_lazy("added after {value}"),
    ("created", "last"): gettext_lazy("added within the last {value}"),
    ("list", "in"): gettext_lazy("in the list {value}"),
    ("list", "not_in"): gettext_lazy("not in the list {value}"),
    ("mailing", "received"): gettext_lazy("received the mailing {value}"),
    ("mailing", "not_received"): gettext_lazy("did not receive the mailing {value}"),
    ("mailing", "received_last"): gettext_lazy(
        "received a mailing within the last {value}"
    ),
    ("mailing", "not_received_last"): gettext_lazy(
        "received no mailing within the last {value}"
    ),
}
ERRORS: dict[str, Words] = {
    "group_empty": gettext_lazy("This group is empty. Add a condition or remove it."),
    "too_deep": gettext_lazy("Groups are nested too deeply."),
    "too_many": gettext_lazy("Too many conditions: at most 50."),
    "field": gettext_lazy("Choose what the condition is about."),
    "operator": gettext_lazy("Choose a comparison."),
    "empty": gettext_lazy("Fill this in."),
    "control": gettext_lazy("The text contains a control character."),
    "too_long": gettext_lazy("This text is too long."),
    "number": gettext_lazy("Enter a number, such as 1200.50."),
    "order": gettext_lazy("The first number must not be larger than the second."),
    "date": gettext_lazy("Enter a date."),
    "days": gettext_lazy("Enter a number of days from 0 to 3650."),
    "option": gettext_lazy("Choose one of the options."),
    "comma": gettext_lazy("An option has no comma in it."),
    "id": gettext_lazy("Choose one."),
    "too_many_values": gettext_lazy("Too many values: at most 100."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the things are called that rules speak of."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    mailings: Mapping[str, str] = field(default_factory=dict)


def names_in(workspace: Workspace, rules: Iterable[Rule]) -> Names:
    """Look up what is needed to describe the rules: three queries for all of them."""
    leaves = [leaf for rule in rules for leaf in leaves_of(rule)]
    lists = {pk for leaf in leaves if leaf.kind is Kind.LIST for pk in leaf.value}
    sent = {leaf.value for leaf in leaves if leaf.operator.shape is Shape.MAILING}
    keys = {leaf.attribute for leaf in leaves if leaf.attribute}
    known = Attribute.objects.of(workspace).filter(key__in=keys)
    rows = RecipientList.objects.of(workspace).filter(pk__in=lists)
    return Names(
        attributes={row.key: str(row) for row in known},
        lists={str(pk): name for pk, name in rows.values_list("pk", "name")},
        mailings=mailings().names(workspace.pk, sent) if sent else {},
    )


def describe(rule: Rule, names: Names) -> str:
    """Return the rule as one sentence in the reader's language."""
    sentence = _said(rule, names, top=True)
    return sentence[:1].upper() + sentence[1:]


def _said(rule: Rule, names: Names, *, top: bool = False) -> str:
    if isinstance(rule, Leaf):
        return _leaf(rule, names)
    if len(rule.rules) == 1 and rule.how is not How.NONE:
        return _said(rule.rules[0], names, top=top)
    parts = [_said(one, names) for one in rule.rules]
    if rule.how is How.NONE:
        return _("not: {parts}").format(parts=f"({_(', or ').join(parts)})")
    text = (_(", and ") if rule.how is How.ALL else _(", or ")).join(parts)
    return text if top else f"({text})"


def _leaf(leaf: Leaf, names: Names) -> str:
    sentence = _OWN_SENTENCES.get((leaf.field, leaf.op)) or _SENTENCES[leaf.op]
    return str(sentence).format(name=field_name(leaf, names), value=_value(leaf, names))


def field_name(leaf: Leaf, names: Names) -> str:
    if leaf.attribute:
        return names.attributes.get(leaf.attribute, leaf.attribute)
    name = str(FIELD_NAMES[leaf.field])  # a heading elsewhere, a word here
    return name[:1].lower() + name[1:]


def _value(leaf: Leaf, names: Names) -> str:
    value = leaf.value
    match leaf.operator.shape:
        case Shape.NOTHING:
            return ""
        case Shape.NUMBER:
            return _number(value)
        case Shape.NUMBERS:
            return _("{first} to {last}").format(
                first=_number(value[0]), last=_number(value[1])
            )
        case Shape.DATE:
            return date_format(dt.date.fromisoformat(value), "DATE_FORMAT")
        case Shape.DAYS:
            return ngettext("%(days)d day", "%(days)d days", value) % {"days": value}
        case Shape.LISTS:
            known = [_quoted(names.lists.get(pk)) for pk in value]
            return _(" or ").join(known)
        case Shape.MAILING:
            return _quoted(names.mailings.get(value))
    return _texts(leaf)


def _texts(leaf: Leaf) -> str:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    if leaf.kind is Kind.STATE:
        values = tuple(str(OPTION_NAMES[one]) for one in values)
    elif leaf.op in {"contains", "begins"}:
        values = tuple(_quoted(one) for one in values)
    return (_(" and ") if leaf.op == "every" else _(" or ")).join(values)


def _quoted(text: str | None) -> str:
    return _("“{text}”").format(text=text) if text else _("(deleted)")


def _number(value: Any) -> str:
    places = f"{value:.6f}".rstrip("0").rpartition(".")[2]
    return number_format(value, decimal_pos=len(places), force_grouping=True)
