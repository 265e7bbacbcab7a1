"""The tables that know what happened to a recipient, and their rows in words."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pochtar.accounts.models import AuditEntry
from pochtar.delivery.models import Attempt, Delivery, Run
from pochtar.recipients.merging import MERGED_INTO
from pochtar.recipients.models import (
    ConsentEntry,
    ConsentKind,
    ConsentSource,
    ConsentSubject,
    Import,
    Recipient,
    Subscription,
    Suppression,
    SuppressionReason,
    UnsubscribedVia,
)
from pochtar.recipients.stopping import stops_of
from pochtar.reports.change_words import what_changed
from pochtar.reports.steps import Mark, moment
from pochtar.reports.timeline import Event, Link, Source, Subject
from pochtar.reports.tries import tell_attempt


# Letters ------------------------------------------------------------------------------
def _attempts(who: Subject) -> QuerySet[Attempt]:
    # By the recipient alone: the workspace would lure the planner to its own index.
    rows = Attempt.objects.filter(delivery__recipient=who.recipient)
    return rows.select_related("run__mailing")


def _tell_attempt(attempt: Attempt) -> Event:
    step = tell_attempt(attempt)
    return Event(
        key=step.key,
        sign="mail",
        mark=step.mark,
        text=step.text,
        detail=step.detail,
        link=_mailing(attempt.run),
        reply=step.reply,
        meaning=step.meaning,
        facts=step.facts,
    )


def _deliveries(who: Subject) -> QuerySet[Delivery]:
    return Delivery.objects.filter(recipient=who.recipient).select_related(
        "run__mailing"
    )


def _tell_delivery(delivery: Delivery) -> Event:
    return Event(
        key="selected",
        sign="send",
        text=_("Chosen for a mailing."),
        link=_mailing(delivery.run),
    )


def _mailing(run: Run) -> Link | None:
    mailing = getattr(run, "mailing", None)  # a run may have outlived its mailing
    if mailing is None:
        return None
    return Link(page="mailing", pk=mailing.pk, name=mailing.name)


# Lists --------------------------------------------------------------------------------
def _places(who: Subject) -> QuerySet[Subscription]:
    rows = Subscription.objects.filter(recipient=who.recipient)
    return rows.select_related("list")


def _tell_place(place: Subscription) -> Event:
    return Event(
        key="joined",
        sign="list-details",
        mark=Mark.OK,
        text=_("Put into a list."),
        link=Link(page="list", pk=place.list.pk, name=place.list.name),
    )


# Consent ------------------------------------------------------------------------------
CONSENT = {
    ConsentKind.GIVEN: (Mark.OK, gettext_lazy("The basis for mailings was stated.")),
    ConsentKind.CONFIRMED: (Mark.OK, gettext_lazy("Consent confirmed by a letter.")),
    ConsentKind.WITHDRAWN: (Mark.BAD, gettext_lazy("Consent withdrawn.")),
    ConsentKind.OBJECTED: (Mark.BAD, gettext_lazy("Objected to mailings.")),
    ConsentKind.RESUMED: (Mark.OK, gettext_lazy("The refusal was taken back.")),
}


def _consent(who: Subject) -> QuerySet[ConsentEntry]:
    return ConsentEntry.objects.filter(
        workspace=who.recipient.workspace_id,
        address_hash__in=who.selves.hashes,
    )


def _consent_of_many(who: Subject) -> QuerySet[ConsentSubject]:
    rows = ConsentSubject.objects.filter(
        address_hash__in=who.selves.hashes,
        entry__workspace=who.recipient.workspace_id,
    )
    return rows.select_related("entry")


def _tell_consent(entry: ConsentEntry) -> Event:
    mark, text = CONSENT[ConsentKind(entry.kind)]
    source = _("Source: %(source)s.") % {"source": entry.get_source_display()}
    parts = [f"{entry.get_basis_display()}." if entry.basis else "", source]
    if entry.wording:
        parts.append(_("Told to them: “%(wording)s”") % {"wording": entry.wording})
    return Event(
        key=f"consent_{entry.kind}",
        sign="check" if mark == Mark.OK else "x",
        mark=mark,
        text=str(text),
        detail=" ".join(filter(None, parts)),
    )


def _tell_consent_of_many(subject: ConsentSubject) -> Event:
    return _tell_consent(subject.entry)


# The stop list ------------------------------------------------------------------------
def _stops(who: Subject) -> QuerySet[Suppression]:
    return stops_of(who.recipient).select_related("created_by")


def _tell_stop(stop: Suppression) -> Event:
    text = _("Put on the stop list.")
    if stop.domain:
        text = _("The domain %(domain)s was put on the stop list.") % {
            "domain": stop.domain
        }
    reason = _("Reason: %(reason)s.") % {"reason": stop.get_reason_display()}
    return Event(
        key="stopped",
        sign="ban",
        mark=Mark.BAD,
        text=text,
        detail=" ".join(filter(None, (reason, stop.evidence))),
        by=str(stop.created_by or ""),
    )


# The audit log ------------------------------------------------------------------------
CREATED = "recipient_created"
TOLD_ELSEWHERE = (MERGED_INTO, CREATED)


def _audit(who: Subject) -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.filter(
        subject_id__in=who.selves.ids,
        subject="recipient",
        workspace=who.recipient.workspace_id,
    )
    return rows.exclude(verb__in=TOLD_ELSEWHERE).select_related("user")


def _tell_audit(entry: AuditEntry) -> Event:
    tell = AUDIT.get(entry.verb, _other)
    event = tell(entry)
    by = str(entry.user or "")
    return Event(
        key=entry.verb,
        sign=event.sign,
        mark=event.mark,
        text=event.text,
        detail=event.detail,
        by=by,
    )


def _plain(
    text: object, *, sign: str, mark: Mark = Mark.INFO
) -> Callable[[AuditEntry], Event]:
    return lambda entry: Event(key=entry.verb, sign=sign, mark=mark, text=str(text))


def _other(entry: AuditEntry) -> Event:
    """Tell a verb that has no words of its own here, rather than nothing."""
    words = entry.verb.removeprefix("recipient_").replace("_", " ")
    return Event(key=entry.verb, text=_("Noted: %(what)s.") % {"what": words})


def _changed(entry: AuditEntry) -> Event:
    return Event(
        key=entry.verb,
        sign="pencil",
        text=_("Changed."),
        detail=what_changed(entry.details.get("changed", [])),
    )


def _unsubscribed(entry: AuditEntry) -> Event:
    via = str(entry.details.get("via", ""))
    known = via in UnsubscribedVia.values
    how = _("By: %(how)s.") % {"how": UnsubscribedVia(via).label} if known else ""
    return Event(
        key=entry.verb,
        sign="mail-x",
        mark=Mark.BAD,
        text=_("Unsubscribed."),
        detail=how,
    )


def _left_list(entry: AuditEntry) -> Event:
    name = str(entry.details.get("list", ""))
    return Event(
        key=entry.verb,
        sign="minus",
        text=_("Taken out of the list “%(list)s”.") % {"list": name},
    )


def _allowed(entry: AuditEntry) -> Event:
    reason = str(entry.details.get("reason", ""))
    since = parse_datetime(str(entry.details.get("since", "")))
    parts = []
    if since:
        parts.append(_("Was on it since %(when)s.") % {"when": moment(since)})
    if reason in SuppressionReason.values:
        label = SuppressionReason(reason).label
        parts.append(_("Reason: %(reason)s.") % {"reason": label})
    return Event(
        key=entry.verb,
        sign="circle-check",
        mark=Mark.OK,
        text=_("Taken off the stop list."),
        detail=" ".join(parts),
    )


AUDIT: dict[str, Callable[[AuditEntry], Event]] = {
    "recipient_changed": _changed,
    "recipient_unsubscribed": _unsubscribed,
    "recipient_resubscribed": _plain(
        gettext_lazy("Subscribed again."), sign="mail-check", mark=Mark.OK
    ),
    "recipient_left_list": _left_list,
    "recipient_allowed": _allowed,
    "recipient_merged": _plain(
        gettext_lazy("Another entry of the same person was merged into this one."),
        sign="users",
    ),
    "recipient_exported": _plain(
        gettext_lazy("All data on the person was exported."), sign="file-download"
    ),
}


# The beginning ------------------------------------------------------------------------
def _itself(who: Subject) -> QuerySet[Recipient]:
    return Recipient.objects.filter(pk=who.recipient.pk)


def _tell_beginning(recipient: Recipient) -> Event:
    import_, by = _import_of(recipient), _entered_by(recipient)
    if import_ is None:
        text = _("Entered by hand.") if by else _("Added to the recipients.")
    else:
        when = moment(import_.created_at)
        text = _("Added by the import “%(name)s” of %(when)s.") % {
            "name": import_.file_name or _("pasted rows"),
            "when": when,
        }
    return Event(key="added", sign="user-plus", mark=Mark.OK, text=text, by=by)


def _entered_by(recipient: Recipient) -> str:
    """Return who typed them in; "" for those who came otherwise."""
    lines = AuditEntry.objects.filter(
        subject_id=str(recipient.pk), subject="recipient", verb=CREATED
    )
    line = lines.select_related("user").first()
    return str(line.user or "—") if line else ""


def _import_of(recipient: Recipient) -> Import | None:
    """Return the import that the ledger names for them from before they were there."""
    entry = (
        ConsentEntry.objects.filter(
            workspace=recipient.workspace_id,
            source=ConsentSource.IMPORT,
            subjects__address_hash=recipient.address_hash,
        )
        .order_by("id")
        .first()
    )
    if entry is None:
        return None
    try:
        pk = UUID(entry.reference)
    except ValueError:
        return None
    found: Import | None = (
        Import.objects.of(recipient.workspace)
        .filter(pk=pk, created_at__lte=recipient.created_at)
        .first()
    )
    return found


# Of one moment, what stands first is shown first.
SOURCES: tuple[Source, ...] = (
    Source(rows=_attempts, at="at", tell=_tell_attempt),
    Source(rows=_deliveries, at="run__started_at", tell=_tell_delivery),
    Source(rows=_stops, at="created_at", tell=_tell_stop),
    Source(rows=_audit, at="at", tell=_tell_audit),
    Source(rows=_consent, at="at", tell=_tell_consent),
    Source(rows=_consent_of_many, at="entry__at", tell=_tell_consent_of_many),
    Source(rows=_places, at="created_at", tell=_tell_place),
    Source(rows=_itself, at="created_at", tell=_tell_beginning),
)
