"""The pages of messages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.content.models import Message
from pochtar.sandbox.letters import read_letter
from tests.make import (
    make_mailing,
    make_message,
    make_recipient,
    make_relay,
    make_sender,
)

pytestmark = pytest.mark.django_db

FIELDS = {
    "subject": "Привет, {{ full_name }}",
    "preheader": "До пятницы",
    "html": '<p>Здравствуйте, {{ full_name | default("друг") }}!</p>',
    "text": "",
}


def text_of(response: Any) -> str:
    text: str = response.content.decode()
    return text


def test_an_empty_workspace_is_told_what_a_message_is(as_editor: Client) -> None:
    assert reverse("message-add") in text_of(as_editor.get(reverse("messages")))


def test_an_editor_writes_a_message(as_editor: Client, workspace: Workspace) -> None:
    response = as_editor.post(reverse("message-add"), FIELDS)

    message = Message.objects.get(workspace=workspace)
    assert response["Location"] == reverse("message", args=[message.pk])
    assert message.subject == FIELDS["subject"]
    assert "Здравствуйте" in text_of(as_editor.get(response["Location"] + "?show=text"))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("subject", "", "Введите тему."),
        ("subject", "a\r\nBcc: x@y.ru", "перенос строки"),
        ("subject", "a\x00", ""),
        ("html", "", "Напишите письмо."),
        ("html", "<p>{{ город }}</p>", "Строка 1, знак 7:"),
        ("html", "<p>\n{{ full_name", "Строка 2, знак 1:"),
        ("text", "{% if a %}", "Строка 1, знак 1:"),
        ("preheader", "я" * 151, "150"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_what_was_typed_stays(
    as_editor: Client, field: str, value: str, words: str
) -> None:
    response = as_editor.post(reverse("message-add"), {**FIELDS, field: value})

    page = text_of(response)
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert words in page
    assert "До пятницы" in page or field == "preheader"
    assert not Message.objects.exists()


def test_a_paste_of_ten_megabytes_is_a_field_error(as_editor: Client) -> None:
    response = as_editor.post(
        reverse("message-add"), {**FIELDS, "html": "x" * 10_000_000}
    )

    assert response.status_code == 422
    assert 'id="id_html_error"' in text_of(response)


def test_the_attributes_of_recipients_are_merge_fields(
    as_editor: Client, workspace: Workspace
) -> None:
    make_recipient(workspace, attributes={"город": "Тула"})

    page = text_of(as_editor.get(reverse("message-add")))
    response = as_editor.post(reverse("message-add"), {**FIELDS, "html": "{{ город }}"})

    assert "[&quot;город&quot;, &quot;город&quot;]" in page
    assert response.status_code == 302


def test_an_editor_changes_a_message(as_editor: Client, workspace: Workspace) -> None:
    message = make_message(workspace)

    page = as_editor.get(reverse("message-edit", args=[message.pk]))
    response = as_editor.post(reverse("message-edit", args=[message.pk]), FIELDS)

    assert "Осенние новинки" in text_of(page)
    assert response["Location"] == reverse("message", args=[message.pk])
    message.refresh_from_db()
    assert message.preheader == "До пятницы"


def test_a_message_is_seen_as_the_chosen_recipient_sees_it(
    as_viewer: Client, workspace: Workspace
) -> None:
    make_recipient(workspace, full_name="Анна")
    boris = make_recipient(workspace, full_name="Борис <b>")
    url = reverse("message", args=[make_message(workspace).pk])

    first = as_viewer.get(url)
    chosen = as_viewer.get(url, {"recipient": str(boris.pk), "width": "phone"})
    nonsense = as_viewer.get(url, {"recipient": "nobody", "q": "\x00"})
    frame = as_viewer.get(chosen.context["frame_url"])

    assert first.context["preview"].text == "Здравствуйте, Анна!"
    assert nonsense.status_code == 200
    assert "letter-frame-phone" in text_of(chosen)
    assert "Здравствуйте, Борис &lt;b&gt;!" in text_of(frame)


def test_a_recipient_of_another_workspace_cannot_be_chosen(
    as_viewer: Client, workspace: Workspace, stranger: Any
) -> None:
    """SEC-01"""
    other = make_recipient(stranger.workspaces.get(), full_name="Чужой")
    url = reverse("message", args=[make_message(workspace).pk])

    page = text_of(as_viewer.get(url, {"recipient": str(other.pk)}))

    assert "Чужой" not in page


def test_the_frame_can_do_nothing(as_viewer: Client, workspace: Workspace) -> None:
    """SEC-05"""
    html = '<img src="https://x.ru/a.png"><script>alert(1)</script>'
    message = make_message(workspace, html=html)
    url = reverse("message-frame", args=[message.pk])

    page = text_of(as_viewer.get(reverse("message", args=[message.pk])))
    closed = as_viewer.get(url)["Content-Security-Policy"]
    opened = as_viewer.get(url, {"images": "1"})["Content-Security-Policy"]

    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "images=1" in page
    assert "default-src 'none'; img-src data:;" in closed
    assert "script-src" not in closed
    assert "sandbox allow-popups" in closed
    assert "img-src https: http: data:" in opened


def test_a_message_that_has_become_wrong_says_what_to_mend(
    as_viewer: Client, workspace: Workspace
) -> None:
    message = make_message(workspace, html="<p>\n{{ full_name")

    page = as_viewer.get(reverse("message", args=[message.pk]))
    frame = as_viewer.get(reverse("message-frame", args=[message.pk]))

    assert "Строка 2, знак 1:" in text_of(page)
    assert frame.status_code == 200


def test_messages_are_searched_and_sorted(
    as_viewer: Client, workspace: Workspace
) -> None:
    for subject in ("Б", "А", "Ялта"):
        make_message(workspace, subject=subject)

    def subjects(**query: str) -> list[str]:
        page = as_viewer.get(reverse("messages"), query).context["page"]
        return [row.subject for row in page.rows]

    assert subjects() == ["Ялта", "А", "Б"]
    assert subjects(sort="changed") == ["Б", "А", "Ялта"]
    assert subjects(sort="nonsense", q="ялт") == ["Ялта"]
    assert subjects(sort="subject", q="а") == ["А", "Ялта"]
    assert subjects(q="нет такого") == []


def test_the_list_goes_on_page_by_page(as_viewer: Client, workspace: Workspace) -> None:
    for number in range(30):
        make_message(workspace, subject=f"Сообщение {number:02}")

    first = as_viewer.get(reverse("messages"), {"sort": "subject"}).context["page"]
    second = as_viewer.get(
        reverse("messages"), {"sort": "subject", "cursor": first.next}
    ).context["page"]

    assert len(first.rows) == 25
    assert [row.subject for row in second.rows][-1] == "Сообщение 29"


def test_an_editor_copies_a_message(as_editor: Client, workspace: Workspace) -> None:
    message = make_message(workspace)

    response = as_editor.post(reverse("message-duplicate", args=[message.pk]))

    copy = Message.objects.exclude(pk=message.pk).get()
    assert response["Location"] == reverse("message-edit", args=[copy.pk])


def test_an_editor_deletes_a_message(as_editor: Client, workspace: Workspace) -> None:
    url = reverse("message-delete", args=[make_message(workspace).pk])

    asked = as_editor.get(url)
    response = as_editor.post(url)

    assert "Удалить сообщение" in text_of(asked)
    assert response["Location"] == reverse("messages")
    assert not Message.objects.exists()


def test_a_message_in_use_is_not_deleted_and_its_mailings_are_named(
    as_editor: Client, workspace: Workspace
) -> None:
    mailing = make_mailing(workspace, name="Осень")
    url = reverse("message-delete", args=[mailing.message.pk])

    asked = as_editor.get(url)
    response = as_editor.post(url, follow=True)

    assert reverse("mailing", args=[mailing.pk]) in text_of(asked)
    assert "Сообщение нельзя удалить" in text_of(response)
    assert Message.objects.exists()


@pytest.mark.parametrize(
    "name",
    ["message", "message-frame", "message-edit", "message-duplicate", "message-delete"],
)
def test_a_stranger_finds_nothing(
    as_stranger: Client, workspace: Workspace, name: str
) -> None:
    """SEC-01"""
    url = reverse(name, args=[make_message(workspace).pk])
    method = (
        as_stranger.post
        if name in {"message-duplicate", "message-test"}
        else as_stranger.get
    )

    assert method(url).status_code == 404


@pytest.mark.parametrize(
    "name", ["message-edit", "message-duplicate", "message-delete", "message-test"]
)
def test_a_viewer_looks_and_changes_nothing(
    as_viewer: Client, workspace: Workspace, name: str
) -> None:
    message = make_message(workspace)
    url = reverse(name, args=[message.pk])

    assert as_viewer.post(url, FIELDS).status_code == 403
    assert as_viewer.post(reverse("message-add"), FIELDS).status_code == 403
    page = text_of(as_viewer.get(reverse("message", args=[message.pk])))
    assert url not in page
    assert Message.objects.get().subject == "Осенние новинки"


def test_a_copy_is_made_by_posting_only(
    as_editor: Client, workspace: Workspace
) -> None:
    url = reverse("message-duplicate", args=[make_message(workspace).pk])

    assert as_editor.get(url).status_code == 405


def test_a_test_letter_goes_to_who_asks_for_it(
    as_editor: Client, workspace: Workspace
) -> None:
    boris = make_recipient(workspace, full_name="Борис")
    message = make_message(workspace)
    with sink_in_thread() as sink:
        sender = make_sender(workspace, relay=make_relay(workspace, port=sink.port))
        data = {"sender": str(sender.pk), "recipient": str(boris.pk)}
        response = as_editor.post(
            reverse("message-test", args=[message.pk]), data, follow=True
        )

    (letter,) = sink.accepted
    assert letter.rcpt_to == "editor@example.com"
    assert "Здравствуйте, Борис!" in read_letter(letter.data).text
    assert "отправлено на editor@example.com" in text_of(response)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step("550 5.1.1 no such user"), "no such user"),
        (Step("451 4.3.0 come back later"), "come back later"),
    ],
)
def test_a_test_letter_that_is_refused_says_why(
    as_editor: Client, workspace: Workspace, step: Step, words: str
) -> None:
    url = reverse("message-test", args=[make_message(workspace).pk])
    with sink_in_thread(Script(steps={"rcpt": step})) as sink:
        sender = make_sender(workspace, relay=make_relay(workspace, port=sink.port))
        response = as_editor.post(url, {"sender": str(sender.pk)}, follow=True)

    assert words in text_of(response)


def test_a_mail_server_that_is_away_is_said(
    as_editor: Client, workspace: Workspace
) -> None:
    url = reverse("message-test", args=[make_message(workspace).pk])
    sender = make_sender(workspace, relay=make_relay(workspace, port=1))

    response = as_editor.post(url, {"sender": str(sender.pk)}, follow=True)

    assert "Пробное письмо не принято" in text_of(response)


def test_a_test_needs_a_sender_and_the_values(
    as_editor: Client, workspace: Workspace, stranger: Any
) -> None:
    url = reverse("message-test", args=[make_message(workspace, html="{{ город }}").pk])
    foreign = make_sender(stranger.workspaces.get())
    own = make_sender(workspace)

    without = as_editor.post(url, {"sender": str(foreign.pk)}, follow=True)
    lacking = as_editor.post(url, {"sender": str(own.pk)}, follow=True)

    assert "Выберите отправителя" in text_of(without)
    assert "город" in text_of(lacking)
