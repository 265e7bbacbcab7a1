"""Hold a piece of background work, so that one worker at a time does it.

The row is the queue: a task only says "look now", and the tick finds what lost its
worker.  All changes are conditional on the lease's token, in the transaction of the
batch that they belong to: whoever was too slow and lost the lease cannot commit.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.utils import timezone

from pochtar.recipients.work_models import Work, WorkQuerySet, WorkState

W = TypeVar("W", bound=Work)
LEASE = dt.timedelta(seconds=60)  # renewed with every batch


def rows_of(model: type[Work]) -> WorkQuerySet:
    return model._default_manager.all()  # noqa: SLF001 - Django documents it


class LeaseLost(Exception):
    """Somebody else has the work now, or it has been cancelled: stop at once."""


def take(model: type[W], pk: UUID, *, now: dt.datetime | None = None) -> W | None:
    """Take the work and return it, or None if it is not to be done or has a worker."""
    now = now or timezone.now()
    token = uuid4()
    taken = rows_of(model).free(now).filter(pk=pk)
    if not taken.update(
        state=WorkState.RUNNING, lease_token=token, lease_until=now + LEASE
    ):
        return None
    work: W = rows_of(model).get(pk=pk)
    return work


def keep(work: Work, **values: Any) -> None:
    """Write the values and renew the lease; raise LeaseLost if it is not ours any more.

    Inside the batch's transaction: its last statement.
    """
    values["lease_until"] = timezone.now() + LEASE
    _write(work, values)


def let_go(work: Work, *, state: WorkState, **values: Any) -> None:
    """End the work, or leave it for a person or another worker, as ``state`` says."""
    if state not in {WorkState.WAITING, WorkState.IDLE}:
        values.setdefault("finished_at", timezone.now())
    _write(work, {**values, "state": state, "lease_token": None, "lease_until": None})


def _write(work: Work, values: dict[str, Any]) -> None:
    mine = rows_of(type(work)).filter(
        pk=work.pk, lease_token=work.lease_token, state=WorkState.RUNNING
    )
    if not mine.update(**values):
        raise LeaseLost
    for name, value in values.items():
        setattr(work, name, value)
