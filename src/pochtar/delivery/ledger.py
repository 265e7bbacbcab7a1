"""The one definition of a delivery's state, and of a run's figures.

A delivery is *sending* when the cursor of a slice that it is in (members.py) has passed
it and the slice has no attempt at it yet.  Else it is what its last attempt says, and
*pending* without one.  Tallies count the attempts in the same transaction that writes
them, so that figures never count a million rows:

    selected = pending + sending + accepted + failed + deferred + unknown + skipped
"""

from __future__ import annotations

from collections import Counter
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

from pochtar.delivery.members import untried_members
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
        first_position__lte=OuterRef("position"),
        cursor__gte=OuterRef("position"),
    )
    # Behind the cursor of a slice that is done, everybody has its attempt.
    again = passed.exclude(status=SliceStatus.DONE).filter(
        source=OuterRef("last_outcome"),
        attempt_number__gt=OuterRef("last_number"),
    )
    rows = deliveries.annotate(
        last_outcome=Subquery(last.values("outcome")[:1]),
        last_number=Subquery(last.values("number")[:1]),
        last_permanent=Subquery(last.values("permanent")[:1]),
    )
    return rows.annotate(
        state=Case(
            When(Exists(again.filter(for_now_only=False)), then=Value(SENDING)),
            When(Exists(again), last_permanent=False, then=Value(SENDING)),
            When(last_outcome__isnull=False, then=F("last_outcome")),
            When(Exists(passed.filter(attempt_number=1)), then=Value(SENDING)),
            default=Value(PENDING),
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
    counts = replace(finished, pending=finished.pending - sending, sending=sending)
    for source, number in _in_hand_again(run).items():
        stands = getattr(counts, source) - number
        counts = replace(counts, sending=counts.sending + number, **{source: stands})
    return counts


def _in_hand_again(run: Run) -> Counter[str]:
    """Count those who are being tried again, by how they stood before.

    As many slices are looked at as are in work: a few.
    """
    begun = (
        Slice.objects.filter(run=run, cursor__gte=F("first_position"))
        .exclude(source="")
        .exclude(status=SliceStatus.DONE)
    )
    counter: Counter[str] = Counter()
    for slice_ in begun:
        counter[slice_.source] += untried_members(slice_, up_to=slice_.cursor).count()
    return counter


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
    beyond = Attempt.objects.filter(run=run).filter(
        Exists(
            Slice.objects.filter(
                run=run,
                attempt_number=OuterRef("number"),
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
        if slow.deferred:
            findings.append("the run is over, but somebody was put off")
    if count := _forgotten(run):
        findings.append(f"{count} were put off, and no later slice has them")
    return findings


def _forgotten(run: Run) -> int:
    """Count those who are to be tried again, where no open slice will."""
    later = Slice.objects.filter(
        run=run,
        first_position__lte=OuterRef("position"),
        last_position__gte=OuterRef("position"),
    ).exclude(status=SliceStatus.DONE)
    put_off = with_state(Delivery.objects.filter(run=run)).filter(
        state=Outcome.DEFERRED
    )
    return put_off.filter(~Exists(later)).count()
