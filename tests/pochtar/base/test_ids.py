"""Ids ascend with time and cannot be guessed."""

from __future__ import annotations

import time
import uuid

from pochtar.base.ids import uuid7


def test_an_id_is_a_version_7_uuid() -> None:
    value = uuid7()

    assert value.version == 7
    assert value.variant == uuid.RFC_4122


def test_an_id_begins_with_its_time() -> None:
    before = time.time_ns() // 1_000_000
    value = uuid7()
    after = time.time_ns() // 1_000_000

    assert before <= value.int >> 80 <= after


def test_ids_made_one_after_the_other_ascend() -> None:
    made = []
    for _number in range(200):
        made.append(uuid7())
        time.sleep(0.000_001)  # clocks tick coarsely

    assert made == sorted(made)
    assert len(set(made)) == 200


def test_two_ids_of_one_moment_differ(monkeypatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_123_456_789)

    made = {uuid7() for _number in range(1000)}

    assert len(made) == 1000
    assert {value.version for value in made} == {7}
