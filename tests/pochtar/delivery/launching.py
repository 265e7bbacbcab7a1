"""Runs that go to a sink."""

from __future__ import annotations

from typing import Any

from mailcore.smtp.sink import Sink
from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Relay, Run
from pochtar.delivery.runs import start_run
from pochtar.recipients.models import Recipient
from tests.make import make_message, make_recipient, make_relay, make_sender


def make_people(workspace: Workspace, count: int, **over: Any) -> list[Recipient]:
    return [
        make_recipient(workspace, f"r{number:04d}@example.com", **over)
        for number in range(1, count + 1)
    ]


def launch(workspace: Workspace, sink: Sink, **over: Any) -> Run:
    """Start a run to everybody in the workspace, over the sink."""
    message = make_message(workspace, **over.pop("message", {}))
    relay = make_relay(workspace, port=sink.port, **over.pop("relay", {}))
    return start_run(
        workspace,
        message=message,
        sender=make_sender(workspace, relay=relay),
        audience=Recipient.objects.filter(workspace=workspace),
        nudge=False,
        **over,
    )


def launch_over(workspace: Workspace, *relays: Relay, shares: tuple[int, ...]) -> Run:
    """Start a run to everybody in the workspace, over one server or several."""
    sender = make_sender(workspace, relay=relays[0], share=shares[0])
    for relay, share in zip(relays[1:], shares[1:], strict=True):
        sender.further_relays.create(relay=relay, share=share)
    return start_run(
        workspace,
        message=make_message(workspace),
        sender=sender,
        audience=Recipient.objects.filter(workspace=workspace),
        nudge=False,
    )
