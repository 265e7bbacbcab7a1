"""The table of recipients by whether they get mailings."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from pochtar.recipients.models import Recipient
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection, pack_selection, unpack_selection
from tests.make import make_recipient

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("who", "over", "badge"),
    [
        ("stopped", {"suppressed": True}, "В стоп-листе"),
        ("unconfirmed", {"basis": ""}, "Не подтверждён"),
    ],
)
def test_the_table_shows_only_them_and_acts_on_them_only(
    as_editor: Any, workspace: Any, who: str, over: dict[str, Any], badge: str
) -> None:
    """LAW-02: whoever landed without a basis can be found and given one."""
    make_recipient(workspace, "boris@example.com")
    make_recipient(workspace, "anna@example.com", **over)

    text = as_editor.get(reverse("recipients"), {"who": who}).content.decode()
    assert "anna@example.com" in text
    assert "boris@example.com" not in text
    assert badge in text.split("<tbody>")[1]
    assert f'<option value="{who}" selected>' in text
    assert f"everybody=1&amp;who={who}" in text

    wish = {"action": "delete", "everybody": "1", "who": who}
    asked = as_editor.get(reverse("recipients-bulk"), wish).content.decode()
    assert f'name="who" value="{who}"' in asked
    answer = as_editor.post(reverse("recipients-bulk"), wish)

    assert answer.url == f"{reverse('recipients')}?who={who}"
    assert [row.email for row in Recipient.objects.all()] == ["boris@example.com"]


def test_whoever_is_found_by_a_status_bears_its_mark_beside_others(
    as_editor: Any, workspace: Any
) -> None:
    make_recipient(workspace, basis="", suppressed=True)

    text = as_editor.get(reverse("recipients"), {"who": "unconfirmed"}).content.decode()

    rows = text.split("<tbody>")[1]
    assert "В стоп-листе" in rows
    assert "Не подтверждён" in rows


def test_a_status_that_is_none_shows_everybody(as_editor: Any, workspace: Any) -> None:
    make_recipient(workspace, "boris@example.com")

    text = as_editor.get(reverse("recipients"), {"who": "subscribed"}).content.decode()

    assert "boris@example.com" in text


def test_work_that_was_ordered_before_keeps_whom_it_meant(workspace: Any) -> None:
    """An installation may have work waiting while it is brought up to date."""
    selection = Selection(search=Search(workspace=workspace, status="stopped"))
    packed = pack_selection(selection)
    assert unpack_selection(workspace, packed) == selection

    older = {**packed, "unsubscribed": True}
    del older["status"]
    assert unpack_selection(workspace, older).search.status == "unsubscribed"


def test_a_status_that_nobody_has_is_not_put_down_to_a_search(
    as_editor: Any, workspace: Any
) -> None:
    make_recipient(workspace)

    page = as_editor.get(reverse("recipients"), {"who": "stopped"})

    assert "Под выбранное выше никто не подходит." in page.content.decode()
