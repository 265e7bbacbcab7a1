"""``{% attribute_rows recipient as rows %}``: attributes as people read them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django import template
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from mailcore.segment_fields import YES
from pochtar.recipients.attribute_values import fits
from pochtar.recipients.attributes import HINTS
from pochtar.recipients.models import Attribute, AttributeType, Recipient

register = template.Library()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    value: str
    hint: str | Promise = ""  # what is wrong with the value


@register.simple_tag
def attribute_rows(recipient: Recipient) -> list[Row]:
    """Return the recipient's attributes: the defined ones in their order, the rest."""
    known = Attribute.objects.filter(
        workspace=recipient.workspace_id, key__in=list(recipient.attributes)
    )
    defined = {row.key: row for row in known.order_by("position", "key")}
    keys = [*defined, *(key for key in recipient.attributes if key not in defined)]
    return [_row(key, recipient.attributes[key], defined.get(key)) for key in keys]


def _row(key: str, value: object, definition: Attribute | None) -> Row:
    text = str(value)
    if definition is None:
        return Row(name=key, value=text)
    if not fits(definition.type, text, definition.options):
        hint = HINTS[AttributeType(definition.type)]
        return Row(name=str(definition), value=text, hint=hint)
    return Row(name=str(definition), value=shown(definition.type, text))


def shown(kind: str, text: str) -> str:
    """Return a value that fits its type as the reader's language writes it."""
    match kind:
        case AttributeType.NUMBER:
            return str(number_format(text, use_l10n=True, force_grouping=True))
        case AttributeType.DATE:
            try:
                return date_format(dt.date.fromisoformat(text), "DATE_FORMAT")
            except ValueError:
                return text  # 31 June fits, and is no day
        case AttributeType.YES_NO:
            return pgettext("answer", "yes") if text == YES else _("no")
    return text
