"""What a mailing's pages show of whom it goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.recipients.models import RecipientList, Segment

EXCLUDED = ("exclude_lists", "exclude_segments", "exclude_mailings")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAudience:
    """The rows that an audience is made of, by name."""

    lists: list[RecipientList]
    segments: list[Segment]
    exclude_lists: list[RecipientList]
    exclude_segments: list[Segment]
    exclude_mailings: list[Mailing]
    exclude_days: int | None

    @property
    def has_exceptions(self) -> bool:
        return bool(
            self.exclude_lists
            or self.exclude_segments
            or self.exclude_mailings
            or self.exclude_days
        )

    @property
    def is_found_out_later(self) -> bool:
        """Whether it may change without anybody touching a list."""
        return bool(self.segments) or self.has_exceptions


def shown_audience(mailing: Mailing) -> ShownAudience:
    return ShownAudience(
        lists=list(mailing.lists.order_by("name")),
        segments=list(mailing.segments.order_by("name")),
        exclude_lists=list(mailing.exclude_lists.order_by("name")),
        exclude_segments=list(mailing.exclude_segments.order_by("name")),
        exclude_mailings=list(mailing.exclude_mailings.order_by("pk")),
        exclude_days=mailing.exclude_days,
    )


def audiences_of(mailings: Sequence[Mailing]) -> dict[UUID, str]:
    """Return in a few words whom each is for: a question for each kind of rows."""
    prefetch_related_objects(mailings, "lists", "segments", *EXCLUDED)
    return {mailing.pk: _short(mailing) for mailing in mailings}


def _short(mailing: Mailing) -> str:
    if mailing.audience == AudienceKind.LISTS:
        rows = [*mailing.lists.all(), *mailing.segments.all()]
        names = ", ".join(sorted(row.name for row in rows)) or "—"
    else:
        names = mailing.get_audience_display()
    if mailing.exclude_days or any(getattr(mailing, name).all() for name in EXCLUDED):
        return _("%(names)s, with exceptions") % {"names": names}
    return names
