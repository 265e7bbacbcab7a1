"""A file of customers comes in: with errors, mended, and taken back (issue 4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.installation import Installation
from tests.e2e.traveller import Traveller
from tests.e2e.watching import Watch

MAKE = """
import json
from allauth.account.models import EmailAddress
from pochtar.accounts.models import User
from pochtar.accounts.services import open_workspace
from pochtar.recipients.services import Person, create_recipient

owner = User.objects.create_user({email!r}, {password!r})
EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
workspace = open_workspace(name="Кофейня «Полдень»", owner=owner)
person = Person(email="vera@mail.example", full_name="Вера К.")
create_recipient(workspace, person, by=owner)
print(json.dumps(workspace.pk.hex))
"""
EMAIL, PASSWORD = "marta@kofe.example", "чай-с-лимоном-2026"
WAIT = 60_000  # milliseconds, for the worker
TITLES = ("E-mail", "ФИО", "Город")
ROWS = (
    ("anna@mail.example", "Анна Соколова", "Тверь"),
    ("boris(собака)mail.example", "Борис Левин", "Псков"),
    ("vera@mail.example", "Вера Кузнецова", "Тверь"),
    ("", "Глеб Орлов", "Москва"),
    ("anna@mail.example", "Анна С.", "Тверь"),
)


def test_a_cp1251_file_with_errors_is_imported_mended_and_undone(
    service: Installation,
    open_page: Callable[..., Watch],
    screenshots: Path,
    tmp_path: Path,
):
    workspace = service.python(MAKE.format(email=EMAIL, password=PASSWORD))
    me = Traveller(watch=open_page(), screenshots=screenshots)
    # A refused form is 422: browsers write it on the console.
    me.watch.tolerated.append("status of 422")
    log_in(me)

    see_a_refused_file(me, tmp_path)
    upload(me, write(tmp_path, "клиенты.csv", TITLES, *ROWS))
    see_how_it_was_understood(me)
    choose_the_columns(me)
    see_what_will_happen(me)
    press_import(me)
    first = me.path
    assert addresses(service, workspace) == ["anna@mail.example", "vera@mail.example"]
    mended = mend(me, download_the_refused(me, tmp_path), tmp_path)
    import_the_mended(me, mended)
    assert len(addresses(service, workspace)) == 4
    undo(me, first)
    left = addresses(service, workspace)
    assert left == ["boris@mail.example", "gleb@mail.example", "vera@mail.example"]
    me.go("/recipients/?q=vera")
    expect(me.page.locator("tbody")).to_contain_text("Вера К.")

    assert me.watch.troubles == [], "\n".join(me.watch.troubles)


def addresses(service: Installation, workspace: str) -> list[str]:
    sql = "SELECT email FROM recipients_recipient WHERE workspace_id=? ORDER BY email"
    return [email for (email,) in service.rows(sql, workspace)]


def write(folder: Path, name: str, *rows: tuple[str, ...]) -> Path:
    path = folder / name
    path.write_bytes("".join(f"{';'.join(row)}\r\n" for row in rows).encode("cp1251"))
    return path


def log_in(me: Traveller) -> None:
    me.go("/account/login/")
    me.fill(login=EMAIL, password=PASSWORD)
    me.submit()


def see_a_refused_file(me: Traveller, folder: Path) -> None:
    """Bad input gets a sentence at its place."""
    picture = folder / "логотип.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 30)
    me.go("/recipients/imports/")
    me.follow("main a[href='/recipients/imports/new/']")
    me.page.set_input_files("input[name=file]", picture)
    me.page.locator("form#upload button.btn-primary").click()
    expect(me.field("file")).to_have_attribute("aria-invalid", "true")
    me.shoot("import-refused-file")


def upload(me: Traveller, path: Path) -> None:
    me.page.set_input_files("input[name=file]", path)
    expect(me.page.locator("[data-chosen]")).to_contain_text(path.name)
    me.submit("form#upload button.btn-primary")


def see_how_it_was_understood(me: Traveller) -> None:
    """Encoding, delimiter and header are found out; a choice shows its effect."""
    expect(me.field("encoding")).to_have_value("cp1251")
    expect(me.field("delimiter")).to_have_value(";")
    expect(me.field("header")).to_have_value("yes")
    rows = me.page.locator("#reading table")
    expect(rows).to_contain_text("Анна Соколова")
    me.field("encoding").select_option("koi8-r")
    expect(rows).not_to_contain_text("Анна Соколова")
    me.field("encoding").select_option("cp1251")
    expect(rows).to_contain_text("Анна Соколова")
    me.shoot("import-table")
    me.submit("#reading button.btn-primary")


def choose_the_columns(me: Traveller) -> None:
    """What is left out is said at its place, and nothing is lost."""
    expect(me.field("to-0")).to_have_value("email")
    expect(me.field("to-1")).to_have_value("full_name")
    me.fill(new_list="Гости", wording="Анкета у кассы")
    me.field("to-0").select_option("skip")
    me.submit("main form button.btn-primary")
    expect(me.page.locator("[data-form-errors]")).to_be_visible()
    expect(me.field("new_list")).to_have_value("Гости")
    me.field("to-0").select_option("email")
    me.page.locator("input[name=basis][value=consent]").check()
    me.shoot("import-columns")
    me.submit("main form button.btn-primary")


def see_what_will_happen(me: Traveller) -> None:
    button = me.page.locator("button[form=apply]")
    expect(button).to_contain_text("2", timeout=WAIT)
    for summary in me.page.locator(".outcomes summary").all():
        summary.click()
    expect(me.page.locator("del.change-before").first).to_have_text("Вера К.")
    expect(me.page.locator("main")).to_contain_text("boris(собака)mail.example")
    me.shoot("import-checked")


def press_import(me: Traveller) -> None:
    me.page.locator("button[form=apply]").click()
    me.page.wait_for_load_state()
    expect(me.page.locator(".alert-success")).to_be_visible(timeout=WAIT)
    me.shoot("import-report")


def download_the_refused(me: Traveller, folder: Path) -> Path:
    with me.page.expect_download() as waiting:
        me.page.locator("a[href$='/refused/']").click()
    path = folder / "не принято.csv"
    waiting.value.save_as(path)
    return path


def mend(me: Traveller, path: Path, folder: Path) -> Path:
    """The rows are as they came, in the encoding that came, with a reason each."""
    text = path.read_bytes().decode("cp1251")
    lines = [line.split(";") for line in text.splitlines()]
    assert lines[0][:3] == list(TITLES)
    assert [line[1] for line in lines[1:]] == ["Борис Левин", "Глеб Орлов"]
    assert all(line[3] for line in lines[1:])
    lines[1][0], lines[2][0] = "boris@mail.example", "gleb@mail.example"
    return write(folder, "исправлено.csv", *[tuple(line) for line in lines])


def import_the_mended(me: Traveller, path: Path) -> None:
    me.follow("a[href^='/recipients/imports/new/?list=']")
    upload(me, path)
    me.submit("#reading button.btn-primary")
    expect(me.field("to-3")).to_have_value("skip")  # the reasons
    me.page.locator("input[name=basis][value=consent]").check()
    me.fill(wording="Анкета у кассы")
    me.submit("main form button.btn-primary")
    expect(me.page.locator("button[form=apply]")).to_contain_text("2", timeout=WAIT)
    press_import(me)


def undo(me: Traveller, report: str) -> None:
    me.go(report)
    me.page.locator("a[href$='/undo/']").click()
    expect(me.page.locator("dialog")).to_be_visible()
    me.page.locator("dialog .btn-danger").click()
    expect(me.page.locator("main")).to_contain_text(
        re.compile("Импорт отменён|has been undone"), timeout=WAIT
    )
    me.shoot("import-undone")
