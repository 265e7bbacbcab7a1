"""Why somebody who is meant by a mailing does not get it."""

from __future__ import annotations

import pytest
from django.utils import timezone, translation

from pochtar.accounts.models import User, Workspace
from pochtar.delivery.models import Attempt, Outcome
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.recipients.models import Recipient, Segment, SuppressionReason
from pochtar.recipients.stoplist import stop_address, stop_domain
from pochtar.reports.explanation import Explanation, Mark
from tests.make import make_list, make_mailing
from tests.pochtar.reports.explaining import (
    delivery_of,
    explained,
    keys,
    launched,
    step,
    tried,
)

pytestmark = pytest.mark.django_db
SAYS_ANNA = {"field": "email", "op": "begins", "value": "anna"}


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


@pytest.fixture
def draft(workspace: Workspace, anna: Recipient) -> Mailing:
    return make_mailing(workspace)


def told(explanation: Explanation, key: str) -> str:
    found = step(explanation, key)
    assert found.mark == Mark.BAD
    return f"{found.text} {found.detail}"


def test_bnc_07_the_stop_list_is_named_with_its_reason(
    workspace: Workspace, draft: Mailing, owner: User
) -> None:
    stop, _new = stop_address(
        workspace,
        "anna@example.com",
        reason=SuppressionReason.MANUAL,
        evidence="Rang on Monday.",
        by=owner,
    )

    explanation = explained(draft)

    assert explanation.verdict == "would_not_get"
    assert told(explanation, "suppressed") == (
        "On the stop list. Reason: by hand. Rang on Monday."
    )
    assert step(explanation, "suppressed").at == stop.created_at


def test_bnc_07_a_stopped_domain_is_named(
    workspace: Workspace, draft: Mailing, owner: User
) -> None:
    stop_domain(workspace, "example.com", by=owner)

    assert "The domain example.com" in told(explained(draft), "suppressed")


def test_law_02_who_is_unconfirmed_is_said_to_be(
    draft: Mailing, anna: Recipient
) -> None:
    Recipient.objects.filter(pk=anna.pk).update(basis="")

    explanation = explained(draft)

    assert explanation.verdict == "would_not_get"
    assert "Unconfirmed" in told(explanation, "unconfirmed")


def test_law_02_who_was_skipped_for_it_is_told_so(mailing: Mailing) -> None:
    tried(mailing, Outcome.SKIPPED, reason="no_consent")

    explanation = explained(mailing)

    assert explanation.verdict == "skipped"
    assert any("Unconfirmed" in f"{one.text} {one.detail}" for one in explanation.steps)


def test_an_excluded_list_and_segment_are_named(
    workspace: Workspace, draft: Mailing, anna: Recipient
) -> None:
    draft.exclude_lists.set([make_list(workspace, anna, name="Staff")])
    draft.exclude_segments.set(
        [Segment.objects.create(workspace=workspace, name="Annas", rule=SAYS_ANNA)]
    )

    explanation = explained(draft)

    assert explanation.verdict == "would_not_get"
    assert "the list “Staff”" in told(explanation, "excluded_list")
    assert "the segment “Annas”" in told(explanation, "excluded_segment")


def test_the_mailing_that_they_got_is_named(
    workspace: Workspace, mailing: Mailing
) -> None:
    tried(mailing, Outcome.ACCEPTED)
    draft = make_mailing(workspace, exclude_days=1)
    draft.exclude_mailings.set([mailing])

    explanation = explained(draft)

    assert "who got “Autumn”" in told(explanation, "excluded_mailing")
    assert told(explanation, "excluded_days") == (
        "The mailing leaves out who got any mailing in the last 1 day. Got “Autumn”."
    )


def test_who_did_not_get_it_is_not_left_out(
    workspace: Workspace, mailing: Mailing
) -> None:
    tried(mailing, Outcome.FAILED)
    draft = make_mailing(workspace, exclude_days=1)
    draft.exclude_mailings.set([mailing])

    assert explained(draft).verdict == "would_get"


def test_after_the_launch_it_is_still_told(
    workspace: Workspace, mailing: Mailing
) -> None:
    tried(mailing, Outcome.ACCEPTED)
    first = delivery_of(mailing, "first@example.com")
    Attempt.objects.create(
        workspace=workspace,
        run=first.run,
        delivery=first,
        outcome=Outcome.FAILED,
        at=timezone.now(),
    )
    other = make_mailing(workspace)
    other.exclude_mailings.set([mailing])

    explanation = explained(launched(other))

    assert explanation.verdict == "not_selected"
    assert "excluded_mailing" in keys(explanation)


def test_the_segments_of_an_audience_are_named(
    workspace: Workspace, draft: Mailing
) -> None:
    segment = Segment.objects.create(workspace=workspace, name="Annas", rule=SAYS_ANNA)
    Mailing.objects.filter(pk=draft.pk).update(audience=AudienceKind.LISTS)
    draft.segments.set([segment])

    found = step(explained(draft), "audience")

    assert found.mark == Mark.OK
    assert "segments: Annas. Now in the segment “Annas”." in found.detail
