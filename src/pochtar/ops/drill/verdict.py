"""What a drill proves: the ledger against the record of what the server accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mailcore.smtp.sink_record import Entry, read_record
from pochtar.delivery.ledger import audit_run, with_state
from pochtar.delivery.models import Delivery, Outcome, Run, Slice, SliceStatus

SHOWN = 20  # addresses of one finding
SETTLED = (*Outcome.values,)


@dataclass(slots=True, kw_only=True)
class Verdict:
    """The figures of a drill, and what is wrong with them ([] is well)."""

    kills: int = 0
    mailings: int = 0
    selected: int = 0
    accepted: int = 0
    failed: int = 0
    deferred: int = 0
    unknown: int = 0
    skipped: int = 0
    lost: int = 0
    duplicated: int = 0
    accepted_not_in_sink: int = 0
    in_sink_not_accepted: int = 0
    denied: int = 0  # in the sink's record, and the ledger says that it is not
    unknown_bound: int = 0
    left_leased: int = 0
    longest_recovery_seconds: float = 0
    seconds: float = 0
    killed: dict[str, int] = field(default_factory=dict)
    in_the_gap: int = 0  # kills while the sink held an answer back
    cut_off: int = 0  # by the sink's faults, when the dot may have gone out
    resumed: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        return not self.findings

    def lines(self) -> list[tuple[str, str]]:
        """Return the figures by name, as they are printed."""
        figures = asdict(self)
        killed, _ = figures.pop("killed"), figures.pop("findings")
        figures |= {f"killed_{name}": count for name, count in killed.items()}
        return [
            (name, f"{value:.1f}" if isinstance(value, float) else str(value))
            for name, value in figures.items()
        ]

    def complain(self, what: str, whom: Iterable[str]) -> None:
        """Add a finding when there is anybody it is about."""
        people = sorted(whom)
        if people:
            more = "" if len(people) <= SHOWN else f" … and {len(people) - SHOWN} more"
            listed = ", ".join(people[:SHOWN])
            self.findings.append(f"{what} ({len(people)}): {listed}{more}")


def judge_ledger(verdict: Verdict, record: Path) -> None:
    """Compare the whole ledger with the record, after the last run has ended."""
    states = _states()
    entries = read_record(record)
    _count(verdict, states)
    _compare(verdict, states, entries)
    for run in Run.objects.order_by("pk"):
        for finding in audit_run(run):
            verdict.findings.append(f"run {run.pk}: {finding}")
    verdict.left_leased = Slice.objects.filter(status=SliceStatus.LEASED).count()
    if verdict.left_leased:
        verdict.findings.append(f"{verdict.left_leased} slices are still leased")
    if verdict.unknown > verdict.unknown_bound:
        verdict.findings.append(
            f"{verdict.unknown} are unknown, at most {verdict.unknown_bound} may be"
        )


def _states() -> dict[str, str]:
    """Return everybody's state by address: each address is in one mailing only."""
    rows = with_state(Delivery.objects.all()).values_list("email", "state")
    return dict(rows.iterator(chunk_size=5000))


def _count(verdict: Verdict, states: dict[str, str]) -> None:
    counts = Counter(states.values())
    runs = list(Run.objects.all())
    verdict.mailings = len(runs)
    verdict.selected = sum(run.selected for run in runs)
    for outcome in Outcome.values:
        setattr(verdict, outcome, counts[outcome])
    missing = verdict.selected - len(states)
    untried = [one for one, state in states.items() if state not in SETTLED]
    verdict.lost = missing + len(untried)
    verdict.complain("nobody tried", untried)
    if missing:
        verdict.findings.append(f"{missing} of the selected have no row")


def _compare(verdict: Verdict, states: dict[str, str], entries: list[Entry]) -> None:
    by_name = Counter(entry.message_id for entry in entries)
    by_address = Counter(entry.address for entry in entries)
    twice = {name for name, count in by_name.items() if count > 1}
    again = {address for address, count in by_address.items() if count > 1}
    accepted = {one for one, state in states.items() if state == Outcome.ACCEPTED}
    extra = by_address.keys() - accepted
    denied = {one for one in extra if states.get(one) != Outcome.UNKNOWN}
    verdict.duplicated = max(len(twice), len(again))
    verdict.accepted_not_in_sink = len(accepted - by_address.keys())
    verdict.in_sink_not_accepted = len(extra)
    verdict.denied = len(denied)
    verdict.complain("sent twice", twice | again)
    verdict.complain(
        "accepted, but the server has no letter", accepted - by_address.keys()
    )
    verdict.complain(
        "the server has the letter, the ledger denies it",
        (f"{one} {states.get(one, 'not selected')}" for one in denied),
    )
