"""How an import is named, and its state in a pill."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from pochtar.recipients.models import Import, ImportStep, WorkState
from pochtar.web.templatetags.formatting import badge

register = template.Library()


@register.filter
def import_name(row: Import) -> str:
    return row.file_name or _("Pasted rows")


@register.simple_tag
def import_state(row: Import) -> SafeString:
    """Say what the import does, or that it waits for a person."""
    if row.is_active:
        return badge("accent live", _capital(row.get_step_display()))
    if row.state == WorkState.FAILED:
        return badge("bad", pgettext("import", "Stopped by an error"))
    if row.state == WorkState.CANCELLED:
        return badge("mute", pgettext("import", "Cancelled"))
    if row.step == ImportStep.FINISHED:
        return badge("good", pgettext("import", "Imported"))
    if row.step == ImportStep.UNDONE:
        return badge("mute", pgettext("import", "Undone"))
    return badge("warn", pgettext("import", "Waits for you"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
