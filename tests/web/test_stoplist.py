"""The pages of the stop list (BNC-07)."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.recipients import stop_exchange
from pochtar.recipients.models import (
    Recipient,
    StopUpload,
    Suppression,
    SuppressionReason,
)
from pochtar.recipients.stop_marks import mark_suppressed
from tests.make import make_recipient, make_stop_upload, make_suppression

pytestmark = pytest.mark.django_db
PAGE = "/stoplist/"


def text_of(response) -> str:
    return b"".join(response).decode()


def add(client: Client, what: str, **over: str):
    return client.post(
        reverse("stoplist-add"), {"what": what, "reason": "manual", **over}
    )


def test_an_editor_stops_an_address_and_the_page_says_who_and_why(
    as_editor: Client, workspace: Workspace, editor: User
) -> None:
    make_recipient(workspace, "anna@example.com")

    response = add(as_editor, "Anna@example.com", evidence="Позвонила")

    page = text_of(as_editor.get(response["Location"]))
    assert "Anna@example.com" in page
    assert "Позвонила" in page
    assert str(editor) in page
    assert Recipient.objects.get().suppressed
    assert AuditEntry.objects.filter(verb="address_stopped", user=editor).exists()


@pytest.mark.parametrize("typed", ["bad.example", "@Bad.example", "*.bad.example"])
def test_a_domain_is_told_from_an_address(
    as_editor: Client, workspace: Workspace, typed: str
) -> None:
    add(as_editor, typed)

    assert Suppression.objects.get().domain == "bad.example"


@pytest.mark.parametrize(
    "typed",
    ["", " ", "anna@", "a b@example.com", "ru", "a@b@c.ru", "x\x00@example.com"],
)
def test_what_is_neither_is_an_error_at_its_field(
    as_editor: Client, workspace: Workspace, typed: str
) -> None:
    response = add(as_editor, typed, evidence="kept")

    assert response.status_code == 422
    page = text_of(response)
    assert 'id="id_what_error"' in page
    assert "kept" in page
    assert not Suppression.objects.exists()


def test_too_long_evidence_is_an_error_at_its_field(as_editor: Client) -> None:
    response = add(as_editor, "a@example.com", evidence="я" * 1001)

    assert response.status_code == 422
    assert 'id="id_evidence_error"' in text_of(response)


def test_stopping_somebody_again_says_so(as_editor: Client, workspace) -> None:
    make_suppression(workspace, "anna@example.com")

    page = text_of(
        as_editor.post(
            reverse("stoplist-add"),
            {"what": "anna@example.com", "reason": "objected"},
            follow=True,
        )
    )

    assert "уже" in page or "already" in page
    assert Suppression.objects.count() == 1


def test_a_search_finds_beginnings_and_whatever_stops_an_address(
    as_viewer: Client, workspace: Workspace
) -> None:
    make_suppression(workspace, "anna@example.com")
    make_suppression(workspace, "boris@example.com")
    make_suppression(workspace, domain="xn--80a1acny.xn--p1ai")
    make_suppression(workspace, "gone@example.com", by_hash=True, reason="erased")

    def found(query: str) -> list[str]:
        rows = as_viewer.get(PAGE, {"q": query}).context["page"].rows
        return sorted(str(row) for row in rows)

    digits = Suppression.objects.get(reason="erased").digits
    assert found("ANN") == ["anna@example.com"]
    assert found("почта.рф") == ["почта.рф"]
    assert found("x@mail.почта.рф") == ["почта.рф"]
    assert found("Gone@example.com") == [digits]
    assert found("nobody") == []


def test_erased_people_are_shown_by_the_beginning_of_their_hash(
    as_viewer: Client, workspace: Workspace
) -> None:
    row = make_suppression(workspace, "a@example.com", by_hash=True, reason="erased")

    page = text_of(as_viewer.get(PAGE))

    assert row.address_hash
    assert f"{row.digits}…" in page
    assert row.address_hash.hex not in page


def test_an_editor_takes_an_entry_off_after_a_question(
    as_editor: Client, workspace: Workspace
) -> None:
    recipient = make_recipient(workspace, "anna@example.com", suppressed=True)
    row = make_suppression(workspace, "anna@example.com")
    url = reverse("stoplist-lift", args=[row.pk])

    assert "anna@example.com" in text_of(as_editor.get(url))
    assert Suppression.objects.exists()
    as_editor.post(url)

    recipient.refresh_from_db()
    assert not recipient.suppressed
    assert not Suppression.objects.exists()


def test_an_import_shows_first_what_it_would_do(
    as_editor: Client, workspace: Workspace
) -> None:
    make_recipient(workspace, "anna@example.com")
    make_recipient(workspace, "b@sub.bad.example")
    make_suppression(workspace, "known@example.com")
    rows = (
        "Адрес;Причина;Примечание\n"
        "anna@example.com;возражает;письмо 5\n"
        "Anna@example.com;;\n"
        "known@example.com;;\n"
        "not an address;;\n"
        "bad.example;spam trap;\n"
    )
    file = SimpleUploadedFile("stop.csv", rows.encode("cp1251"))

    asked = as_editor.post(
        reverse("stoplist-import"), {"file": file, "reason": "manual"}
    )
    page = as_editor.get(asked["Location"])

    preview = page.context["preview"]
    assert (preview.new, preview.known, preview.twice) == (2, 1, 1)
    assert [row.number for row in preview.shown] == [5]
    assert "not an address" in text_of(page)
    assert Suppression.objects.count() == 1

    as_editor.post(asked["Location"])

    entries = {str(row): row for row in Suppression.objects.all()}
    assert set(entries) == {"anna@example.com", "known@example.com", "bad.example"}
    assert entries["bad.example"].evidence == "spam trap"
    assert Recipient.objects.filter(suppressed=True).count() == 2
    assert not StopUpload.objects.exists()
    assert AuditEntry.objects.get(verb="stop_list_imported").details["number"] == 2


def test_a_long_list_shows_how_far_it_is(
    as_editor: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop_exchange, "AT_ONCE", 0)
    monkeypatch.setattr(stop_exchange, "nudge_upload", lambda pk: None)
    upload = make_stop_upload(workspace)
    url = reverse("stoplist-upload", args=[upload.pk])
    live = reverse("stoplist-upload-live", args=[upload.pk])

    asked = as_editor.post(url)
    page = text_of(as_editor.get(asked["Location"]))

    assert asked["Location"] == url
    assert f'hx-get="{live}" hx-trigger="every 1s"' in page
    assert "HX-Refresh" not in as_editor.get(live)
    stop_exchange.run_upload(upload.pk)
    assert as_editor.get(live)["HX-Refresh"] == "true"
    page = text_of(as_editor.get(url))
    assert reverse("stoplist") in page
    assert "every 1s" not in page


@pytest.mark.parametrize(
    ("pasted", "names"),
    [
        ("a@example.com\nbad.example\n", {"a@example.com", "bad.example"}),
        ("bad.example", {"bad.example"}),
        ("one.example\r\ntwo.example", {"one.example", "two.example"}),
        ("a@example.com\tbounced\n", {"a@example.com"}),
        ("a@example.com\nbad.example;spam trap\n", {"a@example.com", "bad.example"}),
    ],
)
def test_rows_may_be_pasted(
    as_editor: Client, workspace: Workspace, pasted: str, names: set[str]
) -> None:
    data = {"text": pasted, "reason": "complained"}
    asked = as_editor.post(reverse("stoplist-import"), data)

    as_editor.post(asked["Location"])

    assert {str(row) for row in Suppression.objects.all()} == names


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"\xd0\xcf\x11\xe0" + b"\x00" * 600,
        b"<!doctype html><html>",
    ],
)
def test_a_file_that_is_no_list_is_an_error_at_its_field(
    as_editor: Client, file: bytes
) -> None:
    data = {"file": SimpleUploadedFile("x.csv", file), "reason": "manual"}

    response = as_editor.post(reverse("stoplist-import"), data)

    assert response.status_code == 422
    assert "_error" in text_of(response)
    assert not StopUpload.objects.exists()


def test_nothing_at_all_is_an_error(as_editor: Client) -> None:
    response = as_editor.post(reverse("stoplist-import"), {"reason": "manual"})

    assert response.status_code == 422
    assert 'id="id_file_error"' in text_of(response)


def test_sec_12_the_export_is_safe_and_comes_back_the_same(
    as_editor: Client, as_owner: Client, workspace: Workspace
) -> None:
    make_suppression(workspace, "anna@example.com", evidence='=HYPERLINK("x")')
    make_suppression(workspace, "+7@example.com", reason="objected", evidence="-1")
    make_suppression(workspace, domain="bad.example", reason="complained")

    file = b"".join(as_owner.get(reverse("stoplist-csv")))

    table = list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))
    assert table[1][2] == '\'=HYPERLINK("x")'
    before = kept()
    Suppression.objects.all().delete()
    asked = as_editor.post(
        reverse("stoplist-import"),
        {"file": SimpleUploadedFile("s.csv", file), "reason": "manual"},
    )
    as_editor.post(asked["Location"])
    assert kept() == before
    assert AuditEntry.objects.filter(verb="stop_list_exported").count() == 1


def kept() -> set[tuple[str, str, str, str]]:
    columns = ("email", "domain", "reason", "evidence")
    return set(Suppression.objects.values_list(*columns))


def test_bnc_07_deleted_and_added_again_they_are_still_stopped(
    as_editor: Client, workspace: Workspace
) -> None:
    row = make_recipient(workspace, "anna@example.com")
    as_editor.post(reverse("recipient-unsubscribe", args=[row.pk]))
    as_editor.post(reverse("recipient-delete", args=[row.pk]))
    assert not Recipient.objects.exists()

    again = make_recipient(workspace, "Anna@example.com")
    mark_suppressed(workspace, [again.pk])  # as all do who add recipients

    assert Recipient.objects.get().suppressed
    entry = Suppression.objects.get()
    assert (entry.email, entry.reason) == ("", SuppressionReason.UNSUBSCRIBED)
