"""One person and one mailing: all that is known of both, read once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone

from mailcore.addresses import Address, AddressError, parse_address
from pochtar.delivery.ledger import with_state
from pochtar.delivery.models import Attempt, Delivery, Run, Slice
from pochtar.mailings.models import Mailing
from pochtar.recipients.models import Recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``recipient`` may be gone while ``delivery`` remembers, and the other way round.

    ``state`` is the delivery's (ledger.STATES), "" without one; ``slices`` are those
    that its position is in, in the order of their tries.
    """

    mailing: Mailing
    typed: str
    now: dt.datetime
    address: Address | None = None
    recipient: Recipient | None = None
    delivery: Delivery | None = None
    state: str = ""
    attempts: tuple[Attempt, ...] = ()
    slices: tuple[Slice, ...] = ()

    @property
    def run(self) -> Run | None:
        return self.mailing.run

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def is_known(self) -> bool:
        return bool(self.recipient or self.delivery)


def open_case(mailing: Mailing, typed: str, *, now: dt.datetime | None = None) -> Case:
    """Look up what there is about this address in the mailing and its workspace."""
    typed, now = typed.strip(), now or timezone.now()
    try:
        address = parse_address(typed)
    except AddressError:
        return Case(mailing=mailing, typed=typed, now=now)
    recipient = (
        Recipient.objects.of(mailing.workspace).filter(email_key=address.key).first()
    )
    delivery = _find_delivery(mailing, address, recipient)
    return Case(
        mailing=mailing,
        typed=typed,
        now=now,
        address=address,
        recipient=recipient,
        delivery=delivery,
        state=delivery.state if delivery else "",  # type: ignore[attr-defined]
        attempts=tuple(_attempts(delivery)) if delivery else (),
        slices=tuple(_slices(delivery)) if delivery else (),
    )


def _find_delivery(
    mailing: Mailing, address: Address, recipient: Recipient | None
) -> Delivery | None:
    """By the recipient, else by the address as it was frozen: they may be gone."""
    if not mailing.run:
        return None
    rows = with_state(Delivery.objects.filter(run=mailing.run))
    found = rows.filter(recipient=recipient).first() if recipient else None
    return found or rows.filter(_spelled(address)).first()


def _spelled(address: Address) -> Q:
    spellings = {address.display, address.envelope, address.key}
    # The frozen addresses have no index of their own: a walk along the run's rows.
    return Q(email__in=spellings) | Q(email__iexact=address.key)


def _attempts(delivery: Delivery) -> QuerySet[Attempt]:
    return Attempt.objects.filter(delivery=delivery).order_by("number")


def _slices(delivery: Delivery) -> QuerySet[Slice]:
    return Slice.objects.filter(
        run=delivery.run_id,
        first_position__lte=delivery.position,
        last_position__gte=delivery.position,
    ).order_by("attempt_number", "pk")
