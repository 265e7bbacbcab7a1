"""The pages that are measured: name and address of each."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from pochtar.accounts.models import Workspace
from pochtar.base.paging import keyset_page
from pochtar.mailings.models import Mailing
from pochtar.recipients.models import Recipient, RecipientList
from pochtar.recipients.search import order_column

SEARCHES = {
    "one": "u500000",
    "a_thousand": "u501",
    "nine_thousand": "maria.u1",
    "name_and_surname": "Иванова Анна",
    "a_tenth": "анна",
    "a_fifth": "gmail.example",
    "two_wide": "gmail.example анна",
    "inside_a_word": "ванов",
    "two_letters": "ян",
    "nobody": "щщщ",
    "nobody_one_wide": "gmail.example щщщ",
    "nobody_two_wide": "gmail.example yandex.example",
}
LISTS = {
    "all": "all 0",
    "older_half": "one of 2, 0",
    "a_tenth": "one of 10, 3",
    "a_fiftieth": "one of 50, 7",
}


def pages(workspace: Workspace) -> Iterator[tuple[str, str]]:
    yield "home", "/"
    for sort in ("name", "address", "added"):
        yield f"recipients_by_{sort}", f"/recipients/?sort={sort}"
        middle = _middle(workspace, sort)
        yield (
            f"recipients_by_{sort}_middle",
            f"/recipients/?sort={sort}&cursor={middle}",
        )
    for status in ("unsubscribed", "stopped", "unconfirmed"):
        yield f"recipients_{status}", f"/recipients/?who={status}"
        yield f"recipients_{status}_by_name", f"/recipients/?who={status}&sort=name"
    for label, text in SEARCHES.items():
        yield f"search_{label}", f"/recipients/?{urlencode({'q': text})}"
        for sort in ("name", "address"):
            query = urlencode({"q": text, "sort": f"-{sort}"})
            yield f"search_{label}_by_{sort}", f"/recipients/?{query}"
    yield "picker", f"/recipients/search/?{urlencode({'q': 'анна'})}"
    yield "lists", "/lists/"
    for label, name in LISTS.items():
        row = RecipientList.objects.of(workspace).get(name=name)
        yield f"list_{label}", f"/lists/{row.pk}/"
        yield f"list_{label}_oldest", f"/lists/{row.pk}/?sort=added"
        yield f"list_{label}_by_name", f"/lists/{row.pk}/?sort=name"
        for part in ("анна", "щщщ"):
            name = "hit" if part == "анна" else "miss"
            query = urlencode({"q": part})
            yield f"list_{label}_{name}", f"/lists/{row.pk}/?{query}"
    person = Recipient.objects.of(workspace).order_by("-pk")[1000]
    yield "recipient", f"/recipients/{person.pk}/"
    yield "recipient_edit", f"/recipients/{person.pk}/edit/"
    yield "recipient_add", "/recipients/add/"
    yield from _around(workspace)
    mailing = Mailing.objects.of(workspace).order_by("-pk")[0]
    yield "mailings", "/mailings/"
    yield "mailing", f"/mailings/{mailing.pk}/"
    yield "mailing_add", "/mailings/add/"
    yield "mailing_why", f"/mailings/{mailing.pk}/why/?address={person.email}"
    yield "attempts", "/attempts/"
    yield "attempts_failed", "/attempts/?outcome=failed"


def _around(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """What has a page of its own besides people and lists."""
    list_ = RecipientList.objects.of(workspace).get(name="all 0")
    yield "list_edit", f"/lists/{list_.pk}/edit/"
    yield "segments", "/segments/"
    yield "segment_add", "/segments/add/"
    for segment in workspace.segments.order_by("pk"):
        label = segment.name.replace(" ", "_").lower()
        yield f"segment_{label}", f"/segments/{segment.pk}/"
    yield "attributes", "/recipients/attributes/"
    attribute = workspace.attributes.order_by("pk")[0]
    yield "attribute", f"/recipients/attributes/{attribute.pk}/"
    import_ = workspace.imports.get()
    yield "imports", "/recipients/imports/"
    yield "import_add", "/recipients/imports/new/"
    yield "import", f"/recipients/imports/{import_.pk}/"
    yield "import_undo", f"/recipients/imports/{import_.pk}/undo/"
    yield "consent", "/consent/"
    yield "stop_list", "/stoplist/"
    yield "stop_list_search", "/stoplist/?q=u5000"
    yield "jobs", "/recipients/jobs/"
    yield "job", f"/recipients/jobs/{workspace.bulkjobs.get().pk}/"
    yield "exports", "/recipients/exports/"
    export = workspace.exports.order_by("-pk")[0]
    yield "export", f"/recipients/exports/{export.pk}/"
    yield "export_add", "/recipients/export/?everybody=1"
    yield "export_add_list", f"/recipients/export/?everybody=1&list={list_.pk}"


def _middle(workspace: Workspace, sort: str) -> str:
    """Return the cursor of a page in the middle of everybody."""
    column = order_column(sort)
    rows = Recipient.objects.of(workspace)
    row = rows.order_by(column, "pk")[rows.count() // 2]
    from_there = rows.filter(
        **{f"{column}__gte": row.pk if column == "pk" else getattr(row, column)}
    )
    return keyset_page(from_there, order=column, size=1).next
