"""Our own codes in words: why nobody was asked, and what paused a run."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pochtar.delivery.models import Run
from pochtar.delivery.words import TROUBLES, explain_trouble
from pochtar.web.templatetags.navigation import address_of

# Attempt.reason: where no mail server spoke.
REASONS: dict[str, Promise] = {
    **TROUBLES,
    "missing_data": _("A value that the message needs is missing."),
    "stopped": _("The time to stop had come before this one's turn."),
    "recipient_deleted": _("The recipient was deleted before this one's turn."),
    "unsubscribed": _("The recipient unsubscribed before this one's turn."),
    "bad_header": _("A value of this recipient cannot stand in the letter's header."),
    "interrupted": _("The program ended while this letter was on its way."),
}
PAUSES: dict[str, Promise] = {
    "by_person": _("Paused by a participant."),
    "interrupted": _("Stopped on the command line."),
}
# What a person does about it; everything else starts at the server's settings.
WAIT = frozenset({"by_person", "interrupted"})
NOT_THE_SERVER = frozenset({"letter_broken", "internal_error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why a run stands still, in words, and where it is mended."""

    title: Promise | str
    detail: str
    advice: Promise | str
    relay_url: str


def reason_words(code: str) -> Promise | str:
    """Return the reason in words; a code that is not known shows as itself."""
    return REASONS.get(code) or explain_trouble(code)


def pause_of(run: Run) -> Pause:
    """Say why the run is paused and what to do."""
    waits = run.pause_code in WAIT
    title = PAUSES.get(run.pause_code) or reason_words(run.pause_code)
    if waits:
        advice = _("Nobody is lost: continue, and it goes on where it stopped.")
    elif run.pause_code in NOT_THE_SERVER:
        advice = _("Continue; if it stops again, tell the operator.")
    else:
        advice = _(
            "Put the SMTP server right (“Check connection” shows the dialogue), "
            "then continue: nobody is lost."
        )
    return Pause(
        title=title or _("The SMTP server does not take mail now."),
        detail="" if waits else run.pause_text,
        advice=advice,
        relay_url=""
        if waits or run.pause_code in NOT_THE_SERVER
        else address_of("relay", run.relay_id),
    )
