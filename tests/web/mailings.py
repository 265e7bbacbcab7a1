"""What the tests of the mailings' pages share."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone

from pochtar.accounts.models import Workspace
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing
from tests.make import make_mailing, make_message, make_recipient, make_sender


def filled(workspace: Workspace, **over):
    """What a browser posts for a whole mailing."""
    return {
        "message": make_message(workspace).pk,
        "sender": make_sender(workspace).pk,
        "audience": "everybody",
        **over,
    }


def launched(workspace: Workspace, **over: Any) -> Any:
    make_recipient(workspace)
    mailing = make_mailing(workspace, **over)
    return launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)


def url(name: str, mailing: Mailing) -> str:
    return reverse(name, args=[mailing.pk])
