"""The safety net: what beat does about runs every two seconds."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from pochtar.delivery.dkim_checks import check_due_keys
from pochtar.delivery.models import Run, RunStatus
from pochtar.delivery.runs import (
    OPEN_RUNS,
    expire_run,
    finish_run_if_done,
    nudge_run,
    recover_dead_leases,
)


def tick_runs(now: dt.datetime | None = None) -> None:
    """Recover what the dead left, skip what is too late, complete what is done."""
    now = now or timezone.now()
    recover_dead_leases(now=now)
    for run in Run.objects.filter(status__in=OPEN_RUNS):
        expire_run(run, now=now)
        if not finish_run_if_done(run, now=now) and run.status == RunStatus.RUNNING:
            nudge_run(run, now=now)
    check_due_keys(now=now)  # last: DNS may be slow
