"""Data made inside the product by its own services, in one command."""

from __future__ import annotations

from dataclasses import dataclass

from tests.e2e.installation import Installation

MAKE = """
import json
from pochtar.accounts.models import User
from pochtar.accounts.services import open_workspace
from pochtar.content.services import Draft as Letter, create_message
from pochtar.delivery.relays import sandbox_relay
from pochtar.delivery.senders import SenderDraft, create_sender
from pochtar.mailings.services import Draft, create_mailing
from pochtar.recipients.services import Person, add_recipients

owner = User.objects.create_user("owner@shop.example", "correct horse battery")
workspace = open_workspace(name="Shop", owner=owner)
people = [
    Person(email=f"r{{number:05}}@mail.example", full_name=f"Reader {{number}}", basis="consent")
    for number in range({recipients})
]
add_recipients(workspace, people, by=owner)
message = create_message(
    workspace,
    Letter(
        subject="For {{{{ full_name }}}}",
        html="<p>Hello, {{{{ full_name }}}}!</p>" + "<p>News.</p>" * 200,
    ),
    names={{"email", "full_name"}},
    by=owner,
)
sender = create_sender(
    workspace,
    SenderDraft(
        from_name="Shop",
        from_email="news@shop.example",
        relay=sandbox_relay(workspace),
    ),
    by=owner,
)
mailing = create_mailing(workspace, Draft(message=message, sender=sender), by=owner)
print(json.dumps([str(mailing.pk), workspace.pk.hex]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A mailing to everybody, over the sandbox, ready to be launched."""

    mailing: str
    workspace: str


def make_mailing(installation: Installation, *, recipients: int) -> Ready:
    mailing, workspace = installation.python(MAKE.format(recipients=recipients))
    return Ready(mailing=mailing, workspace=workspace)


IMPORTS = """
import io, json, time
from datetime import timedelta
from django.utils import timezone
from pochtar.accounts.models import Membership
from pochtar.recipients.import_work import run_turn
from pochtar.recipients.imports import apply_import, check_import, start_import
from pochtar.recipients.models import Import

mine = Membership.objects.filter(workspace={workspace!r}, role="owner")
part = mine.select_related("workspace", "user")[0]
lines = ["E-mail;ФИО;Город;Примечание"]
lines += [f"guest{{n}}@mail.example;Гость {{n}};Тверь;" for n in range(40)]
lines += ["не адрес;Вера Кузнецова;Псков;спросить", ";Глеб Орлов;;", lines[1]]
content = "\\r\\n".join(lines).encode("cp1251")


def start():
    return start_import(
        part.workspace,
        by=part.user,
        stream=io.BytesIO(content),
        file_name="гости.csv",
        size=len(content),
    )


def until(row, step):
    for _try in range(300):
        run_turn(row.pk)
        row.refresh_from_db()
        if row.step == step:
            return row
        time.sleep(0.1)
    raise AssertionError(row.step)


def check():
    row = start()
    check_import(row, by=part.user, columns=row.columns, lists=[])
    return until(row, "checked")


def work(step):
    # Far beyond any worker: the page is to be looked at.
    later = timezone.now() + timedelta(days=1)
    row = start()
    Import.objects.filter(pk=row.pk).update(
        step=step,
        state="running",
        total=312000,
        done=118400,
        started_at=timezone.now(),
        lease_until=later,
    )


start()
check()
done = check()
apply_import(done, by=part.user)
until(done, "finished")
work("checking")
work("applying")
print(json.dumps(str(done.pk)))
"""


def make_imports(installation: Installation, workspace: str) -> None:
    """Make an import for each step that a person sees."""
    installation.python(IMPORTS.format(workspace=workspace))


DONE_WORK = """
import json
from pochtar.accounts.models import Membership
from pochtar.recipients.bulk import add_selected
from pochtar.recipients.exports import order_export
from pochtar.recipients.lists import create_list
from pochtar.recipients.models import Recipient, StopUpload
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.recipients.stoplist import stop_address

mine = Membership.objects.filter(workspace={workspace!r}, role="owner")
part = mine.select_related("workspace", "user")[0]
workspace, by = part.workspace, part.user
stop_address(workspace, "stopped@mail.example", reason="manual", evidence="Звонок", by=by)
rows = b"a@mail.example\\nbad.example\\n"
for state in ("idle", "failed", "done"):
    StopUpload.objects.create(
        workspace=workspace,
        content=rows,
        reason="manual",
        state=state,
        total=2,
        done=2,
        added=2,
        error="" if state != "failed" else "too_many_rows",
    )
ids = frozenset(Recipient.objects.of(workspace).values_list("pk", flat=True)[:20])
chosen = Selection(search=Search(workspace=workspace), ids=ids)
add_selected(chosen, to=create_list(workspace, by=by, name="Гости"), by=by)
export = order_export(chosen, format="csv", columns=["email", "full_name"], by=by)
print(json.dumps(str(export.pk)))
"""


def make_done_work(installation: Installation, workspace: str) -> None:
    """Stop an address, upload some, change and export a few recipients."""
    installation.python(DONE_WORK.format(workspace=workspace))
