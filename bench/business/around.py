"""What lies around the people: stop list, ledger, an import, segments, bulk actions."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.db import connection
from django.utils import timezone

from business.people import person
from pochtar.accounts.models import User, Workspace
from pochtar.base.addresshash import hash_address
from pochtar.recipients.consent import record_batch
from pochtar.recipients.consent_chain import SubjectsDigest
from pochtar.recipients.models import (
    LOT,
    Basis,
    BulkJob,
    ConsentKind,
    ConsentSource,
    Export,
    ExportFormat,
    Import,
    ImportStep,
    JobKind,
    Recipient,
    RecipientList,
    Segment,
    Suppression,
    SuppressionReason,
    WorkState,
)
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection, pack_selection

STOPPED = 100_000  # entries of the stop list, fewer among few recipients
SEGMENTS = {
    "in Kazan": {
        "field": "attribute:city",
        "type": "text",
        "op": "is",
        "value": "Казань",
    },
    "new": {"field": "created", "op": "last", "value": 30},
    "on maria": {"field": "email", "op": "begins", "value": "maria.u77"},
}


def add_import(workspace: Workspace, recipients: int) -> None:
    """A finished import of everybody, its rows still there, its line in the ledger."""
    by = _user(workspace)
    import_ = Import.objects.create(
        workspace=workspace,
        created_by=by,
        file_name="clients.csv",
        stored_as="gone",
        size=90_000_000,
        step=ImportStep.FINISHED,
        state=WorkState.DONE,
        lot=1,
        understood={
            "kind": "csv",
            "encoding": "utf-8",
            "delimiter": ";",
            "header": True,
        },
        columns=[{"title": "E-mail", "to": "email", "key": ""}],
        counts={"new": recipients, "updated": 0, "unchanged": 0, "refused": 0},
        total=recipients,
        done=recipients,
        basis=Basis.CONSENT,
        stamp=timezone.now(),
        finished_at=timezone.now(),
    )
    execute(
        "INSERT INTO recipients_importrow (id, recipient_id, email, email_key,"
        " address_hash, full_name, name_key, comment, attributes, twin_of)"
        " SELECT %s + row_number() OVER (ORDER BY id), id, email, email_key,"
        " address_hash, full_name, name_key, comment, attributes, 0"
        " FROM recipients_recipient WHERE workspace_id = %s",
        LOT,
        workspace.pk.hex,
    )
    digest = SubjectsDigest()
    entry = record_batch(
        workspace,
        kind=ConsentKind.GIVEN,
        basis=Basis.CONSENT,
        source=ConsentSource.IMPORT,
        reference=str(import_.pk),
        by=by,
        digest=digest.hexdigest(),
        number=recipients,
    )
    execute(
        'INSERT INTO recipients_consentsubject (entry_id, address_hash, "row")'
        " SELECT %s, address_hash, id - %s FROM recipients_importrow ORDER BY id",
        entry.pk,
        LOT,
    )


def add_stop_list(workspace: Workspace, recipients: int) -> None:
    """Half of the entries are of recipients that are there; a few are domains."""
    by = _user(workspace)
    number = min(STOPPED, recipients // 10)
    there = [
        person(at).email for at in range(0, recipients, max(1, recipients // number))
    ]
    gone = [f"gone{at}@example.com" for at in range(number // 2)]
    Suppression.objects.bulk_create(
        (
            Suppression(
                workspace=workspace,
                address_hash=hash_address(email),
                email=email,
                reason=SuppressionReason.COMPLAINED,
                created_by=by,
            )
            for email in [*there[: number // 2], *gone]
        ),
        batch_size=5_000,
    )
    Suppression.objects.bulk_create(
        Suppression(
            workspace=workspace,
            domain=f"d{at}.example.net",
            reason=SuppressionReason.MANUAL,
        )
        for at in range(500)
    )
    execute(
        "UPDATE recipients_recipient SET suppressed = %s WHERE address_hash IN"
        " (SELECT address_hash FROM recipients_suppression WHERE address_hash IS NOT NULL)",
        True,
    )


def add_segments(workspace: Workspace, recipients: int) -> None:
    list_ = RecipientList.objects.of(workspace).get(name="one of 10, 3")
    rules: dict[str, Any] = {
        **SEGMENTS,
        "in the list": {"field": "list", "op": "in", "value": [str(list_.pk)]},
        "subscribed": {"field": "status", "op": "is", "value": "subscribed"},
    }
    for name, rule in rules.items():
        Segment.objects.create(workspace=workspace, name=name, rule={"all": [rule]})


def add_work(workspace: Workspace, recipients: int) -> None:
    """A bulk action with a hundred thousand remembered, and a hundred exports."""
    by = _user(workspace)
    few = Recipient.objects.of(workspace).order_by("pk")[: min(STOPPED, recipients)]
    job = BulkJob.objects.create(
        workspace=workspace,
        created_by=by,
        kind=JobKind.ATTRIBUTE,
        state=WorkState.DONE,
        step="applying",
        selection=_everybody(workspace),
        wish={"key": "city", "value": "Казань"},
        selected=len(few),
        cursor=len(few),
        changed=len(few),
        finished_at=timezone.now(),
    )
    execute(
        "INSERT INTO recipients_bulkitem (job_id, position, recipient_id, before)"
        " SELECT %s, row_number() OVER (ORDER BY id), id, %s FROM recipients_recipient"
        " WHERE id <= %s",
        job.pk.hex,
        json.dumps({"value": "Уфа"}),
        few[len(few) - 1].pk.hex,
    )
    for number in range(100):
        Export.objects.create(
            workspace=workspace,
            created_by=by,
            format=ExportFormat.CSV,
            state=WorkState.DONE,
            columns=[{"name": "email", "title": "E-mail"}],
            selection=_everybody(workspace),
            stored_as=f"{number}",
            size=1_000_000,
            total=recipients,
            done=recipients,
            expires_at=timezone.now() + dt.timedelta(days=1),
            finished_at=timezone.now(),
        )


def _everybody(workspace: Workspace) -> dict[str, Any]:
    return pack_selection(Selection(search=Search(workspace=workspace)))


def _user(workspace: Workspace) -> User:
    return workspace.participants.get()


def execute(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
