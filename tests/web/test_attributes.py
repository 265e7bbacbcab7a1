"""Attributes with names and types: their pages, and the form of a recipient."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Attribute, Recipient
from tests import make


def definition(**over: Any) -> dict[str, Any]:
    return {
        "name": "Возраст",
        "key": "age",
        "type": "number",
        "options": "",
        "position": "1",
        **over,
    }


def person(**typed: Any) -> dict[str, Any]:
    return {
        "email": "anna@mail.example",
        "basis": "consent",
        "attributes-TOTAL_FORMS": "1",
        "attributes-INITIAL_FORMS": "0",
        "attributes-0-key": "cat",
        "attributes-0-value": "Мурка",
        **{f"typed-{key}": value for key, value in typed.items()},
    }


def test_an_attribute_is_defined(as_editor: Client, workspace: Workspace) -> None:
    as_editor.post(reverse("attribute-add"), definition())

    row = Attribute.objects.get()
    assert (row.key, row.name, row.type) == ("age", "Возраст", "number")
    assert "Возраст" in as_editor.get(reverse("attributes")).content.decode()


def test_a_bad_definition_is_refused_at_its_field(
    as_editor: Client, workspace: Workspace
) -> None:
    for over in (
        {"name": ""},
        {"key": "1x"},
        {"key": "email"},
        {"type": "choice"},
        {"type": "choice", "options": "a, b"},
        {"type": "choices", "options": "Чай\nчай"},
    ):
        answer = as_editor.post(reverse("attribute-add"), definition(**over))
        assert answer.status_code == 422, over
        assert "form-error" in answer.content.decode()
    assert not Attribute.objects.exists()


def test_a_missing_key_is_asked_for(as_editor: Client, workspace: Workspace) -> None:
    """The rule of what a key is made of helps only who has typed one."""
    answer = as_editor.post(reverse("attribute-add"), definition(key=" "))

    assert answer.context["form"].errors == {"key": ["Введите ключ."]}


def test_typed_values_are_stored_in_their_form(
    as_editor: Client, workspace: Workspace
) -> None:
    make.make_attribute(workspace, "age", type="number")
    make.make_attribute(workspace, "born", type="date")
    make.make_attribute(workspace, "vip", type="yes_no")
    make.make_attribute(workspace, "tea", type="choices", options=["Чай", "Кофе"])

    typed = {"age": "1 200,5", "born": "31.12.1990", "vip": "yes"}
    as_editor.post(reverse("recipient-add"), person(**typed, tea=["Кофе", "Чай"]))

    row = Recipient.objects.get()
    assert row.attributes == {
        "age": "1200.5",
        "born": "1990-12-31",
        "vip": "yes",
        "tea": "Чай, Кофе",
        "cat": "Мурка",
    }
    page = as_editor.get(reverse("recipient", args=[row.pk])).content.decode()
    assert "Чай, Кофе" in page


def test_a_wrong_value_is_refused_at_its_input(
    as_editor: Client, workspace: Workspace
) -> None:
    make.make_attribute(workspace, "age", type="number")

    answer = as_editor.post(reverse("recipient-add"), person(age="много"))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="id_typed-age_error"' in page
    assert 'value="много"' in page
    assert not Recipient.objects.exists()


def test_a_value_from_before_the_type_stays_readable(
    as_editor: Client, workspace: Workspace
) -> None:
    """It does not stand in the way of changing something else."""
    row = make.make_recipient(
        workspace, "anna@mail.example", attributes={"age": "сорок"}
    )
    Attribute.objects.update(type="number", name="Возраст")
    url = reverse("recipient-edit", args=[row.pk])

    page = as_editor.get(url).content.decode()
    answer = as_editor.post(url, person(age="сорок"))

    assert 'value="сорок"' in page
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.attributes == {"age": "сорок", "cat": "Мурка"}


def test_a_change_of_the_type_first_says_what_does_not_fit(
    as_editor: Client, workspace: Workspace
) -> None:
    for value in ("1 000,5", "7", "много"):
        make.make_recipient(workspace, attributes={"sum": value})
    row = Attribute.objects.get()
    url = reverse("attribute-edit", args=[row.pk])
    data = definition(name="Сумма")

    warned = as_editor.post(url, data).content.decode()
    row.refresh_from_db()
    before = row.type
    as_editor.post(url, {**data, "sure": "number"})

    assert "много" in warned
    assert before == "text"
    row.refresh_from_db()
    assert row.type == "number"
    values = {one.attributes["sum"] for one in Recipient.objects.all()}
    assert values == {"1000.5", "7", "много"}


def test_a_deleted_definition_leaves_the_values(
    as_editor: Client, workspace: Workspace
) -> None:
    row = make.make_recipient(workspace, attributes={"age": "40"})
    attribute = Attribute.objects.get()

    as_editor.post(reverse("attribute-delete", args=[attribute.pk]))

    assert not Attribute.objects.exists()
    assert "40" in as_editor.get(reverse("recipient", args=[row.pk])).content.decode()
