"""What is sent in a drill, and what the ledger says about it meanwhile."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection
from django.utils import timezone

from pochtar.accounts.models import User
from pochtar.accounts.services import open_workspace
from pochtar.content.checks import Draft as Letter
from pochtar.content.services import create_message
from pochtar.delivery.models import (
    Attempt,
    RelayTls,
    Run,
    RunStatus,
    Slice,
    SliceStatus,
)
from pochtar.delivery.relays import RelayDraft, create_relay
from pochtar.delivery.senders import SenderDraft, create_sender
from pochtar.mailings.launch import launch_mailing, resume_mailing
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.mailings.services import Draft, create_mailing
from pochtar.recipients.models import Basis
from pochtar.recipients.services import Person, add_recipients

OPEN = (MailingStatus.RUNNING, MailingStatus.PAUSED)
HTML = "<p>{{ full_name }}, ring the bell.</p>" + "<p>This is a drill.</p>" * 50


class Scene:
    """Mailings one after the other, each to people of its own."""

    def __init__(self, *, recipients: int, sink_port: int) -> None:
        self._recipients = recipients
        self._sink_port = sink_port
        self._owner = User.objects.create_user(
            "drill@drill.example", secrets.token_urlsafe(24)
        )
        self.launched = 0
        self.resumed = 0

    def launch_next(self) -> None:
        """Launch a mailing to people that no other mailing has."""
        mailing = self._write(self.launched + 1)
        launch_mailing(mailing, by=self._owner, now=timezone.now())
        self.launched += 1

    def _write(self, number: int) -> Mailing:
        owner = self._owner
        workspace = open_workspace(name=f"Drill {number}", owner=owner)
        people = (
            Person(
                email=f"m{number:04d}.r{one:06d}@drill.example",
                full_name="Reader",
                basis=Basis.CONTRACT,
            )
            for one in range(1, self._recipients + 1)
        )
        add_recipients(workspace, people, by=owner)
        relay = create_relay(
            workspace,
            RelayDraft(
                name="sink", host="127.0.0.1", port=self._sink_port, tls=RelayTls.NONE
            ),
            by=owner,
        )
        sender = create_sender(
            workspace,
            SenderDraft(from_name="Drill", from_email="n@drill.example", relay=relay),
            by=owner,
        )
        letter = Letter(subject="Drill for {{ full_name }}", html=HTML)
        message = create_message(
            workspace, letter, names={"email", "full_name"}, by=owner
        )
        draft = Draft(message=message, sender=sender)
        return create_mailing(workspace, draft, by=owner)

    def resume_paused(self) -> None:
        """Do what a person does who sees that the mail server is back: continue."""
        for mailing in Mailing.objects.filter(run__status=RunStatus.PAUSED):
            resume_mailing(mailing, by=self._owner)
            self.resumed += 1


# What the harness asks while the database may be dead ----------------------------------
@contextmanager
def forgiving() -> Iterator[None]:
    """Skip the block when the database is away; the next look has a new connection."""
    try:
        yield
    except DatabaseError:
        connection.close()


def open_runs() -> int:
    return Run.objects.exclude(
        status__in=[RunStatus.COMPLETED, RunStatus.CANCELLED]
    ).count()


def attempts_made() -> int:
    """Return a number that grows with each recorded attempt (rows are never deleted)."""
    last = Attempt.objects.order_by("-pk").values_list("pk", flat=True).first()
    return int(last or 0)


def lease_holders() -> set[int]:
    """Return the process ids that hold leases."""
    leased = Slice.objects.filter(status=SliceStatus.LEASED)
    names = leased.values_list("leased_by", flat=True).distinct()
    return {int(name.split("|")[1]) for name in names if name.count("|") == 2}
