"""The one definition of a delivery's state, and of a run's figures.

A delivery is what its last attempt says; without an attempt it is *sending* when its
slice's cursor has passed it, and *pending* otherwise.  Tallies count the attempts in
the same transaction that writes them, so that figures never count a million rows:

    selected = pending + sending + accepted + failed + deferred + unknown + skipped
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from pochtar.delivery.models import (
    Attempt,
    Delivery,
    Outcome,
    Run,
    Slice,
    SliceStatus,
    Tally,
)
from pochtar.delivery.recording import AGAIN, COUNTED

PENDING, SENDING = "pending", "sending"
STATES = (PENDING, SENDING, *Outcome.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """A run in figures. They always add up to ``selected``."""

    selected: int
    pending: int = 0
    sending: int = 0
    accepted: int = 0
    failed: int = 0
    deferred: int = 0
    unknown: int = 0
    skipped: int = 0

    @property
    def finished(self) -> int:
        """How many will not be touched again."""
        return self.accepted + self.failed + self.unknown + self.skipped


def with_state(deliveries: QuerySet[Delivery]) -> QuerySet[Any]:
    """Add ``state``, one of STATES, to each delivery."""
    last = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("-number")
    passed = Slice.objects.filter(
        run=OuterRef("run"),
        attempt_number=1,
        first_position__lte=OuterRef("position"),
        cursor__gte=OuterRef("position"),
    )
    return deliveries.annotate(
        state=Coalesce(
            Subquery(last.values("outcome")[:1]),
            Case(When(Exists(passed), then=Value(SENDING)), default=Value(PENDING)),
            output_field=CharField(),
        )
    )


def count_states(run: Run) -> Counts:
    """Return the run's figures from its tallies and cursors: cheap at any size."""
    finished = count_finished([run])[run.pk]
    passed = Slice.objects.filter(run=run, attempt_number=1).aggregate(
        total=Sum(F("cursor") - F("first_position") + 1)
    )
    # Beyond what was tried, the cursors tell who is in hand.
    tried = finished.selected - finished.pending
    sending = max(0, (passed["total"] or 0) - tried)
    return replace(finished, pending=finished.pending - sending, sending=sending)


def count_finished(runs: Iterable[Run]) -> dict[UUID, Counts]:
    """Return the figures of many runs in one query, by their primary keys.

    The cursors are not asked: what is being sent counts as pending.
    """
    selected = {run.pk: run.selected for run in runs}
    rows = (
        Tally.objects.filter(run__in=selected)
        .order_by()
        .values("run")
        .annotate(**{f"sum_{name}": Sum(name) for name in COUNTED})
    )
    sums = {row["run"]: row for row in rows}
    counted = {}
    for pk, total in selected.items():
        row = sums.get(pk, {})
        sum_ = {name: row.get(f"sum_{name}", 0) for name in COUNTED}
        # Who was tried again stands where the later attempt says.
        again = {str(outcome): sum_[f"from_{outcome}"] for outcome in AGAIN}
        tally = {name: sum_[name] - again.get(name, 0) for name in Outcome.values}
        pending = total - sum(tally.values())
        counted[pk] = Counts(selected=total, pending=pending, **tally)
    return counted


def recount_states(run: Run) -> Counts:
    """Count every delivery by its state: slow, and beyond doubt (doctor, tests)."""
    rows = with_state(Delivery.objects.filter(run=run)).values("state")
    found = {row["state"]: row["n"] for row in rows.annotate(n=Count("pk")).order_by()}
    return Counts(
        selected=sum(found.values()), **{name: found.get(name, 0) for name in STATES}
    )


def audit_run(run: Run) -> list[str]:
    """Return what is wrong with a run's ledger, a sentence each; [] is well."""
    quick, slow = count_states(run), recount_states(run)
    findings = []
    if quick != slow:
        findings.append(f"the figures say {quick}, the rows say {slow}")
    beyond = Attempt.objects.filter(run=run, number=1).filter(
        Exists(
            Slice.objects.filter(
                run=run,
                attempt_number=1,
                first_position__lte=OuterRef("delivery__position"),
                last_position__gte=OuterRef("delivery__position"),
                cursor__lt=OuterRef("delivery__position"),
            )
        )
    )
    if count := beyond.count():
        findings.append(f"{count} attempts stand beyond their slice's cursor")
    open_slices = Slice.objects.filter(run=run).filter(~Q(status=SliceStatus.DONE))
    if run.finished_at:
        if count := open_slices.count():
            findings.append(f"the run is over, {count} slices are not")
        if slow.pending or slow.sending:
            findings.append("the run is over, but somebody was not tried")
    return findings
