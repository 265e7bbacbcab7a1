"""Export recipients: every format, safe to open, true when it is imported again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone, translation
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailcore.sheets import read_rows, understand
from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.base.errors import InvalidInput, NotAllowed
from pochtar.recipients import exports
from pochtar.recipients import work as work_module
from pochtar.recipients.exports import (
    cancel_export,
    file_of,
    order_export,
    remove_expired,
    run_export,
)
from pochtar.recipients.models import (
    Attribute,
    Export,
    ExportFormat,
    Recipient,
    Segment,
    UnsubscribedVia,
    WorkState,
)
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from tests.make import make_list, make_recipient

pytestmark = pytest.mark.django_db

NASTY = (
    '=HYPERLINK("http://evil.example";"x")',
    "+7 999 123-45-67",
    "-1",
    "@x",
    "'=1+1",
    'a"b;c,d',
    "＝1",
    "строка\nещё; одна",
    "\t=1",
)
COLUMNS = ("email", "full_name", "comment", "attribute:phone")


@pytest.fixture(autouse=True)
def _folder(settings: LazySettings, tmp_path: Path) -> None:
    settings.VAR = tmp_path


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Make everything an export for the background, in batches of two."""
    nudges: list[Any] = []
    monkeypatch.setattr(exports, "BATCH", 2)
    monkeypatch.setattr(exports, "AT_ONCE", 0)
    monkeypatch.setattr(exports, "nudge_export", nudges.append)
    return nudges


@pytest.fixture
def everybody(workspace: Workspace) -> Selection:
    return Selection(search=Search(workspace=workspace))


def read(export: Export) -> list[list[str]]:
    path = file_of(export)
    return [cells for _number, cells in read_rows(path, understand(path))]


@pytest.mark.parametrize("kind", ExportFormat)
@given(texts=st.lists(st.text(alphabet="=+-@'\" ;,\t\nаBё1＝", max_size=8), max_size=5))
@example(texts=list(NASTY))
@hypothesis_settings(suppress_health_check=list(HealthCheck))
def test_sec_12_what_was_exported_is_read_back_unchanged(
    workspace: Workspace, editor: User, kind: ExportFormat, texts: list[str]
) -> None:
    Recipient.objects.all().delete()
    Attribute.objects.get_or_create(workspace=workspace, key="phone")
    wanted = []
    for number, text in enumerate([*texts, "обычный"]):
        row = make_recipient(
            workspace,
            f"r{number}@example.com",
            full_name=text,
            comment=text,
            attributes={"phone": text},
        )
        wanted.append([row.email, text, text, text])
    everybody = Selection(search=Search(workspace=workspace))

    export = order_export(everybody, format=kind, columns=COLUMNS, by=editor)

    assert export.done == len(wanted)
    assert read(export) == wanted


@pytest.mark.parametrize("kind", ["excel_csv", "csv"])
def test_sec_12_no_cell_begins_a_formula(
    workspace: Workspace, editor: User, everybody: Selection, kind: str
) -> None:
    make_recipient(workspace, "a@example.com", full_name=NASTY[0])

    export = order_export(
        everybody, format=ExportFormat(kind), columns=["full_name"], by=editor
    )

    raw = file_of(export).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") == (kind == "excel_csv")
    assert b"\"'=HYPERLINK" in raw


def test_the_columns_say_all_that_is_known_in_the_readers_words(
    workspace: Workspace, editor: User, everybody: Selection
) -> None:
    people = [make_recipient(workspace, f"{name}@example.com") for name in "abcd"]
    Recipient.objects.filter(pk=people[1].pk).update(suppressed=True)
    Recipient.objects.filter(pk=people[2].pk).update(
        unsubscribed_at=timezone.now(), unsubscribed_via=UnsubscribedVia.PAGE
    )
    Recipient.objects.filter(pk=people[3].pk).update(basis="")
    make_list(workspace, people[0], name="Б")
    make_list(workspace, people[0], people[1], name="А")
    with translation.override("en"):
        export = order_export(
            everybody,
            format=ExportFormat.XLSX,
            columns=["lists", "email", "status", "basis"],
            by=editor,
        )

    assert [column["title"] for column in export.columns] == [
        "E-mail",
        "Lists",
        "Status",
        "Basis",
    ]
    rows = read(export)
    assert rows[0][:3] == ["a@example.com", "А; Б", "gets mailings"]
    assert [row[2] for row in rows[1:]] == [
        "in the stop list",
        "unsubscribed",
        "unconfirmed",
    ]
    assert rows[3][3:] in ([], [""])


def test_a_search_a_list_a_segment_and_those_ticked_are_exported(
    workspace: Workspace, editor: User
) -> None:
    anna, boris, vera = (
        make_recipient(workspace, f"{name}@example.com", full_name=name)
        for name in ("anna", "boris", "vera")
    )
    row = make_list(workspace, anna, vera)
    rule = {"all": [{"field": "email", "op": "contains", "value": "boris"}]}
    segment = Segment.objects.create(workspace=workspace, name="Б", rule=rule)
    search = Search(workspace=workspace)
    selections = [
        Selection(search=Search(workspace=workspace, text="anna")),
        Selection(search=Search(workspace=workspace, list_id=row.pk)),
        Selection(search=search, segment_id=segment.pk),
        Selection(search=search, ids=frozenset({boris.pk, vera.pk})),
    ]

    found = [
        [
            cells[0].partition("@")[0]
            for cells in read(
                order_export(
                    one, format=ExportFormat.CSV, columns=["email", "status"], by=editor
                )
            )
        ]
        for one in selections
    ]

    assert found == [["anna"], ["anna", "vera"], ["boris"], ["boris", "vera"]]


def test_many_are_left_to_a_worker_who_tells_how_far_it_is(
    workspace: Workspace,
    editor: User,
    everybody: Selection,
    nudged: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _number in range(5):
        make_recipient(workspace)
    export = order_export(
        everybody, format=ExportFormat.CSV, columns=["email", "status"], by=editor
    )
    assert (export.state, nudged) == (WorkState.WAITING, [export.pk])
    seen = []
    monkeypatch.setattr(
        exports, "keep", lambda work, **values: seen.append(values["done"])
    )

    run_export(export.pk)

    export.refresh_from_db()
    assert len(read(export)) == export.done == 5
    assert (export.state, seen) == (WorkState.DONE, [0, 2, 2, 1])
    line = AuditEntry.objects.get(verb="recipients_exported")
    assert (line.user, line.details) == (editor, {"number": 5, "format": "csv"})


def test_a_dead_workers_export_is_begun_anew_and_its_part_is_cleared(
    workspace: Workspace,
    editor: User,
    everybody: Selection,
    nudged: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _number in range(5):
        make_recipient(workspace)
    export = order_export(
        everybody, format=ExportFormat.XLSX, columns=["email", "status"], by=editor
    )
    with monkeypatch.context() as patch:
        patch.setattr(exports, "_finish", lambda *args: None)
        run_export(export.pk)  # dies before its end is recorded
    left = exports.folder() / "dead.part"
    left.touch()
    Export.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))

    run_export(export.pk)
    remove_expired(timezone.now() + dt.timedelta(hours=7))

    export.refresh_from_db()
    assert len(read(export)) == 5
    assert not left.exists()


def test_a_cancelled_export_leaves_no_file(
    workspace: Workspace,
    editor: User,
    everybody: Selection,
    nudged: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _number in range(5):
        make_recipient(workspace)
    export = order_export(
        everybody, format=ExportFormat.CSV, columns=["email", "status"], by=editor
    )
    kept = work_module.keep

    def cancelled(work: Export, **values: Any) -> None:
        kept(work, **values)
        cancel_export(export, by=editor)

    monkeypatch.setattr(exports, "keep", cancelled)

    run_export(export.pk)

    export.refresh_from_db()
    assert export.state == WorkState.CANCELLED
    assert list(exports.folder().iterdir()) == []
    assert not cancel_export(export, by=editor)


def test_a_segment_deleted_meanwhile_stops_it_with_a_reason(
    workspace: Workspace, editor: User, nudged: list[Any]
) -> None:
    make_recipient(workspace)
    rule = {"all": [{"field": "email", "op": "contains", "value": "example"}]}
    segment = Segment.objects.create(workspace=workspace, name="Б", rule=rule)
    selection = Selection(search=Search(workspace=workspace), segment_id=segment.pk)
    export = order_export(
        selection, format=ExportFormat.CSV, columns=["email"], by=editor
    )
    segment.delete()

    run_export(export.pk)

    export.refresh_from_db()
    assert (export.state, export.error) == (WorkState.FAILED, "segment_gone")


def test_the_file_goes_when_its_time_is_over(
    workspace: Workspace, editor: User, everybody: Selection
) -> None:
    make_recipient(workspace)
    export = order_export(
        everybody, format=ExportFormat.CSV, columns=["email", "status"], by=editor
    )
    now = timezone.now()
    path = file_of(export)

    assert remove_expired(now + dt.timedelta(hours=23)) == 0
    assert path.exists()
    assert remove_expired(now + dt.timedelta(hours=25)) == 1

    export.refresh_from_db()
    assert not path.exists()
    assert not export.is_ready(now)


def test_an_export_without_columns_or_by_a_viewer_is_refused(
    viewer: User, editor: User, everybody: Selection
) -> None:
    with pytest.raises(InvalidInput):
        order_export(everybody, format=ExportFormat.CSV, columns=["x"], by=editor)
    with pytest.raises(NotAllowed):
        order_export(everybody, format=ExportFormat.CSV, columns=["email"], by=viewer)


def test_an_export_is_seen_by_nobody_but_whoever_ordered_it(
    workspace: Workspace, editor: User, owner: User, everybody: Selection
) -> None:
    export = order_export(
        everybody, format=ExportFormat.CSV, columns=["email"], by=editor
    )

    assert Export.objects.visible_to(editor).get() == export
    assert not Export.objects.visible_to(owner).exists()
    editor.memberships.all().delete()
    assert not Export.objects.visible_to(editor).exists()
