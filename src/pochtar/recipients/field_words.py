"""What a recipient's fields are called."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FIELD_WORDS: Mapping[str, Promise] = {
    "email": _("e-mail"),
    "full_name": _("full name"),
    "comment": _("comment"),
}
