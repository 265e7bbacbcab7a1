"""A run's life: started, paused, continued, completed, cancelled; its slices' leases.

Every change of state is one conditional UPDATE whose row count says who won.
"""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import nullcontext
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User, Workspace
from pochtar.base.errors import Conflict
from pochtar.content.models import Message
from pochtar.delivery.freeze import count_drawn, cut_slices, freeze_audience
from pochtar.delivery.holders import held, is_alive, is_forsaken, this_process
from pochtar.delivery.members import untried_members
from pochtar.delivery.models import (
    Outcome,
    Run,
    RunStatus,
    Sender,
    Slice,
    SliceStatus,
)
from pochtar.delivery.nudges import nudge_look_up, nudge_slices
from pochtar.delivery.recording import attempts_without_server, record_attempts
from pochtar.delivery.retries import put_off
from pochtar.delivery.shares import freeze_relays, slice_size
from pochtar.recipients.models import Recipient

log = structlog.get_logger(__name__)

OPEN_RUNS = (RunStatus.RUNNING, RunStatus.PAUSED)
UNTOUCHABLE = (SliceStatus.LEASED, SliceStatus.DONE)
NUDGED_AT_ONCE = 4  # slices of one run; each that ends asks for the next


@transaction.atomic
def start_run(
    workspace: Workspace,
    *,
    message: Message,
    sender: Sender,
    audience: QuerySet[Recipient],
    stop_at: dt.datetime | None = None,
    canary: int = 0,
    undo_until: dt.datetime | None = None,
    by: User | None = None,
    now: dt.datetime | None = None,
    nudge: bool = True,
) -> Run:
    """Freeze content, sender and audience, and let the workers know.

    Raises Conflict ``no_recipients``. Whether a launch is allowed is the caller's
    question; ``nudge=False`` is for one who drives the run in the foreground.
    ``canary``: so many, drawn from the whole audience, come first, and the others are
    held back until the verdict.  Nothing leaves before ``undo_until``.
    """
    now = now or timezone.now()
    run = Run.objects.create(
        workspace=workspace,
        subject=message.subject,
        preheader=message.preheader,
        html=message.html,
        text=message.text,
        from_name=sender.from_name,
        from_email=sender.from_email,
        reply_to=sender.reply_to,
        relay_id=sender.relay_id,
        started_by=by,
        started_at=now,
        stop_at=stop_at,
        retry_hours=settings.RETRY_HOURS,
        driven_by="" if nudge else this_process(),
        undo_until=undo_until,
    )
    shares = freeze_relays(run, sender)
    run.selected = freeze_audience(run, audience, sample_first=canary > 0)
    if not run.selected:
        raise Conflict(
            "no_recipients", _("There is nobody to write to: the audience is empty.")
        )
    run.canary = canary if canary < run.selected else 0
    run.save(update_fields=["selected", "canary"])
    cut_slices(
        run,
        size=slice_size(run.selected, relays=shares),
        due_at=undo_until or now,
        canary=run.canary,
        sampled=count_drawn(run) if canary else 0,
    )
    log.info("run_started", run=str(run.pk), selected=run.selected)
    if nudge:
        nudge_run(run)
        nudge_look_up(str(run.pk))
    return run


def nudge_run(run: Run, *, now: dt.datetime | None = None) -> None:
    """Ask the workers for the run's next free slices."""
    due = ready_slices(now or timezone.now()).filter(run=run)
    nudge_slices(list(due.values_list("pk", flat=True)[:NUDGED_AT_ONCE]))


def pause_run(run: Run, *, code: str, text: str = "") -> bool:
    """Stop the run; workers finish the letters in hand. False if it was not running."""
    paused = Run.objects.filter(pk=run.pk, status=RunStatus.RUNNING).update(
        status=RunStatus.PAUSED, pause_code=code[:40], pause_text=text
    )
    if paused:
        log.info("run_paused", run=str(run.pk), code=code)
    return bool(paused)


def resume_run(run: Run, *, nudge: bool = True, now: dt.datetime | None = None) -> bool:
    """Go on with a paused run. False if it was not paused."""
    resumed = Run.objects.filter(pk=run.pk, status=RunStatus.PAUSED).update(
        status=RunStatus.RUNNING,
        pause_code="",
        pause_text="",
        resumed_at=now or timezone.now(),
        driven_by="" if nudge else this_process(),
    )
    if resumed:
        log.info("run_resumed", run=str(run.pk))
        if nudge:
            nudge_run(run)
    return bool(resumed)


def cancel_run(run: Run) -> bool:
    """End the run after the letters in hand. False if it was neither running nor paused.

    Who has not been tried is skipped by expire_run; then the run is finished.
    """
    cancelled = Run.objects.filter(pk=run.pk, status__in=OPEN_RUNS).update(
        status=RunStatus.CANCELLED, pause_code="", pause_text=""
    )
    if cancelled:
        log.info("run_cancelled", run=str(run.pk))
        # Any of them makes a worker see to the run.
        some = Slice.objects.filter(
            run=run, status__in=(SliceStatus.READY, SliceStatus.HELD)
        )
        nudge_slices(list(some.values_list("pk", flat=True)[:1]))
    return bool(cancelled)


def open_runs() -> QuerySet[Run]:
    """Return the runs that are not over; a cancelled one is until all is recorded."""
    runs: QuerySet[Run] = Run.objects.exclude(status=RunStatus.COMPLETED)
    return runs.filter(finished_at=None)


def take_over_run(run: Run) -> bool:
    """Become the one that drives a running run in the foreground.

    False while somebody else lives who does, or has letters in hand.
    """
    run.refresh_from_db(fields=["driven_by"])
    me = this_process()
    if run.driven_by != me and is_alive(run.driven_by):
        return False
    if Slice.objects.filter(run=run, status=SliceStatus.LEASED).exists():
        return False
    taken = Run.objects.filter(
        pk=run.pk, status=RunStatus.RUNNING, driven_by=run.driven_by
    ).update(driven_by=me)
    return bool(taken)


def leave_run(run: Run) -> None:
    """Say that this process does not drive the run any more."""
    Run.objects.filter(pk=run.pk, driven_by=this_process()).update(driven_by="")


@transaction.atomic
def finish_run_if_done(run: Run, *, now: dt.datetime | None = None) -> bool:
    """End the run if no slice is open. True if this call ended it."""
    # Who opens it again (again.py) has this row until the new slices can be seen: a
    # subquery does not look again after waiting for the row.
    Run.objects.select_for_update().filter(pk=run.pk).values_list("pk").first()
    still_open = Slice.objects.filter(run=OuterRef("pk")).exclude(
        status=SliceStatus.DONE
    )
    finished = (
        open_runs()
        .filter(~Exists(still_open), pk=run.pk)
        .update(
            status=Case(
                When(status=RunStatus.CANCELLED, then=F("status")),
                default=Value(RunStatus.COMPLETED),
            ),
            finished_at=now or timezone.now(),
            pause_code="",
            pause_text="",
        )
    )
    if finished:
        log.info("run_finished", run=str(run.pk))
    return bool(finished)


def expire_run(run: Run, *, now: dt.datetime) -> int:
    """Skip those who were not tried when the run is cancelled, or past ``stop_at``.

    Returns how many.  What somebody has in hand is left for later.
    """
    reason = _why_over(run, now)
    if not reason:
        return 0
    rest = Slice.objects.filter(run=run).exclude(status__in=UNTOUCHABLE)
    return sum(_skip_rest(run, slice_, reason, now) for slice_ in rest)


def _why_over(run: Run, now: dt.datetime) -> str:
    if run.status == RunStatus.CANCELLED:
        return "cancelled"
    return "stopped" if run.stop_at and run.stop_at <= now else ""


@transaction.atomic
def _skip_rest(run: Run, slice_: Slice, reason: str, now: dt.datetime) -> int:
    mine = Slice.objects.filter(
        pk=slice_.pk, status=slice_.status, cursor=slice_.cursor
    ).update(status=SliceStatus.DONE, cursor=slice_.last_position)
    if not mine:
        return 0
    _record_untried(run, slice_, slice_.cursor, Outcome.UNKNOWN, "interrupted", now)
    skipped = _record_untried(
        run, slice_, slice_.last_position, Outcome.SKIPPED, reason, now
    )
    # Whom it has put off does not get another try either.
    later = put_off(run, slice_)
    return skipped + (_skip_rest(run, later, reason, now) if later else 0)


# Leases ------------------------------------------------------------------------------
def ready_slices(now: dt.datetime) -> QuerySet[Slice]:
    """Return what may be leased now, in order of position."""
    return Slice.objects.filter(
        status=SliceStatus.READY, due_at__lte=now, run__status=RunStatus.RUNNING
    ).order_by("run_id", "first_position")


def lease_slice(
    run: Run, *, now: dt.datetime | None = None, slice_id: int | None = None
) -> Slice | None:
    """Lease a free slice of a running run (that one, if it is named); None if none is.

    What an earlier holder left behind the cursor without a record becomes unknown.
    """
    now = now or timezone.now()
    free = ready_slices(now).filter(run=run)
    if slice_id is not None:
        free = free.filter(pk=slice_id)
    # Whoever is alone wins the first; others are looked for only where it was lost.
    for few in (free[:1], free[:20]):
        for slice_ in few:
            token = uuid.uuid4()
            held.add(token)  # before anybody can see it; who drives it takes it out
            try:
                won = _lease(run, slice_, token, now)
            except BaseException:
                held.discard(token)  # whether it was committed or not, nobody drives it
                raise
            if won:
                return slice_
            held.discard(token)
    return None


def _lease(run: Run, slice_: Slice, token: uuid.UUID, now: dt.datetime) -> bool:
    """Take the slice if it is still as we have seen it."""
    running = Run.objects.filter(pk=OuterRef("run_id"), status=RunStatus.RUNNING)
    values: dict[str, Any] = {
        "status": SliceStatus.LEASED,
        "lease_token": token,
        "leased_by": this_process(),
        "lease_expires_at": now + settings.DELIVERY_LEASE,
    }
    # No join: the status must be looked at again when another had the row.
    same = Slice.objects.filter(
        Exists(running), pk=slice_.pk, status=SliceStatus.READY, cursor=slice_.cursor
    )
    touched = slice_.cursor >= slice_.first_position
    with transaction.atomic() if touched else nullcontext():
        if not same.update(**values):
            return False
        for name, value in values.items():
            setattr(slice_, name, value)
        if touched:
            _record_untried(
                run, slice_, slice_.cursor, Outcome.UNKNOWN, "interrupted", now
            )
    return True


def recover_dead_leases(*, now: dt.datetime | None = None) -> int:
    """Free the slices whose holder is gone or silent; return how many.

    What such a holder may have been sending becomes unknown: it is not sent again.
    """
    now = now or timezone.now()
    leased = Slice.objects.filter(status=SliceStatus.LEASED).select_related("run")
    return sum(
        recover_lease(slice_, now=now)
        for slice_ in leased
        if slice_.lease_expires_at
        and (
            slice_.lease_expires_at <= now
            or is_forsaken(slice_.leased_by, slice_.lease_token)
        )
    )


@transaction.atomic
def recover_lease(slice_: Slice, *, now: dt.datetime) -> bool:
    """Take the lease away from its holder, if it is still the same one."""
    taken = Slice.objects.filter(
        pk=slice_.pk,
        status=SliceStatus.LEASED,
        lease_token=slice_.lease_token,
        lease_expires_at=slice_.lease_expires_at,
    ).update(
        status=SliceStatus.READY, lease_token=None, lease_expires_at=None, leased_by=""
    )
    if not taken:
        return False
    slice_.refresh_from_db()
    unknown = _record_untried(
        slice_.run, slice_, slice_.cursor, Outcome.UNKNOWN, "interrupted", now
    )
    log.warning("lease_recovered", slice=slice_.pk, unknown=unknown)
    return True


def _record_untried(
    run: Run, slice_: Slice, up_to: int, outcome: Outcome, reason: str, now: dt.datetime
) -> int:
    """Give every member of the slice up to there an attempt, if it has none."""
    results = attempts_without_server(
        untried_members(slice_, up_to=up_to).values_list("pk", flat=True),
        outcome=outcome,
        reason=reason,
        at=now,
    )
    record_attempts(run, results, number=slice_.attempt_number, source=slice_.source)
    return len(results)
