"""Two workers with a real broker between them, one of them killed in mid-slice.

The drill makes the installation, the workers and the mail server, and checks what it
always checks; here it goes over Redis and RabbitMQ.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pochtar.ops.drill.cluster import find_binaries
from tests.e2e.brokers import running_rabbit, running_redis
from tests.e2e.installation import Installation

KILLS = 2
Broker = Callable[[Path], AbstractContextManager[str]]


@pytest.mark.parametrize(
    "broker", [running_redis, running_rabbit], ids=["redis", "rabbitmq"]
)
def test_a_worker_is_killed_and_nobody_is_lost_or_gets_it_twice(
    installation: Installation, tmp_path: Path, broker: Broker
):
    """SMTP-21, SMTP-25, SMTP-26"""
    database = "postgres" if find_binaries() else "sqlite"
    with broker(tmp_path) as url:
        done = installation.manage(
            *("drill", "--kills", str(KILLS), "--only", "worker", "--workers", "2"),
            *("--broker", url, "--database", database, "--json", "--seed", "5"),
            seconds=400,
        )

    verdict = json.loads(done.stdout.strip().splitlines()[-1])
    assert verdict["findings"] == []
    assert (verdict["lost"], verdict["duplicated"], verdict["denied"]) == (0, 0, 0)
    assert verdict["killed"] == {"worker": KILLS}
    assert verdict["selected"] == sum(
        verdict[name]
        for name in ("accepted", "failed", "deferred", "unknown", "skipped")
    )
    assert verdict["accepted"] > verdict["selected"] / 2
    assert verdict["unknown"] <= verdict["unknown_bound"]
