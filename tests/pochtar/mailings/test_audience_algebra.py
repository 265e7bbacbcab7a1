"""Lists and segments together, minus the exceptions, each once: for every combination.

Somebody for every way to belong to the six sets, and every audience made of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import product

import pytest
from django.db import transaction
from django.utils import timezone

from mailcore.smtp.sink import Sink
from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Attempt, Delivery, Outcome, Run
from pochtar.delivery.runs import start_run
from pochtar.mailings.audience import (
    Choice,
    audience_of,
    choose,
    meant,
    reach_of,
    select_audience,
)
from pochtar.mailings.exceptions import Exceptions
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.recipients.models import Recipient, RecipientList, Segment
from tests.make import make_list, make_mailing, make_recipient, make_workspace
from tests.pochtar.delivery.launching import launch

pytestmark = pytest.mark.django_db

# Two lists and a segment to choose; a list, a segment and a mailing to leave out.
SETS = "abscdx"
Sets = frozenset[str]


def make_segment(workspace: Workspace, letter: str) -> Segment:
    """Whoever has the letter in the address, in their own column of it."""
    rule = {"field": "email", "op": "contains", "value": letter}
    return Segment.objects.create(workspace=workspace, name=letter, rule=rule)


class World:
    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.people: dict[Recipient, Sets] = {}
        for number, flags in enumerate(product([False, True], repeat=len(SETS))):
            sets = frozenset(
                name for name, flag in zip(SETS, flags, strict=True) if flag
            )
            marks = "".join(sorted(sets)).upper()
            # "z" keeps the marks from meeting letters of the number or the domain.
            email = f"{number:02d}{'z'.join(f'q{mark}' for mark in marks)}@w.ru"
            self.people[make_recipient(workspace, email)] = sets
        self.lists = {name: self._list(name) for name in "abc"}
        self.segments = {
            name: make_segment(workspace, f"q{name}") for name in ("s", "d")
        }
        run = launch(workspace, Sink(port=25))
        self.mailing = make_mailing(workspace, run=run, status="running")
        tell(run, Outcome.FAILED, self.without("x"))
        tell(run, Outcome.ACCEPTED, self.within("x"))

    def _list(self, name: str) -> RecipientList:
        return make_list(self.workspace, *self.within(name))

    def within(self, name: str) -> list[Recipient]:
        return [one for one, sets in self.people.items() if name in sets]

    def without(self, name: str) -> list[Recipient]:
        return [one for one, sets in self.people.items() if name not in sets]

    def choice(self, chosen: Iterable[str], left_out: Iterable[str]) -> Choice:
        chosen, left_out = set(chosen), set(left_out)
        return choose(
            AudienceKind.LISTS,
            lists=[self.lists[name].pk for name in chosen & {"a", "b"}],
            segments=[self.segments[name] for name in chosen & {"s"}],
            exceptions=Exceptions(
                lists=frozenset(self.lists[name].pk for name in left_out & {"c"}),
                segments=tuple(self.segments[name] for name in left_out & {"d"}),
                mailings=frozenset({self.mailing.pk} if "x" in left_out else ()),
            ),
        )


def tell(
    run: Run, outcome: Outcome, people: Iterable[Recipient], **over: object
) -> None:
    """Record an attempt at each of them."""
    deliveries = Delivery.objects.filter(run=run, recipient__in=list(people))
    Attempt.objects.bulk_create(
        Attempt(
            **{
                "workspace_id": run.workspace_id,
                "run": run,
                "delivery": one,
                "outcome": outcome,
                "at": timezone.now(),
                **over,
            }
        )
        for one in deliveries
    )


def subsets(names: str) -> list[Sets]:
    flags = product([False, True], repeat=len(names))
    return [
        frozenset(name for name, flag in zip(names, row, strict=True) if flag)
        for row in flags
    ]


def test_every_audience_holds_exactly_whom_its_sets_say_each_once(
    workspace: Workspace,
) -> None:
    """Issue 4 §4: (lists ∪ segments) − exceptions"""
    make_recipient(make_workspace(), "qaqbqs@w.ru")  # somebody else's
    world = World(workspace)

    for chosen, left_out in product(subsets("abs")[1:], subsets("cdx")):
        expected = {
            one.pk
            for one, sets in world.people.items()
            if sets & chosen and not sets & left_out
        }
        choice = world.choice(chosen, left_out)

        found = list(meant(workspace, choice).values_list("pk", flat=True))

        assert len(found) == len(set(found)), (chosen, left_out)
        assert set(found) == expected, (chosen, left_out)
        reach = reach_of(workspace, choice)
        named = sum(1 for sets in world.people.values() if sets & chosen)
        assert (reach.goes, reach.excluded) == (len(expected), named - len(expected))


def test_what_is_saved_means_what_was_chosen_and_freezes_each_once(
    workspace: Workspace,
) -> None:
    world = World(workspace)
    mailing = make_mailing(
        workspace, audience=AudienceKind.LISTS, sender=world.mailing.sender
    )
    mailing.lists.set([world.lists["a"], world.lists["b"]])
    mailing.segments.set([world.segments["s"]])
    mailing.exclude_lists.set([world.lists["c"]])
    mailing.exclude_segments.set([world.segments["d"]])
    mailing.exclude_mailings.set([world.mailing])
    choice = world.choice("abs", "cdx")

    saved = set(audience_of(mailing))

    assert saved == set(select_audience(workspace, choice))
    assert len(saved) == 7
    with transaction.atomic():
        run = frozen(workspace, mailing)
    assert set(
        Delivery.objects.filter(run=run).values_list("recipient", flat=True)
    ) == {one.pk for one in saved}


def frozen(workspace: Workspace, mailing: Mailing) -> Run:

    assert mailing.sender
    return start_run(
        workspace,
        message=mailing.message,
        sender=mailing.sender,
        audience=audience_of(mailing),
        nudge=False,
    )


@pytest.mark.parametrize("kind", [AudienceKind.EVERYBODY, AudienceKind.PICKED])
def test_exceptions_hold_for_every_kind_of_audience(
    workspace: Workspace, kind: AudienceKind
) -> None:
    people = [make_recipient(workspace) for _ in range(3)]
    mailing = make_mailing(workspace, audience=kind)
    mailing.picked.set(people)
    mailing.exclude_lists.set([make_list(workspace, people[0])])

    assert set(audience_of(mailing)) == set(people[1:])


class TestWhoGotAMailing:
    @pytest.fixture(autouse=True)
    def _run(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.anna, self.boris = (make_recipient(workspace) for _ in range(2))
        self.run = launch(workspace, Sink(port=25))
        self.mailing = make_mailing(workspace, run=self.run, status="running")

    def left_out(self, **exceptions: object) -> set[Recipient]:
        exceptions = exceptions or {"mailings": frozenset({self.mailing.pk})}
        choice = choose("everybody", exceptions=Exceptions(**exceptions))  # type: ignore[arg-type]
        everybody = set(Recipient.objects.of(self.workspace))
        return everybody - set(select_audience(self.workspace, choice))

    def finish(self, at: dt.datetime | None = None) -> None:
        Run.objects.filter(pk=self.run.pk).update(
            status="completed", finished_at=at or timezone.now()
        )

    @pytest.mark.parametrize(
        ("outcome", "got"),
        [("accepted", True), ("unknown", True), ("failed", False), ("skipped", False)],
    )
    def test_it_is_the_outcome_that_says(self, outcome: str, got: bool) -> None:
        tell(self.run, Outcome(outcome), [self.anna])
        tell(self.run, Outcome.FAILED, [self.boris])
        self.finish()

        assert self.left_out() == ({self.anna} if got else set())

    def test_a_later_attempt_counts_too(self) -> None:
        tell(self.run, Outcome.FAILED, [self.anna, self.boris])
        tell(self.run, Outcome.ACCEPTED, [self.boris], number=2)

        assert self.left_out() == {self.boris}

    def test_whose_turn_is_still_to_come_will_have_got_it(self) -> None:
        tell(self.run, Outcome.DEFERRED, [self.anna])

        assert self.left_out() == {self.anna, self.boris}

    def test_the_last_days_are_counted_by_the_attempts(self) -> None:
        now = timezone.now()
        tell(self.run, Outcome.ACCEPTED, [self.anna], at=now - dt.timedelta(days=6))
        tell(self.run, Outcome.ACCEPTED, [self.boris], at=now - dt.timedelta(days=8))
        self.finish(now - dt.timedelta(days=6))

        assert self.left_out(days=7) == {self.anna}
        assert self.left_out(days=5) == set()
        assert self.left_out(days=9) == {self.anna, self.boris}

    def test_a_mailing_that_is_not_launched_leaves_nobody_out(self) -> None:
        draft = make_mailing(self.workspace)

        assert self.left_out(mailings=frozenset({draft.pk})) == set()

    def test_a_mailing_of_another_workspace_leaves_nobody_out(self) -> None:
        """SEC-02"""
        tell(self.run, Outcome.ACCEPTED, [self.anna])
        Mailing.objects.filter(pk=self.mailing.pk).update(workspace=make_workspace())

        assert self.left_out() == set()
