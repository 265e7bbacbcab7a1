"""What an import will do, or has done: numbers, and examples of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from pochtar.recipients.imports import (
    REFUSALS,
    Sample,
    can_undo,
    kept_rows,
    sample_rows,
)
from pochtar.recipients.models import Basis, Import, ImportStep, WorkState
from pochtar.web.import_stepper import is_changeable

EXAMPLES = 5
REFUSED_EXAMPLES = 3  # of each reason
KEPT_SHOWN = 100
CELLS = 4  # of a refused row
REFUSED = "refused:"  # in front of a reason's code, where kinds are named

# Kind of row: (colour, what will be, what was, what that means).
KINDS: dict[str, tuple[str, str | Promise, str | Promise, str | Promise]] = {
    "new": (
        "good",
        _("New recipients"),
        pgettext_lazy("recipients", "Added"),
        _("They are not here yet."),
    ),
    "updated": (
        "",
        _("Will be updated"),
        pgettext_lazy("recipients, past", "Updated"),
        _("They are here already, and the file knows something else or more."),
    ),
    "unchanged": (
        "",
        _("Stay as they are"),
        _("Stayed as they were"),
        _("They are here already; they are only put into the lists."),
    ),
    "duplicate": (
        "",
        _("Twice in the file"),
        _("Twice in the file"),
        _("The first row with the address counts."),
    ),
    "suppressed": (
        "",
        _("On the stop list"),
        _("On the stop list"),
        _("They come in with the others, and are never written to."),
    ),
    "unsubscribed": (
        "",
        _("Have unsubscribed"),
        _("Have unsubscribed"),
        _("They stay so: no mailing reaches them, whatever list they come into."),
    ),
}
ROWS = ("new", "updated", "unchanged", "refused", "duplicate")
# What stopped it, by ``Work.error``.
FAILURES: dict[str, str | Promise] = {
    "failed": _("Nothing is lost: it can be taken up where it was."),
    "file_unreadable": _("The file could not be read to its end. Upload it again."),
}
FIELDS: dict[str, str | Promise] = {
    "email": _("E-mail"),
    "full_name": _("Full name"),
    "comment": _("Comment"),
    "basis": _("Basis"),
}
BASES: dict[str, str | Promise] = dict(Basis.choices)
# What it is, before, after.
Change = tuple[str | Promise, str | Promise, str | Promise]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A row as the page shows it."""

    number: int
    email: str
    full_name: str
    details: list[tuple[str | Promise, str]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    twin_of: int = 0
    cells: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A kind of row: how many there are; its examples are asked for by ``kind``."""

    kind: str
    colour: str
    label: str | Promise
    note: str | Promise
    number: int


def report_context(row: Import) -> dict[str, Any]:
    """Return what the page of a checked, finished or stopped import shows."""
    asks = row.step == ImportStep.CHECKED and is_changeable(row)
    context: dict[str, Any] = {
        "asks": asks,
        "rows": sum(row.counts.get(name, 0) for name in ROWS),
        "outcomes": _outcomes(row, is_past=not asks) if row.counts else [],
        "refused": _refused(row),
        "has_examples": row.lot is not None and not row.pruned_at,
        "touched": row.counts.get("new", 0) + row.counts.get("updated", 0),
        "lists": row.lists.order_by("name"),
        "may_undo": can_undo(row),
        "may_go_on": _may_go_on(row),
        "failure": FAILURES.get(row.error, FAILURES["failed"]),
    }
    if row.step == ImportStep.UNDONE and row.counts.get("kept"):
        context["kept"] = kept_rows(row, limit=KEPT_SHOWN)
    return context


def _may_go_on(row: Import) -> bool:
    """Say whether an import that failed half-way can be taken up where it was."""
    halves = {ImportStep.APPLYING, ImportStep.INDEXING}
    return row.state == WorkState.FAILED and row.step in halves and bool(row.stamp)


def _outcomes(row: Import, *, is_past: bool) -> list[Outcome]:
    found = []
    for kind, (colour, will_be, was, note) in KINDS.items():
        number = row.counts.get(kind, 0)
        if number or kind == "new":
            found.append(
                Outcome(
                    kind=kind,
                    colour=colour,
                    label=was if is_past else will_be,
                    note="" if is_past else note,
                    number=number,
                )
            )
    return found


def _refused(row: Import) -> list[Outcome]:
    """Return the reasons, the commonest first."""
    reasons = sorted(row.refusals.items(), key=lambda pair: -pair[1])
    return [
        Outcome(
            kind=f"{REFUSED}{code}",
            colour="bad",
            label=REFUSALS.get(code, code),
            note="",
            number=number,
        )
        for code, number in reasons
        if number
    ]


def examples_context(row: Import, kind: str) -> dict[str, Any] | None:
    """Return examples of a kind of row, or None where there is no such kind."""
    outcomes = [*_outcomes(row, is_past=row.stamp is not None), *_refused(row)]
    outcome = next((one for one in outcomes if one.kind == kind), None)
    if outcome is None:
        return None
    limit = REFUSED_EXAMPLES if kind.startswith(REFUSED) else EXAMPLES
    samples = sample_rows(row, kind, limit=limit)
    return {"outcome": outcome, "examples": [_example(each) for each in samples]}


def _example(sample: Sample) -> Example:
    return Example(
        number=sample.number,
        email=sample.email,
        full_name=sample.full_name,
        details=[(key, value) for key, value in sample.attributes.items() if value],
        changes=[_change(key, *values) for key, values in sample.changes.items()],
        twin_of=sample.twin_of,
        cells=sample.cells[:CELLS],
    )


def _change(key: str, before: str, after: str) -> Change:
    if key == "basis":
        return FIELDS[key], BASES.get(before, before), BASES.get(after, after)
    return FIELDS.get(key) or key.removeprefix("attributes."), before, after
