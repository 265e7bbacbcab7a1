"""Every page there is: where it lies, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.e2e.installation import Installation

# URL names that a GET does not answer with a page of its own, and why.
NOT_PAGES = {
    "healthz": "for machines",
    "set_language": "a POST that goes back",
    "workspace-switch": "a POST that goes back",
    "account-send-again": "a POST that goes back",
    "recipients-search": "answers a search box",
    "lists-search": "answers a search box",
    "segment-build": "a fragment of the form",
    "segment-preview": "a fragment of the form",
    "segment-count": "a fragment of the page",
    "mailing-count": "a fragment of the form",
    "import-live": "a fragment of the import's page",
    "import-examples": "a fragment of the import's page",
    "import-apply": "a POST that goes back",
    "import-refused": "a file",
    "mailing-live": "a fragment of the mailing's page",
    "attempts-csv": "a file",
    "stoplist-csv": "a file",
    "stoplist-upload-live": "a fragment of the upload's page",
    "mailing-attempts-csv": "a file",
    "message-frame": "the inside of a frame",
    "sandbox-frame": "the inside of a frame",
    "sandbox-source": "a file",
    "sandbox-attachment": "a file",
    "account-letter-frame": "the inside of a frame",
    "account-letter": "needs a fresh registration: the journey goes there",
    "account_confirm_email": "needs a letter's key: the journey goes there",
    "account_reset_password_from_key": "needs a letter's key: the journey goes there",
    "account_set_password": "for people without one: redirects",
    "account_confirm_login_code": "a way of logging in that is not offered",
    "account_reauthenticate": "redirects right after a login",
    "recipients-bulk": "a POST",
    "recipient-leave": "a POST that goes back",
    "recipient-correct": "a POST that goes back",
    "recipient-dossier": "a file",
    "export-add": "needs somebody chosen: see places()",
    "export-count": "a fragment of the form",
    "export-live": "a fragment of the export's page",
    "export-download": "a file",
    "export-cancel": "a POST that goes back",
    "job-live": "a fragment of the job's page",
    "job-cancel": "a POST that goes back",
    "job-undo": "a POST that goes back",
    "message-test": "a POST that goes back",
    "relay-check": "a POST that goes back",
    "dkim-generate": "a POST that goes back",
    "dkim-check": "a POST that goes back",
    "dkim-rotate": "a POST that goes back",
    "relay-forget": "a POST that goes back",
    "mailing-pause": "a POST that goes back",
    "mailing-resume": "a POST that goes back",
    "mailing-cancel": "a POST that goes back",
    "mailing-undo": "a POST that goes back",
    "mailing-at-once": "a POST that goes back",
    "message-duplicate": "a POST that goes to the copy",
    "mailing-duplicate": "a POST that goes to the copy",
    "mailing-follow-up": "a POST that goes to the copy",
}
DOMAIN = "poldencoffee.example"  # of the demonstration's sender
LINKS = """
import json
from mailcore.engine.types import Item
from pochtar.accounts.models import Workspace
from pochtar.delivery.marks import run_naming, sample_url
from pochtar.delivery.models import Delivery
from pochtar.recipients.leaving import unsubscribe_recipient

workspace = Workspace.objects.get(pk={workspace!r})
rows = Delivery.objects.filter(run__workspace=workspace, recipient__isnull=False)
asked, left = rows.select_related("recipient").order_by("recipient", "pk")[:40:39]
unsubscribe_recipient(left.recipient, via="page")
name = run_naming(domain="shop.example")
links = [
    name(
        Item(
            delivery_id=row.pk, position=1, email="", recipient=row.recipient_id.hex
        )
    ).unsubscribe_url
    for row in (asked, left)
]
print(json.dumps(["/" + url.split("/", 3)[3] for url in [*links, sample_url(workspace)]]))
"""
VISITOR = (
    "home",
    "account_login",
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
    "account_email_verification_sent",
    "account_inactive",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A page; ``title`` names its screenshots."""

    title: str
    path: str
    visitor: bool = False


def public_places(installation: Installation, workspace: str) -> list[Place]:
    """Return the pages behind a letter's link: asked, left, a test's, not ours."""
    asked, left, sample = installation.python(LINKS.format(workspace=workspace))
    return [
        Place(title="visitor-unsubscribe", path=asked, visitor=True),
        Place(title="visitor-unsubscribe-left", path=left, visitor=True),
        Place(title="visitor-unsubscribe-test", path=sample, visitor=True),
    ]


def url_names() -> Iterator[tuple[str, bool]]:
    """Yield each name outside the administration, and whether it takes an id."""

    def walk(patterns: list[URLPattern | URLResolver]) -> Iterator[tuple[str, bool]]:
        for each in patterns:
            if isinstance(each, URLResolver):
                if each.app_name != "admin":
                    yield from walk(each.url_patterns)
            elif each.name:
                yield each.name, "<uuid:pk>" in str(each.pattern)

    yield from walk(get_resolver().url_patterns)


def places(installation: Installation, workspace: str) -> list[Place]:
    """Return the pages to walk, those of objects with an object of the workspace."""
    found = [
        Place(title=f"visitor-{name}", path=reverse(name), visitor=True)
        for name in VISITOR
    ]
    for name, takes_id in url_names():
        if name in NOT_PAGES or name == "unsubscribe":
            continue
        if name in VISITOR and name != "home":
            continue
        if name in OF_DOMAINS:
            found.append(Place(title=name, path=reverse(name, args=[DOMAIN])))
            continue
        if not takes_id:
            found.append(Place(title=name, path=reverse(name)))
            continue
        for title, pk in _objects(installation, workspace, name):
            found.append(Place(title=title, path=reverse(name, args=[pk])))
    return [
        *found,
        Place(title="export-add", path=f"{reverse('export-add')}?everybody=1"),
        Place(title="relay-add-oauth", path=f"{reverse('relay-add')}?preset=microsoft"),
        *_stories(installation, workspace),
        *public_places(installation, workspace),
    ]


def _stories(installation: Installation, workspace: str) -> Iterator[Place]:
    """Yield what became of a letter, for each way in which one ended, or did not."""
    tried = (
        "SELECT m.id, d.email FROM delivery_attempt a"
        " JOIN delivery_delivery d ON d.id = a.delivery_id"
        " JOIN mailings_mailing m ON m.run_id = a.run_id"
        " WHERE a.workspace_id=? AND a.outcome=? LIMIT 1"
    )
    left_out = (
        "SELECT m.id, r.email FROM mailings_mailing m"
        " JOIN recipients_recipient r ON r.workspace_id = m.workspace_id"
        " WHERE m.workspace_id=? AND m.run_id IS NOT NULL AND r.id NOT IN"
        " (SELECT recipient_id FROM delivery_delivery WHERE run_id = m.run_id"
        " AND recipient_id IS NOT NULL) LIMIT 1"
    )
    found = {
        outcome: installation.rows(tried, workspace, outcome)
        for outcome in ("accepted", "failed", "deferred", "unknown", "skipped")
    }
    found["left-out"] = installation.rows(left_out, workspace)
    found["nobody"] = [(row[0], "nobody@example.com") for row in found["accepted"]]
    for name, rows in found.items():
        for mailing, email in rows:
            path = reverse("mailing-why", args=[UUID(mailing)])
            query = urlencode({"address": email})
            yield Place(title=f"mailing-why-{name}", path=f"{path}?{query}")


TABLES = {
    "recipient": "recipients_recipient",
    "list": "recipients_recipientlist",
    "job": "recipients_bulkjob",
    "stoplist-lift": "recipients_suppression",
    "segment": "recipients_segment",
    "attribute": "recipients_attribute",
    "export": "recipients_export",
    "message": "content_message",
    "relay": "delivery_relay",
    "sender": "delivery_sender",
    "dkim": "delivery_dkimkey",
    "sandbox": "sandbox_capturedmessage",
}
# Pages of a sender's domain, which has no id.
OF_DOMAINS = ("sender-domain", "dkim-import")
States = dict[str, tuple[str, ...]]
# In which state of a mailing its pages exist.
STATES: States = {
    "mailing": (
        "created",
        "scheduled",
        "running",
        "paused",
        "completed",
        "cancelled",
    ),
    "mailing-edit": ("created",),
    "mailing-delete": ("created",),
    "mailing-launch": ("created",),
    "mailing-why": ("created",),
    "mailing-stop": ("paused",),  # the running one comes to its end meanwhile
    "mailing-retry-failed": ("completed",),
    "mailing-send-unknown": ("completed",),
}
# And of an import.
STEPS: States = {
    "import": ("uploaded", "checking", "checked", "applying", "finished"),
    "import-table": ("uploaded",),
    "import-columns": ("uploaded",),
    "import-cancel": ("uploaded", "applying"),
    "import-undo": ("finished",),
    "import-delete": ("finished",),
}


# And of an uploaded stop list.
UPLOADS: States = {"stoplist-upload": ("idle", "failed", "done")}
# The table whose rows have pages by their state, and the column that says it.
STANDING: dict[str, tuple[str, str, States]] = {
    "mailing": ("mailings_mailing", "status", STATES),
    "import": ("recipients_import", "step", STEPS),
    "stoplist-upload": ("recipients_stopupload", "state", UPLOADS),
}


def _objects(
    installation: Installation, workspace: str, name: str
) -> Iterator[tuple[str, UUID]]:
    kind = name.partition("-")[0]
    if standing := STANDING.get(name) or STANDING.get(kind):
        table, column, states = standing
        for state in states[name]:
            sql = f"SELECT id FROM {table} WHERE workspace_id=? AND {column}=?"
            if pk := installation.one(sql, workspace, state):
                yield f"{name}-{state}", UUID(pk)
        return
    # A real SMTP server rather than the sandbox, which nobody edits or deletes.
    order = "kind DESC" if kind == "relay" else "id"
    table = TABLES.get(name) or TABLES[kind]
    sql = f"SELECT id FROM {table} WHERE workspace_id=? ORDER BY {order} LIMIT 1"
    if pk := installation.one(sql, workspace):
        yield name, UUID(pk)
