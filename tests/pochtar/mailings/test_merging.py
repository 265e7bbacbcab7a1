"""Merging two recipients who are one person."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mailcore.engine.types import Item
from pochtar.accounts.models import AuditEntry, Role
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from pochtar.delivery.leaving import find_bearer, leave
from pochtar.delivery.ledger import count_states
from pochtar.delivery.marks import run_naming
from pochtar.delivery.models import Delivery
from pochtar.mailings.erasure import erase_person
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.merging import merge_people
from pochtar.recipients.consent import record_one
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import (
    ConsentKind,
    ConsentSource,
    Recipient,
    SuppressionReason,
    UnsubscribedVia,
)
from pochtar.recipients.services import Person
from pochtar.recipients.stoplist import stop_address
from pochtar.reports.timeline import read_timeline
from pochtar.reports.timeline_sources import SOURCES
from tests.everywhere import find_everywhere
from tests.make import make_list, make_mailing, make_member, make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(workspace):
    return make_member(workspace, role=Role.EDITOR)


@pytest.fixture
def anna(workspace):
    return make_recipient(workspace, "anna@old.example", attributes={"city": "Тверь"})


@pytest.fixture
def twin(workspace):
    return make_recipient(workspace, "a.petrova@new.example", full_name="Анна П.")


def person_of(row: Recipient, **over) -> Person:
    fields = ("email", "full_name", "comment", "attributes")
    return Person(**{name: getattr(row, name) for name in fields} | over)


def launch(workspace):
    mailing = make_mailing(workspace)
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    return mailing.run


def test_the_chosen_values_stay_and_the_other_goes(editor, anna, twin):
    """Either one's address may be the one that is left."""
    person = person_of(anna, email=twin.email, full_name="Анна Петрова-Тверская")

    merge_people(anna, twin, person, by=editor)

    left = Recipient.objects.get()
    assert (left.pk, left.email, left.full_name) == (
        *(anna.pk, "a.petrova@new.example"),
        "Анна Петрова-Тверская",
    )
    assert left.attributes == {"city": "Тверь"}
    assert "тверская" in left.search_text.text


def test_lists_and_picks_are_united(workspace, editor, anna, twin):
    both = make_list(workspace, anna, twin)
    only = make_list(workspace, twin)
    mailing = make_mailing(workspace, audience="picked")
    mailing.picked.add(twin)

    merge_people(anna, twin, person_of(anna), by=editor)

    assert set(anna.lists.all()) == {both, only}
    assert list(mailing.picked.all()) == [anna]


def test_the_letters_follow_and_the_ledger_adds_up(workspace, editor, anna, twin):
    twin.delete()
    first = launch(workspace)
    twin = make_recipient(workspace, "late@new.example")
    anna.unsubscribed_at, anna.unsubscribed_via = timezone.now(), "page"
    anna.save()
    second = launch(workspace)

    merge_people(anna, twin, person_of(anna), by=editor)

    assert {row.run for row in anna.deliveries.all()} == {first, second}
    assert count_states(second).selected == 1


def test_both_in_one_run_get_one_letter(workspace, editor, anna, twin):
    """The second delivery keeps its place, and has nobody to go to."""
    run = launch(workspace)
    before = count_states(run)

    merge_people(anna, twin, person_of(anna), by=editor)

    assert list(run.deliveries.values_list("recipient", flat=True)) in (
        [anna.pk, None],
        [None, anna.pk],
    )
    assert count_states(run) == before


@pytest.mark.parametrize("who", ["stays", "goes"])
def test_the_wish_not_to_be_written_to_wins(editor, anna, twin, who):
    left = anna if who == "stays" else twin
    unsubscribe_recipient(left, via=UnsubscribedVia.ONE_CLICK)

    merge_people(anna, twin, person_of(anna), by=editor)

    anna.refresh_from_db()
    assert anna.unsubscribed_via == UnsubscribedVia.ONE_CLICK


@pytest.mark.parametrize("who", ["stays", "goes"])
@pytest.mark.parametrize("address", ["anna@old.example", "a.petrova@new.example"])
def test_whoever_was_stopped_is_stopped_under_either_address(
    workspace, editor, anna, twin, who, address
):
    """BNC-07: a merge does not let anybody off the stop list."""
    row = anna if who == "stays" else twin
    stop_address(workspace, row.email, reason=SuppressionReason.COMPLAINED)

    merge_people(anna, twin, person_of(anna, email=address), by=editor)

    anna.refresh_from_db()
    assert anna.suppressed


def test_the_old_letters_link_still_unsubscribes(workspace, editor, anna, twin):
    """MSG-24: the token names the one that is gone."""
    run = launch(workspace)
    delivery = Delivery.objects.get(run=run, recipient=twin)
    item = Item(delivery_id=delivery.pk, position=1, email="", recipient=twin.pk.hex)
    url = run_naming(domain="shop.example")(item).unsubscribe_url
    merge_people(anna, twin, person_of(anna), by=editor)

    assert leave(find_bearer(url.rstrip("/").split("/")[-1]), via=UnsubscribedVia.PAGE)

    anna.refresh_from_db()
    assert anna.unsubscribed_at


def test_consent_and_history_of_both_stand_on_one_time_line(editor, anna, twin):
    """LAW-01: the ledger's lines about the other address are still found."""
    record_one(twin, kind=ConsentKind.CONFIRMED, source=ConsentSource.LETTER)
    unsubscribe_recipient(twin, via=UnsubscribedVia.PAGE)

    merge_people(anna, twin, person_of(anna), by=editor)

    keys = [event.key for event in read_timeline(anna, SOURCES).events]
    assert "consent_confirmed" in keys
    assert "recipient_unsubscribed" in keys
    assert "recipient_merged" in keys


def test_a_ground_of_either_is_kept(workspace, editor, anna, twin):
    """LAW-02: and the ledger says where it comes from."""
    Recipient.objects.filter(pk=anna.pk).update(basis="")
    anna.basis = ""

    merge_people(anna, twin, person_of(anna), by=editor)

    anna.refresh_from_db()
    assert anna.basis == "consent"


def test_erasing_afterwards_finds_the_other_address_too(workspace, editor, anna, twin):
    """LAW-06: also in a run that had chosen both."""
    launch(workspace)
    merge_people(anna, twin, person_of(anna), by=editor)

    erase_person(anna, by=make_member(workspace, role=Role.MANAGER))

    assert find_everywhere("a.petrova@new", "anna@old") == []


def test_it_is_written_down_who_merged_whom(editor, anna, twin):
    gone = twin.pk
    merge_people(anna, twin, person_of(anna), by=editor)

    lines = AuditEntry.objects.filter(verb__startswith="recipient_merged")
    assert {(row.subject_id, row.user) for row in lines} == {
        (str(anna.pk), editor),
        (str(gone), editor),
    }


def test_nobody_is_merged_with_themselves_nor_with_the_deleted(editor, anna, twin):
    with pytest.raises(InvalidInput):
        merge_people(anna, anna, person_of(anna), by=editor)
    copy = Recipient.objects.get(pk=twin.pk)
    twin.delete()
    with pytest.raises(Conflict):
        merge_people(anna, copy, person_of(anna), by=editor)


def test_a_viewer_may_not_merge(workspace, anna, twin):
    with pytest.raises(NotAllowed):
        merge_people(anna, twin, person_of(anna), by=make_member(workspace))
