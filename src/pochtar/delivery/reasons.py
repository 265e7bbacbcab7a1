"""Our own codes in words: why no server was asked, and why a run stands still."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from pochtar.delivery.verdicts import Verdict
from pochtar.delivery.words import TROUBLES, explain_trouble

# Attempt.reason: where no mail server spoke.
REASONS: dict[str, Promise] = {
    **TROUBLES,
    "missing_data": _("A value that the message needs is missing."),
    "stopped": _("The time to stop had come before this one's turn."),
    "cancelled": _("The mailing was cancelled before this one's turn."),
    "gave_up": _("It was put off again and again until the time to give up."),
    "unsubscribed": _("The recipient unsubscribed before this one's turn."),
    "suppressed": _("The address came onto the stop list before this one's turn."),
    "no_consent": _("Unconfirmed: nothing says that this one may be written to."),
    "recipient_deleted": _("The recipient was deleted before this one's turn."),
    "bad_header": _("A value of this recipient cannot stand in the letter's header."),
    "interrupted": _("The program ended while this letter was on its way."),
}
PAUSES: dict[str, Promise] = {
    "by_person": _("Paused by a participant."),
    "by_operator": _("Paused on the command line."),
    "interrupted": _("Stopped on the command line."),
}


def reason_words(code: str) -> Promise | str:
    """Return the reason in words; a code that is not known shows as itself."""
    return REASONS.get(code) or explain_trouble(code)


def pause_title(code: str) -> Promise | str:
    """Say in a sentence why a run is paused."""
    return (
        PAUSES.get(code)
        or reason_words(code)
        or _("The SMTP server does not take mail now.")
    )


def verdict_words(verdict: Verdict) -> str:
    """Return a verdict's figures in words."""
    words = ngettext(
        "Of %(tried)d attempt, %(failed)d failed.",
        "Of %(tried)d attempts, %(failed)d failed.",
        verdict.tried,
    )
    said = words % {"tried": verdict.tried, "failed": verdict.failed}
    if verdict.unknown:
        unknown = gettext("The outcome of %(unknown)d is unknown.")
        said += " " + unknown % {"unknown": verdict.unknown}
    return said
