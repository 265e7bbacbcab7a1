"""Who may do what at every address of the service (SEC-01).

One line for each URL name; ``tests/web/test_access_matrix.py`` makes its tests from
it and fails when a URL is missing here.  How to add a page:

    "thing": page(thing)                     # an object's page, no POST
    "thing-edit": page(thing, post=EDITOR)   # editors and up may change it
    "thing-stop": action(MANAGER, thing)     # POST only
    "things": page()                         # a page of the current workspace

``thing`` is a function that makes one in a workspace and returns the URL's arguments.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Model
from django.utils import timezone

from pochtar.accounts.models import Role, User, Workspace
from pochtar.delivery.models import Run, RunStatus
from pochtar.mailings.models import MailingStatus
from pochtar.recipients.imports import start_paste
from pochtar.recipients.models import Import, ImportStep, WorkState
from pochtar.sandbox.models import CapturedMessage
from tests import make
from tests.web.mailings import launched

VIEWER, EDITOR, MANAGER, OWNER = Role
RAW = b"Subject: Hi\r\nContent-Type: text/html\r\n\r\n<p style='color:red'>Hi</p>"
_positions = itertools.count(1)


class Door(StrEnum):
    """Who gets in at all."""

    PUBLIC = "public"  # everybody
    LOGIN = "login"  # everybody who has logged in
    WORKSPACE = "workspace"  # participants


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object of the workspace, and the arguments by which a URL finds it."""

    row: Model
    args: tuple[Any, ...]


Maker = Callable[[Workspace], Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    door: Door
    make: Maker | None = None  # for the address of an object
    post: Role | None = None  # the lowest role that may POST; None: nobody can
    get: bool = True
    args: tuple[Any, ...] = ()  # of an address without an object
    is_frame: bool = False  # a letter's HTML, under a policy of its own
    is_key: bool = False  # the address itself is the proof: a POST needs no token


def page(
    make: Maker | None = None, *, post: Role | None = None, is_frame: bool = False
) -> Rule:
    return Rule(door=Door.WORKSPACE, make=make, post=post, is_frame=is_frame)


def action(post: Role, make: Maker | None = None) -> Rule:
    return Rule(door=Door.WORKSPACE, make=make, post=post, get=False)


def public(*args: Any, get: bool = True, is_key: bool = False) -> Rule:
    return Rule(door=Door.PUBLIC, args=args, post=VIEWER, get=get, is_key=is_key)


def personal(make: Maker | None = None, *, get: bool = True) -> Rule:
    return Rule(door=Door.LOGIN, make=make, post=VIEWER, get=get)


def _of(row: Model) -> Found:
    return Found(row=row, args=(row.pk,))


def recipient(workspace: Workspace) -> Found:
    return _of(make.make_recipient(workspace))


def recipient_list(workspace: Workspace) -> Found:
    return _of(make.make_list(workspace))


def job(workspace: Workspace) -> Found:
    return _of(make.make_job(workspace))


def waiting_import(workspace: Workspace) -> Found:
    text = "anna@mail.example;Анна\nboris@mail.example;Борис"
    return _of(start_paste(workspace, by=_owner(workspace), text=text))


def finished_import(workspace: Workspace) -> Found:
    row = Import.objects.create(
        workspace=workspace,
        file_name="клиенты.csv",
        step=ImportStep.FINISHED,
        state=WorkState.DONE,
        counts={"new": 2, "refused": 1},
        refusals={"address_syntax": 1},
    )
    return _of(row)


def _owner(workspace: Workspace) -> User:
    owners = User.objects.filter(
        memberships__workspace=workspace, memberships__role=Role.OWNER
    )
    return owners.order_by("pk")[0]


def stopped(workspace: Workspace) -> Found:
    return _of(make.make_suppression(workspace))


def stop_upload(workspace: Workspace) -> Found:
    return _of(make.make_stop_upload(workspace))


def attribute(workspace: Workspace) -> Found:
    return _of(make.make_attribute(workspace))


def segment(workspace: Workspace) -> Found:
    return _of(make.make_segment(workspace))


def export(workspace: Workspace) -> Found:
    """An export of the owner's: for everybody else there is none."""
    return _of(make.make_export(workspace))


def message(workspace: Workspace) -> Found:
    return _of(make.make_message(workspace))


def mailing(workspace: Workspace) -> Found:
    return _of(make.make_mailing(workspace))


def finished_mailing(workspace: Workspace) -> Found:
    row = make.make_mailing(workspace)
    row.run = Run.objects.create(
        workspace=workspace,
        relay=make.make_relay(workspace),
        subject="Осень",
        from_email="news@lavka.example",
        status=RunStatus.COMPLETED,
        finished_at=timezone.now(),
    )
    row.status = MailingStatus.COMPLETED
    row.save()
    return _of(row)


def running_mailing(workspace: Workspace) -> Found:
    return _of(launched(workspace))


def relay(workspace: Workspace) -> Found:
    return _of(make.make_relay(workspace))


def sender(workspace: Workspace) -> Found:
    return _of(make.make_sender(workspace))


def domain(workspace: Workspace) -> Found:
    return Found(row=make.make_sender(workspace), args=("lavka.example",))


def dkim_key(workspace: Workspace) -> Found:
    return _of(make.make_dkim_key(workspace, state="replaced"))


def letter(workspace: Workspace) -> Found:
    row = CapturedMessage.objects.create(
        workspace=workspace, rcpt_to="a@example.com", size=len(RAW), raw=RAW
    )
    return _of(row)


def attachment(workspace: Workspace) -> Found:
    found = letter(workspace)
    return Found(row=found.row, args=(*found.args, 1))


def itself(workspace: Workspace) -> Found:
    return _of(workspace)


ACCOUNT = {
    "account_login": public(),
    "account_signup": public(),
    "account_logout": public(),
    "account_inactive": public(),
    "account_reset_password": public(),
    "account_reset_password_done": public(),
    "account_reset_password_from_key": public("1", "x-y"),
    "account_reset_password_from_key_done": public(),
    "account_email_verification_sent": public(),
    "account_confirm_email": public("MQ:x:y"),
    "account_confirm_login_code": public(),  # not in use: leads to the login
    "account_reauthenticate": personal(),
    "account_email": personal(),
    "account_change_password": personal(),
    "account_set_password": personal(),
    "account-send-again": public(get=False),
    "account-letter": public(),
    "account-letter-frame": public(),
    "profile": personal(),
    "set_language": public(get=False),
    "workspace": page(post=OWNER),
    "workspace-open": personal(),
    "workspace-switch": personal(itself, get=False),
}
FRAME = {
    "home": public(),
    "unsubscribe": public("x", is_key=True),  # not one of ours: 404
    "healthz": public(),
    "design": public(),  # 404 without DEBUG
}
RECIPIENTS = {
    "recipients": page(),
    "recipients-search": page(),
    "recipients-bulk": action(EDITOR),
    "jobs": page(),
    "job": page(job),
    "job-live": page(job),
    "job-cancel": action(EDITOR, job),
    "job-undo": action(EDITOR, job),
    "export-add": page(post=EDITOR),
    "exports": page(),
    "export": page(export),
    "export-live": page(export),
    "export-count": page(),
    "export-download": page(export),
    "export-cancel": action(VIEWER, export),
    "recipient-add": page(post=EDITOR),
    "recipient": page(recipient),
    "recipient-edit": page(recipient, post=EDITOR),
    "recipient-delete": page(recipient, post=EDITOR),
    "recipient-unsubscribe": page(recipient, post=EDITOR),
    "recipient-resubscribe": page(recipient, post=EDITOR),
    "recipient-leave": action(EDITOR, recipient),
    "recipient-correct": action(EDITOR, recipient),
    "recipient-stop": page(recipient, post=EDITOR),
    "recipient-allow": page(recipient, post=EDITOR),
    "recipient-merge": page(recipient, post=EDITOR),
    "recipient-dossier": action(MANAGER, recipient),
    "recipient-erase": page(recipient, post=MANAGER),
    "imports": page(),
    "import-add": page(post=EDITOR),
    "import": page(finished_import),
    "import-live": page(finished_import),
    "import-examples": page(finished_import),
    "import-table": page(waiting_import, post=EDITOR),
    "import-columns": page(waiting_import, post=EDITOR),
    "import-apply": action(EDITOR, finished_import),
    "import-cancel": page(waiting_import, post=EDITOR),
    "import-undo": page(finished_import, post=EDITOR),
    "import-delete": page(finished_import, post=EDITOR),
    "import-refused": page(finished_import),
    "attributes": page(),
    "attribute-add": page(post=EDITOR),
    "attribute-edit": page(attribute, post=EDITOR),
    "attribute-delete": page(attribute, post=EDITOR),
    "lists": page(),
    "lists-search": page(),
    "list-add": page(post=EDITOR),
    "list": page(recipient_list),
    "list-edit": page(recipient_list, post=EDITOR),
    "list-delete": page(recipient_list, post=EDITOR),
    "list-pick": page(recipient_list, post=EDITOR),
    "consent": page(),
    "consent-proof": page(),
    "stoplist": page(),
    "stoplist-add": page(post=EDITOR),
    "stoplist-lift": page(stopped, post=EDITOR),
    "stoplist-import": page(post=EDITOR),
    "stoplist-upload": page(stop_upload, post=EDITOR),
    "stoplist-upload-live": page(stop_upload),
    "stoplist-csv": page(),
    "segments": page(),
    "segment-add": page(post=EDITOR),
    "segment-build": action(EDITOR),  # a question: changes nothing
    "segment-preview": action(EDITOR),  # a question: changes nothing
    "segment": page(segment),
    "segment-count": page(segment),
    "segment-edit": page(segment, post=EDITOR),
    "segment-delete": page(segment, post=EDITOR),
}
MESSAGES = {
    "messages": page(),
    "message-add": page(post=EDITOR),
    "message": page(message),
    "message-frame": page(message, is_frame=True),
    "message-test": action(EDITOR, message),
    "message-edit": page(message, post=EDITOR),
    "message-duplicate": action(EDITOR, message),
    "message-delete": page(message, post=EDITOR),
}
MAILINGS = {
    "mailings": page(),
    "mailing-add": page(post=EDITOR),
    "mailing-count": action(VIEWER),  # a question: changes nothing
    "mailing": page(mailing),
    "mailing-live": page(mailing),
    "mailing-why": page(mailing),
    "mailing-edit": page(mailing, post=EDITOR),
    "mailing-delete": page(mailing, post=EDITOR),
    "mailing-duplicate": action(EDITOR, mailing),
    "mailing-launch": page(mailing, post=MANAGER),
    "mailing-pause": action(MANAGER, mailing),
    "mailing-resume": action(MANAGER, mailing),
    "mailing-cancel": action(MANAGER, mailing),
    "mailing-undo": action(MANAGER, mailing),
    "mailing-at-once": action(MANAGER, mailing),
    "mailing-stop": page(running_mailing, post=MANAGER),
    "mailing-retry-failed": page(finished_mailing, post=MANAGER),
    "mailing-send-unknown": page(finished_mailing, post=MANAGER),
    "mailing-follow-up": action(EDITOR, mailing),
    "attempts": page(),
    "attempts-csv": page(),
    "mailing-attempts-csv": page(mailing),
}
DELIVERY = {
    "relays": page(),
    "relay-add": page(post=MANAGER),
    "relay": page(relay),
    "relay-edit": page(relay, post=MANAGER),
    "relay-forget": action(MANAGER, relay),
    "providers": page(post=MANAGER),
    "relay-check": action(MANAGER, relay),
    "relay-delete": page(relay, post=MANAGER),
    "senders": page(),
    "sender-add": page(post=MANAGER),
    "sender-edit": page(sender, post=MANAGER),
    "sender-delete": page(sender, post=MANAGER),
    "sender-domain": page(domain),
    "dkim-generate": action(MANAGER, domain),
    "dkim-import": page(domain, post=MANAGER),
    "dkim-check": action(MANAGER, dkim_key),
    "dkim-rotate": action(MANAGER, dkim_key),
    "dkim-retire": page(dkim_key, post=MANAGER),
    "dkim-delete": page(dkim_key, post=MANAGER),
}
SANDBOX = {
    "sandbox": page(),
    "sandbox-empty": page(post=MANAGER),
    "sandbox-letter": page(letter),
    "sandbox-frame": page(letter, is_frame=True),
    "sandbox-source": page(letter),
    "sandbox-attachment": page(attachment),
    "sandbox-delete": page(letter, post=MANAGER),
}

TABLE: Mapping[str, Rule] = {
    **ACCOUNT,
    **FRAME,
    **RECIPIENTS,
    **MESSAGES,
    **MAILINGS,
    **DELIVERY,
    **SANDBOX,
}
