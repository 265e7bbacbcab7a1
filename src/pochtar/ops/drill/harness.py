"""The drill itself: start everything, kill at random, wait for the end, judge.

One thread, one loop: nothing here may wait for a part that is dead.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from pochtar.ops.drill import scene as stage
from pochtar.ops.drill.cluster import Cluster, find_binaries
from pochtar.ops.drill.crew import Database, Member, Sink, Worker
from pochtar.ops.drill.home import free_port
from pochtar.ops.drill.plan import POSTGRES, SINK, Plan, unknown_per_kill
from pochtar.ops.drill.scene import Scene, forgiving
from pochtar.ops.drill.verdict import Verdict, judge_ledger
from pochtar.ops.drill.watch import Recovery

STEP_SECONDS = 0.02
LOOK_SECONDS = 0.4
START_SECONDS = 60
PAUSE_BETWEEN = (0.05, 1.0)  # from progress to the next kill
DOWN_FOR = (0.1, 1.0)
GAP_PATIENCE = 4.0  # an aimed kill waits so long for the gap
# Workers do most of the work and hold all of the promises.
WEIGHTS = {"worker": 5, "sink": 3, "database": 3}

Tell = Callable[[str], None]


class Harness:
    """One drill in the installation that this process is configured for."""

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self._plan = plan
        self._tell = tell
        self._chance = random.Random(plan.seed)  # noqa: S311 - not a secret
        self._folder = Path(settings.VAR)
        self._killed: Counter[str] = Counter()
        self._in_the_gap = 0
        self._recovery = Recovery()
        self._looked_at = 0.0
        self._open_runs = 0
        self._troubles: list[str] = []
        self._sink = Sink(
            name=SINK, folder=self._folder, port=free_port(), seed=str(plan.seed)
        )
        self._workers = [
            Worker(name=f"worker-{number}", folder=self._folder)
            for number in range(1, plan.workers + 1)
        ]
        self._database = self._make_database()

    def _make_database(self) -> Database | None:
        if self._plan.database != POSTGRES:
            return None
        binaries = find_binaries()
        assert binaries  # the command has looked
        home = self._folder.parent / "postgres"
        port = int(settings.DATABASES["default"]["PORT"])
        cluster = Cluster(binaries, home, port=port)
        cluster.make_folder()
        return Database(name="database", folder=self._folder, cluster=cluster)

    @property
    def _members(self) -> list[Member]:
        database = [self._database] if self._database else []
        return [*database, self._sink, *self._workers]

    def run(self) -> Verdict:
        """Do the whole drill; nothing is left running."""
        began = time.monotonic()
        try:
            self._start()
            self._kill_until_enough()
            self._wait_for_the_end()
            # What workers still hold open must not hide what they left behind.
            for worker in self._workers:
                worker.stop()
            verdict = self._judge()
        finally:
            for member in reversed(self._members):
                member.stop()
        verdict.seconds = time.monotonic() - began
        return verdict

    def _start(self) -> None:
        if self._database:
            self._database.start()
            self._until(lambda: self._database and self._database.is_up, "database")
        call_command("migrate", interactive=False, verbosity=0)
        self._scene = Scene(recipients=self._plan.recipients, sink_port=self._sink.port)
        self._sink.start()
        self._until(lambda: self._sink.is_up, "sink")
        for worker in self._workers:
            worker.start()

    def _until(self, question: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not question():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the {what} does not start")
            self._sink.listen()
            time.sleep(STEP_SECONDS)

    # Killing ----------------------------------------------------------------------------
    def _kill_until_enough(self) -> None:
        while self._killed.total() < self._plan.kills and not self._hangs():
            victim = self._choose()
            down_for = self._chance.uniform(*DOWN_FOR)
            aims = self._chance.random() < 0.5
            pause = self._chance.uniform(*PAUSE_BETWEEN)
            self._wait_for_progress(victim)
            self._go_on(pause)
            gap = aims and self._wait_for_gap()
            if victim.is_up and not self._hangs():
                self._strike(victim, down_for=down_for, gap=gap)

    def _choose(self) -> Member:
        kinds = [kind for kind in self._plan.victims if kind in WEIGHTS]
        kind = self._chance.choices(kinds, [WEIGHTS[one] for one in kinds])[0]
        return self._chance.choice([one for one in self._members if one.kind == kind])

    def _strike(self, victim: Member, *, down_for: float, gap: bool) -> None:
        if isinstance(victim, Worker):
            self._recovery.worker_died(victim.pid)
        else:
            self._recovery.part_died()
        victim.fall(down_for=down_for)
        self._killed[victim.kind] += 1
        self._in_the_gap += gap
        count, name = self._killed.total(), victim.name
        self._tell(f"kill {count}: {name}{', between dot and reply' * gap}")

    def _wait_for_progress(self, victim: Member) -> None:
        """Go on until letters flow (again) and the victim is there to be killed."""
        size = self._accepted_bytes()
        while not self._hangs():
            if victim.is_up and self._accepted_bytes() > size:
                return
            self._go_on(STEP_SECONDS)

    def _wait_for_gap(self) -> bool:
        """Go on until the sink has just taken a letter and not answered yet."""
        held, deadline = self._sink.held, time.monotonic() + GAP_PATIENCE
        while time.monotonic() < deadline:
            if self._sink.held > held:
                return True
            self._go_on(STEP_SECONDS)
        return False

    def _accepted_bytes(self) -> int:
        record = self._sink.record
        return record.stat().st_size if record.exists() else 0

    # Tending ----------------------------------------------------------------------------
    def _go_on(self, seconds: float) -> None:
        """Let the drill run on for a while: raise the dead, launch, continue."""
        deadline = time.monotonic() + seconds
        while True:
            self._tend()
            if time.monotonic() >= deadline:
                return
            time.sleep(STEP_SECONDS)

    def _tend(self) -> None:
        self._sink.listen()
        for member in self._members:
            member.rise()
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        self._notice_the_fallen()
        if self._database is None or self._database.is_up:
            with forgiving():
                self._look()

    def _look(self) -> None:
        self._recovery.look(
            attempts=stage.attempts_made(), holders=stage.lease_holders()
        )
        if self._sink.is_up:
            self._scene.resume_paused()
        self._open_runs = stage.open_runs()
        if not self._open_runs and self._killed.total() < self._plan.kills:
            self._recovery.nothing_left()
            self._scene.launch_next()
            self._open_runs = 1

    def _notice_the_fallen(self) -> None:
        """A worker must outlive the death of the others; the sink must not fall alone."""
        for member in (*self._workers, self._sink):
            ended = self._sink.has_ended if member is self._sink else not member.is_up
            if ended and member.rises_at is None:
                self._troubles.append(f"{member.name} ended by itself")
                member.fall(down_for=0)

    def _hangs(self) -> bool:
        return self._recovery.standstill > self._plan.patience

    # The end ----------------------------------------------------------------------------
    def _wait_for_the_end(self) -> None:
        self._go_on(LOOK_SECONDS)
        while not self._at_rest() and not self._hangs():
            self._go_on(LOOK_SECONDS)
        self._recovery.nothing_left()

    def _at_rest(self) -> bool:
        everybody = all(member.rises_at is None for member in self._members)
        return everybody and not self._open_runs

    def _judge(self) -> Verdict:
        verdict = Verdict(
            kills=self._killed.total(),
            killed={kind: self._killed[kind] for kind in self._plan.victims},
            in_the_gap=self._in_the_gap,
            cut_off=self._sink.cut,
            resumed=self._scene.resumed,
            longest_recovery_seconds=self._recovery.longest,
            unknown_bound=self._bound(),
            findings=list(self._troubles),
        )
        if self._open_runs:
            verdict.findings.append(f"{self._open_runs} runs did not come to an end")
        self._sink.stop()
        judge_ledger(verdict, self._sink.record)
        return verdict

    def _bound(self) -> int:
        workers = self._plan.workers
        kills = sum(
            unknown_per_kill(kind, workers) * count
            for kind, count in self._killed.items()
        )
        return kills + self._sink.cut
