"""Find recipients by parts of address and name, in a list, in an order."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from pochtar.accounts.models import User, Workspace
from pochtar.recipients import search as module
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import Recipient, UnsubscribedVia
from pochtar.recipients.search import (
    Count,
    Search,
    count_up_to,
    find_page,
    find_recipients,
    order_column,
)
from pochtar.recipients.selections import Selection
from pochtar.recipients.statuses import LOOKED_FOR
from pochtar.recipients.words import fold, terms_of
from tests.make import make_list, make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(workspace: Workspace) -> dict[str, Recipient]:
    rows = {
        "anna": "Анна Ёлкина",
        "anna.petrova": "Анна-Мария О’Нил",
        "boris": "Борис Иванов",
        "vera_2": "",
    }
    return {
        local: make_recipient(workspace, f"{local}@lavka.example", full_name=name)
        for local, name in rows.items()
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "anna anna.petrova boris vera_2"),
        ("анна", "anna anna.petrova"),
        ("АНН", "anna anna.petrova"),
        ("елк", "anna"),
        ("ЁЛК", "anna"),
        ("мария", "anna.petrova"),
        ("анна-м", "anna.petrova"),
        ("о’нил", "anna.petrova"),
        ("нил", "anna.petrova"),
        ("ванов", "boris"),
        ("anna.petrov", "anna.petrova"),
        ("va@lav", "anna.petrova"),
        ("petrova", "anna.petrova"),
        ("anna.pe", "anna.petrova"),
        ("boris@lavka.example", "boris"),
        ("<BORIS@lavka.example>", "boris"),
        ("@lavka", "anna anna.petrova boris vera_2"),
        ("lavka.ex", "anna anna.petrova boris vera_2"),
        ("борис иванов", "boris"),
        ("иванов борис", "boris"),
        ("борис анна", ""),
        ("vera_2", "vera_2"),
        ("щ", ""),
        ("%", "anna anna.petrova boris vera_2"),
    ],
)
def test_a_search_finds_who_has_all_parts_in_address_or_name(
    workspace: Workspace, people: dict[str, Recipient], text: str, found: str
) -> None:
    page = find_page(Search(workspace=workspace, text=text)).page

    locals_found = sorted(row.email.split("@")[0] for row in page.rows)
    assert locals_found == found.split()


def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every condition one that holds for many."""
    monkeypatch.setattr(module, "SMALL", 1)
    monkeypatch.setattr(module, "SMALL_OF_SEVERAL", 1)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("text", ["анна", "а", "an", "lavka", "щ", "анна щ", ""])
def test_every_plan_finds_the_same_people(
    workspace: Workspace,
    people: dict[str, Recipient],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    wide: bool,
) -> None:
    search = Search(workspace=workspace, text=text)
    wanted = set(find_recipients(search))
    if wide:
        _narrow(monkeypatch)

    found, cursor = [], ""
    while True:
        page = find_page(search, cursor=cursor, size=1).page
        found += page.rows
        if not (cursor := page.next):
            break

    assert len(found) == len(set(found))
    assert set(found) == wanted


@pytest.mark.parametrize("order", ["name", "-name", "address", "-address", "-added"])
@pytest.mark.parametrize("examined", [1, 20_000])
def test_common_parts_are_sorted_and_paged_as_asked_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, order: str, examined: int
) -> None:
    """Whether the walk has a page full soon, or the database has to find them all."""
    for number in range(7):
        domain = "y.example" if number % 3 else "x.example"
        name = "Анна" if number % 2 else "Яна"
        make_recipient(workspace, f"a{number}@{domain}", full_name=name)
    _narrow(monkeypatch)
    monkeypatch.setattr(module, "EXAMINED", examined)
    search = Search(workspace=workspace, text="y.example на")
    expected = list(find_recipients(search).order_by(order_column(order), "pk"))

    first = find_page(search, order=order, size=2)
    second = find_page(search, order=order, size=2, cursor=first.page.next)
    back = find_page(search, order=order, size=2, cursor=second.page.previous)

    assert len(expected) == 4
    assert [*first.page.rows, *second.page.rows] == _in_order(expected, order)
    assert back.page.rows == first.page.rows
    assert first.total == Count(number=1, more=True)


def _in_order(rows: list[Recipient], order: str) -> list[Recipient]:
    column = order_column(order).removeprefix("-")
    return sorted(
        rows, key=lambda row: (getattr(row, column), row.pk), reverse=order[0] == "-"
    )


def test_one_common_part_is_not_counted(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        make_recipient(workspace, f"a{number}@x.example", full_name="Анна")
    monkeypatch.setattr(module, "SMALL", 2)

    found = find_page(Search(workspace=workspace, text="x.example"), size=2)

    assert found.total == Count(number=2, more=True)
    assert len(found.page.rows) == 2


@pytest.mark.parametrize("order", ["name", "-name", "address", "-added"])
def test_several_conditions_are_paged_in_the_order_that_was_asked_for(
    workspace: Workspace, people: dict[str, Recipient], order: str
) -> None:
    row = make_list(workspace, *people.values())
    search = Search(workspace=workspace, text="lavka", list_id=row.pk)
    column = order_column(order)
    expected = list(find_recipients(search).order_by(column, "pk"))

    pages = [find_page(search, order=order, size=2)]
    pages.append(find_page(search, order=order, size=2, cursor=pages[0].page.next))
    back = find_page(search, order=order, size=2, cursor=pages[1].page.previous)

    assert [row for found in pages for row in found.page.rows] == expected
    assert back.page.rows == pages[0].page.rows
    assert pages[1].page.next == back.page.previous == ""
    assert pages[0].total == Count(number=4, more=False)


@pytest.mark.parametrize("order", ["added", "-added"])
def test_a_long_list_is_shown_by_the_time_of_adding(
    workspace: Workspace,
    people: dict[str, Recipient],
    monkeypatch: pytest.MonkeyPatch,
    order: str,
) -> None:
    row = make_list(workspace, *people.values())
    _narrow(monkeypatch)

    found = find_page(Search(workspace=workspace, list_id=row.pk), order=order)

    expected = sorted(people.values(), key=lambda one: one.pk, reverse=order[0] == "-")
    assert found.page.rows == expected
    assert found.total == Count(number=4, more=False)


def test_somebody_far_down_a_long_list_is_found(
    workspace: Workspace,
    people: dict[str, Recipient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = make_list(workspace, *people.values())
    _narrow(monkeypatch)
    monkeypatch.setattr(module, "EXAMINED", 1)
    search = Search(workspace=workspace, text="lavka анна", list_id=row.pk)

    for order in ("-added", "added", "name"):
        found = find_page(search, order=order)
        assert set(found.page.rows) == {people["anna"], people["anna.petrova"]}
        assert found.total == Count(number=2, more=False)


@pytest.mark.parametrize(
    ("order", "names"), [("name", "АБВ"), ("-name", "ВБА"), ("address", "БАВ")]
)
def test_what_is_found_is_sorted(workspace: Workspace, order: str, names: str) -> None:
    for name, local in (("А", "m"), ("В", "z"), ("Б", "a")):
        make_recipient(workspace, f"{local}@x.example", full_name=name)

    for text in ("", "x.example"):
        found = find_page(Search(workspace=workspace, text=text), order=order)
        assert "".join(row.full_name for row in found.page.rows) == names


def test_names_with_yo_stand_beside_those_with_ye(workspace: Workspace) -> None:
    for name in ("Жукова", "Ёлкина", "Елисеева", "ефимова"):
        make_recipient(workspace, full_name=name)

    page = find_page(Search(workspace=workspace), order="name").page

    names = [row.full_name for row in page.rows]
    assert names == ["Елисеева", "Ёлкина", "ефимова", "Жукова"]


def test_a_strange_order_is_the_newest_first() -> None:
    assert order_column("nonsense") == order_column("") == "-pk"


def test_sec_01_a_search_stays_in_its_workspace(
    workspace: Workspace, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = stranger.workspaces.get()
    foreign = make_recipient(theirs, "anna@example.com")
    foreign_list = make_list(theirs, foreign)

    for _plan in range(2):
        for search in (
            Search(workspace=workspace, text="anna"),
            Search(workspace=workspace, list_id=foreign_list.pk),
            Search(workspace=workspace),
        ):
            assert find_page(search).page.rows == []
            assert not find_recipients(search).exists()
        _narrow(monkeypatch)


def test_ticked_recipients_of_another_workspace_are_not_selected(
    workspace: Workspace, stranger: User
) -> None:
    mine = make_recipient(workspace)
    foreign = make_recipient(stranger.workspaces.get())
    ids = frozenset({mine.pk, foreign.pk})

    selection = Selection(search=Search(workspace=workspace), ids=ids)

    assert list(selection.recipients()) == [mine]


STATES: dict[str, dict[str, Any]] = {
    "unsubscribed": {
        "unsubscribed_at": timezone.now(),
        "unsubscribed_via": UnsubscribedVia.PAGE,
    },
    "stopped": {"suppressed": True},
    "unconfirmed": {"basis": ""},
}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("status", LOOKED_FOR)
@pytest.mark.parametrize("order", ["added", "-added", "name", "-address"])
def test_who_gets_no_mail_is_found_alone_by_word_and_by_list(
    workspace: Workspace,
    people: dict[str, Recipient],
    monkeypatch: pytest.MonkeyPatch,
    order: str,
    status: str,
    wide: bool,
) -> None:
    """Those who left, those on the stop list, those without a basis."""
    listed = make_list(workspace, people["anna"], people["boris"])
    some = [people["anna"].pk, people["anna.petrova"].pk]
    Recipient.objects.filter(pk__in=some).update(**STATES[status])
    if wide:
        _narrow(monkeypatch)
        monkeypatch.setattr(module, "EXAMINED", 1)

    def found(**over: Any) -> set[str]:
        search = Search(workspace=workspace, status=status, **over)
        page = find_page(search, order=order, size=1)
        rows = [*page.page.rows]
        while page.page.next:
            page = find_page(search, order=order, cursor=page.page.next, size=1)
            rows += page.page.rows
        assert set(rows) == set(find_recipients(search))
        assert wide or page.total == Count(number=len(rows), more=False)
        return {row.email.partition("@")[0] for row in rows}

    assert found() == {"anna", "anna.petrova"}
    assert found(text="мария") == {"anna.petrova"}
    assert found(list_id=listed.pk) == {"anna"}
    assert found(text="борис") == set()


def test_very_many_who_have_left_are_not_counted(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _each in range(4):
        unsubscribe_recipient(make_recipient(workspace), via=UnsubscribedVia.PAGE)
    monkeypatch.setattr(module, "SMALL", 2)
    found = find_page(Search(workspace=workspace, status="unsubscribed"), size=3)

    assert (found.total, len(found.page.rows)) == (Count(number=2, more=True), 3)


def test_a_count_is_exact_while_it_is_cheap(workspace: Workspace) -> None:
    for _number in range(3):
        make_recipient(workspace)
    rows = Recipient.objects.all()

    assert count_up_to(rows, 3) == Count(number=3, more=False)
    assert count_up_to(rows, 2) == Count(number=2, more=True)


@given(st.text(max_size=40))
def test_whatever_is_typed_gives_short_folded_terms(text: str) -> None:
    terms = terms_of(text)

    assert len(terms) <= 6
    assert all(term and len(term) <= 60 and term == fold(term) for term in terms)


@pytest.mark.parametrize("name", ["Анна", "O'Neill", "Салтыков-Щедрин", "Ёж", "李"])
def test_a_name_is_found_by_itself(workspace: Workspace, name: str) -> None:
    row = make_recipient(workspace, full_name=name)

    assert find_page(Search(workspace=workspace, text=name)).page.rows == [row]
