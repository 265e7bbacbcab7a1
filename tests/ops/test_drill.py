"""What the drill would say if a promise were broken; the drill itself is in tests/e2e."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from mailcore.smtp.sink import Script, sink_in_thread
from mailcore.smtp.sink_record import read_record
from pochtar.accounts.models import User, Workspace
from pochtar.delivery.driver import drive_run
from pochtar.delivery.models import Delivery, Outcome, Run, RunStatus, Slice
from pochtar.mailings.models import Mailing
from pochtar.ops.drill import cluster, home, processes, scene
from pochtar.ops.drill.crew import Sink, Worker
from pochtar.ops.drill.home import run_in_its_own_installation
from pochtar.ops.drill.plan import POSTGRES, Plan, unknown_per_kill
from pochtar.ops.drill.scene import Scene, forgiving
from pochtar.ops.drill.verdict import Verdict, judge_ledger
from pochtar.ops.drill.watch import Recovery
from pochtar.ops.management.commands import drill
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def record(workspace: Workspace, tmp_path: Path) -> Path:
    """A run of ten that went well, and the record of its sink."""
    make_people(workspace, 10)
    path = tmp_path / "accepted"
    with sink_in_thread(Script(record=path)) as sink:
        drive_run(launch(workspace, sink))
    return path


def judge(record: Path, **over: Any) -> Verdict:
    verdict = Verdict(**over)
    judge_ledger(verdict, record)
    return verdict


def test_a_run_that_went_well_is_well(record: Path) -> None:
    """SMTP-25"""
    verdict = judge(record)

    assert verdict.well
    assert (verdict.selected, verdict.accepted, verdict.lost) == (10, 10, 0)
    assert ("duplicated", "0") in verdict.lines()


def test_a_letter_that_came_twice_is_found(record: Path) -> None:
    """SMTP-25"""
    record.write_text(record.read_text() + record.read_text().splitlines()[3] + "\n")

    verdict = judge(record)

    assert verdict.duplicated == 1
    assert "sent twice" in verdict.findings[0]
    assert read_record(record)[3].address in verdict.findings[0]


def test_an_acceptance_that_the_server_knows_nothing_of_is_found(record: Path) -> None:
    """SMTP-25"""
    record.write_text("".join(record.read_text().splitlines(keepends=True)[1:]))

    verdict = judge(record)

    assert verdict.accepted_not_in_sink == 1
    assert not verdict.well


@pytest.mark.parametrize("outcome", ["failed", "deferred", "skipped"])
def test_a_letter_that_the_ledger_denies_is_found(record: Path, outcome: str) -> None:
    """SMTP-25: what the server has and nobody knows of must be called unknown."""
    attempt = Delivery.objects.get(position=2).attempts
    attempt.update(outcome=outcome)

    verdict = judge(record)

    assert verdict.denied == 1
    assert any(f"r0002@example.com {outcome}" in one for one in verdict.findings)


def test_an_unknown_letter_may_be_on_the_server_within_the_bound(record: Path) -> None:
    """SMTP-22, SMTP-24"""
    Delivery.objects.get(position=2).attempts.update(outcome=Outcome.UNKNOWN)

    beyond, within = judge(record), judge(record, unknown_bound=1)

    assert (beyond.denied, within.denied) == (0, 0)
    assert "1 are unknown, at most 0 may be" in beyond.findings
    assert "1 are unknown, at most 1 may be" not in within.findings


def test_somebody_whom_nobody_tried_is_lost(record: Path) -> None:
    """SMTP-21"""
    Delivery.objects.get(position=5).attempts.all().delete()

    verdict = judge(record)

    assert verdict.lost == 1
    assert any("nobody tried (1): r0005@example.com" in one for one in verdict.findings)


def test_somebody_without_a_row_is_lost(record: Path) -> None:
    """SMTP-21"""
    Delivery.objects.get(position=10).attempts.all().delete()
    Delivery.objects.get(position=10).delete()

    assert judge(record).lost == 1


def test_a_lease_that_nobody_gives_up_is_found(record: Path) -> None:
    """SMTP-25"""
    Slice.objects.update(
        status="leased",
        lease_token="00000000-0000-0000-0000-000000000001",
        lease_expires_at="2026-01-01T00:00Z",
    )

    assert judge(record).left_leased == 1


def test_many_addresses_are_not_all_listed() -> None:
    verdict = Verdict()
    verdict.complain("lost", [f"r{number:02}" for number in range(25)])

    assert verdict.findings == [
        "lost (25): "
        + ", ".join(f"r{number:02}" for number in range(20))
        + " … and 5 more"
    ]


def test_the_longest_recovery_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    recovery = Recovery()
    recovery.look(attempts=5, holders={7})
    recovery.worker_died(7)
    recovery.part_died()

    now[0] = 102
    recovery.look(attempts=6, holders={7})  # somebody else goes on
    assert recovery.longest == 2
    now[0] = 103
    recovery.look(attempts=6, holders=set())
    assert recovery.longest == 3
    now[0] = 110
    recovery.part_died()
    recovery.nothing_left()
    assert (recovery.longest, recovery.standstill) == (3, 8)


def test_the_bound_follows_from_the_windows() -> None:
    """SMTP-22"""
    bounds = [unknown_per_kill(kind, 2) for kind in Plan(database=POSTGRES).victims]

    assert bounds == [80, 16, 160]
    assert Plan().victims == ("worker", "sink")


def test_a_scene_launches_mailings_and_continues_them(settings: Any) -> None:
    settings.ALLOW_PRIVATE_RELAYS = True
    settings.LAUNCH_UNDO_SECONDS = settings.CANARY_SHARE = 0
    stage = Scene(recipients=3, sink_port=25)
    stage.launch_next()
    stage.launch_next()
    assert (scene.open_runs(), stage.launched, scene.lease_holders()) == (2, 2, set())
    assert Delivery.objects.values("email").distinct().count() == 6

    run = Run.objects.order_by("pk")[0]
    Run.objects.filter(pk=run.pk).update(status=RunStatus.PAUSED, pause_code="dns")
    stage.resume_paused()

    assert (Run.objects.filter(status="running").count(), stage.resumed) == (2, 1)
    assert (User.objects.count(), Mailing.objects.count()) == (1, 2)
    assert scene.attempts_made() == 0


def test_a_database_that_is_away_is_forgiven() -> None:
    with forgiving():
        raise OperationalError("gone")


def test_a_sink_s_news_are_taken_in_piece_by_piece(tmp_path: Path) -> None:
    sink = Sink(name="sink", folder=tmp_path, port=home.free_port(), seed="1")
    sink.start()
    try:
        deadline = time.monotonic() + 60
        while not sink.is_up and time.monotonic() < deadline:
            sink.listen()
            time.sleep(0.02)
        assert (sink.is_up, sink.has_ended) == (True, False)
        sink.fall(down_for=0)
        assert not sink.is_up
        sink.rise()
        assert sink.rises_at is None
    finally:
        sink.stop()


def test_what_was_killed_leaves_nothing(tmp_path: Path) -> None:
    code = "import subprocess; subprocess.run(['sleep', '300'])"
    process = processes.start_tied(
        [sys.executable, "-c", code], environment=os.environ, log=tmp_path / "log"
    )
    deadline = time.monotonic() + 60
    while not processes.children_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    [child] = processes.children_of(process.pid)

    processes.kill_group(process)

    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)  # its new parent buries it
    assert processes.read_log(tmp_path / "none") == ""


def test_a_worker_that_was_not_started_is_not_up(tmp_path: Path) -> None:
    worker = Worker(name="worker", folder=tmp_path)
    worker.kill()
    worker.stop()

    assert (worker.is_up, worker.pid) == (False, 0)


def test_the_drill_gets_an_installation_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def run(command: list[str], *, env: dict[str, str], check: bool) -> Any:
        asked.append((command, env))
        return subprocess.CompletedProcess(command, len(asked) - 1)

    monkeypatch.setenv("DATABASE_URL", "postgres://the-operators-own/")
    monkeypatch.setattr(subprocess, "run", run)
    _, gone = run_in_its_own_installation(Plan(), ["--kills", "1"])
    status, folder = run_in_its_own_installation(
        Plan(database=POSTGRES), [], broker="redis://here"
    )

    (command, first), (_, second) = asked
    assert command[-3:] == ["--kills", "1", "--inside"]
    assert "DATABASE_URL" not in first
    assert first["POCHTAR_VAR"] == str(gone / "var")
    assert second["DATABASE_URL"].startswith("postgres://pochtar@127.0.0.1:")
    assert second["CELERY_BROKER_URL"] == "redis://here"
    assert (gone.exists(), status, folder.exists()) == (False, 1, True)
    folder.rmdir()


class Drilled:
    """Stands for the harness: what it found is given."""

    def __init__(self, plan: Plan, tell: Any) -> None:
        tell("kill 1: worker-1")

    verdict = Verdict(selected=3, accepted=3, killed={"worker": 1})

    def run(self) -> Verdict:
        return self.verdict


def test_the_figures_are_printed_and_a_finding_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drill, "Harness", Drilled)
    call_command("drill", "--inside")
    shown = capsys.readouterr()
    assert "selected: 3\naccepted: 3\n" in shown.out
    assert "killed_worker: 1" in shown.out
    assert "kill 1: worker-1" in shown.err

    monkeypatch.setattr(Drilled, "verdict", Verdict(findings=["sent twice (1): a@b"]))
    with pytest.raises(SystemExit):
        call_command("drill", "--inside", "--json")
    shown = capsys.readouterr()
    assert '"findings": ["sent twice (1): a@b"]' in shown.out
    assert "✗ sent twice" in shown.err


def test_what_cannot_be_drilled_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="SQLite"):
        call_command("drill", only=["database"])

    monkeypatch.setattr(cluster, "INSTALLED", Path("/nowhere"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CommandError, match="postgresql"):
        call_command("drill", database="postgres")


def test_a_failed_drill_says_where_it_is_to_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        drill, "run_in_its_own_installation", lambda *_, **__: (1, Path("/tmp/there"))
    )
    with pytest.raises(SystemExit):
        call_command("drill")

    assert "/tmp/there" in capsys.readouterr().err
