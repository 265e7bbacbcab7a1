"""What is written down of an attempt, and that it is counted in the same breath."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore.engine.types import OutcomeClass, Result
from mailcore.smtp.sink import Sink
from pochtar.accounts.models import Workspace
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import Attempt, Delivery, Outcome, Run, Tally
from pochtar.delivery.recording import (
    attempts_without_server,
    record_attempts,
    record_behind,
)
from pochtar.delivery.tables import Statement, array_of, text_array_of
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 9, 1, 12, 0, 30, 123456, tzinfo=dt.UTC)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.fixture
def run(workspace: Workspace) -> Run:
    make_people(workspace, 4)
    return launch(workspace, Sink(port=25))


def result(delivery: Delivery, **over: object) -> Result:
    fields = {"outcome": OutcomeClass.ACCEPTED, "at": NOON, **over}
    return Result(
        delivery_id=delivery.pk,
        position=delivery.position,
        **fields,  # type: ignore[arg-type]
    )


def deliveries_of(run: Run) -> list[Delivery]:
    return list(Delivery.objects.filter(run=run).order_by("position"))


def test_everything_that_is_known_of_an_attempt_is_kept(run: Run) -> None:
    """SMTP-05"""
    known = {
        "permanent": True,
        "code": 550,
        "reply": "no\nsuch one",
        "stage": "rcpt",
        "reason": "because",
        "host": "mx.example",
        "peer": "10.0.0.1",
        "tls": "TLSv1.3",
        "queue_id": "4cQvXk2W5bz1xLq",
        "duration_ms": 17,
        "at": NOON,
    }
    one = result(
        deliveries_of(run)[0],
        outcome=OutcomeClass.FAILED,
        enhanced="5.1.1",
        **known,
    )

    record_attempts(run, [one], number=3)

    row = Attempt.objects.get()
    assert {name: getattr(row, name) for name in known} == known
    assert (row.number, row.outcome, row.enhanced_code) == (3, "failed", "5.1.1")
    assert (row.run_id, row.workspace_id) == (run.pk, run.workspace_id)
    assert row.delivery_id == one.delivery_id


def test_where_no_server_spoke_there_is_no_code(run: Run) -> None:
    first, second, *_ = deliveries_of(run)
    record_attempts(run, [result(first)])
    rows = attempts_without_server(
        [second.pk], outcome=Outcome.SKIPPED, reason="stopped", at=NOON
    )
    record_attempts(run, rows)

    assert set(Attempt.objects.values_list("code", "reply", "permanent")) == {
        (None, "", False)
    }
    assert Attempt.objects.get(outcome="skipped").reason == "stopped"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(replies=st.lists(ANY_TEXT, min_size=1, max_size=4))
def test_any_reply_comes_back_as_it_was_said(run: Run, replies: list[str]) -> None:
    """What no database can hold (NUL, a lone surrogate) becomes U+FFFD."""
    Attempt.objects.all().delete()
    pairs = list(zip(deliveries_of(run), replies, strict=False))

    record_attempts(run, [result(d, reply=r) for d, r in pairs])

    stored = Attempt.objects.order_by("delivery").values_list("reply", flat=True)
    assert list(stored) == [as_stored(reply) for _delivery, reply in pairs]


def as_stored(text: str) -> str:
    return "".join(
        "\ufffd" if char == "\0" or "\ud800" <= char <= "\udfff" else char
        for char in text
    )


def test_texts_are_cut_to_what_their_columns_hold(run: Run) -> None:
    long = dict.fromkeys(
        ("stage", "reason", "host", "peer", "tls", "queue_id"), "x" * 999
    )
    one = result(deliveries_of(run)[0], enhanced="5" * 99, **long)

    record_attempts(run, [one])

    row = Attempt.objects.get()
    for name in (*long, "enhanced_code"):
        room = Attempt._meta.get_field(name).max_length  # type: ignore[union-attr]
        assert len(getattr(row, name)) == room, name


def test_attempts_are_counted_by_their_minute(run: Run) -> None:
    ahead = dt.timedelta(minutes=1)
    ends: list[dict[str, Any]] = [
        {"outcome": OutcomeClass.ACCEPTED},
        {"outcome": OutcomeClass.FAILED, "at": NOON + ahead},
        {"outcome": OutcomeClass.ACCEPTED},
        {"outcome": OutcomeClass.UNKNOWN, "at": NOON + ahead},
    ]
    pairs = list(zip(deliveries_of(run), ends, strict=True))

    record_attempts(run, [result(d, **end) for d, end in pairs[:3]])
    record_attempts(run, [result(d, **end) for d, end in pairs[3:]])

    minutes = Tally.objects.order_by("minute").values_list(
        "minute", "accepted", "failed", "unknown"
    )
    noon = NOON.replace(second=0, microsecond=0)
    assert list(minutes) == [(noon, 2, 0, 0), (noon + ahead, 0, 1, 1)]


def test_who_is_tried_again_is_counted_where_they_stand_now(run: Run) -> None:
    """SMTP-19"""
    first, *_ = deliveries_of(run)
    failed = result(first, outcome=OutcomeClass.DEFERRED)
    record_attempts(run, [failed])
    record_attempts(run, [result(first)], number=2, source="deferred")

    counts = count_states(run)
    assert (counts.accepted, counts.deferred, counts.pending) == (1, 0, 3)


def test_nothing_to_record_is_nothing_written(run: Run) -> None:
    record_attempts(run, [])

    assert not Attempt.objects.exists()
    assert not Tally.objects.exists()
    assert audit_run(run) == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's way")
def test_behind_a_statement_that_finds_nothing_nothing_is_recorded(run: Run) -> None:
    row = result(deliveries_of(run)[0], at=timezone.now())

    assert record_behind(Statement("SELECT 1 WHERE %s = 2", [1]), run, [row]) is None
    assert not Attempt.objects.exists()
    assert not Tally.objects.exists()

    assert record_behind(Statement("SELECT 'found'", []), run, [row]) == ("found",)
    assert Attempt.objects.count() == 1
    assert Tally.objects.get().accepted == 1


def test_arrays_are_written_as_postgresql_reads_them() -> None:
    assert array_of([1, None, True]) == "{1,NULL,True}"
    assert text_array_of(["", "NULL", 'a"b\\c,{}']) == '{"","NULL","a\\"b\\\\c,{}"}'
    assert text_array_of(["a\0b", "c"]) == '{"a\ufffdb","c"}'


MOMENTS = st.datetimes(
    dt.datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis wants them so
    dt.datetime(2106, 1, 1),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=st.lists(MOMENTS, min_size=1, max_size=4))
def test_moments_are_kept_to_the_microsecond(
    run: Run, moments: list[dt.datetime]
) -> None:
    """On PostgreSQL they travel as floating-point seconds: exact until 2106."""
    Attempt.objects.all().delete()
    pairs = list(zip(deliveries_of(run), moments, strict=False))

    record_attempts(run, [result(d, at=at) for d, at in pairs])

    stored = Attempt.objects.order_by("delivery").values_list("at", flat=True)
    assert list(stored) == [at for _delivery, at in pairs]


def test_what_is_equal_in_a_batch_is_as_well_kept_as_what_is_not(run: Run) -> None:
    """Equal columns travel as one value, whichever they are."""
    every = {
        "permanent": (True, False),
        "code": (550, 0),
        "reply": ("no", "yes\\"),
        "stage": ("rcpt", "body"),
        "reason": ("because", ""),
        "host": ("mx.example", "b.example"),
        "peer": ("10.0.0.1", "10.0.0.2"),
        "tls": ("TLSv1.3", ""),
        "queue_id": ("4cQ", '"'),
        "duration_ms": (17, 0),
        "at": (NOON, NOON + dt.timedelta(microseconds=1)),
    }
    first, second, *_ = deliveries_of(run)
    for name, values in every.items():
        Attempt.objects.all().delete()
        ours = {other: pair[0] for other, pair in every.items()}
        rows = [ours, {**ours, name: values[1]}]

        record_attempts(
            run,
            [result(d, **row) for d, row in zip((first, second), rows, strict=True)],
        )

        for row, stored in zip(rows, Attempt.objects.order_by("delivery"), strict=True):
            kept = {key: getattr(stored, key) for key in row}
            assert kept == {**row, "code": row["code"] or None}, name
