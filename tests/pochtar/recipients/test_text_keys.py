"""What recipients are sorted by lies beside the text that they are found by."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from pochtar.accounts.models import User, Workspace
from pochtar.recipients import search as module
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import Recipient, SearchText, UnsubscribedVia
from pochtar.recipients.search import Search, find_page
from pochtar.recipients.services import Person, change_recipient
from tests.make import make_list, make_recipient

BEFORE = [("recipients", "0016_stop_upload_work")]
AFTER = [("recipients", "0017_sorted_texts")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("new@example.com", "Анна Ёлкина"),
        ("old@example.com", "Яна"),
        ("старыё@example.com", "Анна Ёлкина"),
        ("new@xn--80akhbyknj4f.example", ""),
    ],
)
def test_the_keys_follow_the_recipient(
    workspace: Workspace, owner: User, email: str, name: str
) -> None:
    row = make_recipient(workspace, "old@example.com", full_name="Анна Ёлкина")

    change_recipient(row, Person(email=email, full_name=name), by=owner)

    row.refresh_from_db()
    text = SearchText.objects.get(recipient=row)
    assert (text.email_key, text.name_key) == (row.email_key, row.name_key)


@pytest.mark.django_db
@pytest.mark.parametrize("order", ["name", "-name", "-address", "-added"])
def test_many_of_a_list_who_have_left_are_sorted_by_them(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """They are found by the text, sorted by its keys, and only those of both stay."""
    monkeypatch.setattr(module, "SMALL", 1)
    monkeypatch.setattr(module, "SMALL_OF_SEVERAL", 1)
    monkeypatch.setattr(module, "EXAMINED", 1)
    names = ("Анна", "Яна", "Инна", "Жанна", "Анна")
    people = [
        make_recipient(workspace, f"{at}@x.example", full_name=name)
        for at, name in enumerate(names)
    ]
    for one in people[:4]:
        unsubscribe_recipient(one, via=UnsubscribedVia.PAGE)
    list_ = make_list(workspace, *people[1:])
    search = Search(
        workspace=workspace,
        text="x.example на",
        list_id=list_.pk,
        status="unsubscribed",
    )

    page = find_page(search, order=order, size=2).page
    rest = find_page(search, order=order, size=2, cursor=page.next).page

    column = module.order_column(order).removeprefix("-")
    wanted = sorted(
        people[1:4], key=lambda one: getattr(one, column), reverse=order[0] == "-"
    )
    assert [*page.rows, *rest.rows] == wanted


@pytest.fixture
def _at_the_end_as_it_is_now(transactional_db: None) -> Iterator[None]:
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("recipients"))


@pytest.mark.usefixtures("_at_the_end_as_it_is_now")
def test_an_installation_gets_the_keys_of_those_who_are_there(
    workspace: Workspace,
) -> None:
    people = [
        make_recipient(workspace, "ёж@example.com", full_name="Ёлкина Анна"),
        make_recipient(workspace, "a@xn--80akhbyknj4f.example", full_name=""),
    ]
    texts = set(SearchText.objects.values_list("recipient_id", "text"))

    MigrationExecutor(connection).migrate(BEFORE)
    MigrationExecutor(connection).migrate(AFTER)

    assert set(SearchText.objects.values_list("recipient_id", "text")) == texts
    for row in people:
        text = SearchText.objects.get(recipient=row)
        assert (text.email_key, text.name_key) == (row.email_key, row.name_key)
    for part in ("елкин", "example", "испытание"):
        assert find_page(Search(workspace=workspace, text=part)).page.rows
    Recipient.objects.filter(pk=people[0].pk).delete()
    assert find_page(Search(workspace=workspace, text="елкин")).page.rows == []
