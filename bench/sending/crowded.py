"""What the processes of pages_while_sending.py do: fill, launch, drive, visit."""

from __future__ import annotations

import select
import sys
import time
from typing import Any, TextIO

from django.test import Client
from django.utils import timezone

from pochtar.accounts.models import User, Workspace
from pochtar.content.models import Message
from pochtar.delivery.driver import drive_run
from pochtar.delivery.models import Relay, RelayTls, Sender
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing
from pochtar.recipients.models import Attribute
from sending.letter import ATTRIBUTES, SUBJECT, VALUES, html, text
from sending.worker import DOMAIN, prepare

EVERY = 0.5
SLOW = 1.0  # seconds that are told at once
FORM = {
    "subject": "Привет",
    "text": "",
    "preheader": "",
    "html": "<p>Привет, {{ full_name }}</p>",
}


def fill(*, answers: TextIO, recipients: int, port: int) -> dict[str, Any]:
    """Make a workspace of so many recipients, and a mailing to all of them."""
    workspace = Workspace.objects.get(pk=prepare(recipients)["workspace"])
    relay = Relay.objects.create(
        workspace=workspace, name="sink", host="127.0.0.1", port=port, tls=RelayTls.NONE
    )
    sender = Sender.objects.create(
        workspace=workspace, relay=relay, from_email=f"news@{DOMAIN}"
    )
    for key in (*ATTRIBUTES, *VALUES, "order"):
        Attribute.objects.get_or_create(workspace=workspace, key=key)
    message = Message.objects.create(
        workspace=workspace, subject=SUBJECT, html=html(), text=text()
    )
    draft = Message.objects.create(workspace=workspace, **FORM)
    mailing = Mailing.objects.create(
        workspace=workspace, name="Bench", message=message, sender=sender, canary=False
    )
    owner = User.objects.get(memberships__workspace=workspace)
    return {"mailing": str(mailing.pk), "draft": str(draft.pk), "user": str(owner.pk)}


def launch(*, answers: TextIO, mailing: str) -> dict[str, Any]:
    started = time.perf_counter()
    launch_mailing(
        Mailing.objects.get(pk=mailing), by=None, now=timezone.now(), nudge=False
    )
    return {"seconds": time.perf_counter() - started}


def drive(*, answers: TextIO, mailing: str) -> dict[str, Any]:
    run = Mailing.objects.get(pk=mailing).run
    assert run
    started = time.perf_counter()
    run = drive_run(run)
    seconds = time.perf_counter() - started
    assert run.status == "completed", (run.status, run.pause_code, run.pause_text)
    return {"seconds": seconds}


def visit(
    *, answers: TextIO, mailing: str, draft: str, user: str
) -> dict[str, list[float]]:
    """Open pages and save a message, every half second, until we are told to leave."""
    client = Client()
    client.force_login(User.objects.get(pk=user))
    pages = [
        "/mailings/",
        f"/mailings/{mailing}/",
        f"/mailings/{mailing}/live/",
        "/recipients/",
    ]
    for page in pages:
        client.get(page)
    answers.write("{}\n")
    answers.flush()
    reading: list[float] = []
    writing: list[float] = []
    while not select.select([sys.stdin], [], [], EVERY)[0]:
        reading += [_seconds(client.get, page, 200) for page in pages]
        form = FORM | {"subject": f"Привет {len(writing)}"}
        writing.append(_seconds(client.post, f"/messages/{draft}/edit/", 302, form))
    return {"reading": reading, "writing": writing}


def _seconds(ask: Any, url: str, status: int, data: Any = None) -> float:
    started = time.perf_counter()
    response = ask(url, data) if data else ask(url)
    seconds = time.perf_counter() - started
    if seconds > SLOW:
        print(f"# {url} took {seconds:.1f} s at {timezone.now()}", file=sys.stderr)
    assert response.status_code in (status, 204, 286), (url, response.status_code)
    return seconds
