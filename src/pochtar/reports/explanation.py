"""Why somebody got a letter of a mailing, or did not: one question, answered in steps.

    address → audience → whatever else keeps the person out → launch → place in the run
            → every attempt → what holds the run up → what comes next

Read-only, cheap at a million recipients, and in the language of whoever asks.
``manage.py explain`` and the mailing's page show it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pochtar.delivery.ledger import PENDING, SENDING
from pochtar.delivery.models import Outcome
from pochtar.mailings.models import Mailing
from pochtar.reports import course, selection
from pochtar.reports.case import Case, open_case
from pochtar.reports.steps import Mark, Step
from pochtar.reports.tries import tell_attempt

__all__ = ["CANNOT", "Explanation", "Mark", "Step", "explain_delivery"]

NOT_AN_ADDRESS, NO_SUCH_ADDRESS = "not_an_address", "no_such_address"
NOT_SELECTED, WOULD_GET, WOULD_NOT_GET = "not_selected", "would_get", "would_not_get"
CANNOT = frozenset({NOT_AN_ADDRESS, NO_SUCH_ADDRESS})  # there is nothing to explain

# The answer in a sentence, before all the steps.
VERDICTS: dict[str, tuple[Mark, Promise]] = {
    NOT_AN_ADDRESS: (Mark.BAD, gettext_lazy("This is not an e-mail address.")),
    NO_SUCH_ADDRESS: (
        Mark.BAD,
        gettext_lazy("There is no such address, neither in the workspace nor here."),
    ),
    NOT_SELECTED: (
        Mark.BAD,
        gettext_lazy("Did not get it: is not among this mailing's recipients."),
    ),
    WOULD_GET: (Mark.NEXT, gettext_lazy("Not launched yet; will be written to.")),
    WOULD_NOT_GET: (
        Mark.BAD,
        gettext_lazy("Not launched yet; will not be written to as things stand."),
    ),
    PENDING: (Mark.NEXT, gettext_lazy("Not yet: the turn has not come.")),
    SENDING: (Mark.NEXT, gettext_lazy("It is being sent at this moment.")),
    Outcome.ACCEPTED: (Mark.OK, gettext_lazy("Sent: the mail server took the letter.")),
    Outcome.FAILED: (
        Mark.BAD,
        gettext_lazy("Did not get it: the letter was not taken."),
    ),
    Outcome.DEFERRED: (Mark.WARN, gettext_lazy("Not yet: the server asked to wait.")),
    Outcome.UNKNOWN: (
        Mark.WARN,
        gettext_lazy("May have got it or not: the answer never came."),
    ),
    Outcome.SKIPPED: (
        Mark.BAD,
        gettext_lazy("Did not get it: was left out of the sending."),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """``verdict`` is a stable code, ``answer`` the same in words."""

    mailing_id: UUID
    run_id: UUID | None
    recipient_id: UUID | None
    address: str
    verdict: str
    mark: Mark
    answer: str
    steps: tuple[Step, ...]

    @property
    def is_explained(self) -> bool:
        return self.verdict not in CANNOT


def explain_delivery(
    mailing: Mailing, typed: str, *, now: dt.datetime | None = None
) -> Explanation:
    """Explain what became of a mailing's letter to this address."""
    case = open_case(mailing, typed, now=now)
    verdict = _verdict(case)
    mark, answer = VERDICTS[verdict]
    return Explanation(
        mailing_id=mailing.pk,
        run_id=mailing.run_id,
        recipient_id=case.recipient.pk if case.recipient else None,
        address=_shown_address(case),
        verdict=verdict,
        mark=mark,
        answer=str(answer),
        steps=tuple(_steps(case)) if case.is_known else tuple(_unknown(case)),
    )


def _verdict(case: Case) -> str:
    if not case.address:
        return NOT_AN_ADDRESS
    if not case.is_known:
        return NO_SUCH_ADDRESS
    if case.delivery:
        return case.state
    if case.run:
        return NOT_SELECTED
    return WOULD_GET if selection.is_selected(case) else WOULD_NOT_GET


def _shown_address(case: Case) -> str:
    if case.delivery:
        return case.delivery.email
    return case.recipient.email if case.recipient else case.typed


def _steps(case: Case) -> Iterator[Step]:
    yield selection.tell_person(case)
    yield from selection.tell_selection(case)
    yield course.tell_launch(case)
    if place := course.tell_place(case):
        yield place
    for attempt in case.attempts:
        yield tell_attempt(attempt)
    if trouble := course.tell_run(case):
        yield trouble
    yield from course.tell_next(case)


def _unknown(case: Case) -> Iterator[Step]:
    if case.address:
        yield Step(
            key="look",
            mark=Mark.INFO,
            text=_("Check the spelling."),
            detail=_(
                "A part of the address or of the name finds people among the recipients."
            ),
        )


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Return it for programs: keys are English and stable, texts in the language."""
    return {
        "mailing": str(explanation.mailing_id),
        "run": _text(explanation.run_id),
        "recipient": _text(explanation.recipient_id),
        "address": explanation.address,
        "verdict": explanation.verdict,
        "answer": explanation.answer,
        "steps": [_step_as_json(step) for step in explanation.steps],
    }


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None


def _step_as_json(step: Step) -> dict[str, Any]:
    meaning = step.meaning
    return {
        "key": step.key,
        "mark": step.mark.value,
        "text": step.text,
        "detail": step.detail,
        "at": step.at.isoformat() if step.at else None,
        "reply": step.reply,
        "meaning": {
            "key": meaning.key,
            "kind": meaning.kind,
            "provider": meaning.provider,
            "concern": meaning.concern,
            "text": str(meaning.meaning),
            "advice": str(meaning.advice),
        }
        if meaning
        else None,
        "facts": {fact.key: fact.value for fact in step.facts},
    }
