"""Tell a worker to look at something in the background now; the tick finds a lost one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import current_app

from pochtar.base.queue import nudge

EXPIRES_SECONDS = 10  # by then the tick has sent another


class NamedTask:
    """A task by its name: services stand below the module that defines it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def delay(self, *args: Any) -> object:
        return current_app.send_task(self.name, args=args, expires=EXPIRES_SECONDS)


RUN_JOB = NamedTask("pochtar.recipients.run_job")
RUN_EXPORT = NamedTask("pochtar.recipients.run_export")
RUN_UPLOAD = NamedTask("pochtar.recipients.run_stop_upload")


def nudge_job(pk: UUID) -> None:
    nudge(RUN_JOB, str(pk))


def nudge_export(pk: UUID) -> None:
    nudge(RUN_EXPORT, str(pk))


def nudge_upload(pk: UUID) -> None:
    nudge(RUN_UPLOAD, str(pk))
