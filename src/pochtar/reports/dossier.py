"""All that is stored about one person, as a file for them (LAW-06, articles 15 and 20).

A ZIP with two files of each table, JSON and CSV, written as it is sent: nothing is kept
in memory or on disk.  A new table is one more line in ``sections``.
"""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.db.models import F, QuerySet

from mailcore.sheets import CsvWriter
from pochtar.accounts.models import AuditEntry
from pochtar.delivery.models import Attempt, Delivery
from pochtar.recipients.models import (
    ConsentEntry,
    ConsentSubject,
    Recipient,
    Subscription,
)
from pochtar.recipients.stopping import stops_of
from pochtar.sandbox.models import CapturedMessage

CHUNK = 500  # rows that a database hands over at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table: ``rows`` is asked anew for each of its two files."""

    name: str
    columns: tuple[str, ...]
    rows: Callable[[], Iterable[Sequence[Any]]]


def write_dossier(recipient: Recipient) -> Iterator[bytes]:
    """Yield the ZIP, a piece at a time."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast("BinaryIO", pipe), "w", zipfile.ZIP_DEFLATED) as archive:
        for section in sections(recipient):
            for suffix, write in (("json", _write_json), ("csv", _write_csv)):
                with archive.open(f"{section.name}.{suffix}", "w") as file:
                    for _row in write(section, cast("BinaryIO", file)):
                        yield from pipe.take()
        yield from pipe.take()
    yield from pipe.take()


class _Pipe:
    """A file that cannot be rewound: what was written is taken away at once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        yield from filter(None, pieces)


def _write_json(section: Section, file: BinaryIO) -> Iterator[None]:
    file.write(b"[")
    for number, row in enumerate(section.rows()):
        record = dict(zip(section.columns, map(_plain, row), strict=True))
        text = json.dumps(record, ensure_ascii=False, indent=1)
        file.write(f"{',' if number else ''}\n{text}".encode())
        yield
    file.write(b"\n]\n")
    yield


def _write_csv(section: Section, file: BinaryIO) -> Iterator[None]:
    writer = CsvWriter(file, titles=section.columns)
    for row in section.rows():
        writer.write([_cell(value) for value in row])
        yield
    yield


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _cell(value: Any) -> str:
    plain = _plain(value)
    if isinstance(plain, (dict, list)):
        return json.dumps(plain, ensure_ascii=False)
    return "" if plain is None else str(plain)


# The tables ---------------------------------------------------------------------------
CONSENT = (
    *("sequence", "at", "kind", "basis", "purpose", "channel", "source", "reference"),
    *("wording", "language", "ip", "user_agent", "hash"),
)
PERSON = (
    *("id", "email", "full_name", "comment", "created_at", "updated_at", "basis"),
    *("unsubscribed_at", "unsubscribed_via", "suppressed"),
)


def sections(recipient: Recipient) -> list[Section]:
    """Return every table that knows the person; foreign people are in none of them."""
    pk = recipient.pk
    deliveries = Delivery.objects.filter(recipient=pk)
    attempts = Attempt.objects.filter(delivery__recipient=pk)
    audit = AuditEntry.objects.filter(
        workspace=recipient.workspace_id, subject="recipient", subject_id=str(pk)
    )
    stop_list = ("email", "domain", "reason", "evidence", "created_at")
    return [
        _table("recipient", Recipient.objects.filter(pk=pk), PERSON),
        Section(
            name="attributes",
            columns=("name", "value"),
            rows=lambda: sorted(recipient.attributes.items()),
        ),
        _table(
            "lists",
            Subscription.objects.filter(recipient=pk),
            ("list", "since"),
            paths=("list__name", "created_at"),
        ),
        Section(name="consent", columns=CONSENT, rows=lambda: _consent(recipient)),
        _table("stop_list", stops_of(recipient), stop_list),
        _table(
            "deliveries",
            deliveries.order_by("id"),
            ("id", "mailing", "subject", "email", "chosen_at"),
            paths=(
                "id",
                "run__mailing__name",
                "run__subject",
                "email",
                "run__started_at",
            ),
        ),
        _table(
            "attempts",
            attempts.order_by("id"),
            (
                *("delivery_id", "number", "at", "outcome", "code", "enhanced_code"),
                *("reply", "reason", "stage", "host", "tls", "queue_id"),
            ),
        ),
        _table("letters", _letters(recipient), ("received_at", "subject", "size")),
        _table("events", audit.order_by("id"), ("at", "verb", "details")),
    ]


def _table(
    name: str,
    rows: QuerySet[Any],
    columns: tuple[str, ...],
    *,
    paths: tuple[str, ...] = (),
) -> Section:
    values = rows.values_list(*(paths or columns))
    return Section(
        name=name, columns=columns, rows=lambda: values.iterator(chunk_size=CHUNK)
    )


def _consent(recipient: Recipient) -> list[tuple[Any, ...]]:
    """Return the lines about the address, those for many among them, in their order."""
    alone = ConsentEntry.objects.filter(
        workspace=recipient.workspace_id, address_hash=recipient.address_hash
    )
    among = ConsentSubject.objects.filter(
        address_hash=recipient.address_hash, entry__workspace=recipient.workspace_id
    )
    names = {f"e_{name}": F(f"entry__{name}") for name in CONSENT}
    lines = [
        *alone.values_list(*CONSENT),
        *among.annotate(**names).values_list(*names),
    ]
    return sorted(lines)


def _letters(recipient: Recipient) -> QuerySet[CapturedMessage]:
    """Return the copies that the built-in mail catcher keeps."""
    rows = CapturedMessage.objects.filter(workspace=recipient.workspace_id)
    return rows.filter(rcpt_to__iexact=recipient.email).order_by("id")
