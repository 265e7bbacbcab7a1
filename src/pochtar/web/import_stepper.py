"""Where one is in an import, said above each of its pages."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from pochtar.recipients.models import Import, ImportStep, WorkState

FILE, TABLE, COLUMNS, CHECK, DONE = range(5)
LABELS: tuple[str | Promise, ...] = (
    pgettext_lazy("step of an import", "File"),
    pgettext_lazy("step of an import", "Table"),
    pgettext_lazy("step of an import", "Columns"),
    pgettext_lazy("step of an import", "Check"),
    pgettext_lazy("step of an import", "Import"),
)
PLACES = {
    ImportStep.UPLOADED: TABLE,
    ImportStep.MAPPED: COLUMNS,
    ImportStep.CHECKING: CHECK,
    ImportStep.CHECKED: CHECK,
    ImportStep.APPLYING: DONE,
    ImportStep.INDEXING: DONE,
}
# Until the check is accepted, one may go back.
CHANGEABLE = frozenset({ImportStep.UPLOADED, ImportStep.MAPPED, ImportStep.CHECKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    label: str | Promise
    done: bool = False
    current: bool = False
    url: str = ""


FIRST = [Step(label=label, current=not number) for number, label in enumerate(LABELS)]


def is_changeable(row: Import) -> bool:
    """Say whether a person may still choose how it is read and what is done."""
    if row.state == WorkState.FAILED:
        return row.step == ImportStep.CHECKING
    return row.state == WorkState.IDLE and row.step in CHANGEABLE


def stepper_of(row: Import, *, here: int | None = None) -> list[Step]:
    """Return the steps; ``here`` is the page that is open, else the one that is due."""
    due = PLACES.get(ImportStep(row.step), len(LABELS))
    here = due if here is None else here
    urls = _addresses(row, due) if is_changeable(row) else {}
    return [
        Step(
            label=label,
            done=number < here,
            current=number == here,
            url=urls.get(number, "") if number != here else "",
        )
        for number, label in enumerate(LABELS)
    ]


def _addresses(row: Import, due: int) -> dict[int, str]:
    pages = {
        TABLE: reverse("import-table", args=[row.pk]),
        COLUMNS: reverse("import-columns", args=[row.pk]),
        CHECK: reverse("import", args=[row.pk]),
    }
    return {number: url for number, url in pages.items() if number <= due}
