"""The way out of the mailings, as mail programs, scanners and people use it."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore.engine.types import Item
from mailcore.smtp.sink import Sink
from pochtar.accounts.models import AuditEntry, Workspace
from pochtar.delivery.marks import run_naming, sample_url
from pochtar.delivery.models import Delivery
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import (
    ConsentEntry,
    Recipient,
    SuppressionReason,
    UnsubscribedVia,
)
from pochtar.recipients.stop_marks import mark_suppressed
from pochtar.recipients.stoplist import stop_address
from pochtar.web.public.unsubscribe import mask
from tests.make import make_recipient, make_workspace
from tests.pochtar.delivery.launching import launch

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def outside() -> Client:
    """A mail program: no cookie, no CSRF token, an address of its own."""
    return Client(enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.9")


@pytest.fixture
def recipient(workspace: Workspace) -> Recipient:
    return make_recipient(workspace, "anna@example.com")


@pytest.fixture
def url(workspace: Workspace, recipient: Recipient) -> str:
    launch(workspace, Sink(port=25))
    row = Delivery.objects.get()
    item = Item(
        delivery_id=row.pk, position=1, email=row.email, recipient=recipient.pk.hex
    )
    return path_of(run_naming(domain="x.ru")(item).unsubscribe_url)


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def events() -> list[str]:
    rows = AuditEntry.objects.filter(verb__contains="subscribed").order_by("pk")
    return [f"{row.verb}:{row.details.get('via', '')}" for row in rows]


def left() -> bool:
    return Recipient.objects.get().unsubscribed_at is not None


@pytest.mark.parametrize("multipart", [True, False])
def test_one_click_twice_is_one_event_and_200_both_times(outside, url, multipart):
    """MSG-24"""
    for _try in range(2):
        page = (
            outside.post(url, ONE_CLICK)
            if multipart
            else outside.post(url, "List-Unsubscribe=One-Click", content_type=FORM)
        )
        assert (page.status_code, page.content) == (200, b"OK")
        assert not page.cookies

    assert left()
    assert events() == ["recipient_unsubscribed:one_click"]
    details = AuditEntry.objects.get(verb="recipient_unsubscribed").details
    assert details["delivery"] == Delivery.objects.get().pk


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_scanner_changes_nothing(outside, url, method):
    """MSG-24: GET x1000 in the requirement; the thousandth is like the first"""
    for _try in range(50):
        assert getattr(outside, method)(url).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        getattr(outside, method)(url)

    assert all(each["sql"].lstrip().startswith("SELECT") for each in queries)
    assert not left()
    assert events() == []


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_no_other_method_does_anything(outside, url, method):
    assert getattr(outside, method)(url).status_code == 405
    assert not left()


def test_a_person_leaves_by_one_button_and_can_come_back(outside, url):
    """MSG-24, LAW-04"""
    asked = outside.get(url)
    assert asked.content.count(b"<button") == 1
    assert b"csrf" not in asked.content

    gone = outside.post(url)
    assert (gone.status_code, left()) == (200, True)
    assert 'name="wish" value="back"' in gone.content.decode()
    assert outside.get(url).content.count(b"<button") == 1

    back = outside.post(url, {"wish": "back"})
    assert (back.status_code, left()) == (200, False)
    assert events() == ["recipient_unsubscribed:page", "recipient_resubscribed:"]
    assert not outside.cookies


def test_nobody_fills_the_audit_log_by_coming_and_going(outside, url):
    for _try in range(20):
        outside.post(url)
        outside.post(url, {"wish": "back"})

    assert left()
    assert len(events()) <= 12


@pytest.mark.parametrize(
    ("wish", "words"), [("ru", "Отписаться"), ("en", "Unsubscribe")]
)
def test_the_page_speaks_the_readers_language(outside, url, wish, words):
    for page in (
        outside.get(url, headers={"accept-language": wish}),
        outside.get(url, {"language": wish}),
    ):
        assert f'<html lang="{wish}"' in page.content.decode()
        assert page["Content-Language"] == wish
        assert words in page.content.decode() or wish == "ru"


def test_the_page_shows_whose_letters_and_hides_the_address(outside, url):
    """A forwarded letter must not tell the address."""
    text = outside.get(url).content.decode()

    assert "Лавка" in text
    assert "an•••@example.com" in text
    assert "anna@example.com" not in text
    assert not re.search(r'<a [^>]*href="/', text)  # no way into the service


def test_the_address_is_a_key_and_is_kept_like_one(outside, url):
    page = outside.get(url)

    assert page["Referrer-Policy"] == "no-referrer"
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in page["Cache-Control"]


def test_a_foreign_token_is_told_nothing_and_asks_nothing(outside, url):
    """MSG-24"""
    with CaptureQueriesContext(connection) as queries:
        pages = [outside.get(url[:-4] + "/"), outside.post("/u/x/", ONE_CLICK)]

    assert [page.status_code for page in pages] == [404, 404]
    assert len(pages[0].content) == len(pages[1].content)
    assert b"anna" not in pages[0].content
    assert len(queries) == 0
    assert not left()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    text=st.text(
        st.characters(exclude_characters="/", exclude_categories=["Cs"]),
        min_size=1,
        max_size=70,
    )
)
def test_no_token_can_be_guessed(outside, recipient, text):
    """MSG-24"""
    page = outside.post(reverse("unsubscribe", args=[text]), ONE_CLICK)

    assert page.status_code == 404
    assert not left()


def test_law_01_the_ledger_says_from_where_and_in_which_language(outside, url):
    agent = {"User-Agent": "Mail/1.0", "Accept-Language": "en"}
    outside.post(url, headers=agent)
    outside.post(url, {"wish": "back"}, headers=agent)

    left_, back = ConsentEntry.objects.order_by("sequence")
    assert (left_.kind, left_.ip, left_.user_agent, left_.language) == (
        "withdrawn",
        "203.0.113.9",
        "Mail/1.0",
        "en",
    )
    assert (back.kind, back.wording) == ("resumed", "It was a mistake: subscribe again")


def test_bnc_07_a_deleted_recipient_leaves_for_good(outside, url, recipient, workspace):
    recipient.delete()
    assert b"<button" in outside.get(url).content

    page = outside.post(url).content
    assert b"<button" not in page
    again = make_recipient(workspace, "anna@example.com")
    mark_suppressed(workspace, [again.pk])

    again.refresh_from_db()
    assert again.suppressed
    assert 'value="back"' in outside.get(url).content.decode()


def test_who_is_on_the_stop_list_is_not_offered_a_way_back(
    outside, url, workspace, owner
):
    reason = SuppressionReason.COMPLAINED
    stop_address(workspace, "anna@example.com", reason=reason, by=owner)

    assert b"<button" not in outside.get(url).content
    outside.post(url, {"wish": "back"})
    assert Recipient.objects.get().suppressed


def test_a_deleted_recipient_is_told_that_all_is_well(outside, url, recipient):
    recipient.delete()

    assert outside.post(url, ONE_CLICK).status_code == 200
    page = outside.get(url)
    assert page.status_code == 200
    assert b"<button" not in page.content


def test_an_old_link_still_works_for_somebody_who_was_added_again(
    outside, url, recipient, workspace
):
    """MSG-24: the address decides when the row has gone"""
    recipient.delete()
    other = make_recipient(make_workspace(), "anna@example.com")
    make_recipient(workspace, "anna@example.com")

    outside.post(url, ONE_CLICK)

    assert Recipient.objects.get(workspace=workspace).unsubscribed_at
    other.refresh_from_db()
    assert other.unsubscribed_at is None


def test_an_old_link_works_without_its_delivery(outside, url):
    """MSG-24: the recipient is in the token, too"""
    Delivery.objects.all().delete()

    outside.post(url, ONE_CLICK)

    assert left()


def test_a_test_letters_link_shows_the_page_and_changes_nothing(
    outside, workspace, recipient
):
    url = path_of(sample_url(workspace))

    assert outside.get(url).content.count(b"<button") == 1
    for body in (ONE_CLICK, {}, {"wish": "back"}):
        assert outside.post(url, body).status_code == 200
    assert not left()


@pytest.mark.parametrize(
    ("email", "shown"),
    [("anna@x.ru", "an•••@x.ru"), ("a@x.ru", "a•••@x.ru"), ("", ""), ("odd", "")],
)
def test_an_address_is_shown_in_part(email, shown):
    assert mask(email) == shown


# Inside the service ---------------------------------------------------------------------


def test_an_editor_unsubscribes_somebody(as_editor, recipient):
    page = as_editor.get(reverse("recipient-unsubscribe", args=[recipient.pk]))
    assert page.status_code == 200
    assert not left()

    as_editor.post(reverse("recipient-unsubscribe", args=[recipient.pk]))

    assert Recipient.objects.get().unsubscribed_via == UnsubscribedVia.PERSON


def test_an_editor_is_warned_before_bringing_somebody_back(as_editor, recipient):
    unsubscribe_recipient(recipient, via=UnsubscribedVia.PAGE)
    url = reverse("recipient-resubscribe", args=[recipient.pk])

    page = as_editor.get(url, headers={"accept-language": "en"})
    assert "against the law" in page.content.decode()
    as_editor.post(url)

    assert not left()


def test_a_viewer_cannot(as_viewer, recipient):
    for name in ("recipient-unsubscribe", "recipient-resubscribe"):
        url = reverse(name, args=[recipient.pk])
        assert as_viewer.post(url).status_code == 403


def test_who_has_left_is_marked_in_the_table_and_on_the_page(as_viewer, recipient):
    urls = [reverse("recipients"), reverse("recipient", args=[recipient.pk])]
    english = {"accept-language": "en"}
    before = [as_viewer.get(url, headers=english).content.decode() for url in urls]
    unsubscribe_recipient(recipient, via=UnsubscribedVia.ONE_CLICK)
    after = [as_viewer.get(url, headers=english).content.decode() for url in urls]

    assert not any('badge badge-mute"' in page for page in before)
    assert all('badge badge-mute"' in page for page in after)
    assert "the mail program&#x27;s button" in after[1]


def test_the_table_shows_only_who_has_left_and_acts_on_them_only(
    as_editor, workspace, recipient
):
    make_recipient(workspace, "boris@example.com")
    unsubscribe_recipient(recipient, via=UnsubscribedVia.PAGE)

    page = as_editor.get(reverse("recipients"), {"who": "unsubscribed"})
    text = page.content.decode()
    assert "anna@example.com" in text
    assert "boris@example.com" not in text
    assert '<input type="hidden" name="who" value="unsubscribed">' in text

    wish = {"action": "delete", "everybody": "1", "who": "unsubscribed"}
    asked = as_editor.get(reverse("recipients-bulk"), wish).content.decode()
    assert 'name="who" value="unsubscribed"' in asked
    as_editor.post(reverse("recipients-bulk"), wish)

    assert [row.email for row in Recipient.objects.all()] == ["boris@example.com"]
