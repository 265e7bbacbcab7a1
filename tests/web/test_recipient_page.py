"""The page of one recipient: what is known, what happened, and what can be done."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pochtar.accounts.models import AuditEntry, Workspace
from pochtar.delivery.models import Attempt
from pochtar.recipients.models import DomainHealth, Recipient, Suppression
from tests.make import make_list, make_recipient
from tests.web.mailings import launched

pytestmark = pytest.mark.django_db

MANAGEMENT = {"attributes-TOTAL_FORMS": "0", "attributes-INITIAL_FORMS": "0"}


def url(name: str, row: Recipient) -> str:
    return reverse(name, args=[row.pk])


def typed(email: str, **over: str) -> dict[str, str]:
    return {
        "email": email,
        "full_name": "",
        "basis": "consent",
        "comment": "",
        **MANAGEMENT,
        **over,
    }


@pytest.fixture
def anna(workspace: Workspace) -> Recipient:
    return make_recipient(workspace, "anna@shop-prima.ru", attributes={"city": "Тверь"})


@pytest.fixture
def in_english(as_editor: Client, as_manager: Client) -> None:
    for client in (as_editor, as_manager):
        client.cookies["django_language"] = "en"


# What happened --------------------------------------------------------------------------
def test_each_attempt_stands_on_the_time_line_with_its_reply(
    as_editor, in_english, workspace, anna
):
    mailing = launched(workspace, name="Autumn")
    delivery = anna.deliveries.get()
    Attempt.objects.create(
        workspace=workspace,
        run=mailing.run,
        delivery=delivery,
        outcome="failed",
        permanent=True,
        code=550,
        enhanced_code="5.1.1",
        reply="No <b>such</b> user",
        at=timezone.now(),
    )

    page = as_editor.get(url("recipient", anna)).text

    assert "550 5.1.1 No &lt;b&gt;such&lt;/b&gt; user" in page
    assert reverse("mailing", args=[mailing.pk]) in page
    assert page.index("refused the letter") < page.index("Chosen for a mailing")


def test_what_a_person_does_is_told_with_their_name(
    as_editor, editor, in_english, workspace, anna
):
    shop = make_list(workspace, anna, name="Shop")
    as_editor.post(
        url("recipient-edit", anna), typed("anna@shop-prima.ru", full_name="Anna")
    )
    as_editor.post(url("recipient-leave", anna), {"list": str(shop.pk)})
    as_editor.post(url("recipient-stop", anna), {"reason": "manual", "evidence": "#12"})
    as_editor.post(url("recipient-allow", anna))

    page = as_editor.get(url("recipient", anna)).text

    for told in (
        "What: full name and “city”.",
        "Taken out of the list “Shop”.",
        "Taken off the stop list.",
    ):
        assert told in page
    assert page.count(f"· {editor}") >= 3


def test_a_time_line_is_read_page_by_page_without_gaps(as_editor, workspace, anna):
    """Also where many events share one moment."""
    now = timezone.now()
    AuditEntry.objects.bulk_create(
        AuditEntry(
            workspace=workspace,
            verb=f"event_{number}_",
            subject="recipient",
            subject_id=str(anna.pk),
            at=now,
        )
        for number in range(45)
    )
    seen, cursor = [], ""
    for _page in range(10):
        timeline = as_editor.get(url("recipient", anna), {"cursor": cursor}).context[
            "timeline"
        ]
        seen += [event.key for event in timeline.events]
        cursor = timeline.next
        if not cursor:
            break

    events = [key for key in seen if key.startswith("event_")]
    assert events == [f"event_{number}_" for number in reversed(range(45))]
    assert seen[-1] == "added"


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJ4IiwxLDJd", "=" * 500, "\x00"])
def test_a_made_up_cursor_shows_the_newest(as_editor, anna, cursor):
    page = as_editor.get(url("recipient", anna), {"cursor": cursor})

    assert page.status_code == 200
    assert page.context["timeline"].events


# Stopping -------------------------------------------------------------------------------
def test_a_stopped_recipient_says_so_and_why(as_editor, in_english, anna):
    """BNC-07."""
    as_editor.post(
        url("recipient-stop", anna), {"reason": "objected", "evidence": "Letter of May"}
    )

    anna.refresh_from_db()
    page = as_editor.get(url("recipient", anna)).text
    assert anna.suppressed
    assert "On the stop list" in page
    assert "Letter of May" in page


def test_stopping_needs_a_reason_that_is_known(as_editor, anna):
    page = as_editor.post(url("recipient-stop", anna), {"reason": "mood"})

    assert page.status_code == 422
    assert not Suppression.objects.exists()


# Their rights ---------------------------------------------------------------------------
def test_the_file_holds_every_table_as_json_and_csv(as_manager, workspace, anna):
    """LAW-06: one person's data, portable."""
    launched(workspace)
    anna.full_name = "=HYPERLINK(1)"
    anna.save()
    make_list(workspace, anna, name="Shop")
    other = make_recipient(workspace, "boris@shop-prima.ru")

    answer = as_manager.post(url("recipient-dossier", anna))

    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert archive.testzip() is None
    names = {name.rpartition(".")[0] for name in archive.namelist()}
    assert names == {
        *("recipient", "attributes", "lists", "consent", "stop_list", "deliveries"),
        *("attempts", "letters", "events"),
    }
    assert json.loads(archive.read("recipient.json"))[0]["email"] == anna.email
    assert json.loads(archive.read("lists.json"))[0]["list"] == "Shop"
    assert json.loads(archive.read("deliveries.json"))[0]["email"] == anna.email
    everything = b"".join(map(archive.read, archive.namelist())).decode()
    assert other.email not in everything
    assert AuditEntry.objects.filter(verb="recipient_exported").count() == 1


def test_a_cell_of_the_file_is_no_formula(as_manager, anna):
    """SEC-12."""
    anna.full_name = "=HYPERLINK(1)"
    anna.save()

    answer = as_manager.post(url("recipient-dossier", anna))

    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    text = archive.read("recipient.csv").decode("utf-8-sig")
    row = next(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert row["full_name"] == "'=HYPERLINK(1)"


def test_the_question_before_erasing_says_what_goes_and_what_stays(
    as_manager, in_english, anna
):
    """LAW-06."""
    page = as_manager.get(url("recipient-erase", anna)).text

    assert "What goes" in page
    assert "keyed hash" in page
    assert Recipient.objects.filter(pk=anna.pk).exists()


def test_a_manager_erases_a_person(as_manager, anna):
    """LAW-06."""
    answer = as_manager.post(url("recipient-erase", anna))

    assert answer["Location"] == reverse("recipients")
    assert not Recipient.objects.exists()
    assert Suppression.objects.get().email == ""


@pytest.mark.parametrize("name", ["recipient-erase", "recipient-dossier"])
def test_an_editor_neither_erases_nor_takes_the_file(as_editor, anna, name):
    """LAW-06."""
    assert as_editor.post(url(name, anna)).status_code == 403
    assert Recipient.objects.filter(pk=anna.pk).exists()


# Merging --------------------------------------------------------------------------------
def test_the_other_one_is_found_by_name_then_values_are_chosen(
    as_editor, workspace, anna
):
    twin = make_recipient(workspace, "a.petrova@home.ru", attributes={"age": "40"})
    search = as_editor.get(url("recipient-merge", anna)).text
    assert f"?with={twin.pk}" in search

    form = as_editor.get(url("recipient-merge", anna), {"with": twin.pk}).context[
        "form"
    ]
    names = [str(row["pair"][0][1]) for row in form.rows()]
    assert names == ["anna@shop-prima.ru", "Тверь", ""]
    answer = as_editor.post(
        url("recipient-merge", anna),
        {
            "with": twin.pk,
            "stays": "second",
            "value-0": "first",
            "value-3": "first",
            "value-4": "second",
        },
    )

    left = Recipient.objects.get()
    assert answer["Location"] == url("recipient", left)
    assert (left.pk, left.email) == (twin.pk, "anna@shop-prima.ru")
    assert left.attributes == {"city": "Тверь", "age": "40"}


def test_an_unfinished_choice_merges_nobody(as_editor, workspace, anna):
    twin = make_recipient(workspace, "a.petrova@home.ru")

    page = as_editor.post(url("recipient-merge", anna), {"with": twin.pk})

    assert page.status_code == 422
    assert Recipient.objects.count() == 2


def test_nobody_of_another_workspace_is_merged(as_editor, anna, stranger):
    foreign = stranger.workspaces.first()
    other = make_recipient(foreign, "anna@elsewhere.ru")

    page = as_editor.get(url("recipient-merge", anna), {"with": other.pk})

    assert "anna@elsewhere.ru" not in page.text


# Hygiene --------------------------------------------------------------------------------
def test_a_mistyped_domain_is_asked_about_before_it_is_saved(as_editor, in_english):
    page = as_editor.post(
        reverse("recipient-add"), typed("anna@gmial.com", full_name="Anna")
    )

    assert "Did you mean anna@gmail.com?" in page.text
    assert 'value="Anna"' in page.text
    assert not Recipient.objects.exists()


@pytest.mark.parametrize(
    ("answer", "saved"),
    [
        ({"take": "anna@gmail.com"}, "anna@gmail.com"),
        ({"keep": "anna@gmial.com"}, "anna@gmial.com"),
    ],
)
def test_the_suggestion_is_taken_or_not(as_editor, answer, saved):
    as_editor.post(reverse("recipient-add"), typed("anna@gmial.com", **answer))

    assert Recipient.objects.get().email == saved


def test_an_address_that_was_kept_is_not_asked_about_again(as_editor, workspace):
    row = make_recipient(workspace, "anna@gmial.com")

    as_editor.post(url("recipient-edit", row), typed("anna@gmial.com", full_name="A"))

    row.refresh_from_db()
    assert row.full_name == "A"


def test_one_click_mends_the_domain(as_editor, in_english, workspace):
    row = make_recipient(workspace, "anna@gmial.com", attributes={"city": "Тверь"})
    assert "Did you mean anna@gmail.com?" in as_editor.get(url("recipient", row)).text

    as_editor.post(url("recipient-correct", row))

    row.refresh_from_db()
    assert (row.email, row.attributes) == ("anna@gmail.com", {"city": "Тверь"})


def test_where_the_right_one_is_there_already_the_two_can_be_merged(
    as_editor, workspace
):
    row = make_recipient(workspace, "anna@gmial.com")
    right = make_recipient(workspace, "anna@gmail.com")

    answer = as_editor.post(url("recipient-correct", row))

    assert answer["Location"] == f"{url('recipient-merge', row)}?with={right.pk}"


def test_marks_say_what_is_odd_about_an_address(as_editor, in_english, workspace):
    row = make_recipient(workspace, "info@mailinator.com")
    DomainHealth.objects.create(
        domain="mailinator.com", verdict="null_mx", checked_at=timezone.now()
    )

    page = as_editor.get(url("recipient", row)).text
    table = as_editor.get(reverse("recipients")).text

    assert "role address" in page
    assert "role address" in table
    assert "disposable" in page
    assert "says that it takes no mail" in page


# Other letters --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("email", "key"),
    [
        ("Иван@Почта.рф", "иван@xn--80a1acny.xn--p1ai"),
        ("ivan@почта.рф", "ivan@xn--80a1acny.xn--p1ai"),
        ("Jürgen@bücher.de", "jürgen@xn--bcher-kva.de"),
    ],
)
def test_addresses_in_other_letters_are_kept_right(
    as_editor, as_manager, workspace, email, key
):
    """MSG-12, MSG-13: through form, page, edit, search and merge."""
    as_editor.post(reverse("recipient-add"), typed(email))
    row = Recipient.objects.get()
    assert (row.email, row.email_key) == (email, key)
    assert email in as_editor.get(url("recipient", row)).text
    assert f'value="{email}"' in as_editor.get(url("recipient-edit", row)).text
    for query in (email, email.lower(), key, email.partition("@")[0]):
        found = as_editor.get(reverse("recipients"), {"q": query})
        assert email in found.text, query
    as_editor.post(url("recipient-edit", row), typed(email, full_name="Ivan"))
    row.refresh_from_db()
    assert (row.email, row.email_key, row.full_name) == (email, key, "Ivan")

    twin = make_recipient(workspace, "plain@shop-prima.ru", full_name="Ivan")
    as_editor.post(
        url("recipient-merge", twin),
        {"with": row.pk, "stays": "first", "value-0": "second"},
    )

    left = Recipient.objects.get()
    assert (left.pk, left.email, left.email_key) == (twin.pk, email, key)


def test_two_spellings_of_one_mailbox_are_one_recipient(as_editor, workspace):
    """MSG-13: the domain in letters and as A-labels."""
    as_editor.post(reverse("recipient-add"), typed("ivan@почта.рф"))

    page = as_editor.post(reverse("recipient-add"), typed("IVAN@xn--80a1acny.xn--p1ai"))

    assert page.status_code == 422
    assert Recipient.objects.count() == 1
