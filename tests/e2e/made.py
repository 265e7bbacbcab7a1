"""Data made inside the product by its own services, in one command."""

from __future__ import annotations

from dataclasses import dataclass

from tests.e2e.installation import Installation

MAKE = """
import json
from pochtar.accounts.models import User
from pochtar.accounts.services import open_workspace
from pochtar.content.services import Draft as Letter, create_message
from pochtar.delivery.relays import sandbox_relay
from pochtar.delivery.senders import SenderDraft, create_sender
from pochtar.mailings.services import Draft, create_mailing
from pochtar.recipients.services import Person, add_recipients

owner = User.objects.create_user("owner@shop.example", "correct horse battery")
workspace = open_workspace(name="Shop", owner=owner)
people = [
    Person(email=f"r{{number:05}}@mail.example", full_name=f"Reader {{number}}", basis="consent")
    for number in range({recipients})
]
add_recipients(workspace, people, by=owner)
message = create_message(
    workspace,
    Letter(
        subject="For {{{{ full_name }}}}",
        html="<p>Hello, {{{{ full_name }}}}!</p>" + "<p>News.</p>" * 200,
    ),
    names={{"email", "full_name"}},
    by=owner,
)
sender = create_sender(
    workspace,
    SenderDraft(
        from_name="Shop",
        from_email="news@shop.example",
        relay=sandbox_relay(workspace),
    ),
    by=owner,
)
mailing = create_mailing(workspace, Draft(message=message, sender=sender), by=owner)
print(json.dumps([str(mailing.pk), workspace.pk.hex]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A mailing to everybody, over the sandbox, ready to be launched."""

    mailing: str
    workspace: str


def make_mailing(installation: Installation, *, recipients: int) -> Ready:
    mailing, workspace = installation.python(MAKE.format(recipients=recipients))
    return Ready(mailing=mailing, workspace=workspace)
