"""An audience of many parts: two lists and a segment, less four exceptions."""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Attempt, Delivery, Outcome, Run
from pochtar.delivery.tables import columns_of, database_value, table_of
from pochtar.mailings.audience import choose, select_audience
from pochtar.mailings.exceptions import Exceptions
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.recipients.models import (
    Recipient,
    RecipientList,
    Segment,
    Subscription,
)


def chosen_audience(workspace: Workspace, earlier: Run) -> QuerySet[Recipient]:
    """Return an audience that uses everything; ``earlier`` went to some of them.

    Everybody is in one of the lists, four tenths in both: the UNION has work to do.
    """
    tell_accepted(earlier)
    mailing = Mailing.objects.create(
        workspace=workspace,
        name="Earlier",
        message=workspace.messages.order_by("pk")[0],
        run=earlier,
        status="running",
    )
    choice = choose(
        AudienceKind.LISTS,
        lists=[_list(workspace, "0123456"), _list(workspace, "3456789")],
        segments=[_segment(workspace, "8")],
        exceptions=Exceptions(
            lists=frozenset([_list(workspace, "1")]),
            segments=(_segment(workspace, "77"),),
            mailings=frozenset([mailing.pk]),
            days=7,
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return select_audience(workspace, choice)


def _list(workspace: Workspace, ends: str) -> UUID:
    """Return a list of those whose number ends so."""
    row = RecipientList.objects.create(workspace=workspace, name=f"Ends in {ends}")
    columns = columns_of(Subscription, "list", "recipient", "created_at")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table_of(Subscription)} ({columns}) "
            f"SELECT %s, id, %s FROM {table_of(Recipient)} WHERE workspace_id = %s "
            "AND SUBSTR(email, 13, 1) IN "
            f"({', '.join(['%s'] * len(ends))})",
            [
                database_value(Subscription, "list", row.pk),
                timezone.now(),
                database_value(Recipient, "workspace", workspace.pk),
                *ends,
            ],
        )
    return row.pk


def _segment(workspace: Workspace, text: str) -> Segment:
    rule = {"field": "email", "op": "contains", "value": text}
    return Segment.objects.create(workspace=workspace, name=text, rule=rule)


def tell_accepted(run: Run) -> None:
    """Write an accepted attempt for every delivery of the run, and end it."""
    names = ["workspace", "run", "delivery", "number", "outcome", "permanent"]
    texts = ["enhanced_code", "reply", "stage", "reason", "host", "peer", "tls"]
    names += [*texts, "queue_id", "at", "duration_ms"]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table_of(Attempt)} ({columns_of(Attempt, *names)}) "
            "SELECT %s, run_id, id, 1, %s, false, '', '', '', '', '', '', '', '', %s, 1 "
            f"FROM {table_of(Delivery)} WHERE run_id = %s",
            [
                database_value(Attempt, "workspace", run.workspace_id),
                Outcome.ACCEPTED.value,
                timezone.now(),
                database_value(Delivery, "run", run.pk),
            ],
        )
    Run.objects.filter(pk=run.pk).update(status="completed", finished_at=timezone.now())
