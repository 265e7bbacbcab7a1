"""The sandbox's pages: whose letters one sees, and that a letter can do no harm."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import Workspace
from pochtar.sandbox.credentials import sandbox_password, sandbox_username
from pochtar.sandbox.models import CapturedMessage
from tests.conftest import client_of
from tests.make import make_captured, make_user, make_workspace

LIST = "/sandbox/"
EVIL = "<script>alert(1)</script>"
HTML_LETTER = (
    "Subject: Hello\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    f"<!doctype html><html><head></head><body onload=alert(2)>{EVIL}"
    '<a href="https://shop.example/new">New</a>'
    '<a href="javascript:alert(3)">Bad</a>'
    '<img src="https://shop.example/pixel.png"></body></html>'
).encode()


@pytest.fixture
def letter(workspace: Workspace) -> CapturedMessage:
    return make_captured(workspace, raw=HTML_LETTER)


@pytest.fixture
def as_staff(db: None) -> Client:
    staff = make_user(is_staff=True)
    make_workspace(staff)
    return client_of(staff)


def url(name: str, letter: CapturedMessage, *more: object) -> str:
    return reverse(f"sandbox-{name}", args=[letter.pk, *more])


def test_a_participant_sees_the_letters_of_the_workspace(
    as_viewer: Client, letter: CapturedMessage
):
    make_captured(make_workspace(), subject="Foreign letter")
    make_captured(None, subject="System letter")

    page = as_viewer.get(LIST).content.decode()

    assert letter.rcpt_to in page
    assert url("letter", letter) in page
    assert "Foreign letter" not in page
    assert "System letter" not in page


def test_an_empty_sandbox_says_what_to_do(as_owner: Client):
    assert reverse("messages") in as_owner.get(LIST).content.decode()


def test_letters_are_searched_by_address_and_subject(
    as_owner: Client, workspace: Workspace
):
    make_captured(workspace, subject="Wanted", search_key="anna@mail.example привет")
    make_captured(workspace, subject="Other", search_key="boris@mail.example")

    page = as_owner.get(LIST, {"q": "ПРИВЕТ anna@"}).content.decode()

    assert "Wanted" in page
    assert "Other" not in page


def test_pages_of_fifty_follow_each_other(as_owner: Client, workspace: Workspace):
    for number in range(60):
        make_captured(workspace, subject=f"Letter no. {number}.")

    first = as_owner.get(LIST)
    second = as_owner.get(LIST, {"cursor": first.context["page"].next})

    assert len(first.context["page"].rows) == 50
    assert len(second.context["page"].rows) == 10


def test_the_list_asks_for_news_and_gets_nothing_when_there_is_none(
    as_owner: Client, letter: CapturedMessage, workspace: Workspace
):
    ask = {"newest": str(letter.pk)}

    quiet = as_owner.get(LIST, ask, headers={"HX-Request": "true"})
    later = UUID(int=letter.pk.int + 1)
    make_captured(workspace, pk=later, subject="News")
    news = as_owner.get(LIST, ask, headers={"HX-Request": "true"}).content.decode()

    assert quiet.status_code == 204
    assert "News" in news
    assert "<html" not in news


@pytest.mark.parametrize("name", ["letter", "frame", "source", "delete"])
def test_a_strangers_letter_does_not_exist(
    name: str, as_stranger: Client, letter: CapturedMessage
):
    """SEC-01"""
    assert as_stranger.get(url(name, letter)).status_code == 404


def test_a_strangers_attachment_does_not_exist(
    as_stranger: Client, letter: CapturedMessage
):
    """SEC-01"""
    assert as_stranger.get(url("attachment", letter, 1)).status_code == 404


def test_a_visitor_is_asked_to_log_in(letter: CapturedMessage):
    for address in (LIST, url("letter", letter), url("frame", letter)):
        assert Client().get(address).status_code == 302


def test_the_systems_letters_are_for_staff(as_owner: Client, as_staff: Client):
    letter = make_captured(None, subject="Confirm your address")

    assert as_owner.get(LIST, {"of": "system"}).status_code == 404
    assert as_owner.get(url("letter", letter)).status_code == 404
    assert (
        "Confirm your address" in as_staff.get(LIST, {"of": "system"}).content.decode()
    )
    assert as_staff.get(url("letter", letter)).status_code == 200


def test_a_letters_html_is_shown_in_a_frame_that_can_do_nothing(
    as_viewer: Client, letter: CapturedMessage
):
    """SEC-05"""
    page = as_viewer.get(url("letter", letter)).content.decode()
    frame = as_viewer.get(url("frame", letter))
    policy = frame["Content-Security-Policy"]

    assert EVIL not in page
    assert f'src="{url("frame", letter)}"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "default-src 'none'; img-src data:;" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in page + policy
    assert "allow-same-origin" not in page + policy


def test_remote_images_are_loaded_only_when_asked_for(
    as_viewer: Client, letter: CapturedMessage
):
    """SEC-05"""
    before = as_viewer.get(url("letter", letter)).content.decode()
    after = as_viewer.get(url("letter", letter), {"images": "1"}).content.decode()
    frame = as_viewer.get(url("frame", letter), {"images": "1"})

    assert "?images=1" in before
    assert f"{url('frame', letter)}?images=1" in after
    assert "img-src https: http: data:;" in frame["Content-Security-Policy"]


def test_links_open_outside_the_frame_and_stand_beside_it(
    as_viewer: Client, letter: CapturedMessage
):
    page = as_viewer.get(url("letter", letter)).content.decode()
    frame = as_viewer.get(url("frame", letter)).content.decode()

    assert 'href="https://shop.example/new" target="_blank" rel="noopener' in page
    assert "javascript:" not in page
    assert frame.startswith('<!doctype html><html><head><base target="_blank">')


def test_a_subject_with_markup_is_only_words(as_viewer: Client, workspace: Workspace):
    make_captured(workspace, subject=EVIL, rcpt_to=EVIL, from_header=EVIL)
    letter = CapturedMessage.objects.get()

    for address in (LIST, url("letter", letter)):
        page = as_viewer.get(address).content.decode()
        assert EVIL not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize("show", ["html", "text", "headers", "source", "nonsense"])
@pytest.mark.parametrize("raw", [HTML_LETTER, b"", b"\xff\x00", b"X: " + EVIL.encode()])
def test_every_view_of_any_letter_is_a_page(
    show: str, raw: bytes, as_viewer: Client, workspace: Workspace
):
    letter = make_captured(workspace, raw=raw)

    response = as_viewer.get(url("letter", letter), {"show": show})

    assert response.status_code == 200
    assert EVIL not in response.content.decode()


def test_source_and_attachments_are_downloaded_never_shown(
    as_viewer: Client, workspace: Workspace
):
    raw = (
        b"Content-Type: text/html\r\n"
        b'Content-Disposition: attachment; filename="a\\"b.html"\r\n\r\n<script>'
    )
    letter = make_captured(workspace, raw=raw)

    source = as_viewer.get(url("source", letter))
    part = as_viewer.get(url("attachment", letter, 1))

    assert source.content == raw
    assert part.content.strip() == b"<script>"
    for response in (source, part):
        assert response["Content-Disposition"].startswith("attachment; filename*=")
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response["Content-Security-Policy"]
    assert part["Content-Type"] == "application/octet-stream"
    assert as_viewer.get(url("attachment", letter, 2)).status_code == 404


def test_a_manager_deletes_a_letter_after_a_question(
    as_manager: Client, letter: CapturedMessage
):
    assert as_manager.get(url("delete", letter)).status_code == 200
    assert CapturedMessage.objects.count() == 1

    response = as_manager.post(url("delete", letter))

    assert response["Location"] == LIST
    assert CapturedMessage.objects.count() == 0


def test_a_manager_empties_the_workspaces_sandbox_only(
    as_manager: Client, letter: CapturedMessage
):
    other = make_captured(None)

    assert as_manager.get("/sandbox/empty/").status_code == 200
    as_manager.post("/sandbox/empty/")

    assert list(CapturedMessage.objects.all()) == [other]


def test_an_editor_may_neither_delete_nor_empty(
    as_editor: Client, letter: CapturedMessage
):
    assert as_editor.post(url("delete", letter)).status_code == 403
    assert as_editor.post("/sandbox/empty/").status_code == 403
    assert (
        url("delete", letter)
        not in as_editor.get(url("letter", letter)).content.decode()
    )
    assert CapturedMessage.objects.count() == 1


def test_staff_empty_the_systems_sandbox(as_staff: Client, letter: CapturedMessage):
    make_captured(None)

    as_staff.post("/sandbox/empty/?of=system")

    assert list(CapturedMessage.objects.all()) == [letter]


def test_reading_pages_refuse_other_methods(as_owner: Client, letter: CapturedMessage):
    for address in (LIST, url("letter", letter), url("frame", letter)):
        assert as_owner.post(address).status_code == 405


def test_only_managers_are_told_the_login(
    as_manager: Client, as_editor: Client, workspace: Workspace
):
    password = sandbox_password(sandbox_username(workspace.pk))

    assert password in as_manager.get(LIST).content.decode()
    assert password not in as_editor.get(LIST).content.decode()


def test_a_visitor_gets_no_frame_without_a_fresh_letter(db: None, settings):
    settings.DEBUG = True
    make_captured(None, raw=HTML_LETTER)

    assert Client().get("/account/letter/frame/").status_code == 404
