"""The attempts: on the mailing's page, of the whole workspace, and as a file."""

from __future__ import annotations

import csv
import io

import pytest
from django.urls import reverse
from django.utils import timezone

from pochtar.delivery.models import Attempt, Delivery
from pochtar.mailings.launch import launch_mailing
from pochtar.web.export import safe_cell, stream_csv
from tests.make import make_mailing, make_recipient, make_user, make_workspace

pytestmark = pytest.mark.django_db
REPLY = "2.1.5 Ok\n2.0.0 queued as 4XyZ"


@pytest.fixture
def mailing(workspace, as_viewer):
    """A run of four, of whom each ended in another way."""
    as_viewer.cookies["django_language"] = "en"
    for name in ("anna", "boris", "vera", "gleb"):
        make_recipient(workspace, f"{name}@example.com")
    mailing = make_mailing(workspace, name="=Autumn")
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    attempt(mailing, "anna", outcome="accepted", code=250, reply=REPLY, tls="TLSv1.3")
    attempt(
        mailing,
        "boris",
        outcome="failed",
        code=550,
        enhanced_code="5.1.1",
        reply="User <b>unknown</b>",
        stage="rcpt",
        host="mx.example.org",
    )
    attempt(mailing, "vera", outcome="unknown", reason="closed", stage="body")
    attempt(mailing, "gleb", outcome="skipped", reason="missing_data", reply="город")
    return mailing


def attempt(mailing, name, **fields):
    Attempt.objects.create(
        workspace=mailing.workspace,
        run=mailing.run,
        delivery=mailing.run.deliveries.get(email=f"{name}@example.com"),
        at=timezone.now(),
        **fields,
    )


def names(answer):
    rows = answer.context["page"].rows
    return [row.delivery.email.split("@")[0] for row in rows]


@pytest.fixture(params=["mailing", "attempts"])
def page(request, mailing):
    args = [mailing.pk] if request.param == "mailing" else []
    return reverse(request.param, args=args)


def test_an_attempt_shows_status_and_the_whole_reply(as_viewer, page):
    text = as_viewer.get(page).content.decode()

    for word in ("Successful", "Not successful", "Outcome unknown", "Skipped"):
        assert word in text
    assert "2.1.5 Ok 2.0.0 queued as 4XyZ" in text  # in one line
    assert REPLY in text  # and as it came
    assert "550 5.1.1" in text
    assert "User &lt;b&gt;unknown&lt;/b&gt;" in text
    assert "A value that the message needs is missing." in text
    assert "The server closed the connection in the middle of the talk." in text
    assert "TLSv1.3" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["gleb", "vera", "boris", "anna"]),
        ("status=accepted", ["anna"]),
        ("status=failed", ["boris"]),
        ("status=unknown", ["vera"]),
        ("status=skipped", ["gleb"]),
        ("status=nonsense&cursor=nonsense", ["gleb", "vera", "boris", "anna"]),
        ("q=ANNA@example.com", ["anna"]),
        ("q=ann", ["anna"]),
        ("q=r&status=failed", ["boris"]),
        ("q=nobody@example.com", []),
    ],
)
def test_attempts_are_filtered_by_status_and_address(as_viewer, page, query, found):
    assert names(as_viewer.get(f"{page}?{query}")) == found


def test_a_search_that_finds_nobody_says_so(as_viewer, page):
    assert "No attempt fits." in as_viewer.get(f"{page}?q=nobody").content.decode()


def test_the_attempt_of_a_deleted_recipient_keeps_the_address(
    as_viewer, page, workspace
):
    workspace.recipients.all().delete()

    assert "anna@example.com" in as_viewer.get(page).content.decode()
    assert names(as_viewer.get(f"{page}?q=anna@example.com")) == ["anna"]


def test_attempts_have_pages(as_viewer, workspace):
    for _ in range(60):
        make_recipient(workspace)
    mailing = make_mailing(workspace)
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    for delivery in Delivery.objects.filter(run=mailing.run):
        attempt(mailing, delivery.email.split("@")[0], outcome="accepted")
    address = reverse("mailing", args=[mailing.pk])

    first = as_viewer.get(address)
    second = as_viewer.get(address, {"cursor": first.context["page"].next})

    assert len(names(first)) == 50
    assert not set(names(first)) & set(names(second))


def test_the_workspaces_page_names_the_mailing(as_viewer, mailing):
    text = as_viewer.get(reverse("attempts")).content.decode()

    assert reverse("mailing", args=[mailing.pk]) in text


def test_an_empty_page_says_where_attempts_come_from(as_owner):
    as_owner.cookies["django_language"] = "en"

    assert "No attempts yet" in as_owner.get(reverse("attempts")).content.decode()


def test_sec_01_attempts_of_another_workspace_are_not_shown(mailing, as_stranger):
    assert names(as_stranger.get(reverse("attempts"))) == []
    assert b"anna" not in b"".join(as_stranger.get(reverse("attempts-csv")))


# File ---------------------------------------------------------------------------------


def read(answer):
    text = b"".join(answer.streaming_content).decode("utf-8")
    assert text.startswith("\ufeff")  # Excel then reads Russian
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


@pytest.mark.parametrize("name", ["mailing-attempts-csv", "attempts-csv"])
def test_the_file_holds_every_attempt(as_viewer, mailing, name):
    args = [mailing.pk] if name.startswith("mailing") else []
    answer = as_viewer.get(reverse(name, args=args))
    rows = read(answer)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["Recipient"] for row in rows] == [
        f"{name}@example.com" for name in ("anna", "boris", "vera", "gleb")
    ]
    assert rows[1]["Status"] == "Not successful"
    assert (rows[1]["Code"], rows[1]["Enhanced code"]) == ("550", "5.1.1")
    assert rows[0]["Server's reply"] == "2.1.5 Ok 2.0.0 queued as 4XyZ"
    assert rows[2]["Reason"].startswith("The server closed")
    assert rows[0]["Mailing"] == "'=Autumn"


def test_the_file_is_filtered_as_the_page_is(as_viewer, mailing):
    answer = as_viewer.get(f"{reverse('attempts-csv')}?status=failed")

    assert [row["Recipient"] for row in read(answer)] == ["boris@example.com"]


def test_the_file_is_in_the_readers_language(as_viewer, mailing):
    as_viewer.cookies["django_language"] = "ru"

    text = b"".join(as_viewer.get(reverse("attempts-csv"))).decode()

    assert "Не успешно" in text


def test_the_file_is_written_while_it_is_read(as_viewer, mailing):
    assert as_viewer.get(reverse("attempts-csv")).streaming


@pytest.mark.parametrize(
    "text",
    [
        "=HYPERLINK(1)",
        "+7 999",
        "-1",
        "@x",
        "\tx",
        "\rx",
        " =1",
        '"=1',
        "'=1",
        "\uff1d1",
        "\u00a0=1",
    ],
)
def test_sec_12_a_cell_is_never_a_formula(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(("value", "cell"), [(None, ""), (-1, "-1"), ("a=b", "a=b")])
def test_sec_12_other_cells_stay_as_they_are(value, cell):
    assert safe_cell(value) == cell


def test_a_stranger_to_the_run_sees_nothing_of_it(as_stranger, mailing):
    make_workspace(make_user())

    answer = as_stranger.get(reverse("mailing-attempts-csv", args=[mailing.pk]))

    assert answer.status_code == 404


def test_a_long_file_comes_in_pieces():
    rows = ([number, "x"] for number in range(1200))

    pieces = list(stream_csv("Имя", ["Number", "Text"], rows))

    assert len(pieces) == 3
    assert b"".join(pieces).count(b"\r\n") == 1201


@pytest.mark.parametrize("name", ["mailing-attempts-csv", "attempts-csv"])
def test_the_file_says_what_a_refusal_means(as_viewer, mailing, name):
    args = [mailing.pk] if name.startswith("mailing") else []

    rows = read(as_viewer.get(reverse(name, args=args)))

    assert [row["What it means"] for row in rows] == [
        "",
        "There is no such mailbox.",
        "",
        "",
    ]
