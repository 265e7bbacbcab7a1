"""Order an export, watch it, fetch the file: one's own, for a while."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pochtar.accounts.models import User, Workspace
from pochtar.recipients import exports
from pochtar.recipients.exports import file_of, run_export
from pochtar.recipients.models import Export, Recipient, Segment
from tests.make import PASSWORD, make_export, make_list, make_recipient

pytestmark = pytest.mark.django_db
URL = "/recipients/export/"
CHOICE = {"format": "csv", "columns": ["email", "full_name"]}


@pytest.fixture(autouse=True)
def _folder(settings: LazySettings, tmp_path: Path) -> None:
    settings.VAR = tmp_path


@pytest.fixture
def three(workspace: Workspace) -> list[Recipient]:
    return [
        make_recipient(workspace, f"{name}@example.com", full_name=name)
        for name in ("anna", "boris", "vera")
    ]


@pytest.fixture
def trusted(as_editor: Client) -> Client:
    """An editor who has just typed the password."""
    as_editor.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return as_editor


def text_of(response) -> str:
    return str(response.content.decode())


def file_in(response) -> str:
    return b"".join(response.streaming_content).decode()


def test_few_are_exported_at_once_and_downloaded(
    trusted: Client, three: list[Recipient]
) -> None:
    assert "anna" not in text_of(trusted.get(URL, {"everybody": "1"}))

    ordered = trusted.post(URL, {"everybody": "1", **CHOICE})

    export = Export.objects.get()
    assert ordered["Location"] == reverse("export", args=[export.pk])
    download = reverse("export-download", args=[export.pk])
    assert download in text_of(trusted.get(ordered["Location"]))
    file = trusted.get(download)
    assert file["Content-Disposition"].startswith("attachment")
    assert file["Cache-Control"] == "no-store"
    assert file_in(file).splitlines()[1:] == [
        "anna@example.com,anna",
        "boris@example.com,boris",
        "vera@example.com,vera",
    ]


@pytest.mark.parametrize("whom", ["pick", "q", "list", "segment"])
def test_those_ticked_a_search_a_list_and_a_segment_are_exported(
    trusted: Client, workspace: Workspace, three: list[Recipient], whom: str
) -> None:
    rule = {"all": [{"field": "email", "op": "contains", "value": "boris"}]}
    segment = Segment.objects.create(workspace=workspace, name="Б", rule=rule)
    queries: dict[str, dict[str, Any]] = {
        "pick": {"pick": [str(three[1].pk)]},
        "q": {"q": "boris", "everybody": "1"},
        "list": {"list": str(make_list(workspace, three[1]).pk), "everybody": "1"},
        "segment": {"segment": str(segment.pk), "everybody": "1"},
    }
    query = queries[whom]

    form = text_of(trusted.get(URL, query))
    for count in re.findall(r'hx-get="([^"]*count[^"]*)"', form):
        form = text_of(trusted.get(count.replace("&amp;", "&")))
    assert "1 получатель" in form
    trusted.post(URL, {**query, **CHOICE})

    export = Export.objects.get()
    assert file_of(export).read_text().splitlines()[1:] == ["boris@example.com,boris"]
    assert trusted.get(reverse("exports")).status_code == 200


def test_sec_18_the_password_is_asked_before_and_nothing_chosen_is_lost(
    as_editor: Client, three: list[Recipient]
) -> None:
    asked = as_editor.post(URL, {"q": "anna", "everybody": "1", **CHOICE})

    assert not Export.objects.exists()
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    back = parse_qs(urlsplit(asked["Location"]).query)["next"][0]
    answered = as_editor.post(
        reverse("account_reauthenticate"), {"password": PASSWORD, "next": back}
    )
    assert answered["Location"] == back
    form = text_of(as_editor.get(back))
    assert 'value="anna"' in form
    assert form.count("checked") == 3  # the file, and two columns
    as_editor.post(URL, {"q": "anna", "everybody": "1", **CHOICE})
    assert Export.objects.get().done == 1


def test_many_are_exported_in_the_background(
    trusted: Client, three: list[Recipient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 1)
    monkeypatch.setattr(exports, "nudge_export", lambda pk: None)

    page = trusted.post(URL, {"everybody": "1", **CHOICE})["Location"]

    export = Export.objects.get()
    live = reverse("export-live", args=[export.pk])
    assert live in text_of(trusted.get(page))
    assert "HX-Refresh" not in trusted.get(live)
    run_export(export.pk)
    assert trusted.get(live)["HX-Refresh"] == "true"


def test_a_waiting_export_is_stopped(
    trusted: Client, editor: User, workspace: Workspace
) -> None:
    export = make_export(workspace, created_by=editor)

    trusted.post(reverse("export-cancel", args=[export.pk]))

    export.refresh_from_db()
    assert export.state == "cancelled"
    assert trusted.get(reverse("export", args=[export.pk])).status_code == 200


def test_sec_01_nobody_else_finds_an_export_not_even_an_owner(
    trusted: Client, as_owner: Client, as_stranger: Client, three: list[Recipient]
) -> None:
    trusted.post(URL, {"everybody": "1", **CHOICE})
    pk = Export.objects.get().pk

    for client in (as_owner, as_stranger):
        for name in ("export", "export-live", "export-download"):
            assert client.get(reverse(name, args=[pk])).status_code == 404
        assert str(pk) not in text_of(client.get(reverse("exports")))
        assert client.post(reverse("export-cancel", args=[pk])).status_code == 404


def test_sec_01_one_who_takes_part_no_more_finds_it_no_more(
    trusted: Client, editor: User, three: list[Recipient]
) -> None:
    trusted.post(URL, {"everybody": "1", **CHOICE})
    pk = Export.objects.get().pk
    editor.memberships.all().delete()

    answer = trusted.get(reverse("export-download", args=[pk]))

    assert answer.status_code in (302, 404)
    assert not answer.streaming


def test_the_link_works_for_a_day(trusted: Client, three: list[Recipient]) -> None:
    trusted.post(URL, {"everybody": "1", **CHOICE})
    export = Export.objects.get()
    download = reverse("export-download", args=[export.pk])

    with time_machine.travel(timezone.now() + dt.timedelta(hours=23), tick=False):
        assert file_in(trusted.get(download))
    with time_machine.travel(timezone.now() + dt.timedelta(hours=25), tick=False):
        late = trusted.get(download)
        page = text_of(trusted.get(late["Location"]))

    assert late["Location"] == reverse("export", args=[export.pk])
    assert "alert-warning" in page
    assert download not in page


def test_nobody_ticked_and_no_column_are_said(
    trusted: Client, three: list[Recipient]
) -> None:
    nobody = trusted.get(URL, follow=True)
    no_column = trusted.post(URL, {"everybody": "1", "format": "csv"})

    assert "alert-warning" in text_of(nobody)
    assert no_column.status_code == 422
    assert not Export.objects.exists()


def test_a_viewer_orders_no_export_and_is_offered_none(
    as_viewer: Client, three: list[Recipient]
) -> None:
    assert as_viewer.post(URL, {"everybody": "1", **CHOICE}).status_code == 403
    assert URL not in text_of(as_viewer.get(reverse("recipients")))
