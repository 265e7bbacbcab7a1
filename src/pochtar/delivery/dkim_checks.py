"""What does DNS show for a key? Asked by a person, before a launch, and hourly.

A new key is used from the moment that DNS shows it; the one before it is kept, because
letters under way are still checked against its record.  No answer changes nothing.
"""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from mailcore.dkim import Algorithm
from mailcore.dkim_keys import compare_record
from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.delivery.dkim_models import FRESH
from pochtar.delivery.dkim_signing import active_keys, domain_of, domains_above
from pochtar.delivery.dns import DnsTrouble, find_txt
from pochtar.delivery.models import (
    DkimKey,
    DkimState,
    DkimVerdict,
    Run,
    RunStatus,
    Sender,
)
from pochtar.delivery.runs import pause_run

log = structlog.get_logger(__name__)

LONGEST_FOUND = 2000
AT_ONCE = 3  # keys of one tick: DNS may be slow, and runs wait for the tick
WATCHED = dt.timedelta(days=7)  # so long after its making a new key is looked for


def check_key(
    key: DkimKey, *, by: User | None = None, now: dt.datetime | None = None
) -> DkimKey:
    """Ask DNS about the key now, and use a new one if it is there."""
    if by:
        require_role(by, key.workspace_id, Role.MANAGER)
    now = now or timezone.now()
    try:
        found = find_txt(key.record_name)
    except DnsTrouble as trouble:
        key.asked_at, key.trouble = now, trouble.code
        key.save(update_fields=["asked_at", "trouble"])
        return key
    _keep(key, found, now)
    if key.is_new and key.verdict == DkimVerdict.MATCHES:
        _activate(key, by=by)
    return key


def _keep(key: DkimKey, found: list[str], now: dt.datetime) -> None:
    state = compare_record(
        found, algorithm=Algorithm(key.algorithm), public=key.public_key
    )
    key.asked_at = key.checked_at = now
    key.trouble, key.verdict = "", DkimVerdict(state.value)
    # PostgreSQL takes no NUL, and a stranger's record may be anything.
    key.found = "\n".join(found).replace("\0", "\ufffd")[:LONGEST_FOUND]
    key.save(update_fields=["asked_at", "checked_at", "trouble", "verdict", "found"])


def _activate(key: DkimKey, *, by: User | None) -> None:
    """Let the key sign from now on, in place of the one before."""
    same = DkimKey.objects.filter(
        workspace=key.workspace_id, domain=key.domain, algorithm=key.algorithm
    )
    try:
        with transaction.atomic():
            same.filter(state=DkimState.ACTIVE).exclude(pk=key.pk).update(
                state=DkimState.REPLACED
            )
            if same.filter(pk=key.pk, state=DkimState.NEW).update(
                state=DkimState.ACTIVE
            ):
                write_audit(
                    key.workspace,
                    by=by,
                    verb="dkim_key_active",
                    subject=key,
                    name=key.record_name,
                )
    except IntegrityError:
        log.info("dkim_key_overtaken", key=str(key.pk))
    key.refresh_from_db(fields=["state"])


def check_stale_keys(sender: Sender, *, now: dt.datetime) -> None:
    """Ask about the keys of a sender's domain, unless that was done within an hour."""
    keys = DkimKey.objects.filter(
        workspace=sender.workspace_id,
        domain__in=domains_above(domain_of(sender.from_email)),
        state__in=[DkimState.NEW, DkimState.ACTIVE],
    ).select_related("workspace")
    for key in keys:
        if not key.is_fresh(now):
            check_key(key, now=now)


def check_due_keys(*, now: dt.datetime) -> int:
    """Look at the keys of running runs hourly, and pause those whose record is wrong.

    New keys are looked for, too, for a week.  Returns how many were asked about.
    """
    running = Run.objects.filter(
        workspace=OuterRef("workspace"), status=RunStatus.RUNNING
    )
    due = DkimKey.objects.filter(
        Q(state=DkimState.ACTIVE) & Exists(running)
        | Q(state=DkimState.NEW, created_at__gt=now - WATCHED),
        Q(asked_at=None) | Q(asked_at__lte=now - FRESH),
    ).select_related("workspace")
    asked = 0
    for key in due.order_by("asked_at")[:AT_ONCE]:
        mine = DkimKey.objects.filter(pk=key.pk, asked_at=key.asked_at)
        # Two ticks at once: one asks.
        if mine.update(asked_at=now):
            check_key(key, now=now)
            pause_mismatched(key)
            asked += 1
    return asked


def pause_mismatched(key: DkimKey) -> None:
    """Stop the runs that the key signs if receivers would find it wrong (DKIM-07)."""
    if not (key.is_active and key.is_mismatched):
        return
    for run in runs_signed_by(key, RunStatus.RUNNING):
        pause_run(run, code="dkim_mismatch", text=key.record_name)


def runs_signed_by(key: DkimKey, *statuses: RunStatus) -> list[Run]:
    """Return the runs in these states whose letters the key signs."""
    runs = Run.objects.filter(workspace=key.workspace_id, status__in=statuses)
    return [
        run
        for run in runs
        if key in active_keys(run.workspace_id, domain_of(run.from_email))
    ]
