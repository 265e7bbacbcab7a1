"""Runs that are tried again: driven now, and later."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import F

from mailcore.smtp.sink import Script, Step
from pochtar.delivery.driver import drive_slice
from pochtar.delivery.ledger import audit_run, count_states, recount_states
from pochtar.delivery.models import Attempt, Run, Slice
from pochtar.delivery.runs import finish_run_if_done


def drive_due(run: Run) -> Run:
    """Send what is due now, and end the run if nothing is left; do not wait."""
    while drive_slice(run):
        check_sums(run)
    finish_run_if_done(run)
    check_sums(run)
    fresh: Run = Run.objects.select_related("workspace", "relay").get(pk=run.pk)
    return fresh


def check_sums(run: Run) -> None:
    """SMTP-21: the figures are what the rows say, and add up, at every step."""
    run = Run.objects.get(pk=run.pk)
    counts = count_states(run)
    assert counts == recount_states(run)
    assert (
        counts.pending + counts.sending + counts.deferred + counts.finished
        == run.selected
    )
    assert audit_run(run) == []


def let_pass(run: Run, **time: float) -> None:
    """Make everything of the run so much older."""
    ago = dt.timedelta(**time)
    Slice.objects.filter(run=run).update(
        due_at=F("due_at") - ago, began_at=F("began_at") - ago
    )
    Attempt.objects.filter(run=run).update(at=F("at") - ago)


def answers(**by_address: list[str]) -> Script:
    """Answer each RCPT of an address with the next of its texts, then accept."""
    left = {name: list(texts) for name, texts in by_address.items()}

    def choose(stage: str, argument: str, _count: int) -> Step | None:
        texts = left.get(argument.partition("@")[0], []) if stage == "rcpt" else []
        return Step(texts.pop(0)) if texts else None

    return Script(choose=choose)


def outcomes(run: Run, address: str) -> list[Any]:
    tries = Attempt.objects.filter(run=run, delivery__email=address)
    return list(tries.order_by("number").values_list("number", "outcome"))
