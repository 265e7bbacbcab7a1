"""Import a file of recipients: check, apply, and what becomes of each row (issue 4)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone, translation

from pochtar.accounts.models import User, Workspace
from pochtar.base.addresshash import hash_address
from pochtar.recipients import import_applying, import_checking
from pochtar.recipients.consent_audit import Audit
from pochtar.recipients.imports import (
    apply_import,
    check_import,
    refused_file,
    sample_rows,
)
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import (
    Attribute,
    Basis,
    ConsentEntry,
    ImportStep,
    Recipient,
    SearchText,
    Subscription,
    Suppression,
    SuppressionReason,
    UnsubscribedVia,
    WorkState,
)
from pochtar.recipients.search import Search, find_page
from tests.make import make_list, make_recipient
from tests.pochtar.recipients.importing import TABLE, bring_in, check, start, work

pytestmark = pytest.mark.django_db

PLAIN = dict.fromkeys(
    ("unchanged", "updated", "duplicate", "suppressed", "unsubscribed", "refused"), 0
)


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR = tmp_path


def people(workspace: Workspace) -> dict[str, Recipient]:
    rows = Recipient.objects.of(workspace).order_by("pk")
    return {row.email_key: row for row in rows}


def everything(workspace: Workspace) -> list[Any]:
    """Return all that an import could have written."""
    return [
        list(Recipient.objects.of(workspace).order_by("pk").values()),
        list(Subscription.objects.order_by("pk").values()),
        list(SearchText.objects.order_by("recipient").values_list("text")),
        ConsentEntry.objects.count(),
    ]


def test_nothing_is_written_before_the_person_says_so(
    workspace: Workspace, owner: User
) -> None:
    import_ = check(workspace, owner, TABLE)

    assert (import_.step, import_.state) == (ImportStep.CHECKED, WorkState.IDLE)
    assert import_.counts == {**PLAIN, "listed": 0, "new": 2}
    assert not Recipient.objects.exists()


def test_an_applied_file_becomes_recipients_in_its_lists(
    workspace: Workspace, owner: User
) -> None:
    friends = make_list(workspace)

    import_ = bring_in(workspace, owner, TABLE, friends)

    anna, boris = people(workspace).values()
    assert (import_.step, import_.state) == (ImportStep.FINISHED, WorkState.DONE)
    assert import_.counts["new"] == 2
    assert (anna.email, anna.full_name) == ("anna@example.com", "Анна Петрова")
    assert anna.attributes == {"город": "Москва"}
    assert [(row.key, row.name) for row in Attribute.objects.all()] == [
        ("город", "Город")
    ]
    assert (boris.name_key, boris.address_hash) == (
        "борис елкин",
        hash_address("boris@example.com"),
    )
    assert set(friends.recipients.all()) == {anna, boris}
    assert Attribute.objects.of(workspace).count() == 1
    assert find_page(Search(workspace=workspace, text="елкин")).page.rows == [boris]


def test_whoever_comes_without_a_basis_is_unconfirmed(
    workspace: Workspace, owner: User
) -> None:
    """LAW-02."""
    bring_in(workspace, owner, TABLE)

    assert {row.basis for row in people(workspace).values()} == {""}
    assert not ConsentEntry.objects.exists()


def test_a_stated_basis_is_in_the_ledger_once_for_each_person(
    workspace: Workspace, owner: User
) -> None:
    """LAW-01, LAW-02: also for those who were unconfirmed; nobody's basis is replaced."""
    make_recipient(workspace, "anna@example.com", basis="")
    make_recipient(workspace, "boris@example.com", basis=Basis.CONTRACT)
    table = TABLE + "vera@example.com;;\n"
    choices: dict[str, Any] = {"basis": Basis.CONSENT, "wording": "Галочка в анкете"}

    import_ = bring_in(workspace, owner, table, **choices)
    again = bring_in(workspace, owner, table, **choices)

    rows = people(workspace)
    assert [
        rows[f"{name}@example.com"].basis for name in ("anna", "boris", "vera")
    ] == [
        Basis.CONSENT,
        Basis.CONTRACT,
        Basis.CONSENT,
    ]
    entry = ConsentEntry.objects.get()
    assert (entry.reference, entry.wording) == (str(import_.pk), "Галочка в анкете")
    assert {(one.address_hash, one.row) for one in entry.subjects.all()} == {
        (hash_address("anna@example.com"), 2),
        (hash_address("vera@example.com"), 4),
    }
    assert not list(Audit().run())
    assert again.counts["unchanged"] == 3


def test_the_same_file_twice_changes_nothing(workspace: Workspace, owner: User) -> None:
    friends = make_list(workspace)
    bring_in(workspace, owner, TABLE, friends, basis=Basis.CONSENT)
    before = everything(workspace)

    again = bring_in(workspace, owner, TABLE, friends, basis=Basis.CONSENT)

    assert everything(workspace) == before
    assert (again.counts["new"], again.counts["unchanged"]) == (0, 2)


def test_known_people_are_changed_but_an_empty_cell_leaves_what_is_there(
    workspace: Workspace, owner: User
) -> None:
    make_recipient(
        workspace,
        "Anna@example.com",
        full_name="Анна",
        comment="важная",
        attributes={"gorod": "Пермь", "plan": "gold"},
    )
    make_recipient(workspace, "boris@example.com", full_name="Борис")
    columns = [
        {"title": "E-mail", "to": "email", "key": ""},
        {"title": "Имя", "to": "full_name", "key": ""},
        {"title": "Город", "to": "attribute", "key": "gorod"},
    ]
    table = "a;b;c\nanna@EXAMPLE.com;Анна Новая;Москва\nboris@example.com;;\n"

    import_ = bring_in(workspace, owner, table, columns=columns)

    rows = people(workspace)
    anna, boris = rows["anna@example.com"], rows["boris@example.com"]
    assert (anna.email, anna.full_name, anna.comment) == (
        "Anna@example.com",
        "Анна Новая",
        "важная",
    )
    assert anna.attributes == {"gorod": "Москва", "plan": "gold"}
    assert boris.full_name == "Борис"
    assert (import_.counts["updated"], import_.counts["unchanged"]) == (1, 1)
    assert find_page(Search(workspace=workspace, text="новая")).page.rows == [anna]


def test_only_adding_leaves_known_people_as_they_are(
    workspace: Workspace, owner: User
) -> None:
    make_recipient(workspace, "anna@example.com", full_name="Прежняя")
    friends = make_list(workspace)

    import_ = bring_in(workspace, owner, TABLE, friends, update_existing=False)

    assert people(workspace)["anna@example.com"].full_name == "Прежняя"
    assert (import_.counts["new"], import_.counts["unchanged"]) == (1, 1)
    assert friends.recipients.count() == 2


def test_of_rows_with_one_address_the_first_counts(
    workspace: Workspace, owner: User
) -> None:
    table = TABLE + "ANNA@example.com;Другая;\nanna@Example.com;Третья;\n"

    import_ = bring_in(workspace, owner, table)

    assert import_.counts["duplicate"] == 2
    assert people(workspace)["anna@example.com"].full_name == "Анна Петрова"
    twins = sample_rows(import_, "duplicate")
    assert [(row.number, row.twin_of) for row in twins] == [(4, 2), (5, 2)]


def test_the_stop_list_holds_for_whoever_comes_in_again(
    workspace: Workspace, owner: User
) -> None:
    """BNC-07: a deleted person is known by the address's hash, others by the domain."""
    Suppression.objects.create(
        workspace=workspace,
        address_hash=hash_address("anna@example.com"),
        reason=SuppressionReason.COMPLAINED,
    )
    Suppression.objects.create(
        workspace=workspace, domain="stopped.example", reason=SuppressionReason.MANUAL
    )
    table = TABLE + "v@stopped.example;;\ng@sub.stopped.example;;\n"

    import_ = check(workspace, owner, table)
    expected = import_.counts["suppressed"]
    samples = sample_rows(import_, "suppressed")
    apply_import(import_, by=owner)
    work(import_)

    stopped = {key for key, row in people(workspace).items() if row.suppressed}
    assert stopped == {
        "anna@example.com",
        "v@stopped.example",
        "g@sub.stopped.example",
    }
    assert expected == import_.counts["suppressed"] == len(samples) == 3


def test_whoever_has_unsubscribed_stays_so(workspace: Workspace, owner: User) -> None:
    """BNC-07."""
    make_recipient(
        workspace,
        "anna@example.com",
        unsubscribed_at=timezone.now(),
        unsubscribed_via=UnsubscribedVia.PAGE,
    )

    bring_in(workspace, owner, TABLE, make_list(workspace), basis=Basis.CONSENT)

    assert people(workspace)["anna@example.com"].unsubscribed_at


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (";Анна;", "address_empty"),
        ("anna;Анна;", "address_syntax"),
        ("anna@localhost;Анна;", "address_domain"),
        (f"{'a' * 250}@example.com;Анна;", "address_too_long"),
        (f"anna@example.com;{'А' * 201};", "name_too_long"),
        ('anna@example.com;"Анна\nПетрова";', "name_control"),
        (f"anna@example.com;Анна;{'А' * 501}", "value_too_long"),
        ("anna@example.com;Анна;Мос\x07ква", "value_control"),
        ("anna@example.com;Ан\x00на;", "nul"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_others_come_in(
    workspace: Workspace, owner: User, row: str, code: str
) -> None:
    table = f"E-mail;Имя;Город\n{row}\nboris@example.com;Борис;Казань\n"

    import_ = bring_in(workspace, owner, table)

    assert import_.refusals == {code: 1}
    assert import_.counts["refused"] == import_.counts["new"] == 1
    assert list(people(workspace)) == ["boris@example.com"]
    assert [one.reason for one in sample_rows(import_, f"refused:{code}")] == [code]


def test_refused_rows_come_back_in_the_encoding_that_came_and_go_in_once_mended(
    workspace: Workspace, owner: User
) -> None:
    table = "E-mail;Имя;Город\nанна;Анна;Москва\nboris@example.com;Борис;Казань\n"
    import_ = check(workspace, owner, table.encode("cp1251"))

    with translation.override("ru"):
        refused = b"".join(refused_file(import_)).decode("cp1251")
    mended = refused.replace("анна;", "anna@example.com;")
    second = start(workspace, owner, mended.encode("cp1251"))

    lines = refused.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("анна;Анна;Москва;")
    assert [column["to"] for column in second.columns][-1] == "skip"
    check_import(second, by=owner, columns=second.columns, lists=[])
    assert work(second).counts["new"] == 1


def test_examples_show_what_is_there_and_what_will_be(
    workspace: Workspace, owner: User
) -> None:
    make_recipient(workspace, "anna@example.com", full_name="Прежняя", basis="")

    import_ = check(workspace, owner, TABLE, basis=Basis.CUSTOMER)

    [changed] = sample_rows(import_, "updated")
    assert changed.changes["full_name"] == ("Прежняя", "Анна Петрова")
    assert changed.changes["basis"] == ("", Basis.CUSTOMER)
    assert [row.email for row in sample_rows(import_, "new")] == ["boris@example.com"]
    apply_import(import_, by=owner)
    work(import_)
    [done] = sample_rows(import_, "updated")
    assert done.changes == changed.changes
    assert [row.email for row in sample_rows(import_, "new")] == ["boris@example.com"]


def in_threads(*jobs: Callable[[], object]) -> None:
    """Do the jobs at once, each with a connection of its own."""
    gate = threading.Barrier(len(jobs))
    failed: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        gate.wait()
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_neither_wait_for_each_other_nor_double_anybody(
    workspace: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHUNK", "CHUNK_SQLITE"):
        monkeypatch.setattr(import_applying, name, 50)
    monkeypatch.setattr(import_checking, "CHUNK", 100)
    friends = make_list(workspace)
    lines = [f"r{number}@example.com;Имя {number};" for number in range(600)]
    tables = [
        "\n".join(["E-mail;Имя;Город", *lines]),
        "\n".join(["E-mail;Имя;Город", *reversed(lines)]),
    ]
    imports = [
        check(workspace, owner, table, friends, basis=Basis.CONSENT) for table in tables
    ]
    for import_ in imports:
        apply_import(import_, by=owner)

    in_threads(*(lambda import_=import_: work(import_) for import_ in imports))

    assert Recipient.objects.count() == friends.recipients.count() == 600
    assert {import_.step for import_ in imports} == {ImportStep.FINISHED}
    assert sum(import_.counts["new"] for import_ in imports) == 600
    assert not list(Audit().run())


def test_whoever_has_unsubscribed_is_counted_and_stays_so(
    workspace: Workspace, owner: User
) -> None:
    bring_in(workspace, owner, TABLE)
    anna = people(workspace)["anna@example.com"]
    unsubscribe_recipient(anna, via=UnsubscribedVia.PAGE)
    friends = make_list(workspace)

    import_ = check(workspace, owner, TABLE.replace("Борис", "Макар"), friends)
    (expected,) = sample_rows(import_, "unsubscribed")
    apply_import(import_, by=owner)
    work(import_)

    assert import_.counts["unsubscribed"] == 1
    assert expected.email == "anna@example.com"
    assert len(sample_rows(import_, "unsubscribed")) == 1
    anna.refresh_from_db()
    assert anna.unsubscribed_at
