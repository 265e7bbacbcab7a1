"""What a slice reads of its recipients."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailcore.engine.types import Item
from mailcore.smtp.sink import Sink
from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Delivery, Slice
from pochtar.delivery.reading import Pages
from tests.make import make_recipient
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
NAMES = frozenset({"email", "full_name", "город", "a_b"})


def read(workspace: Workspace, *, limit: int = 10) -> list[Item]:
    run = launch(workspace, Sink(port=25))
    pages = Pages(Slice.objects.get(run=run), NAMES)
    return pages.read(after=0, up_to=10, limit=limit)


def test_merge_fields_are_those_of_the_letter_that_the_recipient_has(
    workspace: Workspace,
) -> None:
    whole = {"город": "Тверь", "a_b": "%s", "unused": "x"}
    one = make_recipient(workspace, "a@x.example", full_name="Анна", attributes=whole)
    two = make_recipient(workspace, "b@x.example", full_name="")

    first, second = read(workspace)

    assert (first.name, first.recipient, first.skip) == ("Анна", one.pk.hex, "")
    assert first.values == {
        "email": "a@x.example",
        "full_name": "Анна",
        "город": "Тверь",
        "a_b": "%s",
    }
    assert (second.name, second.recipient, second.skip) == ("", two.pk.hex, "")
    assert second.values == {"email": "b@x.example", "full_name": ""}


def test_who_is_gone_keeps_the_place_and_says_why(workspace: Workspace) -> None:
    """MSG-25"""
    people = make_people(workspace, 3)
    run = launch(workspace, Sink(port=25))
    Delivery.objects.filter(run=run, recipient=people[1]).update(recipient=None)

    items = Pages(Slice.objects.get(run=run), NAMES).read(after=1, up_to=3, limit=10)

    assert [(one.position, one.email, one.skip) for one in items] == [
        (2, people[1].email, "recipient_deleted"),
        (3, people[2].email, ""),
    ]
    assert items[0].recipient == ""


def test_a_page_is_no_longer_than_asked_for(workspace: Workspace) -> None:
    make_people(workspace, 5)

    assert [one.position for one in read(workspace, limit=2)] == [1, 2]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="a planner's matter")
def test_no_page_reads_all_recipients(workspace: Workspace) -> None:
    """Of a few hundred, the planner would: it is as cheap, once, and not every time."""
    make_people(workspace, 300)
    run = launch(workspace, Sink(port=25))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        pages = Pages(Slice.objects.get(run=run), NAMES)
        pages.read(after=0, up_to=300, limit=300)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {captured.captured_queries[-1]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Seq Scan on recipients_recipient" not in plan
    assert "Nested Loop" in plan
