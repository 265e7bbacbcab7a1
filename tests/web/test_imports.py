"""The list of imports, and their first step: a file, or pasted rows."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from mailcore.sheets import LIMITS
from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Import
from pochtar.web import uploads
from tests.make import make_list, make_recipient
from tests.web.importing import ADD, file_of, upload, url

pytestmark = pytest.mark.django_db
HTMX: dict[str, Any] = {"headers": {"hx-request": "true"}}


def text_of(response):
    return response.content.decode()


# The list -------------------------------------------------------------------------------


def test_a_workspace_without_imports_says_what_to_do(
    as_editor: Client, as_viewer: Client
) -> None:
    assert ADD in text_of(as_editor.get(reverse("imports")))
    assert ADD not in text_of(as_viewer.get(reverse("imports")))


def test_the_list_shows_what_came_and_what_waits(as_editor: Client, as_viewer) -> None:
    row = upload(as_editor)

    page = text_of(as_viewer.get(reverse("imports")))

    assert "клиенты.csv" in page
    assert url("import", row) in page
    assert str(row.created_by) in page


def test_a_list_of_imports_refreshes_itself_only_while_one_is_running(
    as_editor: Client, workspace: Workspace
) -> None:
    row = upload(as_editor)
    assert "hx-trigger" not in text_of(as_editor.get(reverse("imports")))

    Import.objects.filter(pk=row.pk).update(state="running", total=10, done=5)
    page = text_of(as_editor.get(reverse("imports")))
    fragment = text_of(as_editor.get(reverse("imports"), **HTMX))

    assert 'hx-trigger="every 2s"' in page
    assert fragment.lstrip().startswith('<div id="imports"')


def test_sec_02_imports_of_others_are_not_listed(
    as_editor: Client, as_stranger: Client
) -> None:
    upload(as_editor)

    assert "клиенты.csv" not in text_of(as_stranger.get(reverse("imports")))


# A file ---------------------------------------------------------------------------------


def test_a_file_is_stored_and_understood_at_once(as_editor: Client) -> None:
    row = upload(as_editor)

    assert (row.file_name, row.step, row.state) == ("клиенты.csv", "uploaded", "idle")
    assert row.understood["encoding"] == "cp1251"
    assert row.understood["delimiter"] == ";"
    assert [column["to"] for column in row.columns][:2] == ["email", "full_name"]


def test_a_script_that_sends_the_file_is_told_where_to_go(as_editor: Client) -> None:
    answer = as_editor.post(ADD, {"file": file_of()}, **HTMX)

    assert answer["HX-Redirect"] == url("import", Import.objects.get())


def test_pasted_rows_are_a_file_too(as_editor: Client) -> None:
    as_editor.post(ADD, {"text": "anna@mail.example\tАнна\nboris@mail.example\tБорис"})

    row = Import.objects.get()
    page = text_of(as_editor.get(url("import", row)))
    assert row.file_name == ""
    assert "boris@mail.example" in page


def test_nothing_chosen_is_said_at_the_field(as_editor: Client) -> None:
    answer = as_editor.post(ADD, {"text": "  "})

    assert answer.status_code == 422
    assert "file" in answer.context["form"].errors


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, b"%PDF-1.7\n\x00\x01"],
)
def test_a_file_in_which_nothing_can_be_read_is_refused_at_the_field(
    as_editor: Client, content: bytes
) -> None:
    file = SimpleUploadedFile("клиенты.csv", content)

    answer = as_editor.post(ADD, {"file": file})

    assert answer.status_code == 422
    assert answer.context["form"].errors["file"]
    assert not Import.objects.exists()


def test_what_was_pasted_is_not_lost_with_an_error(as_editor: Client) -> None:
    answer = as_editor.post(ADD, {"text": "просто слова без адресов"})

    assert answer.status_code == 422
    assert "просто слова без адресов" in text_of(answer)


def test_sec_11_a_file_that_is_too_big_is_dropped_while_it_arrives(
    as_editor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LIMITS", replace(LIMITS, file_bytes=1000))

    answer = as_editor.post(ADD, {"file": file_of(*["a@b.example"] * 500)})

    assert answer.status_code == 422
    assert answer.context["form"].errors["file"]
    assert not Import.objects.exists()


def test_sec_11_a_file_goes_to_the_disk_and_not_into_memory(
    as_editor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[object] = []

    def start(*args: object, stream: object, **kwargs: object) -> Import:
        files.append(stream)
        return Import()

    monkeypatch.setattr("pochtar.web.imports.start_import", start)

    as_editor.post(ADD, {"file": file_of()})

    assert not isinstance(files[0], io.BytesIO)
    assert files[0].name  # type: ignore[attr-defined]


def test_sec_11_who_may_not_edit_fills_no_disk(
    as_viewer: Client, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    monkeypatch.setattr(
        uploads.DiskUploadHandler,
        "receive_data_chunk",
        lambda self, raw_data, start: written.append(raw_data),
    )

    assert as_viewer.post(ADD, {"file": file_of()}).status_code == 403
    assert client.post(ADD, {"file": file_of()}).status_code == 302

    assert written == []


# The list for which it is ---------------------------------------------------------------


def test_a_list_from_whose_page_it_began_is_chosen_already(
    as_editor: Client, workspace: Workspace
) -> None:
    to = make_list(workspace, make_recipient(workspace), name="Розница")
    assert f"{ADD}?list={to.pk}" in text_of(
        as_editor.get(reverse("list", args=[to.pk]))
    )
    to.recipients.clear()
    assert f"{ADD}?list={to.pk.hex}" in text_of(
        as_editor.get(reverse("list", args=[to.pk]))
    )
    assert "Розница" in text_of(as_editor.get(f"{ADD}?list={to.pk}"))

    answer = as_editor.post(ADD, {"file": file_of(), "to": str(to.pk)})
    table = text_of(as_editor.get(answer["Location"]))
    row = Import.objects.get()
    columns = as_editor.get(f"{url('import-columns', row)}?list={to.pk}")

    assert f"{url('import-table', row)}?list={to.pk}" in table
    assert columns.context["form"]["lists"].value() == [to.pk]


def test_sec_02_a_foreign_list_is_not_taken(
    as_editor: Client, as_stranger: Client, stranger
) -> None:
    theirs = make_list(Workspace.objects.visible_to(stranger).get(), name="Чужой")

    page = text_of(as_editor.get(f"{ADD}?list={theirs.pk}"))
    answer = as_editor.post(ADD, {"file": file_of(), "to": str(theirs.pk)})

    assert "Чужой" not in page
    assert answer.status_code == 422
