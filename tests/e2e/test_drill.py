"""A short drill, as a person runs it."""

from __future__ import annotations

import pytest

from pochtar.ops.drill.cluster import find_binaries
from tests.e2e.installation import Installation


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_drill_kills_each_part_and_finds_nothing(
    installation: Installation, database: str
):
    """SMTP-21, SMTP-22, SMTP-24, SMTP-25"""
    if database == "postgres" and find_binaries() is None:
        pytest.skip("no PostgreSQL server here (apt-get install postgresql)")
    done = installation.manage(
        *("drill", "--kills", "5", "--database", database, "--recipients", "500"),
        seconds=400,
    )

    figures = dict(line.split(": ") for line in done.stdout.splitlines())
    assert (figures["kills"], figures["lost"], figures["duplicated"]) == ("5", "0", "0")
    assert int(figures["unknown"]) <= int(figures["unknown_bound"])
