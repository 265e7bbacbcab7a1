"""Erasing a person from imports, bulk actions and what searches remember (LAW-06)."""

from __future__ import annotations

import io

import pytest

from pochtar.accounts.models import Role
from pochtar.base.errors import Conflict
from pochtar.mailings.erasure import erase_person
from pochtar.recipients.exports import file_of, order_export
from pochtar.recipients.import_files import folder, path_of
from pochtar.recipients.import_report import sample_rows
from pochtar.recipients.import_work import run_turn
from pochtar.recipients.imports import apply_import, check_import, start_import
from pochtar.recipients.jobs import order_job, run_job
from pochtar.recipients.models import (
    Export,
    ExportFormat,
    Import,
    ImportRow,
    JobKind,
    Recipient,
    Segment,
    StopUpload,
)
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from tests.everywhere import find_everywhere
from tests.make import make_member, make_recipient

pytestmark = pytest.mark.django_db

EMAIL = "Zinaida.Distinctova@pochta-prima.ru"
ROWS = f"""Имя;Почта;Город
Зинаида Неповторимая;{EMAIL};Крутояр
Борис;boris@pochta-prima.ru;Тверь
Кто-то;zinaida.distinctova@pochta-prima.ru;ещё раз
Плохой;без адреса;Омск
"""
NEEDLES = ("distinctova", "неповторимая", "крутояр")


@pytest.fixture
def manager(workspace):
    return make_member(workspace, role=Role.MANAGER)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, settings):
    settings.VAR = tmp_path


def upload(workspace, manager, content: bytes) -> Import:
    return start_import(
        workspace,
        by=manager,
        stream=io.BytesIO(content),
        file_name="клиенты.csv",
        size=len(content),
    )


def finish(import_: Import, manager) -> Import:
    check_import(
        import_,
        by=manager,
        columns=import_.columns,
        lists=[],
        basis="consent",
        wording="Я согласен",
    )
    while run_turn(import_.pk):
        pass
    import_.refresh_from_db()
    apply_import(import_, by=manager)
    while run_turn(import_.pk):
        pass
    import_.refresh_from_db()
    return import_


def files() -> str:
    return "".join(
        path.read_bytes().decode("cp1251") for path in folder().iterdir()
    ).lower()


def test_an_imported_file_keeps_its_lines_but_not_the_person(workspace, manager):
    """LAW-06: uploads. The report still tells which row was refused and why."""
    import_ = finish(upload(workspace, manager, ROWS.encode("cp1251")), manager)
    again = finish(
        upload(workspace, manager, ROWS.replace("Крутояр", "Тула").encode("cp1251")),
        manager,
    )
    person = Recipient.objects.get(email=EMAIL)
    assert files().count("distinctova") == 4
    before = [row.number for row in sample_rows(import_, "refused")]

    erase_person(person, by=manager)

    assert find_everywhere(*NEEDLES) == []
    assert not any(needle in files() for needle in NEEDLES)
    assert "boris@pochta-prima.ru;тверь" in files()
    lines = path_of(import_).read_bytes().decode("cp1251").splitlines()
    assert len(lines) == len(ROWS.splitlines())
    assert [row.number for row in sample_rows(import_, "refused")] == before
    assert again.pruned_at is None


def test_whoever_is_in_an_unfinished_import_waits_for_its_end(workspace, manager):
    """LAW-06: it would bring the person back."""
    upload(workspace, manager, ROWS.encode("cp1251"))
    person = make_recipient(workspace, EMAIL, email_key=EMAIL.lower())

    with pytest.raises(Conflict) as refused:
        erase_person(person, by=manager)

    assert refused.value.code == "import_under_way"
    assert Recipient.objects.filter(pk=person.pk).exists()


def test_imports_without_the_person_stay_as_they_are(workspace, manager):
    import_ = finish(
        upload(workspace, manager, "Почта\nboris@pochta-prima.ru\n".encode()), manager
    )
    content = path_of(import_).read_bytes()

    erase_person(make_recipient(workspace, EMAIL), by=manager)

    assert path_of(import_).read_bytes() == content
    assert ImportRow.objects.count() == 1


def test_what_a_bulk_action_could_undo_forgets_the_person(workspace, manager):
    """LAW-06: the value before, and what was searched for."""
    person = make_recipient(
        workspace, EMAIL, attributes={"city": "Крутояр-на-Волге"}, full_name="Зина"
    )
    job = order_job(
        Selection(search=Search(workspace=workspace, text="distinctova")),
        kind=JobKind.ATTRIBUTE,
        by=manager,
        key="city",
        value="Тула",
    )
    while run_job(job.pk):
        pass
    assert "крутояр" in "".join(find_everywhere(*NEEDLES))

    erase_person(person, by=manager)

    assert find_everywhere("крутояр", EMAIL) == []


def test_segments_and_uploads_that_name_the_address_forget_it(workspace, manager):
    """LAW-06."""
    rule = {"field": "email", "test": "is", "value": EMAIL}
    Segment.objects.create(workspace=workspace, name="Одна", rule=rule)
    StopUpload.objects.create(
        workspace=workspace, content=f"{EMAIL};жалоба".encode("utf-16-le")
    )

    erase_person(make_recipient(workspace, EMAIL), by=manager)

    assert find_everywhere(EMAIL) == []
    assert not StopUpload.objects.exists()
    assert Segment.objects.get().rule["field"] == "email"


def test_exported_files_are_dropped(workspace, manager):
    """LAW-06: they can be ordered again, without the person."""
    person = make_recipient(workspace, EMAIL)
    search = Selection(search=Search(workspace=workspace, text="distinctova"))
    export = order_export(
        search, format=ExportFormat.CSV, columns=["email"], by=manager
    )
    Export.objects.update(state="running")
    with pytest.raises(Conflict):
        erase_person(person, by=manager)
    Export.objects.update(state="done")
    assert EMAIL in file_of(export).read_text("utf-8-sig")
    file = file_of(export)

    erase_person(person, by=manager)

    assert not file.exists()
    assert find_everywhere("distinctova@") == []
