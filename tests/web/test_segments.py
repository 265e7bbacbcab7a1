"""The pages of segments: the builder with and without a script, the list, one segment."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from mailcore.segments import parse_rule
from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Segment
from pochtar.recipients.segment_words import describe, names_in
from tests import make

ADD = "/segments/add/"


def form(**over: Any) -> dict[str, Any]:
    """A form with one condition: the address begins with «anna»."""
    return {
        "name": "Анны",
        "how:": "all",
        "field:0": "email",
        "op:0": "begins",
        "value:0": "anna",
        **over,
    }


def test_a_segment_is_saved_and_its_people_are_shown(
    as_editor: Client, workspace: Workspace
) -> None:
    make.make_recipient(workspace, "anna@mail.example", full_name="Анна Первая")
    make.make_recipient(workspace, "oleg@mail.example", full_name="Олег Второй")

    answer = as_editor.post(ADD, form(), follow=True)

    row = Segment.objects.get()
    assert answer.redirect_chain[-1][0] == reverse("segment", args=[row.pk])
    page = answer.content.decode()
    assert "Анна Первая" in page
    assert "Олег Второй" not in page
    count = as_editor.get(reverse("segment-count", args=[row.pk])).content.decode()
    assert ">1<" in count


def test_buttons_redraw_the_form_without_a_script(
    as_editor: Client, workspace: Workspace
) -> None:
    added = as_editor.post(ADD, form(do="add:")).content.decode()
    grouped = as_editor.post(ADD, form(do="group:")).content.decode()
    nested = {**form(do="add:1"), "how:1": "none", "field:1.0": "comment"}
    deeper = as_editor.post(ADD, nested).content.decode()
    removed = as_editor.post(ADD, form(do="remove:0")).content.decode()

    assert 'name="field:1"' in added
    assert 'value="anna"' in added
    assert 'name="field:1.0"' in grouped
    assert 'name="field:1.1"' in deeper
    assert 'value="anna"' not in removed
    assert 'name="field:0"' in removed  # never without any
    assert not Segment.objects.exists()


def test_what_is_wrong_is_marked_and_nothing_is_lost(
    as_editor: Client, workspace: Workspace
) -> None:
    bad = form(name="", **{"op:0": "one_of", "value:0": "  ", "field:1": "created"})
    bad |= {"op:1": "last", "value:1": "много"}

    answer = as_editor.post(ADD, bad)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert page.count("form-error") >= 3
    assert 'value="много"' in page


def test_the_preview_counts_and_says_the_rule(
    as_editor: Client, workspace: Workspace
) -> None:
    make.make_recipient(workspace, "anna@mail.example")

    page = as_editor.post("/segments/preview/", form()).content.decode()
    empty = as_editor.post("/segments/preview/", form(**{"value:0": ""}))

    assert "anna@mail.example" in page
    assert "<strong>1</strong>" in page
    assert "<strong>" not in empty.content.decode()


def test_the_builder_asks_for_what_the_field_needs(
    as_editor: Client, workspace: Workspace
) -> None:
    make.make_attribute(workspace, "age", name="Возраст", type="number")
    row = make.make_list(workspace, name="Гости")

    number = form(do="redraw", **{"field:0": "attribute:age", "op:0": "between"})
    of_list = form(do="redraw", **{"field:0": "list", "op:0": "begins"})

    assert 'inputmode="decimal"' in _build(as_editor, number)
    assert "Возраст" in _build(as_editor, number)
    assert f'value="{row.pk}"' in _build(as_editor, of_list)


def _build(client: Client, data: dict[str, Any]) -> str:
    return client.post("/segments/build/", data).content.decode()


def test_a_saved_rule_comes_back_into_the_builder(
    as_editor: Client, workspace: Workspace
) -> None:
    rule = {
        "any": [
            {"field": "full_name", "op": "one_of", "value": ["Анна", "Олег"]},
            {"none": [{"field": "status", "op": "is", "value": "stopped"}]},
        ]
    }
    row = make.make_segment(workspace, rule=rule)
    url = reverse("segment-edit", args=[row.pk])
    page = as_editor.get(url).content.decode()
    assert "Анна\nОлег" in page
    data = {
        "name": row.name,
        "how:": "any",
        "field:0": "full_name",
        "op:0": "one_of",
        "value:0": "Анна\r\nОлег",
        "how:1": "none",
        "field:1.0": "status",
        "op:1.0": "is",
        "value:1.0": "stopped",
    }

    as_editor.post(url, data)

    row.refresh_from_db()
    assert row.rule == rule


def test_two_segments_do_not_share_a_name(
    as_editor: Client, workspace: Workspace
) -> None:
    make.make_segment(workspace, name="Анны")

    assert as_editor.post(ADD, form()).status_code == 422


def test_a_segment_is_deleted(as_editor: Client, workspace: Workspace) -> None:
    row = make.make_segment(workspace)

    as_editor.post(reverse("segment-delete", args=[row.pk]))

    assert not Segment.objects.exists()


@pytest.mark.parametrize("junk", ["add:9.9.9.9.9.9.9", "remove:", "remove:7", "x", ":"])
def test_a_made_up_wish_changes_nothing(
    as_editor: Client, workspace: Workspace, junk: str
) -> None:
    assert 'value="anna"' in _build(as_editor, form(do=junk))


def test_a_rule_is_said_as_a_sentence(workspace: Workspace) -> None:
    """Deleted things are named so; groups are in brackets."""
    make.make_attribute(workspace, "city", name="City")
    autumn = make.make_mailing(workspace, name="Autumn")
    city = {"field": "attribute:city", "type": "text", "op": "one_of"}
    rule = parse_rule(
        {
            "all": [
                {**city, "value": ["Kazan", "Ufa"]},
                {"field": "created", "op": "last", "value": 30},
                {"field": "mailing", "op": "not_received", "value": str(autumn.pk)},
                {
                    "any": [
                        {"field": "comment", "op": "empty"},
                        {**city, "value": ["X"]},
                    ]
                },
                {"field": "list", "op": "in", "value": [str(autumn.pk)]},
            ]
        }
    )

    with translation.override("en"):
        sentence = describe(rule, names_in(workspace, [rule]))

    assert sentence == (
        "City is Kazan or Ufa, and added within the last 30 days, and did not receive "
        "the mailing “Autumn”, and (comment is empty, or City is X), and in the list "
        "(deleted)"
    )


def test_all_of_a_segment_can_be_changed_and_exported(
    as_editor: Client, workspace: Workspace
) -> None:
    make.make_recipient(workspace, "anna@mail.example")
    segment = make.make_segment(workspace)

    page = as_editor.get(reverse("segment", args=[segment.pk])).content.decode()

    for action in ("add", "attribute", "basis", "stop"):
        url = f"?action={action}&amp;everybody=1&amp;segment={segment.pk}"
        assert url in page
        answer = as_editor.get(reverse("recipients-bulk") + url.replace("amp;", ""))
        assert "anna@mail.example" in answer.content.decode()
    assert f"{reverse('export-add')}?everybody=1&amp;segment={segment.pk}" in page
