"""What keeps somebody out of a mailing who is meant by it: one cause, one function.

Each is told as things stand now.  Of somebody who was frozen with a launched mailing
it is only by the way: what became of their letter, the attempts say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pochtar.delivery.reached import reached, runs_since
from pochtar.mailings.models import Mailing
from pochtar.recipients.models import Recipient, Segment, Subscription
from pochtar.recipients.segments import segment_recipients
from pochtar.recipients.standing import stop_of
from pochtar.reports.case import Case
from pochtar.reports.steps import Mark, Step, moment

Cause = Callable[[Case], Step | None]


def belongs_to(recipient: Recipient, segment: Segment) -> bool:
    return segment_recipients(segment).filter(pk=recipient.pk).exists()


def _mark(case: Case) -> Mark:
    return Mark.INFO if case.delivery else Mark.BAD


# Standing: whatever the mailing ---------------------------------------------------------
def unsubscribed(case: Case) -> Step | None:
    """Whoever has unsubscribed gets no mailing (MSG-25)."""
    if not case.recipient or not case.recipient.unsubscribed_at:
        return None
    return Step(
        key="unsubscribed",
        mark=_mark(case),
        text=_("Unsubscribed."),
        detail=_("By: %(how)s.")
        % {"how": case.recipient.get_unsubscribed_via_display()},
        at=case.recipient.unsubscribed_at,
    )


def suppressed(case: Case) -> Step | None:
    """Whoever is on the stop list, or their domain, gets no mailing (BNC-07)."""
    if not case.recipient or not case.recipient.suppressed:
        return None
    stop = stop_of(case.recipient)
    if not stop:
        return Step(key="suppressed", mark=_mark(case), text=_("On the stop list."))
    text = _("On the stop list.")
    if stop.domain:
        text = _("The domain %(domain)s is on the stop list.") % {"domain": stop.domain}
    said = [_("Reason: %(reason)s.") % {"reason": stop.get_reason_display()}]
    if stop.evidence:
        said.append(stop.evidence)
    return Step(
        key="suppressed",
        mark=_mark(case),
        text=text,
        detail=" ".join(said),
        at=stop.created_at,
    )


def unconfirmed(case: Case) -> Step | None:
    """Whoever has no basis gets no mailing (LAW-02)."""
    if not case.recipient or case.recipient.basis:
        return None
    return Step(
        key="unconfirmed",
        mark=_mark(case),
        text=_("Unconfirmed: nothing says that they may be written to."),
        detail=_("State why you may write to them on their page, if you may."),
    )


# The mailing's exceptions -----------------------------------------------------------------
def excluded_list(case: Case) -> Step | None:
    if not _may_be_excluded(case):
        return None
    places = Subscription.objects.filter(
        list__in=case.mailing.exclude_lists.all(), recipient=case.recipient
    )
    place = places.select_related("list").order_by("created_at").first()
    if not place:
        return None
    return Step(
        key="excluded_list",
        mark=Mark.BAD,
        text=_("The mailing leaves out the list “%(name)s”.")
        % {"name": place.list.name},
        detail=_("In it since %(when)s.") % {"when": moment(place.created_at)},
    )


def excluded_segment(case: Case) -> Step | None:
    if not _may_be_excluded(case) or not case.recipient:
        return None
    for row in case.mailing.exclude_segments.order_by("name"):
        if belongs_to(case.recipient, row):
            return Step(
                key="excluded_segment",
                mark=Mark.BAD,
                text=_("The mailing leaves out the segment “%(name)s”.")
                % {"name": row.name},
                detail=_("Now in the segment “%(name)s”.") % {"name": row.name},
            )
    return None


def excluded_mailing(case: Case) -> Step | None:
    if not _may_be_excluded(case):
        return None
    others = case.mailing.exclude_mailings.filter(run__isnull=False)
    for other in others.select_related("run").order_by("-pk"):
        assert other.run
        if _is(case, reached([other.run.pk])):
            return Step(
                key="excluded_mailing",
                mark=Mark.BAD,
                text=_("The mailing leaves out who got “%(name)s”.")
                % {"name": other.name},
                at=other.run.started_at,
            )
    return None


def excluded_days(case: Case) -> Step | None:
    days = case.mailing.exclude_days
    if not days or not _may_be_excluded(case):
        return None
    since = _asked_at(case) - dt.timedelta(days=days)
    name = next(_got_since(case, since), None)
    if name is None:
        return None
    text = ngettext(
        "The mailing leaves out who got any mailing in the last %(days)d day.",
        "The mailing leaves out who got any mailing in the last %(days)d days.",
        days,
    )
    return Step(
        key="excluded_days",
        mark=Mark.BAD,
        text=text % {"days": days},
        detail=_("Got “%(name)s”.") % {"name": name},
    )


def _got_since(case: Case, since: dt.datetime) -> Iterator[str]:
    others = Mailing.objects.filter(
        run__in=runs_since(case.mailing.workspace_id, since),
        run__started_at__lte=_asked_at(case),
    )
    for other in others.exclude(pk=case.mailing.pk).order_by("-pk"):
        assert other.run_id
        if _is(case, reached([other.run_id], since=since)):
            yield other.name


def _may_be_excluded(case: Case) -> bool:
    return case.recipient is not None and case.delivery is None


def _asked_at(case: Case) -> dt.datetime:
    return case.run.started_at if case.run else case.now


def _is(case: Case, condition: Q) -> bool:
    assert case.recipient
    return Recipient.objects.filter(condition, pk=case.recipient.pk).exists()


STANDING: tuple[Cause, ...] = (unsubscribed, suppressed, unconfirmed)
EXCEPTIONS: tuple[Cause, ...] = (
    *(excluded_list, excluded_segment, excluded_mailing),
    excluded_days,
)
