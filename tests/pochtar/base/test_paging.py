"""Keyset pages: every row once, forward and back, whatever the data."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pochtar.base.paging import Page, keyset_page, keyset_slice
from pochtar.recipients.models import Recipient
from tests.make import make_list, make_recipient, make_workspace

pytestmark = pytest.mark.django_db

names = st.lists(st.sampled_from(["", "а", "а ", "б", "ё", "z", "Я", "𐍈"]), max_size=12)


@given(
    names=names,
    size=st.integers(1, 5),
    order=st.sampled_from(["name_key", "pk"]),
    by_index=st.booleans(),
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_walking_forward_and_back_visits_each_row_exactly_once(
    sign: str, names: list[str], size: int, order: str, by_index: bool
) -> None:
    rows = _rows(names)
    everybody = list(rows.order_by(sign + order, f"{sign}pk"))
    how: dict[str, Any] = {"order": sign + order, "size": size, "by_index": by_index}

    forward = [keyset_page(rows, **how)]
    while cursor := forward[-1].next:
        forward.append(keyset_page(rows, **how, cursor=cursor))
    back = [forward[-1]]
    while cursor := back[-1].previous:
        back.append(keyset_page(rows, **how, cursor=cursor))

    assert [row for page in forward for row in page.rows] == everybody
    assert [page.rows for page in reversed(back)] == [page.rows for page in forward]
    assert all(len(page.rows) <= size for page in forward)


@given(names=names, size=st.integers(1, 5), order=st.sampled_from(["name_key", "pk"]))
@pytest.mark.parametrize("sign", ["", "-"])
def test_rows_in_hand_are_cut_into_the_same_pages(
    sign: str, names: list[str], size: int, order: str
) -> None:
    rows = _rows(names)
    keys = list(rows.values_list(order, "pk"))
    options: dict[str, Any] = {"order": sign + order, "size": size}

    cursors = [""]
    for cursor in cursors:
        whole = keyset_page(rows, **options, cursor=cursor)
        cut = keyset_slice(keys, Recipient, **options, cursor=cursor)
        assert cut == whole.of([row.pk for row in whole.rows])
        new = {whole.next, whole.previous} - {"", *cursors}
        cursors += sorted(new)


def test_rows_in_hand_that_are_gone_show_the_first_page() -> None:
    rows = _rows(["a", "b", "c"])
    keys = list(rows.values_list("name_key", "pk"))
    first = keyset_slice(keys, Recipient, order="name_key", size=2)

    rest = [key for key in keys if key[0] != "c"]
    page = keyset_slice(rest, Recipient, order="name_key", size=2, cursor=first.next)

    assert page.rows == first.rows


def _rows(names: list[str]):
    """Return the recipients of a workspace that only this example knows."""
    workspace = make_workspace()
    Recipient.objects.bulk_create(
        Recipient(
            workspace=workspace,
            email=f"r{number}@example.com",
            email_key=f"r{number}@example.com",
            name_key=name,
        )
        for number, name in enumerate(names)
    )
    return Recipient.objects.of(workspace)


def test_rows_added_and_deleted_meanwhile_shift_nothing() -> None:
    rows = _rows(["a", "b", "c", "d"])
    first = keyset_page(rows, order="name_key", size=2)

    rows.filter(name_key="b").delete()
    make_recipient(rows[0].workspace, name_key="aa")
    second = keyset_page(rows, order="name_key", size=2, cursor=first.next)

    assert [row.name_key for row in second.rows] == ["c", "d"]


def test_a_page_whose_rows_are_gone_shows_the_first_one() -> None:
    rows = _rows(["a", "b", "c"])
    first = keyset_page(rows, order="name_key", size=2)

    rows.filter(name_key="c").delete()
    page = keyset_page(rows, order="name_key", size=2, cursor=first.next)

    assert [row.name_key for row in page.rows] == ["a", "b"]


def test_another_column_can_break_the_ties() -> None:
    rows = _rows(["a", "b", "c"])
    members = make_list(rows[0].workspace, *rows).subscriptions

    order: dict[str, Any] = {"order": "-recipient_id", "tie": "recipient_id"}
    first = keyset_page(members.all(), **order, size=2)
    second = keyset_page(members.all(), **order, size=2, cursor=first.next)

    ids = [row.recipient_id for row in [*first.rows, *second.rows]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


# A constant: xdist wants the same names of tests in every process.
SOME_ID = "0198c0de-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    "cursor",
    [
        "?",
        "я",
        "AAAA",
        "x" * 5000,
        _cursor(),
        _cursor(1, 2),
        _cursor(None, None, 0),
        _cursor("a\x00", SOME_ID, 0),
        _cursor("\ud800", SOME_ID, 0),
        _cursor("a", "not an id", 0),
        _cursor(["a"], SOME_ID, 0),
        _cursor("a", float("inf"), 0),
        base64.urlsafe_b64encode(b"[" * 2900).decode(),
    ],
)
def test_a_made_up_cursor_shows_the_first_page(cursor: str) -> None:
    rows = _rows(["a", "b", "c"])

    page = keyset_page(rows, order="name_key", size=2, cursor=cursor)

    assert [row.name_key for row in page.rows] == ["a", "b"]


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00", "yesterday", 10**30, ""])
def test_a_made_up_time_shows_the_first_page(time: object) -> None:
    rows = _rows(["a", "b"])

    page = keyset_page(
        rows, order="created_at", cursor=_cursor(time, str(uuid.uuid4()), 0)
    )

    assert len(page.rows) == 2


def test_pages_follow_a_time_too() -> None:
    rows = _rows(["a", "b", "c"])
    first = keyset_page(rows, order="-created_at", size=2)
    second = keyset_page(rows, order="-created_at", size=2, cursor=first.next)

    assert len({row.pk for row in [*first.rows, *second.rows]}) == 3
    assert first.first
    assert not second.first


def test_a_page_can_carry_other_rows() -> None:
    page = Page(rows=[1, 2], previous="", next="n").of(["one", "two"])

    assert (page.rows, page.previous, page.next) == (["one", "two"], "", "n")
