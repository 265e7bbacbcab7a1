"""What a mailing's pages show of whom it goes to."""

from __future__ import annotations

from dataclasses import dataclass

from pochtar.mailings.models import Mailing
from pochtar.recipients.models import RecipientList, Segment


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
