"""Merge two recipients with all that hangs on them."""

from __future__ import annotations

from pochtar.accounts.models import User
from pochtar.delivery.merging import move_deliveries
from pochtar.mailings.models import Mailing
from pochtar.recipients.merging import Follower, merge_recipients
from pochtar.recipients.models import Recipient
from pochtar.recipients.services import Person


def merge_people(
    stays: Recipient, goes: Recipient, person: Person, *, by: User
) -> Recipient:
    """Make one recipient out of the two; errors as in `merge_recipients`."""
    return merge_recipients(stays, goes, person, by=by, followers=FOLLOWERS)


def move_picks(stays: Recipient, goes: Recipient) -> None:
    """Pick the one that stays where the other was picked."""
    for mailing in Mailing.objects.filter(picked=goes):
        mailing.picked.add(stays)


FOLLOWERS: tuple[Follower, ...] = (move_deliveries, move_picks)
