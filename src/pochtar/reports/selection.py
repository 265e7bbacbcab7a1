"""Why somebody is, or is not, among those a mailing goes to.

``CAUSES`` are asked in order, each gives a step or None.  A new reason to leave people
out is one more function here or in exclusion.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from mailcore.addresses import AddressError, parse_address
from pochtar.delivery.models import Delivery
from pochtar.mailings.audience import audience_of
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.recipients.models import Recipient, RecipientList, Subscription
from pochtar.reports.case import Case
from pochtar.reports.exclusion import EXCEPTIONS, STANDING, Cause, belongs_to
from pochtar.reports.steps import Mark, Step, moment


def tell_person(case: Case) -> Step:
    """Say who that is, as far as the workspace knows."""
    if not case.recipient:
        return Step(
            key="deleted",
            mark=Mark.INFO,
            text=_("This recipient was deleted; the mailing remembers the address."),
        )
    return Step(
        key="recipient",
        mark=Mark.OK,
        text=_("%(who)s is a recipient of the workspace.") % {"who": case.recipient},
        detail=_history(case, case.recipient),
    )


def _history(case: Case, recipient: Recipient) -> str:
    added = _("Added on %(when)s.") % {"when": moment(recipient.created_at)}
    return " ".join(filter(None, (added, _other_address(case, recipient))))


def _other_address(case: Case, recipient: Recipient) -> str:
    """Say so when the mailing knows the person by another address, or another one."""
    if not case.delivery:
        return ""
    if case.delivery.recipient_id != recipient.pk:
        return _("Deleted and entered anew: at the launch there was another entry.")
    if _key(case.delivery.email) != recipient.email_key:
        return _("At the launch the address was %(email)s: the letter went there.") % {
            "email": case.delivery.email
        }
    return ""


def _key(email: str) -> str:
    try:
        return parse_address(email).key
    except AddressError:
        return email


def tell_selection(case: Case) -> Iterator[Step]:
    """Go through the causes."""
    for cause in CAUSES:
        if step := cause(case):
            yield step


def is_selected(case: Case) -> bool:
    """Say whether the mailing goes to the person, or would if it started now."""
    if case.run:
        return case.delivery is not None
    return all(step.mark != Mark.BAD for step in tell_selection(case))


# Causes -------------------------------------------------------------------------------
def earlier_mailing(case: Case) -> Step | None:
    """A mailing to those added since leaves out whom the one before it chose."""
    earlier, recipient = case.mailing.follows, case.recipient
    if case.delivery or not earlier or not earlier.run or not recipient:
        return None
    if not Delivery.objects.filter(run=earlier.run, recipient=recipient).exists():
        return None
    return Step(
        key="earlier_mailing",
        mark=Mark.BAD,
        text=_("The earlier mailing “%(name)s” went to this person already.")
        % {"name": earlier.name},
        detail=_("This one is only for those who were added since."),
        at=earlier.run.started_at,
    )


def audience(case: Case) -> Step | None:
    """Whether the audience, as it was chosen, holds the person."""
    if case.delivery:
        return _audience_step(
            case, Mark.OK, _("Was among those the mailing goes to at the launch.")
        )
    if not case.recipient:
        return None
    if case.run:
        return _left_out(case, case.recipient)
    if audience_of(case.mailing).filter(pk=case.recipient.pk).exists():
        return _audience_step(
            case, Mark.OK, _("Is among those the mailing goes to as things stand.")
        )
    return _audience_step(
        case, Mark.BAD, _("Is not among those the mailing goes to as things stand.")
    )


def _left_out(case: Case, recipient: Recipient) -> Step:
    assert case.run
    launched = case.run.started_at
    if recipient.created_at > launched:
        text = _("Was added after the launch, when the recipients were already chosen.")
    elif any(row.created_at > launched for row in _places(case.mailing, recipient)):
        text = _("Was put into the list after the launch.")
    else:
        text = _("Was not among those the mailing goes to at the launch.")
    return _audience_step(case, Mark.BAD, text)


def _audience_step(case: Case, mark: Mark, text: str) -> Step:
    return Step(key="audience", mark=mark, text=text, detail=_chosen(case))


def _chosen(case: Case) -> str:
    """Say how the audience was chosen and where the person stands in it."""
    mailing = case.mailing
    if mailing.audience == AudienceKind.EVERYBODY:
        return _("The mailing goes to everybody.")
    if mailing.audience == AudienceKind.PICKED:
        return _("The mailing goes to picked people.")
    return " ".join(_groups(case))


def _groups(case: Case) -> Iterator[str]:
    mailing, recipient = case.mailing, case.recipient
    lists, segments = _lists(mailing), list(mailing.segments.order_by("name"))
    if lists or not segments:
        names = ", ".join(row.name for row in lists)
        yield _("The mailing goes to the lists: %(lists)s.") % {"lists": names or "—"}
    if segments:
        names = ", ".join(row.name for row in segments)
        yield _("The mailing goes to the segments: %(segments)s.") % {"segments": names}
    if not recipient:
        return
    places = _places(mailing, recipient)
    for place in places:
        yield _("In the list “%(name)s” since %(when)s.") % {
            "name": place.list.name,
            "when": moment(place.created_at),
        }
    inside = [row for row in segments if belongs_to(recipient, row)]
    for row in inside:
        yield _("Now in the segment “%(name)s”.") % {"name": row.name}
    if not places and not inside:
        yield _("Now in none of them.")


def _lists(mailing: Mailing) -> list[RecipientList]:
    return list(mailing.lists.order_by("name"))


def _places(mailing: Mailing, recipient: Recipient) -> list[Subscription]:
    if mailing.audience != AudienceKind.LISTS:
        return []
    rows = Subscription.objects.filter(list__in=_lists(mailing), recipient=recipient)
    return list(rows.select_related("list").order_by("created_at"))


CAUSES: tuple[Cause, ...] = (audience, *STANDING, *EXCEPTIONS, earlier_mailing)
