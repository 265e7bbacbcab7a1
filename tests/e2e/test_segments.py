"""A segment by clicking: conditions, a group, the live count, its page."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.installation import Installation
from tests.e2e.traveller import Traveller

PASSWORD = "correct horse battery"
MAKE = """
import json
from pochtar.accounts.models import User
from pochtar.accounts.services import open_workspace, trust_address
from pochtar.recipients.services import Person, add_recipients

owner = User.objects.create_user("segments@shop.example", "correct horse battery")
trust_address(owner)
workspace = open_workspace(name="Segments", owner=owner)
cities = ["Казань", "Уфа", "Тверь"]
add_recipients(
    workspace,
    [
        Person(
            email=f"r{n}@{'mail' if n % 2 else 'shop'}.example",
            full_name=f"Reader {n}",
            attributes={"city": cities[n % 3]},
        )
        for n in range(30)
    ],
    by=owner,
)
print(json.dumps(0))
"""


def test_a_segment_is_built_by_clicking(
    service: Installation, open_page, screenshots: Path
) -> None:
    """Ten of thirty live in Kazan; five of them have an address of the first kind."""
    service.python(MAKE)
    watch = open_page(locale="en-US")
    guest = Traveller(watch=watch, screenshots=screenshots)
    page = guest.page
    guest.go("/account/login/")
    guest.fill(login="segments@shop.example", password=PASSWORD)
    guest.submit()

    guest.go("/segments/add/")
    guest.fill(name="Kazan")
    _ask(guest, "0", "attribute:city", "is", "казань")
    expect(page.locator("#preview")).to_contain_text("10 recipients")
    page.get_by_role("button", name="Group").first.click()
    _ask(guest, "1.0", "domain", "is", "mail.example")
    expect(page.locator("#preview")).to_contain_text("5 recipients")
    page.locator("button[value='add:1']").click()
    _ask(guest, "1.1", "email", "is", "r0@shop.example")
    expect(page.locator("#preview")).to_contain_text("6 recipients")
    page.locator("button[value='remove:1.1']").click()
    expect(page.locator("#preview")).to_contain_text("5 recipients")
    # Last: axe leaves empty style attributes, which a swap would carry over.
    guest.shoot("segment-builder")
    guest.submit()

    expect(page.locator(".page-lead")).to_have_text(
        "City is казань, and domain of the address is mail.example"
    )
    expect(page.locator("[role=status] strong")).to_have_text("5")
    assert page.locator("tbody tr").count() == 5
    guest.shoot("segment")
    watch.check()
    assert watch.troubles == [], "\n".join(watch.troubles)


def _ask(guest: Traveller, place: str, field: str, op: str, value: str) -> None:
    """Fill in a condition; the row is redrawn after each choice."""
    page = guest.page
    page.locator(f"[id='field-{place}']").select_option(field)
    guest.watch.settle()
    page.locator(f"[id='op-{place}']").select_option(op)
    guest.watch.settle()
    page.locator(f"[id='value-{place}']").fill(value)
