"""Numbers, times, outcomes and server replies, said the same way on every page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import (
    get_language,
    gettext_lazy,
    ngettext,
    pgettext_lazy,
)
from django.utils.translation import gettext as _

register = template.Library()

# The outcomes of an attempt and the states of a mailing: (colour, word).
OUTCOMES: Mapping[str, tuple[str, Promise]] = {
    "accepted": ("good", gettext_lazy("Successful")),
    "failed": ("bad", gettext_lazy("Not successful")),
    "deferred": ("warn", gettext_lazy("Put off")),
    "unknown": ("warn", gettext_lazy("Outcome unknown")),
    "skipped": ("mute", gettext_lazy("Skipped")),
    "pending": ("mute", gettext_lazy("Waiting")),
    "sending": ("accent live", gettext_lazy("Being sent")),
}
STATES: Mapping[str, tuple[str, Promise]] = {
    "created": ("mute", pgettext_lazy("mailing", "Created")),
    "scheduled": ("accent", pgettext_lazy("mailing", "Scheduled")),
    "running": ("accent live", pgettext_lazy("mailing", "Running")),
    "paused": ("warn", pgettext_lazy("mailing", "Paused")),
    "completed": ("good", pgettext_lazy("mailing", "Completed")),
    "cancelled": ("mute", pgettext_lazy("mailing", "Cancelled")),
}


def badge(colours: str, word: Any) -> SafeString:
    classes = " ".join(f"badge-{colour}" for colour in colours.split())
    return format_html('<span class="badge {}">{}</span>', classes, word)


@register.simple_tag
def outcome(value: str) -> SafeString:
    """Show an attempt's outcome: «Успешно», «Не успешно», …"""
    colour, word = OUTCOMES.get(str(value), ("mute", value))
    return badge(colour, word)


@register.simple_tag
def mailing_status(value: str) -> SafeString:
    colour, word = STATES.get(str(value), ("mute", value))
    return badge(colour, word)


@register.simple_tag(name="badge")
def badge_tag(colour: str, word: str) -> SafeString:
    """Show a word in a pill: good, bad, warn, accent or mute; "live" pulses."""
    return badge(colour, word)


@register.filter
def number(value: Any) -> str:
    """Group thousands in the reader's way: 1 234 567 or 1,234,567."""
    if value is None or value == "":
        return "—"
    return formats.number_format(value, use_l10n=True, force_grouping=True)


@register.filter
def percent(part: Any, whole: Any) -> str:
    """Return the share as whole per cents; never 100 % before it is all."""
    if not whole:
        return "0 %" if _is_russian() else "0%"
    share = int(part * 100 / whole)
    return f"{share}\N{NO-BREAK SPACE}%" if _is_russian() else f"{share}%"


def _is_russian() -> bool:
    return bool(formats.get_format("DECIMAL_SEPARATOR") == ",")


@register.filter
def when(value: datetime | None) -> SafeString | str:
    """Show a moment: "today, 14:05", "12 March, 14:05" or "12 March 2025"."""
    if not value:
        return "—"
    local = timezone.localtime(value)
    full = f"{_day(local.date(), 'j E Y', get_language())}, {local:%H:%M:%S}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        full,
        _nearby(local),
    )


def _nearby(local: datetime) -> str:
    now = timezone.localtime()
    clock = f"{local:%H:%M}"
    if local.date() == now.date():
        return _("today, %(time)s") % {"time": clock}
    if local.date() == now.date() - timedelta(days=1):
        return _("yesterday, %(time)s") % {"time": clock}
    if local.year == now.year:
        return f"{_day(local.date(), 'j E', get_language())}, {clock}"
    return _day(local.date(), "j E Y", get_language())


@lru_cache(maxsize=4096)
def _day(day: date, how: str, language: str | None) -> str:
    """Say the day; a table's rows share a few of them."""
    return formats.date_format(day, how)


@register.filter
def duration(value: timedelta | float | None) -> str:
    """Say a length of time in two units at most: "1 h 5 min", "40 s"."""
    if value is None:
        return "—"
    seconds = int(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds < 60:
        return _("%(seconds)d s") % {"seconds": max(seconds, 0)}
    minutes, seconds = divmod(seconds, 60)
    if minutes < 10 and seconds:
        return _("%(minutes)d min %(seconds)d s") % {
            "minutes": minutes,
            "seconds": seconds,
        }
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return _("%(minutes)d min") % {"minutes": minutes}
    days, hours = divmod(hours, 24)
    if days:
        return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}


@register.simple_tag
def reply(
    code: int | None = None, enhanced: str = "", text: str = "", *, words: int = 0
) -> SafeString:
    """Show what a mail server said on one line; ``words`` > 0 cuts the text."""
    line = " ".join(str(text or "").split())
    if words and len(line) > words:
        line = f"{line[:words].rstrip()}…"
    number_part = " ".join(str(part) for part in (code, enhanced) if part)
    return format_html(
        '<span class="reply">{}<span class="reply-text">{}</span></span>',
        format_html('<span class="reply-code">{}</span>', number_part)
        if number_part
        else "",
        line,
    )


PARTS = ("accepted", "failed", "deferred", "unknown", "skipped")


@register.simple_tag
def progress_bar(*, total: int, big: bool = False, **counts: int) -> SafeString:
    """Draw how a run's deliveries ended: an SVG strip, its widths as attributes."""
    done = sum(counts.get(name) or 0 for name in PARTS)
    share = percent(done, total)
    return format_html(
        '<svg class="bar{}" viewBox="0 0 1000 10" preserveAspectRatio="none"'
        ' role="img" aria-label="{}">{}</svg>',
        " bar-big" if big else "",
        _("%(share)s done") % {"share": share},
        _strips(counts, total),
    )


def _strips(counts: Mapping[str, int], total: int) -> SafeString:
    strips, at = [], 0.0
    for name in PARTS:
        width = 1000 * (counts.get(name) or 0) / total if total else 0
        if width:
            strips.append((name, f"{at:.2f}", f"{width:.2f}"))
        at += width
    return format_html_join(
        "", '<rect class="bar-{}" x="{}" y="0" width="{}" height="10"/>', strips
    )
