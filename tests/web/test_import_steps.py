"""The steps of an import: how it is read, its columns, the check, the report, the undo."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Import, Recipient, RecipientList
from tests.make import make_list, make_recipient
from tests.web.importing import (
    TITLES,
    checked,
    choices,
    imported,
    upload,
    upload_workbook,
    url,
    work,
)

pytestmark = pytest.mark.django_db
SHEET = [["E-mail", "ФИО"], ["anna@mail.example", "Анна Соколова"]]
HTMX: dict[str, Any] = {"headers": {"hx-request": "true"}}


def text_of(response):
    return response.content.decode()


# The table ------------------------------------------------------------------------------


def test_the_first_rows_are_shown_as_they_were_understood(as_editor: Client) -> None:
    page = text_of(as_editor.get(url("import", upload(as_editor))))

    for words in ("ФИО", "Анна Соколова", "Псков", "cp1251"):
        assert words in page


def test_a_changed_choice_shows_its_effect_at_once(as_editor: Client) -> None:
    row = upload(as_editor)
    wish = {"encoding": "koi8-r", "delimiter": ";", "header": "yes"}

    fragment = text_of(as_editor.post(url("import-table", row), wish, **HTMX))
    row.refresh_from_db()

    assert fragment.lstrip().startswith('<form class="card" id="reading"')
    assert "Анна Соколова" not in fragment
    assert row.understood["encoding"] == "koi8-r"


def test_without_a_script_the_button_reads_it_anew(as_editor: Client) -> None:
    row = upload(as_editor)
    wish = {"encoding": "cp1251", "delimiter": ";", "header": "no", "again": "1"}

    answer = as_editor.post(url("import-table", row), wish)
    page = text_of(as_editor.get(answer["Location"]))

    assert answer["Location"] == url("import-table", row)
    assert "<td>ФИО</td>" in page


def test_going_on_changes_nothing_that_was_chosen(as_editor: Client) -> None:
    row = upload(as_editor)
    as_is = {"encoding": "cp1251", "delimiter": ";", "header": "yes"}

    answer = as_editor.post(url("import-table", row), as_is)

    assert answer["Location"] == url("import-columns", row)
    assert Import.objects.get().columns == row.columns


def test_an_encoding_that_does_not_fit_is_said_and_the_rest_stays(
    as_editor: Client,
) -> None:
    row = upload(as_editor)

    for encoding in ("utf-16", "no-such", ""):
        wish = {"encoding": encoding, "delimiter": ";", "header": "yes"}
        answer = as_editor.post(url("import-table", row), wish)
        assert answer.status_code in (302, 422)

    row.refresh_from_db()
    assert as_editor.get(url("import", row)).status_code == 200


# The columns ----------------------------------------------------------------------------


def test_known_headings_are_set_already(as_editor: Client) -> None:
    form = as_editor.get(url("import-columns", upload(as_editor))).context["form"]

    assert form["to-0"].value() == "email"
    assert form["to-1"].value() == "full_name"
    assert form.rows()[1].samples == [
        "Анна Соколова",
        "Борис Левин",
        "Вера Кузнецова",
    ]


@pytest.mark.parametrize(
    ("to", "field"),
    [
        (("skip", "full_name", "skip"), None),
        (("email", "email", "skip"), "to-1"),
        (("email", "full_name", "full_name"), "to-2"),
    ],
)
def test_a_wrong_choice_is_said_at_its_column_and_nothing_is_lost(
    as_editor: Client, to: tuple[str, ...], field: str | None
) -> None:
    row = upload(as_editor)
    wish = choices(to, wording="Анкета в магазине", new_list="Осень")

    answer = as_editor.post(url("import-columns", row), wish)

    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert (field in errors) if field else errors
    assert "Анкета в магазине" in text_of(answer)
    assert not RecipientList.objects.exists()  # a new list comes with a check only


def test_a_new_attribute_needs_a_name(as_editor: Client) -> None:
    row = upload(as_editor)

    answer = as_editor.post(url("import-columns", row), choices(**{"key-2": ""}))

    assert answer.context["form"].errors["key-2"]


def test_law_02_nobody_skips_the_question_of_the_basis(as_editor: Client) -> None:
    row = upload(as_editor)

    answer = as_editor.post(url("import-columns", row), choices(basis=""))

    assert answer.status_code == 422
    assert answer.context["form"].errors["basis"]


def test_the_choices_reach_the_import(as_editor: Client, workspace: Workspace) -> None:
    retail = make_list(workspace, name="Розница")
    wish = {
        "lists": [str(retail.pk)],
        "new_list": "Осень",
        "way": "add",
        "basis": "consent",
        "wording": "Галочка в форме заказа",
    }

    row = checked(as_editor, **wish)

    assert (row.basis, row.wording) == ("consent", "Галочка в форме заказа")
    assert not row.update_existing
    assert {each.name for each in row.lists.all()} == {"Розница", "Осень"}
    assert row.columns[2] == {"title": "Город", "to": "attribute", "key": "признак_2"}


# The check ------------------------------------------------------------------------------


def test_while_it_is_checked_the_page_shows_how_far_it_is(as_editor: Client) -> None:
    row = upload(as_editor)
    as_editor.post(url("import-columns", row), choices())

    page = text_of(as_editor.get(url("import", row)))
    live = as_editor.get(url("import-live", row), {"was": "checking"})

    assert "every 1s" in page
    assert "HX-Refresh" not in live
    work(row)
    live = as_editor.get(url("import-live", row), {"was": "checking"})
    assert live["HX-Refresh"] == "true"


def test_nothing_is_written_before_the_person_has_seen_what_will_happen(
    as_editor: Client, workspace: Workspace
) -> None:
    make_recipient(workspace, "anna@mail.example", full_name="Аня")

    row = checked(as_editor)
    page = text_of(as_editor.get(url("import", row)))
    examples = url("import-examples", row)
    updated = text_of(as_editor.get(examples, {"kind": "updated"}))
    refused = text_of(as_editor.get(examples, {"kind": "refused:address_syntax"}))

    assert row.step == "checked"
    assert [each.email for each in Recipient.objects.all()] == ["anna@mail.example"]
    assert f'hx-get="{examples}?kind=updated"' in page
    assert '<del class="change-before">Аня</del>' in updated
    assert '<ins class="change-after">Анна Соколова</ins>' in updated
    assert "не адрес" in refused
    assert as_editor.get(examples, {"kind": "nonsense"}).status_code == 404
    assert url("import-apply", row) in page


def test_one_may_go_back_to_the_columns_and_finds_what_was_chosen(
    as_editor: Client,
) -> None:
    row = checked(as_editor, wording="Анкета", basis="consent")

    form = as_editor.get(url("import-columns", row)).context["form"]

    assert form["basis"].value() == "consent"
    assert form["wording"].value() == "Анкета"
    assert (form["to-2"].value(), form["key-2"].value()) == ("new", "признак_2")


# The import, its report, its undo -------------------------------------------------------


def test_the_report_says_what_came_of_the_file(as_editor: Client, as_viewer) -> None:
    row = imported(as_editor)

    page = text_of(as_viewer.get(url("import", row)))

    assert row.step == "finished"
    assert Recipient.objects.count() == 2
    assert "не адрес" in page
    assert url("import-refused", row) in page
    assert url("import-undo", row) not in page  # a viewer reads


def test_refused_rows_come_back_in_the_encoding_that_came_mended_they_go_in(
    as_editor: Client,
) -> None:
    row = imported(as_editor)

    answer = as_editor.get(url("import-refused", row))
    text = b"".join(answer.streaming_content).decode("cp1251")  # type: ignore[attr-defined]
    assert "attachment" in answer["Content-Disposition"]
    assert text.startswith(TITLES)
    assert "не адрес;Вера Кузнецова;Тверь;" in text

    mended = text.replace("не адрес", "vera@mail.example").splitlines()
    again = imported(as_editor, *mended, to=("email", "full_name", "skip", "skip"))

    assert again.counts["new"] == 1
    assert (
        Recipient.objects.get(email="vera@mail.example").full_name == "Вера Кузнецова"
    )


def test_the_same_file_twice_changes_nothing_and_says_so(as_editor: Client) -> None:
    imported(as_editor)

    row = checked(as_editor)
    page = text_of(as_editor.get(url("import", row)))

    assert row.counts.get("new", 0) == row.counts.get("updated", 0) == 0
    assert 'form="apply"' not in page  # no list either: there is nothing to do


def test_undo_says_what_it_will_do_and_lists_what_it_left(
    as_editor: Client, workspace: Workspace
) -> None:
    row = imported(as_editor)
    question = text_of(as_editor.get(url("import-undo", row)))
    boris = Recipient.objects.get(email="boris@mail.example")
    wish = {"email": boris.email, "full_name": "Борис Иванович", "comment": ""}
    wish |= {"basis": "consent"}
    wish |= {"attributes-TOTAL_FORMS": "0", "attributes-INITIAL_FORMS": "0"}
    as_editor.post(reverse("recipient-edit", args=[boris.pk]), wish)

    as_editor.post(url("import-undo", row))
    work(row)
    page = text_of(as_editor.get(url("import", row)))

    assert "клиенты.csv" in question
    assert row.step == "undone"
    assert [each.email for each in Recipient.objects.all()] == [boris.email]
    assert "Борис Иванович" in page


# Stopping -------------------------------------------------------------------------------


def test_an_import_that_is_dropped_writes_nothing(as_editor: Client) -> None:
    row = checked(as_editor)
    assert "клиенты.csv" in text_of(as_editor.get(url("import-cancel", row)))

    as_editor.post(url("import-cancel", row))
    row.refresh_from_db()

    assert row.state == "cancelled"
    assert as_editor.get(url("import", row)).status_code == 200
    assert not Recipient.objects.exists()


def test_a_stopped_check_leads_back_to_the_columns(as_editor: Client) -> None:
    row = upload(as_editor)
    as_editor.post(
        url("import-columns", row), choices(basis="contract", wording="Анкета")
    )

    as_editor.post(url("import-cancel", row))
    page = text_of(as_editor.get(url("import", row)))

    assert 'name="to-0"' in page
    assert "Анкета" in page


def test_what_has_been_overtaken_is_said(as_editor: Client) -> None:
    row = imported(as_editor)

    for name in ("import-apply", "import-cancel"):
        answer = as_editor.post(url(name, row), follow=True)
        assert answer.redirect_chain[-1][0] == url("import", row)
        assert list(answer.context["messages"])

    for name in ("import-table", "import-columns"):
        assert as_editor.get(url(name, row))["Location"] == url("import", row)


def test_a_deleted_file_leaves_the_recipients_and_a_line(as_editor: Client) -> None:
    row = imported(as_editor)
    assert as_editor.get(url("import-delete", row)).status_code == 200

    as_editor.post(url("import-delete", row))
    page = text_of(as_editor.get(url("import", row)))

    assert Recipient.objects.count() == 2
    assert url("import-refused", row) not in page
    assert url("import-undo", row) not in page


def test_a_viewer_sees_that_it_is_being_prepared(
    as_editor: Client, as_viewer: Client
) -> None:
    row = upload(as_editor)

    page = as_viewer.get(url("import", row))

    assert page.status_code == 200
    assert "anna@mail.example" not in text_of(page)
    assert as_viewer.get(url("import-columns", row)).status_code == 403


@pytest.mark.parametrize("state", ["failed", "cancelled"])
@pytest.mark.parametrize("step", ["checking", "applying", "indexing", "undoing"])
def test_every_way_to_stop_has_a_page(
    as_editor: Client, as_viewer: Client, step: str, state: str
) -> None:
    row = imported(as_editor)
    Import.objects.filter(pk=row.pk).update(step=step, state=state, error="failed")

    for client in (as_editor, as_viewer):
        assert client.get(url("import", row)).status_code == 200
        assert client.get(reverse("imports")).status_code == 200


def test_a_workbook_of_two_sheets_asks_for_the_sheet_and_no_encoding(
    as_editor: Client,
) -> None:
    row = upload_workbook(as_editor, {"Пусто": [["", ""]], "Клиенты": SHEET})
    page = text_of(as_editor.get(url("import", row)))
    assert 'name="sheet"' in page
    assert 'name="encoding"' not in page

    wish = {"sheet": "1", "header": "yes"}
    shown = text_of(as_editor.post(url("import-table", row), wish, **HTMX))

    assert "anna@mail.example" in shown
    assert "Анна Соколова" in shown
