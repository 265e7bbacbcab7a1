"""The safety net: what beat does about runs every two seconds."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from pochtar.delivery.models import RunStatus
from pochtar.delivery.runs import (
    expire_run,
    finish_run_if_done,
    nudge_run,
    open_runs,
    recover_dead_leases,
)
from pochtar.delivery.verdicts import judge_run


def tick_runs(now: dt.datetime | None = None) -> None:
    """Recover what the dead left, skip what is too late, judge, complete what is done."""
    now = now or timezone.now()
    recover_dead_leases(now=now)
    for run in open_runs():
        expire_run(run, now=now)
        if finish_run_if_done(run, now=now) or run.status != RunStatus.RUNNING:
            continue
        if not judge_run(run, now=now):
            nudge_run(run, now=now)
