"""Say what is wrong with a line of the consent ledger, and which line it is."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pochtar.recipients.consent_audit import Flaw

WORDS: dict[str, Promise] = {
    "missing": gettext_lazy("a line before it is missing"),
    "unchained": gettext_lazy("it does not follow the line before it"),
    "changed": gettext_lazy("it is not as it was written"),
    "cut": gettext_lazy("the chain does not end where its last writer left it"),
    "subjects": gettext_lazy("the people it is about are not those it was written for"),
    "orphan": gettext_lazy("there are people, but not the line that they belong to"),
}


def flaw_words(flaw: Flaw) -> tuple[str, str]:
    """Return the place, workspace and line, and what is wrong there."""
    row = f" (row {flaw.pk})" if flaw.pk else ""  # as psql shows it
    place = _("workspace %(workspace)s, line %(sequence)d%(row)s") % {
        "workspace": flaw.workspace_id or "?",
        "sequence": flaw.sequence,
        "row": row,
    }
    return place, str(WORDS[flaw.code])
