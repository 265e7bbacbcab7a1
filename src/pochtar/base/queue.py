"""Nudges: the table is the queue, a task only says "look now"."""

from __future__ import annotations

from typing import Any, Protocol

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

EXPIRES_SECONDS = 4


class Task(Protocol):
    """The one method of a Celery task that we use."""

    name: str

    def delay(self, *args: Any) -> object: ...


class NamedTask:
    """A task by its name: services stand below the module that defines it.

    An old nudge is worthless: by then the tick has sent another.  Busy workers throw
    those away that are older than ``expires`` seconds, so that the tick itself does not
    stand behind them for long.
    """

    def __init__(self, name: str, *, expires: float = EXPIRES_SECONDS) -> None:
        self.name = name
        self._expires = expires

    def delay(self, *args: Any) -> object:
        return current_app.send_task(self.name, args=args, expires=self._expires)


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
