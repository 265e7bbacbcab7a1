"""What paused a run, and where it is mended."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pochtar.delivery.dkim_signing import domain_of
from pochtar.delivery.models import Run
from pochtar.delivery.reasons import pause_title, verdict_words
from pochtar.delivery.verdicts import (
    CANARY_FAILED,
    MANY_REFUSED,
    Verdict,
    read_verdict,
)
from pochtar.delivery.words import explain_trouble
from pochtar.web.templatetags.navigation import address_of

# What a person does about it; everything else starts at the server's settings.
WAIT = frozenset({"by_person", "by_operator", "interrupted"})
VERDICTS = frozenset({CANARY_FAILED, MANY_REFUSED})
NOT_THE_SERVER = frozenset({"letter_broken", "internal_error"})
THE_DOMAIN = frozenset({"dkim_mismatch", "dkim_unreadable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why a run stands still, in words, and where it is mended."""

    title: Promise | str
    detail: str
    advice: Promise | str
    relay_url: str
    domain_url: str = ""  # of the sender's domain, where its keys are


def pause_of(run: Run) -> Pause:
    """Say why the run is paused and what to do."""
    if run.pause_code in VERDICTS and (verdict := read_verdict(run.pause_text)):
        return _doubt(run, verdict)
    waits = run.pause_code in WAIT
    if waits:
        advice = _("Nobody is lost: continue, and it goes on where it stopped.")
    elif run.pause_code in THE_DOMAIN:
        advice = _("Then continue: nobody is lost.")
    elif run.pause_code in NOT_THE_SERVER:
        advice = _("Continue; if it stops again, tell the operator.")
    else:
        advice = _(
            "Put the SMTP server right (“Check connection” shows the dialogue), "
            "then continue: nobody is lost."
        )
    return Pause(
        title=pause_title(run.pause_code),
        detail="" if waits else run.pause_text,
        advice=advice,
        relay_url=""
        if waits or run.pause_code in NOT_THE_SERVER | THE_DOMAIN
        else address_of("relay", run.relay_id),
        domain_url=address_of("sender-domain", domain_of(run.from_email))
        if run.pause_code in THE_DOMAIN
        else "",
    )


def _doubt(run: Run, verdict: Verdict) -> Pause:
    """Say what came back, and that a person has to judge it."""
    advice = _(
        "Look at the answers below. If the fault is the letter's, the sender's or the "
        "server's, mend it first; if the addresses are really dead, continue: nobody "
        "is lost, and the pause is not repeated for the same errors."
    )
    return Pause(
        title=f"{explain_trouble(run.pause_code)} {verdict_words(verdict)}",
        detail=verdict.reply,
        advice=advice,
        relay_url="",
    )
