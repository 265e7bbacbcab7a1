"""Nudges: the table is the queue, a task only says "look now"."""

from __future__ import annotations

from typing import Any, Protocol

import structlog
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


class Task(Protocol):
    """The one method of a Celery task that we use."""

    name: str

    def delay(self, *args: Any) -> object: ...


def nudge(task: Task, *args: Any) -> None:
    """Send the task once the transaction is committed; a lost nudge does no harm.

    Beat's tick finds whatever is due, so a broker that is away is logged, not raised.
    """

    def send() -> None:
        try:
            task.delay(*args)
        except (OperationalError, OSError) as error:
            log.warning("nudge_lost", task=task.name, error=str(error))

    transaction.on_commit(send)
