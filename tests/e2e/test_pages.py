"""Every page, on a phone and on a desk, by day and by night, in both languages."""

from __future__ import annotations

import os
import re
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from tests.e2e.installation import HOST, Installation
from tests.e2e.made import make_done_work, make_imports
from tests.e2e.places import DOMAIN, NOT_PAGES, Place, places, url_names
from tests.e2e.watching import Watch

PHONE, DESK = 390, 1440
LETTER = (
    "Subject: =?utf-8?B?0J7RgdC10L3QvdC40LUg0L3QvtCy0LjQvdC60Lg=?=\r\n"
    "From: Shop <news@shop.example>\r\nTo: anna@mail.example\r\n"
    "Content-Type: text/html; charset=utf-8\r\n\r\n"
    '<!doctype html><html lang="ru"><body><h1>Новинки</h1>'
    '<p><a href="https://shop.example/new">Смотреть</a></p></body></html>\r\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    email: str
    password: str
    workspace: str
    walk: list[Place]


@pytest.fixture(scope="session")
def demo(service: Installation) -> Demo:
    """The demonstration's data, with a letter in its sandbox."""
    said = service.manage("demo", seconds=240).stdout
    email, password = re.findall(r":\s+(\S+)$", said.strip(), re.MULTILINE)[-2:]
    workspace = service.one(
        "SELECT m.workspace_id FROM accounts_membership m"
        " JOIN accounts_user u ON u.id = m.user_id WHERE u.email = ?",
        email,
    )
    post_letter(service, f"ws-{workspace}")
    make_keys(service, workspace)
    make_imports(service, workspace)
    make_done_work(service, workspace)
    walk = places(service, workspace)
    return Demo(email=email, password=password, workspace=workspace, walk=walk)


def make_keys(installation: Installation, workspace: str) -> None:
    """Give the demonstration's domain a key in use and one that waits for DNS."""
    installation.python(
        "import json; from pochtar.accounts.models import Membership, User;"
        "from pochtar.delivery.dkim_keys import generate_dkim_key;"
        "from pochtar.delivery.models import DkimKey;"
        f"mine = Membership.objects.filter(workspace={workspace!r}, role='owner');"
        "part = mine.select_related('workspace', 'user')[0];"
        f"make = lambda: generate_dkim_key(part.workspace, domain={DOMAIN!r},"
        " by=part.user);"
        "DkimKey.objects.filter(pk=make().pk).update(state='active');"
        "print(json.dumps(str(make().pk)))"
    )


def post_letter(installation: Installation, username: str) -> None:
    password = installation.python(
        "import json; from pochtar.sandbox.credentials import sandbox_password;"
        f"print(json.dumps(sandbox_password({username!r})))"
    )
    with smtplib.SMTP(HOST, installation.sandbox_port, timeout=10) as client:
        client.login(username, password)
        client.sendmail("news@shop.example", ["anna@mail.example"], LETTER.encode())


def test_every_url_is_walked_or_said_to_be_no_page(demo: Demo):
    walked = {place.title for place in demo.walk}
    missing = {
        name
        for name, _takes_id in url_names()
        if name not in NOT_PAGES
        and not any(title.removeprefix("visitor-").startswith(name) for title in walked)
    }

    assert missing == set()


ALL_PICTURES = os.environ.get("PICTURES") == "all"
Visit = Callable[[Watch, Place], None]


def log_in(watch: Watch, demo: Demo) -> None:
    page = watch.page
    page.goto("/account/login/")
    page.locator("input[name=login]").fill(demo.email)
    page.locator("input[name=password]").fill(demo.password)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url("**/")


def walk(demo: Demo, visitor: Watch, person: Watch, visit: Visit) -> list[str]:
    """Visit every place; return what was wrong."""
    log_in(person, demo)
    person.troubles.clear()
    for place in demo.walk:
        watch = visitor if place.visitor else person
        watch.open(place.path, partial(visit, watch, place))
    return [*visitor.troubles, *person.troubles]


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_page_is_sound_and_photographed(
    width: int,
    language: Literal["ru", "en"],
    demo: Demo,
    open_page: Callable[..., Watch],
    screenshots: Path,
):
    locale = {"ru": "ru-RU", "en": "en-GB"}[language]
    visitor = open_page(locale=locale, width=width)
    person = open_page(locale=locale, width=width)
    # One colour for axe and the camera in each walk; together the walks see both.  All
    # pictures of all walks (PICTURES=all) take minutes more.
    axe_colours = "light" if (width == DESK) == (language == "ru") else "dark"

    def visit(watch: Watch, place: Place) -> None:
        for colours in ("light", "dark"):
            watch.page.emulate_media(color_scheme=colours)
            watch.check()
            if colours == axe_colours:
                watch.check_accessibility()
            if colours == axe_colours or ALL_PICTURES:
                name = f"{place.title}-{language}-{width}-{colours}.png"
                watch.shoot(screenshots / name)

    troubles = walk(demo, visitor, person, visit)

    assert troubles == [], "\n".join(troubles)


def test_the_box_on_a_mailings_page_answers_in_its_place(
    demo: Demo, open_page: Callable[..., Watch]
):
    watch = open_page(locale="en-GB", width=DESK)
    log_in(watch, demo)
    story = next(place for place in demo.walk if place.title == "mailing-why-failed")
    path, _mark, query = story.path.partition("why/?")
    (address,) = parse_qs(query)["address"]
    page = watch.page
    page.goto(path)

    page.locator("input[name=address]").fill(address)
    page.locator("input[name=address]").press("Enter")

    expect(page.locator(".timeline-step.is-bad")).to_be_visible()
    assert page.url.endswith(path)
    watch.check()
    assert watch.troubles == []
