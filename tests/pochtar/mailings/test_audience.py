"""Who a mailing goes to."""

from __future__ import annotations

import pytest

from pochtar.mailings.audience import (
    audience_of,
    choice_of,
    choose,
    complete,
    lacking,
    reach_of,
    select_audience,
)
from pochtar.mailings.models import AudienceKind
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import Recipient, UnsubscribedVia
from tests.make import make_list, make_mailing, make_recipient, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(workspace):
    make_recipient(make_workspace())  # somebody else's
    return [make_recipient(workspace, f"p{number}@example.com") for number in range(4)]


def test_everybody_is_everybody_of_the_workspace(workspace, people):
    assert set(audience_of(make_mailing(workspace))) == set(people)


def test_somebody_in_two_lists_is_selected_once(workspace, people):
    first = make_list(workspace, people[0], people[1])
    second = make_list(workspace, people[1], people[2])
    mailing = make_mailing(workspace, audience=AudienceKind.LISTS)
    mailing.lists.set([first, second])

    assert sorted(audience_of(mailing).values_list("email", flat=True)) == [
        "p0@example.com",
        "p1@example.com",
        "p2@example.com",
    ]


def test_picked_people_are_those_and_no_others(workspace, people):
    mailing = make_mailing(workspace, audience=AudienceKind.PICKED)
    mailing.picked.set(people[2:])

    assert set(audience_of(mailing)) == set(people[2:])


@pytest.mark.parametrize(
    ("kind", "count"),
    [(AudienceKind.EVERYBODY, 4), (AudienceKind.LISTS, 1), (AudienceKind.PICKED, 2)],
)
def test_what_is_chosen_in_a_form_counts_as_what_is_saved(
    workspace, people, kind, count
):
    chosen = make_list(workspace, people[0])
    choice = choose(kind, lists=[chosen.pk], picked=[people[1].pk, people[2].pk])

    assert select_audience(workspace, choice).count() == count


@pytest.mark.parametrize("kind", AudienceKind)
def test_who_has_unsubscribed_is_never_selected(workspace, people, kind):
    """MSG-25"""
    unsubscribe_recipient(people[1], via=UnsubscribedVia.ONE_CLICK)
    mailing = make_mailing(workspace, audience=kind)
    mailing.lists.set([make_list(workspace, *people)])
    mailing.picked.set(people)
    ids = [one.pk for one in people]
    choice = choose(kind, lists=mailing.lists.values_list("pk", flat=True), picked=ids)

    assert people[1] not in audience_of(mailing)
    assert reach_of(workspace, choice_of(mailing)).unsubscribed == 1
    assert set(select_audience(workspace, choice)) == set(audience_of(mailing))


def test_sec_02_a_foreign_recipient_is_never_selected(workspace):
    foreign = make_recipient(make_workspace())
    mailing = make_mailing(workspace, audience=AudienceKind.PICKED)
    mailing.picked.set([foreign])

    assert not audience_of(mailing).exists()


def test_those_without_a_value_are_found_by_column_and_by_attribute(workspace):
    make_recipient(workspace, "full@example.com", attributes={"город": "Тверь"})
    make_recipient(workspace, "blank@example.com", attributes={"город": "  "})
    make_recipient(workspace, "none@example.com")
    make_recipient(
        workspace, "nameless@example.com", full_name="", attributes={"город": "Тула"}
    )
    everybody = Recipient.objects.of(workspace)

    def emails(*names):
        found = lacking(everybody, names).values_list("email", flat=True)
        others = complete(everybody, names)
        assert found.count() + others.count() == everybody.count()
        return {email.split("@")[0] for email in found}

    assert emails("город") == {"blank", "none"}
    assert emails("full_name") == {"nameless"}
    assert emails("город", "full_name") == {"blank", "none", "nameless"}
    assert emails("email") == set()


def test_a_key_with_two_underscores_is_a_key_and_not_a_lookup(workspace):
    make_recipient(workspace, attributes={"a__b": "x"})
    make_recipient(workspace)

    assert lacking(Recipient.objects.of(workspace), ["a__b"]).count() == 1
