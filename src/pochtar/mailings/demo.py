"""The demonstration: a workspace that looks as if a business had worked in it a month.

`build_demo` writes it, `remove_demo` takes it away again; ``manage.py demo`` calls both.
"""

from __future__ import annotations

import datetime as dt
import random
import secrets
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mailcore.segments import parse_rule
from pochtar.accounts.models import Membership, Role, User, Workspace
from pochtar.accounts.services import open_workspace, trust_address
from pochtar.base.errors import Conflict
from pochtar.content.models import Message
from pochtar.delivery.models import Relay, RelayKind, RelayTls, Run, Sender
from pochtar.delivery.removal import delete_runs
from pochtar.mailings.demo_data import (
    LETTERS_IN_ORDER,
    SEED,
    SEGMENTS,
    WORKSPACE,
    people,
)
from pochtar.mailings.demo_history import Story, write_run
from pochtar.mailings.models import AudienceKind, Mailing, MailingStatus
from pochtar.mailings.services import Draft, create_mailing, follow_runs
from pochtar.recipients.lists import create_list
from pochtar.recipients.models import Recipient, RecipientList, Subscription
from pochtar.recipients.segment_services import create_segment
from pochtar.recipients.services import add_recipients
from pochtar.sandbox.models import CapturedMessage

LOGIN = "demo@pochtar.example"
PEOPLE = 2000
RETAIL, WHOLESALE, MOSCOW = "Розница", "Опт: кофейни и офисы", "Москва и область"
GUESTS, SLEEPING = "Гости каппингов", "Давно не покупали"
EVERYBODY = ""
SLEEPING_DAYS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A mailing of the last thirty days."""

    days_ago: int
    hour: int
    name: str
    letter: str
    to: str
    refused: float = 0.03
    unknown: int = 0
    reached: float = 1.0


PAST = (
    Past(days_ago=29, hour=9, name="Расписание на праздники", letter="holidays", to=""),
    Past(days_ago=26, hour=11, name="Опт: цены", letter="wholesale", to=WHOLESALE),
    Past(days_ago=24, hour=12, name="Отзывы: сентябрь", letter="review", to=RETAIL),
    Past(days_ago=22, hour=10, name="Каппинг", letter="cupping", to=MOSCOW),
    Past(
        days_ago=20,
        hour=16,
        name="Опт: цены с ошибкой",
        letter="wholesale",
        to=WHOLESALE,
        refused=0.0,
        reached=0.35,
    ),
    Past(days_ago=19, hour=9, name="Личные скидки", letter="personal-discount", to=""),
    Past(
        days_ago=17,
        hour=15,
        name="Вернуть тех, кто молчит",
        letter="personal-discount",
        to=SLEEPING,
        refused=0.11,
    ),
    Past(days_ago=15, hour=10, name="Каппинг: завтра", letter="cupping", to=GUESTS),
    Past(
        days_ago=12,
        hour=11,
        name="Опт: напоминание о ценах",
        letter="wholesale",
        to=WHOLESALE,
        unknown=3,
    ),
    Past(days_ago=10, hour=9, name="Урожай: анонс", letter="new-harvest", to=""),
    Past(
        days_ago=8,
        hour=13,
        name="Скидки: Москва",
        letter="personal-discount",
        to=MOSCOW,
    ),
    Past(days_ago=5, hour=12, name="Отзывы: октябрь", letter="review", to=RETAIL),
    Past(days_ago=3, hour=10, name="Каппинг: приходите", letter="cupping", to=MOSCOW),
    Past(days_ago=1, hour=11, name="Урожай: опт", letter="new-harvest", to=WHOLESALE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the mailings are made from."""

    workspace: Workspace
    owner: User
    everybody: list[Recipient]
    lists: dict[str, RecipientList]
    members: dict[str, list[Recipient]]
    messages: dict[str, Message]
    sandbox: Sender
    server: Sender
    chance: random.Random

    def audience(self, to: str) -> list[Recipient]:
        return self.members[to] if to else self.everybody


def demo_exists() -> bool:
    return User.objects.filter(email=LOGIN).exists()


@transaction.atomic
def build_demo(*, now: dt.datetime) -> Login:
    """Write everything and return the login; raise Conflict when it is there."""
    if demo_exists():
        raise Conflict("demo_exists", _("The demonstration is there already."))
    password = secrets.token_urlsafe(12)
    owner = User.objects.create_user(LOGIN, password, name="Алиса Морозова")
    trust_address(owner)
    workspace = open_workspace(name=WORKSPACE, owner=owner)
    scene = _set_the_scene(workspace, owner, now)
    for past in PAST:
        _write_past(scene, past, now)
    _write_present(scene, now)
    _write_drafts(scene, now)
    follow_runs()
    return Login(email=LOGIN, password=password)


@transaction.atomic
def remove_demo() -> None:
    """Delete the demonstration's person and every workspace of theirs, bottom up."""
    owned = Membership.objects.filter(user__email=LOGIN, role=Role.OWNER)
    workspaces = list(owned.values_list("workspace", flat=True))
    taken = Workspace.objects.filter(pk__in=workspaces).select_for_update()
    list(taken.order_by("pk"))  # nobody adds recipients meanwhile
    Mailing.objects.filter(workspace__in=workspaces).delete()
    delete_runs(Run.objects.filter(workspace__in=workspaces))
    for owned_kind in (Sender, Relay, Message, CapturedMessage, Recipient):
        owned_kind.objects.filter(workspace__in=workspaces).delete()
    Workspace.objects.filter(pk__in=workspaces).delete()
    User.objects.filter(email=LOGIN).delete()


def _set_the_scene(workspace: Workspace, owner: User, now: dt.datetime) -> Scene:
    chance = random.Random(SEED)  # noqa: S311 - an invented history, not secrets
    invented = people(PEOPLE, now.astimezone(workspace.tz).date())
    everybody = add_recipients(workspace, invented, by=owner)
    members = _sort_into_lists(everybody, now.date(), chance)
    _write_segments(workspace, owner)
    sandbox, server = _write_senders(workspace)
    return Scene(
        workspace=workspace,
        owner=owner,
        everybody=everybody,
        lists=_write_lists(workspace, owner, members),
        members=members,
        messages=_write_messages(workspace, owner),
        sandbox=sandbox,
        server=server,
        chance=chance,
    )


def _sort_into_lists(
    everybody: list[Recipient], today: dt.date, chance: random.Random
) -> dict[str, list[Recipient]]:
    def days_since(recipient: Recipient) -> int:
        bought = recipient.attributes.get("дата_покупки")
        if not bought:
            return 0
        day, month, year = (int(part) for part in bought.split("."))
        return (today - dt.date(year, month, day)).days

    return {
        RETAIL: [one for one in everybody if "компания" not in one.attributes],
        WHOLESALE: [one for one in everybody if "компания" in one.attributes],
        MOSCOW: [one for one in everybody if one.attributes["город"] == "Москва"],
        GUESTS: [one for one in everybody if chance.random() < 0.07],
        SLEEPING: [one for one in everybody if days_since(one) > SLEEPING_DAYS],
    }


def _write_lists(
    workspace: Workspace, owner: User, members: dict[str, list[Recipient]]
) -> dict[str, RecipientList]:
    lists = {name: create_list(workspace, by=owner, name=name) for name in members}
    Subscription.objects.bulk_create(
        [
            Subscription(list=lists[name], recipient=one)
            for name, everyone in members.items()
            for one in everyone
        ],
        batch_size=PEOPLE,
    )
    return lists


def _write_segments(workspace: Workspace, owner: User) -> None:
    for name, rule in SEGMENTS.items():
        create_segment(workspace, by=owner, name=name, rule=parse_rule(rule))


def _write_senders(workspace: Workspace) -> tuple[Sender, Sender]:
    """One through the sandbox, one through a server that is not there."""
    catcher, _new = Relay.objects.get_or_create(
        workspace=workspace,
        kind=RelayKind.SANDBOX,
        defaults={"name": "Песочница", "tls": RelayTls.NONE},
    )
    server = Relay.objects.create(
        workspace=workspace,
        name="Почта обжарки",
        host="smtp.poldencoffee.example",
        username="news@poldencoffee.example",
    )
    name, address = "Обжарка «Полдень»", "news@poldencoffee.example"
    return (
        Sender.objects.create(
            workspace=workspace, from_name=name, from_email=address, relay=catcher
        ),
        Sender.objects.create(
            workspace=workspace,
            from_name="«Полдень», отдел опта",
            from_email="opt@poldencoffee.example",
            reply_to="opt@poldencoffee.example",
            relay=server,
        ),
    )


def _write_messages(workspace: Workspace, owner: User) -> dict[str, Message]:
    return {
        letter.file: Message.objects.create(
            workspace=workspace,
            subject=letter.subject,
            preheader=letter.preheader,
            html=letter.html,
            created_by=owner,
        )
        for letter in LETTERS_IN_ORDER
    }


def _draft(
    scene: Scene,
    *,
    name: str,
    letter: str,
    to: str,
    sender: Sender | None,
    start_at: dt.datetime | None = None,
) -> Mailing:
    draft = Draft(
        name=name,
        message=scene.messages[letter],
        sender=sender,
        audience=AudienceKind.LISTS if to else AudienceKind.EVERYBODY,
        lists=[scene.lists[to]] if to else [],
        start_at=start_at,
    )
    return create_mailing(scene.workspace, draft, by=scene.owner)


def _launch_in_the_past(
    scene: Scene, mailing: Mailing, story: Story, created_at: dt.datetime
) -> None:
    run = write_run(story, scene.chance)
    Mailing.objects.filter(pk=mailing.pk).update(
        run=run, status=story.status, created_at=created_at, updated_at=created_at
    )


def _write_past(scene: Scene, past: Past, now: dt.datetime) -> None:
    day = now.astimezone(scene.workspace.tz) - dt.timedelta(days=past.days_ago)
    started_at = day.replace(hour=past.hour, minute=4, second=7, microsecond=0)
    story = Story(
        message=scene.messages[past.letter],
        sender=scene.server,
        recipients=scene.audience(past.to),
        started_at=started_at,
        needs="дата_покупки" if past.letter == "review" else "",
        refused=past.refused,
        unknown=past.unknown,
        reached=past.reached,
    )
    mailing = _draft(
        scene, name=past.name, letter=past.letter, to=past.to, sender=scene.server
    )
    _launch_in_the_past(scene, mailing, story, started_at - dt.timedelta(hours=2))


def _write_present(scene: Scene, now: dt.datetime) -> None:
    """One that a trouble of its server has stopped, and one that is under way."""
    minutes = dt.timedelta(minutes=1)
    stopped = Story(
        message=scene.messages["wholesale"],
        sender=scene.server,
        recipients=scene.audience(WHOLESALE),
        started_at=now - 95 * minutes,
        done=0.27,
        pause_code="auth_refused",
        pause_text="535 5.7.8 Error: authentication failed: password expired",
    )
    going = Story(
        message=scene.messages["new-harvest"],
        sender=scene.sandbox,
        recipients=scene.audience(RETAIL),
        started_at=now - minutes,
        done=0.4,
        refused=0.0,
    )
    for name, to, story in (
        ("Опт: новый прайс", WHOLESALE, stopped),
        ("Новый урожай: розница", RETAIL, going),
    ):
        letter = next(
            file for file, row in scene.messages.items() if row == story.message
        )
        mailing = _draft(scene, name=name, letter=letter, to=to, sender=story.sender)
        _launch_in_the_past(scene, mailing, story, story.started_at - 10 * minutes)


def _write_drafts(scene: Scene, now: dt.datetime) -> None:
    local = (now + dt.timedelta(days=3)).astimezone(scene.workspace.tz)
    start_at = local.replace(hour=10, minute=0, second=0, microsecond=0)
    planned = _draft(
        scene,
        name="Праздники: напоминание",
        letter="holidays",
        to=EVERYBODY,
        sender=scene.sandbox,
        start_at=start_at,
    )
    Mailing.objects.filter(pk=planned.pk).update(status=MailingStatus.SCHEDULED)
    _draft(scene, name="Отзывы: ноябрь", letter="review", to=RETAIL, sender=None)
    _draft(
        scene,
        name="Каппинг в декабре",
        letter="cupping",
        to=GUESTS,
        sender=scene.sandbox,
    )
