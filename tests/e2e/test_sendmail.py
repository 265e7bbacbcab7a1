"""``manage.py sendmail`` over the real sandbox: to its end, and killed half-way."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter

from tests.e2e.installation import MANAGE, ROOT, Installation, wait_until
from tests.e2e.made import Ready, make_mailing

PEOPLE = 2000


def letters(installation: Installation) -> Counter[str]:
    """Return how many letters each address has in the sandbox."""
    sql = "SELECT rcpt_to, count(*) FROM sandbox_capturedmessage GROUP BY rcpt_to"
    return Counter(dict(installation.rows(sql)))


def last_outcomes(installation: Installation) -> dict[str, str]:
    """Return the outcome of each address's last attempt ("" where there is none)."""
    sql = """
        SELECT d.email, coalesce((
            SELECT a.outcome FROM delivery_attempt a
            WHERE a.delivery_id = d.id ORDER BY a.number DESC LIMIT 1), '')
        FROM delivery_delivery d
    """
    return dict(installation.rows(sql))


def start_sendmail(installation: Installation, ready: Ready) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*MANAGE, "sendmail", ready.mailing, "--json"],
        env=installation.environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_thousand_letters_are_all_accepted(installation: Installation):
    ready = make_mailing(installation, recipients=PEOPLE)
    with installation.running_sandbox():
        done = installation.manage("sendmail", ready.mailing, "--json", check=False)
        again = installation.manage("sendmail", ready.mailing, check=False)

    summary = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert summary["accepted"] == PEOPLE
    assert set(letters(installation).values()) == {1}
    assert len(letters(installation)) == PEOPLE
    assert again.returncode == 2
    assert again.stderr


def test_killed_half_way_and_started_again_nobody_is_lost_or_written_to_twice(
    installation: Installation,
):
    ready = make_mailing(installation, recipients=PEOPLE)
    with installation.running_sandbox():
        process = start_sendmail(installation, ready)
        wait_until(
            lambda: sum(letters(installation).values()) > PEOPLE // 3,
            seconds=60,
            what="a third is sent",
            every=0.02,
        )
        process.kill()
        process.communicate()
        half_way = sum(letters(installation).values())
        done = installation.manage("sendmail", ready.mailing, "--json", check=False)
    summary = json.loads(done.stdout)
    outcomes = last_outcomes(installation)
    arrived = letters(installation)
    unknown = {email for email, outcome in outcomes.items() if outcome == "unknown"}

    assert half_way < PEOPLE
    assert len(outcomes) == PEOPLE  # nobody is lost
    assert set(outcomes.values()) <= {"accepted", "unknown"}
    assert set(arrived.values()) == {1}  # nobody is written to twice
    assert {e for e, o in outcomes.items() if o == "accepted"} <= set(arrived)
    assert summary["unknown"] == len(unknown)
    assert summary["accepted"] == PEOPLE - len(unknown)
    assert len(unknown) <= 10 * 5  # a chunk for each connection
    assert done.returncode == (1 if unknown else 0)
    assert installation.manage("doctor", "ledger", check=False).returncode == 0


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(
    installation: Installation,
):
    ready = make_mailing(installation, recipients=PEOPLE)
    with installation.running_sandbox():
        process = start_sendmail(installation, ready)
        wait_until(
            lambda: sum(letters(installation).values()) > PEOPLE // 4,
            seconds=60,
            what="a quarter is sent",
            every=0.02,
        )
        process.send_signal(signal.SIGINT)
        _out, said = process.communicate(timeout=20)
        stopped = process.returncode
        before = last_outcomes(installation)
        done = installation.manage("sendmail", ready.mailing, "--json", check=False)

    assert stopped == 130, said
    assert "unknown" not in before.values()
    assert "" in before.values()
    assert done.returncode == 0
    assert set(last_outcomes(installation).values()) == {"accepted"}
    assert set(letters(installation).values()) == {1}


def test_two_commands_at_once_make_one_run(installation: Installation):
    """Issue §6: one run, however it is asked for."""
    ready = make_mailing(installation, recipients=100)
    with installation.running_sandbox():
        processes = [start_sendmail(installation, ready) for _ in range(3)]
        for process in processes:
            process.communicate(timeout=60)

    assert sorted(process.returncode for process in processes) == [0, 2, 2]
    assert installation.one("SELECT count(*) FROM delivery_run") == 1
    assert set(letters(installation).values()) == {1}
    assert len(letters(installation)) == 100


def test_what_cannot_be_launched_is_said_and_is_status_two(
    installation: Installation,
):
    nothing = installation.manage("sendmail", "no-such-mailing", check=False)
    ready = make_mailing(installation, recipients=0)
    nobody = installation.manage("sendmail", ready.mailing, check=False)

    for refused in (nothing, nobody):
        assert refused.returncode == 2
        assert refused.stderr.strip()
        assert "Traceback" not in refused.stderr
