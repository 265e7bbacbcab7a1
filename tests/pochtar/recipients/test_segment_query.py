"""The database and Python agree on whom a segment finds (REC: segments)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mailcore.folding import fold
from mailcore.segments import Leaf, evaluate, parse_rule
from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Attempt, Delivery, Outcome, Run, RunStatus
from pochtar.recipients.models import Recipient
from pochtar.recipients.segments import matching
from tests import make
from tests.people_rules import TODAY, people, rules

NOW = dt.datetime(2027, 2, 20, 22, 30, tzinfo=dt.UTC)  # in Vladivostok it is tomorrow
EXAMPLES = 60


@pytest.fixture
def here(workspace: Workspace) -> dict[str, Any]:
    """A workspace with three lists and two mailings."""
    workspace.time_zone = "Pacific/Honolulu"  # ten hours behind
    workspace.save()
    mailings = []
    relay = make.make_relay(workspace)
    for _number in range(2):
        run = Run.objects.create(
            workspace=workspace,
            relay=relay,
            subject="Осень",
            from_email="a@lavka.example",
            status=RunStatus.RUNNING,
        )
        row = make.make_mailing(workspace, run=run, status="running")
        mailings.append(row)
    return {
        "workspace": workspace,
        "lists": [make.make_list(workspace) for _number in range(3)],
        "mailings": mailings,
    }


def _noon(here: dict[str, Any], day: str, hour: int = 0) -> dt.datetime:
    moment = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(hour))
    return moment.replace(tzinfo=here["workspace"].tz)


def _write(here: dict[str, Any], person: dict[str, Any], number: int) -> Recipient:
    row = Recipient(
        workspace=here["workspace"],
        email=f"{number}{person['email']}",
        email_key=f"{number}{person['email']}",
        full_name=person["full_name"],
        name_key=fold(person["full_name"]),
        comment=person["comment"],
        attributes=person["attributes"],
        # The first and the last moment of the day.
        created_at=_noon(here, person["created"], 0)
        + dt.timedelta(seconds=86399 * (number % 2)),
        basis=person["basis"],
        suppressed=person["stopped"],
        unsubscribed_at=NOW if person["left"] else None,
        unsubscribed_via="page" if person["left"] else "",
    )
    row.save()
    row.lists.add(*(here["lists"][n] for n in person["lists"]))
    for n, days in person["got"].items():
        run = here["mailings"][n].run
        place = Delivery.objects.filter(run=run).count() + 1
        delivery = Delivery.objects.create(
            run=run, position=place, recipient=row, email=row.email
        )
        Attempt.objects.create(
            workspace=here["workspace"],
            run=run,
            delivery=delivery,
            outcome=Outcome.FAILED if days is None else Outcome.ACCEPTED,
            at=_noon(here, str(TODAY - dt.timedelta(days=days or 0)), 1),
        )
    return row


def _known(here: dict[str, Any], row: Recipient, person: dict[str, Any]) -> Any:
    states = {"unsubscribed"} if person["left"] else set()
    states |= {"stopped"} if person["stopped"] else set()
    states |= set() if person["basis"] else {"unconfirmed"}
    return {
        **person,
        "email": row.email_key,
        "status": states or {"subscribed"},
        "basis": {person["basis"]},
        "list": {str(here["lists"][n].pk) for n in person["lists"]},
        "mailing": [
            (str(here["mailings"][n].pk), str(TODAY - dt.timedelta(days=days)))
            for n, days in person["got"].items()
            if days is not None
        ],
    }


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # every example is a few rows to write
)
@given(data=st.data(), group=st.lists(people, min_size=1, max_size=5))
def test_the_database_finds_exactly_those_for_whom_the_rule_holds(
    here: dict[str, Any], data: Any, group: list[dict[str, Any]]
) -> None:
    lists = [str(row.pk) for row in here["lists"]]
    mailings = [str(row.pk) for row in here["mailings"]]
    asked = data.draw(st.lists(rules(lists, mailings), min_size=1, max_size=8))
    now = _noon(here, TODAY.isoformat(), 23)

    with transaction.atomic():
        rows = [_write(here, person, n) for n, person in enumerate(group)]
        known = [_known(here, *pair) for pair in zip(rows, group, strict=True)]
        for rule in asked:
            found = set(matching(here["workspace"], rule, now=now).values_list("pk"))
            expected = {
                (row.pk,)
                for row, person in zip(rows, known, strict=True)
                if evaluate(rule, person, today=TODAY)
            }
            assert found == expected, (rule, known)
        transaction.set_rollback(True)


def test_nobody_of_another_workspace_is_found(
    here: dict[str, Any], stranger: Any
) -> None:
    other = stranger.workspaces.get()
    theirs = make.make_recipient(other, "anna@mail.example")
    mine = make.make_recipient(here["workspace"], "anna@mail.example")
    make.make_list(other, theirs)
    rule = parse_rule({"field": "email", "op": "begins", "value": "anna"})

    found = matching(here["workspace"], rule, now=NOW)

    assert list(found) == [mine]


def test_a_list_of_another_workspace_holds_nobody(
    here: dict[str, Any], stranger: Any
) -> None:
    """SEC-01: not even by its id."""
    mine = make.make_recipient(here["workspace"])
    foreign = make.make_list(stranger.workspaces.get(), mine)
    parsed = parse_rule({"field": "list", "op": "in", "value": [str(foreign.pk)]})
    assert isinstance(parsed, Leaf)
    rule = Leaf(
        field="list",
        op="in",
        kind=parsed.kind,
        value=(str(foreign.pk),),
    )

    assert not matching(here["workspace"], rule, now=NOW).exists()
