"""Many recipients at once, in the background: watch it, stop it, take it back."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import User, Workspace
from pochtar.recipients import jobs
from pochtar.recipients.bulk import add_selected
from pochtar.recipients.jobs import run_job
from pochtar.recipients.models import (
    BulkJob,
    ConsentEntry,
    Recipient,
    Suppression,
    WorkState,
)
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.web.forms import bulk as forms
from tests.make import make_job, make_list, make_recipient

pytestmark = pytest.mark.django_db
URL = "/recipients/bulk/"


def text_of(response) -> str:
    return str(response.content.decode())


@pytest.fixture
def three(workspace: Workspace) -> list[Recipient]:
    return [
        make_recipient(workspace, f"r{n}@example.com", attributes={"city": "Тверь"})
        for n in range(3)
    ]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take everything for too many to be done at once."""
    monkeypatch.setattr(jobs, "AT_ONCE", 1)
    monkeypatch.setattr(jobs, "nudge_job", lambda pk: None)
    monkeypatch.setattr(forms, "FEW", 1)


@pytest.fixture
def done(workspace: Workspace, editor: User, three: list[Recipient]) -> BulkJob:
    everybody = Selection(search=Search(workspace=workspace))
    return add_selected(everybody, to=make_list(workspace, name="Гости"), by=editor)


def test_many_are_changed_in_the_background_on_a_page_that_shows_how_far_it_is(
    as_editor: Client, three: list[Recipient], many: None
) -> None:
    wish = {"action": "add", "everybody": "1", "new_name": "Гости"}

    response = as_editor.post(URL, wish)

    job = BulkJob.objects.get()
    assert response["Location"] == reverse("job", args=[job.pk])
    waiting = text_of(as_editor.get(response["Location"]))
    assert 'hx-trigger="every 1s"' in waiting
    assert "Гости" in waiting
    run_job(job.pk)
    live = as_editor.get(reverse("job-live", args=[job.pk]), {"was": "choosing"})
    assert live["HX-Refresh"] == "true"
    assert 'hx-trigger="every 1s"' not in text_of(as_editor.get(response["Location"]))


def test_a_running_job_is_stopped_from_its_page(
    as_editor: Client, workspace: Workspace
) -> None:
    job = make_job(workspace)
    cancel = reverse("job-cancel", args=[job.pk])

    assert cancel in text_of(as_editor.get(reverse("job", args=[job.pk])))
    as_editor.post(cancel)
    again = as_editor.post(cancel, follow=True)

    job.refresh_from_db()
    assert job.state == WorkState.CANCELLED
    assert "alert-warning" in text_of(again)


def test_a_finished_job_is_undone_from_its_page_once(
    as_editor: Client, done: BulkJob
) -> None:
    undo, page = (reverse(name, args=[done.pk]) for name in ("job-undo", "job"))
    assert undo in text_of(as_editor.get(page))

    as_editor.post(undo)

    done.refresh_from_db()
    assert (done.step, done.returned) == ("undone", 3)
    assert undo not in text_of(as_editor.get(page))
    assert "alert-error" in text_of(as_editor.post(undo, follow=True))


def test_jobs_are_listed_with_what_they_did_and_to_whom(
    as_viewer: Client, done: BulkJob
) -> None:
    page = text_of(as_viewer.get(reverse("jobs")))

    assert "Гости" in page
    assert reverse("job", args=[done.pk]) in page
    assert "editor@example.com" in page


def test_many_are_deleted_only_when_their_number_is_typed(
    as_editor: Client, three: list[Recipient], many: None
) -> None:
    wish = {"action": "delete", "everybody": "1"}

    assert 'name="typed"' in text_of(as_editor.get(URL, wish))
    for typed in ("", "4", "yes"):
        assert as_editor.post(URL, {**wish, "typed": typed}).status_code == 422
    assert not BulkJob.objects.exists()
    as_editor.post(URL, {**wish, "typed": " 3 "})

    run_job(BulkJob.objects.get().pk)
    assert Recipient.objects.count() == 0


def test_an_attribute_is_set_for_those_who_are_ticked(
    as_editor: Client, three: list[Recipient]
) -> None:
    wish = {"action": "attribute", "pick": [str(three[0].pk)], "key": "city"}

    assert as_editor.get(URL, wish).status_code == 200
    bad = as_editor.post(URL, {**wish, "value": "x" * 600})
    as_editor.post(URL, {**wish, "value": "Псков"})

    assert bad.status_code == 422
    cities = Recipient.objects.order_by("pk").values_list("attributes", flat=True)
    assert [one["city"] for one in cities] == ["Псков", "Тверь", "Тверь"]


def test_law_01_a_basis_is_stated_with_its_wording(
    as_editor: Client, three: list[Recipient]
) -> None:
    Recipient.objects.update(basis="")
    wish = {"action": "basis", "everybody": "1"}

    assert as_editor.post(URL, wish).status_code == 422
    as_editor.post(URL, {**wish, "basis": "contract", "wording": "Договор"})

    assert set(Recipient.objects.values_list("basis", flat=True)) == {"contract"}
    assert ConsentEntry.objects.get().wording == "Договор"


def test_bnc_07_writing_is_stopped_with_a_reason(
    as_editor: Client, three: list[Recipient]
) -> None:
    wish = {"action": "stop", "pick": [str(three[1].pk)], "evidence": "просил"}

    as_editor.post(URL, wish)

    assert Suppression.objects.get().evidence == "просил"
    assert Recipient.objects.get(suppressed=True) == three[1]
