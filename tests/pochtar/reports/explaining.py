"""What the tests of explanations share."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.utils import timezone

from pochtar.delivery.models import Attempt, Delivery, Outcome, Slice, SliceStatus
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing
from pochtar.reports.explanation import Explanation, Step, explain_delivery

ANNA = "Anna@example.com"


def delivery_of(mailing: Mailing, email: str = ANNA) -> Delivery:
    assert mailing.run
    return Delivery.objects.get(run=mailing.run, email=email)


def tried(
    mailing: Mailing, outcome: Outcome, *, number: int = 1, **fields: Any
) -> Attempt:
    """Anna's letter was tried; her slice has passed her."""
    assert mailing.run
    Slice.objects.filter(run=mailing.run, attempt_number=1).update(
        cursor=F("last_position"), status=SliceStatus.DONE
    )
    return Attempt.objects.create(
        workspace=mailing.workspace,
        run=mailing.run,
        delivery=delivery_of(mailing),
        number=number,
        outcome=outcome,
        at=timezone.now(),
        **fields,
    )


def retry_slice(mailing: Mailing, source: Outcome, **fields: Any) -> Slice:
    assert mailing.run
    position = delivery_of(mailing).position
    return Slice.objects.create(
        run=mailing.run,
        first_position=position,
        last_position=position,
        cursor=position - 1,
        attempt_number=2,
        source=source,
        **fields,
    )


def explained(mailing: Mailing, address: str = ANNA, **over: Any) -> Explanation:
    return explain_delivery(Mailing.objects.get(pk=mailing.pk), address, **over)


def keys(explanation: Explanation) -> list[str]:
    return [step.key for step in explanation.steps]


def step(explanation: Explanation, key: str) -> Step:
    (found,) = [each for each in explanation.steps if each.key == key]
    return found


def launched(mailing: Mailing) -> Mailing:
    return launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
