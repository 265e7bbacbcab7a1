"""Which fields a change was of: their names are kept, never their values (LAW-06)."""

from __future__ import annotations

from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from pochtar.recipients.field_words import FIELD_WORDS


def what_changed(names: Any) -> str:
    """Say it in a sentence; "" when nothing was written down."""
    words = [_word(str(name)) for name in names if name] if names else []
    if not words:
        return ""
    listed = get_text_list(words, _("and"))
    return _("What: %(fields)s.") % {"fields": listed}


def _word(name: str) -> str:
    return str(FIELD_WORDS.get(name) or f"“{name}”")
