"""Plain functions that make rows for tests."""

from __future__ import annotations

import functools
import itertools
from typing import Any

from mailcore.dkim import Algorithm
from mailcore.dkim_keys import PrivateKey, bits_of, generate_key, pack_key, public_text
from pochtar.accounts.models import Membership, Role, User, Workspace
from pochtar.base.addresshash import hash_address
from pochtar.content.models import Message
from pochtar.delivery.dkim_signing import sealed_key
from pochtar.delivery.models import (
    DkimKey,
    DkimState,
    Relay,
    RelayKind,
    RelayTls,
    Sender,
)
from pochtar.mailings.models import Mailing
from pochtar.recipients.indexing import index_recipients
from pochtar.recipients.models import (
    Attribute,
    Basis,
    BulkJob,
    Export,
    ExportFormat,
    JobKind,
    Recipient,
    RecipientList,
    Segment,
    StopUpload,
    Suppression,
    SuppressionReason,
    WorkState,
)
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection, pack_selection
from pochtar.recipients.words import fold
from pochtar.sandbox.models import CapturedMessage

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def make_user(email: str = "", **over: Any) -> User:
    # The hash is cheap in tests (see tests/conftest.py).
    email = email or f"user{next(_numbers)}@example.com"
    return User.objects.create_user(email, PASSWORD, **over)


def make_workspace(owner: User | None = None, **over: Any) -> Workspace:
    workspace = Workspace.objects.create(
        **{"name": f"Workspace {next(_numbers)}", **over}
    )
    if owner:
        make_member(workspace, owner, Role.OWNER)
    return workspace


def make_member(
    workspace: Workspace, user: User | None = None, role: Role = Role.VIEWER
) -> User:
    user = user or make_user()
    Membership.objects.create(workspace=workspace, user=user, role=role)
    return user


def make_recipient(workspace: Workspace, email: str = "", **over: Any) -> Recipient:
    email = email or f"recipient{next(_numbers)}@example.com"
    fields: dict[str, Any] = {
        "email": email,
        "email_key": email.lower(),
        "full_name": "Анна Петрова",
        "basis": Basis.CONSENT,
        **over,
    }
    fields.setdefault("name_key", fold(fields["full_name"]))
    for key in fields.get("attributes", {}):
        Attribute.objects.get_or_create(workspace=workspace, key=key)
    row = Recipient.objects.create(workspace=workspace, **fields)
    index_recipients(Recipient.objects.filter(pk=row.pk))
    return row


def make_list(
    workspace: Workspace, *recipients: Recipient, **over: Any
) -> RecipientList:
    row = RecipientList.objects.create(
        workspace=workspace, **{"name": f"List {next(_numbers)}", **over}
    )
    row.recipients.add(*recipients)
    return row


def make_job(workspace: Workspace, **over: Any) -> BulkJob:
    """Make a bulk action that waits for a worker."""
    selection = Selection(search=Search(workspace=workspace))
    values = {"kind": JobKind.STOP, "wish": {"evidence": ""}, **over}
    return BulkJob.objects.create(
        workspace=workspace, selection=pack_selection(selection), **values
    )


def make_suppression(
    workspace: Workspace, email: str = "", *, by_hash: bool = False, **over: Any
) -> Suppression:
    """An entry of the stop list; ``domain`` makes it a domain's."""
    fields: dict[str, Any] = {"reason": SuppressionReason.MANUAL, **over}
    if not fields.get("domain"):
        email = email or f"stopped{next(_numbers)}@example.com"
        fields["address_hash"] = hash_address(email.lower())
        fields["email"] = "" if by_hash else email
    return Suppression.objects.create(workspace=workspace, **fields)


def make_stop_upload(workspace: Workspace, **over: Any) -> StopUpload:
    return StopUpload.objects.create(
        workspace=workspace,
        **{
            "content": b"anna@example.com\nbad.example\n",
            "reason": SuppressionReason.MANUAL,
            "state": WorkState.IDLE,
            **over,
        },
    )


def make_attribute(workspace: Workspace, key: str = "", **over: Any) -> Attribute:
    key = key or f"key{next(_numbers)}"
    return Attribute.objects.create(
        workspace=workspace, key=key, **{"name": key.title(), **over}
    )


def make_segment(workspace: Workspace, **over: Any) -> Segment:
    rule = {"field": "email", "op": "contains", "value": "example"}
    return Segment.objects.create(
        workspace=workspace,
        **{"name": f"Segment {next(_numbers)}", "rule": rule, **over},
    )


def make_export(workspace: Workspace, **over: Any) -> Export:
    """Make an export of the first owner's that waits for a worker."""
    selection = Selection(search=Search(workspace=workspace))
    first = workspace.memberships.filter(role=Role.OWNER).first()
    values = {
        "created_by": first.user if first else None,
        "format": ExportFormat.CSV,
        "columns": [{"name": "email", "title": "E-mail"}],
        **over,
    }
    return Export.objects.create(
        workspace=workspace, selection=pack_selection(selection), **values
    )


def make_message(workspace: Workspace, **over: Any) -> Message:
    return Message.objects.create(
        workspace=workspace,
        **{
            "subject": "Осенние новинки",
            "html": '<p>Здравствуйте, {{ full_name | default("друг") }}!</p>',
            **over,
        },
    )


def make_relay(workspace: Workspace, **over: Any) -> Relay:
    return Relay.objects.create(
        workspace=workspace,
        **{
            "name": f"Relay {next(_numbers)}",
            "kind": RelayKind.SMTP,
            "host": "127.0.0.1",
            "port": 2525,
            "tls": RelayTls.NONE,
            **over,
        },
    )


def make_sender(workspace: Workspace, **over: Any) -> Sender:
    over.setdefault("relay", None)
    relay = over.pop("relay") or make_relay(workspace)
    return Sender.objects.create(
        workspace=workspace,
        relay=relay,
        **{"from_name": "Лавка", "from_email": "news@lavka.example", **over},
    )


def make_mailing(workspace: Workspace, **over: Any) -> Mailing:
    fields: dict[str, Any] = {"name": f"Mailing {next(_numbers)}", **over}
    if "message" not in fields:
        fields["message"] = make_message(workspace)
    if "sender" not in fields:
        fields["sender"] = make_sender(workspace)
    return Mailing.objects.create(workspace=workspace, **fields)


def make_captured(workspace: Workspace | None, **over: Any) -> CapturedMessage:
    """A letter in the sandbox; ``workspace`` None: the system's."""
    raw = over.pop("raw", b"Subject: Hello\r\n\r\nText\r\n")
    fields = {
        "mail_from": "news@shop.example",
        "rcpt_to": "anna@mail.example",
        "subject": "Hello",
        "search_key": "news@shop.example anna@mail.example hello",
        "size": len(raw),
        **over,
    }
    return CapturedMessage.objects.create(workspace=workspace, raw=raw, **fields)


@functools.cache
def _private_key(algorithm: str) -> PrivateKey:
    """One of each kind is enough: making an RSA key takes long."""
    return generate_key(Algorithm(algorithm))


def make_dkim_key(workspace: Workspace, **over: Any) -> DkimKey:
    key = DkimKey(
        **{
            "workspace": workspace,
            "domain": "lavka.example",
            "selector": f"s{next(_numbers)}",
            "algorithm": Algorithm.RSA.value,
            **over,
        }
    )
    private = _private_key(key.algorithm)
    key.bits, key.public_key = bits_of(private), public_text(private)
    if key.state != DkimState.RETIRED:
        key.private_sealed = sealed_key(key, pack_key(private))
    key.save()
    return key
