"""What an explanation is made of."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from django.utils import formats, timezone

from pochtar.delivery.reply_words import Explained


class Mark(StrEnum):
    """What a step says at a glance."""

    OK = "ok"
    BAD = "bad"
    WARN = "warn"  # nobody knows, or not yet
    INFO = "info"
    NEXT = "next"  # still ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A small print: ``key`` is for programs, the label for people."""

    key: str
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to a letter, or will, or did not.

    ``reply`` is the server's whole answer with its codes, ``meaning`` what it means.
    """

    key: str
    mark: Mark
    text: str
    detail: str = ""
    at: dt.datetime | None = None
    reply: str = ""
    meaning: Explained | None = None
    facts: tuple[Fact, ...] = ()


def grouped(number: int) -> str:
    """Return the number with its thousands grouped as the reader does."""
    return formats.number_format(number, use_l10n=True, force_grouping=True)


def moment(value: dt.datetime) -> str:
    """Say a moment inside a sentence, in the time zone of the moment's reader."""
    return formats.date_format(timezone.localtime(value), "j E Y, H:i")
