"""The worker with a real Redis between it and the page."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.brokers import running_redis
from tests.e2e.installation import Installation, wait_until
from tests.e2e.made import make_mailing

PEOPLE = 200


def test_a_mailing_completes_through_redis(installation: Installation, tmp_path: Path):
    ready = make_mailing(installation, recipients=PEOPLE)
    with running_redis(tmp_path) as url:
        installation.more["CELERY_BROKER_URL"] = url
        with installation.running():
            installation.manage("sendmail", ready.mailing, "--detach")
            wait_until(
                lambda: (
                    installation.one("SELECT status FROM delivery_run") == "completed"
                ),
                seconds=90,
                what="the run is completed",
            )

    accepted = "SELECT count(*) FROM delivery_attempt WHERE outcome = 'accepted'"
    assert installation.one(accepted) == PEOPLE
    assert installation.one("SELECT count(*) FROM sandbox_capturedmessage") == PEOPLE
    assert not any((installation.var / "broker" / "messages").glob("*"))
