"""Why somebody got a mailing's letter, or did not: the page and the ways to it."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from pochtar.delivery.models import Attempt
from pochtar.mailings.launch import launch_mailing
from tests.make import make_mailing, make_recipient

pytestmark = pytest.mark.django_db
WEIRD = "o'brien+x&y@example.com"


@pytest.fixture
def mailing(workspace, as_viewer):
    as_viewer.cookies["django_language"] = "en"
    make_recipient(workspace, "anna@example.com")
    make_recipient(workspace, WEIRD)
    mailing = make_mailing(workspace, name="Autumn")
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    assert mailing.run
    for delivery in mailing.run.deliveries.all():
        Attempt.objects.create(
            workspace=workspace,
            run=mailing.run,
            delivery=delivery,
            outcome="failed",
            permanent=True,
            code=550,
            enhanced_code="5.1.1",
            reply="No <b>such</b> user",
            stage="rcpt",
            at=timezone.now(),
        )
    return mailing


def why(mailing) -> str:
    return reverse("mailing-why", args=[mailing.pk])


def test_the_page_answers_for_an_address(as_viewer, mailing):
    text = as_viewer.get(why(mailing), {"address": "anna@example.com"}).text

    assert "Did not get it: the letter was not taken." in text
    assert "550 5.1.1 No &lt;b&gt;such&lt;/b&gt; user" in text
    assert "There is no such mailbox." in text
    assert "The recipient&#x27;s address" in text


def test_without_an_address_the_page_only_asks(as_viewer, mailing):
    text = as_viewer.get(why(mailing)).text

    assert 'name="address"' in text
    assert "timeline" not in text


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("nobody@example.com", "There is no such address"),
        ("<script>", "This is not an e-mail address."),
    ],
)
def test_what_cannot_be_explained_is_said(as_viewer, mailing, address, answer):
    text = as_viewer.get(why(mailing), {"address": address}).text

    assert answer in text
    assert "<script>" not in text.replace('<script type="module"', "")


def test_the_box_on_the_mailings_page_gets_only_the_answer(as_viewer, mailing):
    answer = as_viewer.get(
        why(mailing), {"address": "anna@example.com"}, headers={"HX-Request": "true"}
    )

    assert answer.text.startswith('<div id="answer"')
    assert "HX-Request" in answer["Vary"]


@pytest.mark.parametrize("launched", [True, False])
def test_every_mailing_has_the_box(as_viewer, mailing, workspace, launched):
    shown = mailing if launched else make_mailing(workspace)

    text = as_viewer.get(reverse("mailing", args=[shown.pk])).text

    assert f'action="{why(shown)}"' in text
    assert 'id="answer"' in text


@pytest.mark.parametrize("page", ["mailing", "attempts"])
def test_a_row_of_the_attempts_leads_to_the_story(as_viewer, mailing, page):
    args = [mailing.pk] if page == "mailing" else []

    text = as_viewer.get(reverse(page, args=args)).text

    link = f"{why(mailing)}?address=o%27brien%2Bx%26y%40example.com"
    assert link in text
    assert "o&#x27;brien+x&amp;y@example.com" in as_viewer.get(link).text


def test_a_search_that_finds_nobody_offers_to_explain(as_viewer, mailing):
    page = reverse("mailing", args=[mailing.pk])

    whole = as_viewer.get(page, {"q": "nobody@example.com"}).text
    part = as_viewer.get(page, {"q": "nobody"}).text

    assert f"{why(mailing)}?address=nobody%40example.com" in whole
    assert "?address=nobody" not in part


def test_a_refused_attempt_is_explained_in_its_row(as_viewer, mailing):
    text = as_viewer.get(reverse("attempts")).text

    assert "There is no such mailbox." in text
    assert "Check the address for typing errors" in text


def test_sec_01_a_mailing_of_another_workspace_is_not_found(as_stranger, mailing):
    answer = as_stranger.get(why(mailing), {"address": "anna@example.com"})

    assert answer.status_code == 404
