"""The whole way of a new customer, from the first page to the last figure."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from pochtar.sandbox.letters import read_letter
from tests.e2e.installation import Installation
from tests.e2e.traveller import Traveller
from tests.e2e.watching import Watch

EMAIL, NAME = "olga@lavka.example", "Лавка «Ромашка»"
NEW_EMAIL = "olga.new@lavka.example"
PASSWORD, SECOND_PASSWORD = "осень-в-саду-2026", "зима-за-окном-2027"
PEOPLE = (
    ("anna@mail.example", "Анна Соколова", "Тверь"),
    ("boris@mail.example", "Борис Левин", ""),
    ("vera@mail.example", "", "Псков"),
)


def test_a_customer_goes_the_whole_way(
    service: Installation, open_page: Callable[..., Watch], screenshots: Path
):
    me = Traveller(watch=open_page(), screenshots=screenshots)
    # A refused form is 422, a refused action 409; browsers write both on the console.
    me.watch.tolerated.append("status of (409|422)")

    see_what_it_is(me)
    register(me, open_page)
    write_recipients_down(me)
    make_a_list(me)
    message = write_a_message(me)
    set_a_server_and_a_sender(me, service)
    send_a_test(me, message)
    mailing = prepare_a_mailing(me)
    launch_and_watch(me, mailing)
    read_the_attempts(me, mailing)
    read_a_letter(me)
    see_the_figures(me)
    send_a_second_one_from_the_command_line(me, mailing, service)
    recover_the_password(me)
    change_the_profile(me)
    change_password_and_address(me, service)

    assert me.watch.troubles == [], "\n".join(me.watch.troubles)


def see_what_it_is(me: Traveller) -> None:
    """Issue §1: Russian, English by one click, and both ways in."""
    me.go("/")
    expect(me.page.locator("html")).to_have_attribute("lang", "ru")
    assert me.page.locator("a[href*='/account/signup/']").count()
    assert me.page.locator("a[href*='/account/login/']").count()
    me.submit("button[name=language][value=en]:visible")
    expect(me.page.locator("html")).to_have_attribute("lang", "en")
    me.submit("button[name=language][value=ru]:visible")
    expect(me.page.locator("html")).to_have_attribute("lang", "ru")


def register(me: Traveller, open_page: Callable[..., Watch]) -> None:
    """Issue §2 and §3: the letter is opened without a login, by this browser only."""
    me.go("/account/signup/")
    me.fill(email=EMAIL, password1=PASSWORD, workspace_name=NAME)
    me.submit()
    me.shoot("verification-sent")
    me.follow("a[href='/account/letter/']")
    me.shoot("letter")
    other = open_page().page.goto("/account/letter/")
    assert other is not None
    assert other.status == 404
    frame = me.page.frame_locator("iframe.letter-frame")
    expect(frame.locator("body")).to_contain_text(re.compile(r"\S"))
    me.follow(".letter-links a[href*='/confirm-email/']")
    me.shoot("confirm-email")
    me.submit()
    expect(me.page.locator("body")).to_contain_text(NAME)
    me.go("/")
    me.shoot("home-empty")


def write_recipients_down(me: Traveller) -> None:
    """Issue §4, and what a wrong and a double address get."""
    for email, full_name, town in PEOPLE:
        me.go("/recipients/add/")
        me.fill(email=email, full_name=full_name)
        me.page.locator("[name=basis][value=consent]").check()
        if town:
            me.page.locator("[name$='-0-key']").fill("город")
            me.page.locator("[name$='-0-value']").fill(town)
        me.submit("button.btn-primary[data-once]:visible")
    me.go("/recipients/add/")
    me.fill(email="not an address", full_name="Никто")
    me.page.locator("[name=basis][value=consent]").check()
    me.submit("button.btn-primary[data-once]:visible")
    expect(me.field("email")).to_have_attribute("aria-invalid", "true")
    expect(me.field("full_name")).to_have_value("Никто")
    me.fill(email="ANNA@mail.example")
    me.submit("button.btn-primary[data-once]:visible")
    expect(me.field("email")).to_have_attribute("aria-invalid", "true")
    me.shoot("recipient-twice")
    me.go("/recipients/?q=соколова")
    expect(me.page.locator("tbody tr")).to_have_count(1)


def make_a_list(me: Traveller) -> None:
    me.go("/lists/add/")
    me.fill(name="Покупатели")
    me.submit("main form.card button.btn-primary:visible, form button.btn-primary")
    me.go("/lists/")
    me.follow("tbody a.row-link")
    me.follow("a[href$='/pick/']")
    me.page.locator("[data-select-all]").check()
    me.submit("[data-bulk] button.btn-primary")
    me.go("/recipients/")
    expect(me.page.locator("tbody tr")).to_have_count(len(PEOPLE))


def write_a_message(me: Traveller) -> str:
    """Issue §5: the editor, a field from the menu, an unknown name, the preview."""
    me.go("/messages/add/")
    me.fill(subject='{{ full_name | default("Друзья") }}, осенние новинки')
    me.page.locator(".editor [role=textbox]").click()
    me.page.keyboard.type("Здравствуйте, {{ nickname }}! Ждём вас в городе ")
    insert_field(me, "город", stand_in="вашем")
    me.shoot("message-editor")
    me.submit("form[data-guard] button.btn-primary")
    expect(me.page.locator("body")).to_contain_text("nickname")
    me.shoot("message-refused")
    text = me.page.locator(".editor [role=textbox]")
    expect(text).to_contain_text("nickname")
    me.page.locator("[name=html]").evaluate(
        "(node) => { node.value = node.value.replace('nickname', 'full_name | default(\"друг\")'); }"
    )
    me.submit("form[data-guard] button.btn-primary")
    frame = me.page.frame_locator("iframe.letter-frame")
    expect(frame.locator("body")).to_contain_text("Здравствуйте")
    me.shoot("message-preview")
    me.follow("a[href*='width=phone']")
    me.shoot("message-preview-phone")
    return me.path


def insert_field(me: Traveller, name: str, *, stand_in: str) -> None:
    menu = me.page.locator(".editor .merge-menu")
    menu.locator("summary").click()
    menu.locator("input").fill(stand_in)
    menu.locator("button.menu-item", has_text=name).first.click()


def send_a_test(me: Traveller, message: str) -> None:
    """Issue §5: "send me a test" goes to the sandbox."""
    me.go(message)
    me.submit("form[action$='/test/'] button")
    me.shoot("message-tested")
    me.go("/sandbox/")
    expect(me.page.locator("tbody tr")).to_have_count(1)
    expect(me.page.locator("tbody")).to_contain_text(EMAIL)


def set_a_server_and_a_sender(me: Traveller, service: Installation) -> None:
    """Issue §3: an SMTP server of one's own, checked; a From address that is none."""
    me.go("/sandbox/")
    me.page.locator("details.sandbox-login summary").click()
    username = me.text("#sandbox-username")
    password = me.text("#sandbox-password")
    me.go("/relays/add/")
    me.fill(name="Своя почта", host="127.0.0.1", port=str(service.sandbox_port))
    me.page.locator("[name=tls]").select_option("none")
    me.fill(username=username, password=password)
    me.submit("form.card button.btn-primary")
    me.submit("form[action$='/check/'] button")
    expect(me.page.locator("pre.dialogue")).to_contain_text("235")
    assert password not in me.page.content()
    me.shoot("relay-checked")
    me.go("/senders/add/")
    me.fill(from_name=NAME, from_email="not an address")
    me.submit("form.card button.btn-primary")
    expect(me.field("from_email")).to_have_attribute("aria-invalid", "true")
    me.fill(from_email="news@lavka.example")
    me.choose("relay", "Своя почта")
    me.submit("form.card button.btn-primary")
    expect(me.page.locator("main")).to_contain_text("news@lavka.example")


def prepare_a_mailing(me: Traveller) -> str:
    """Issue §6: message, sender, a list; the count is shown before saving."""
    me.go("/mailings/add/")
    me.page.locator("[name=message]").select_option(index=1)
    me.page.locator("[name=sender]").select_option(index=1)
    me.fill(name="Осень")
    me.page.locator("[name=audience][value=lists]").check()
    me.page.locator("[name=lists]").first.check()
    expect(me.page.locator("#audience-count strong")).to_have_text("3")
    me.shoot("mailing-form")
    me.submit("form.card button.btn-primary[data-once]")
    return me.path


def launch_and_watch(me: Traveller, mailing: str) -> None:
    """Issue §6 and §7: a confirmed launch, then the page follows by itself."""
    me.page.locator("a[href$='/launch/']").first.click()
    expect(me.page.locator("dialog")).to_contain_text("3")
    me.page.screenshot(path=me.screenshots / "journey-launch.png")
    me.submit("dialog button.btn-primary")
    accepted = me.page.locator("#live .is-accepted strong")
    expect(accepted).to_have_text("3", timeout=30_000)
    me.page.wait_for_selector(".badge-good:not(tbody *)", timeout=30_000)
    me.go(mailing)
    me.shoot("mailing-completed")
    me.page.goto(f"{mailing}edit/")
    expect(me.page.locator("[name=message]")).to_have_count(0)


def read_the_attempts(me: Traveller, mailing: str) -> None:
    """Issue §7: each attempt with the server's reply; filter, search, CSV."""
    me.go(mailing)
    expect(me.page.locator("#attempts tbody tr")).to_have_count(3)
    expect(me.page.locator("#attempts")).to_contain_text("Успешно")
    expect(me.page.locator("#attempts")).to_contain_text("250")
    me.go(f"{mailing}?q=anna")
    expect(me.page.locator("#attempts tbody tr")).to_have_count(1)
    me.go(f"{mailing}?status=failed")
    expect(me.page.locator("#attempts tbody tr")).to_have_count(0)
    me.go("/attempts/")
    expect(me.page.locator("tbody tr")).to_have_count(3)
    with me.page.expect_download() as download:
        me.page.locator("a[download][href*='.csv']").click()
    table = Path(download.value.path()).read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(table), csv.Sniffer().sniff(table)))
    assert len(rows) == 1 + 3
    assert any("anna@mail.example" in row for row in rows)


def read_a_letter(me: Traveller) -> None:
    """Issue §3: what everybody got is in the sandbox, with their own words."""
    me.go("/sandbox/?q=anna")
    me.follow("tbody a.row-link")
    frame = me.page.frame_locator("iframe.letter-frame")
    expect(frame.locator("body")).to_contain_text("Анна Соколова")
    expect(frame.locator("body")).to_contain_text("Тверь")
    me.shoot("sandbox-letter")
    for view in ("text", "headers", "source"):
        me.go(f"{me.path}?show={view}")
    expect(me.page.locator("pre.source")).to_contain_text("Message-ID")


def see_the_figures(me: Traveller) -> None:
    """Issue §8."""
    me.go("/")
    numbers = me.page.locator(".tile dd, .tile-number")
    expect(numbers.nth(0)).to_have_text("1")
    expect(numbers.nth(2)).to_have_text("3")
    expect(me.page.locator("main")).to_contain_text("Осень")
    me.shoot("home")


def send_a_second_one_from_the_command_line(
    me: Traveller, mailing: str, service: Installation
) -> None:
    """Issue §9: the copy is sent by ``sendmail``; what is completed cannot be."""
    me.go(mailing)
    me.page.locator("details.menu summary.btn:visible").click()
    me.submit("form[action$='/duplicate/'] button")
    copy = re.findall(r"[0-9a-f-]{36}", me.path)[0]
    done = service.manage("sendmail", copy, "--json", check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accepted"] == 3
    assert service.manage("sendmail", copy, check=False).returncode == 2
    me.go("/attempts/")
    expect(me.page.locator("tbody tr")).to_have_count(6)


def log_out(me: Traveller) -> None:
    me.go("/account/logout/")
    me.submit("main form button.btn-primary, form[action*='logout'] button.btn-primary")


def recover_the_password(me: Traveller) -> None:
    """Issue §2."""
    log_out(me)
    me.go("/account/password/reset/")
    me.fill(email=EMAIL)
    me.submit()
    me.follow("a[href='/account/letter/']")
    me.follow(".letter-links a[href*='/password/reset/']")
    me.shoot("new-password")
    me.fill(password1=SECOND_PASSWORD)
    me.submit()
    me.go("/account/login/")
    if me.path == "/account/login/":
        me.fill(login=EMAIL, password=SECOND_PASSWORD)
        me.submit()
    me.go("/")
    expect(me.page.locator("body")).to_contain_text(NAME)


def change_the_profile(me: Traveller) -> None:
    me.go("/profile/")
    me.fill(name="Ольга")
    me.page.locator("select[name=language]").select_option("en")
    me.submit("form.card button.btn-primary, main form button.btn-primary")
    expect(me.page.locator("html")).to_have_attribute("lang", "en")
    me.shoot("profile-en")


def change_password_and_address(me: Traveller, service: Installation) -> None:
    """Issue §2: the new address counts when its letter's link has been followed."""
    me.go("/account/password/change/")
    me.fill(oldpassword=SECOND_PASSWORD, password1=PASSWORD)
    me.submit()
    ask_for_another_address(me)
    me.shoot("reauthenticate")
    me.fill(password=PASSWORD)
    me.submit()
    ask_for_another_address(me)
    me.shoot("email-change")
    raw = service.one(
        "SELECT raw FROM sandbox_capturedmessage WHERE rcpt_to = ?", NEW_EMAIL
    )
    (link, *_rest) = [
        link.url for link in read_letter(raw).links if "/confirm-email/" in link.url
    ]
    me.go(link)
    me.submit()
    me.go("/profile/")
    expect(me.page.locator("main")).to_contain_text(NEW_EMAIL)


def ask_for_another_address(me: Traveller) -> None:
    """The first time the password is asked for: the last login was by a reset."""
    me.go("/account/email/")
    me.fill(email=NEW_EMAIL)
    me.submit("button[name=action_add]")
