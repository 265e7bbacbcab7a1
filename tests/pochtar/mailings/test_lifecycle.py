"""The states of a mailing, walked at random: what the table says is what happens."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from pochtar.accounts.models import Role
from pochtar.base.errors import Conflict
from pochtar.delivery.ledger import count_states, recount_states
from pochtar.delivery.models import Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.runs import finish_run_if_done, lease_slice
from pochtar.delivery.ticks import tick_runs
from pochtar.mailings import launch, services
from pochtar.mailings.lifecycle import STATES, TRANSITIONS, Action, can, sources
from pochtar.mailings.models import Mailing, MailingStatus, MissedRule
from tests.make import make_mailing, make_member, make_recipient, make_workspace

AHEAD = dt.timedelta(days=1)


def test_every_state_is_reached_and_none_is_the_end():
    ends = {end for _start, end in TRANSITIONS}
    starts = {start for start, _end in TRANSITIONS}

    assert ends == set(MailingStatus)
    assert starts == set(MailingStatus)
    assert set(STATES) == set(Action)


def test_sources_are_read_from_the_table():
    assert sources(MailingStatus.COMPLETED) == {
        MailingStatus.RUNNING,
        MailingStatus.PAUSED,
    }


class Walk(RuleBasedStateMachine):
    """Every action in every state: done when the table allows it, refused if not."""

    @initialize()
    def begin(self):
        workspace = make_workspace()
        self.by = make_member(workspace, role=Role.MANAGER)
        make_recipient(workspace)
        self.pk = make_mailing(workspace).pk
        self.before = MailingStatus.CREATED

    def teardown(self):
        Mailing.objects.all().delete()
        for run in Run.objects.all():
            services.delete_history(run)

    @property
    def mailing(self):
        return Mailing.objects.select_related("workspace", "run").get(pk=self.pk)

    def attempt(self, action, do, *, also=True):
        allowed = can(action, self.mailing.state) and also
        try:
            do(self.mailing)
            done = True
        except Conflict:
            done = False
        assert done == allowed

    @rule(later=st.booleans(), undo_seconds=st.sampled_from([0, 60]))
    def launch(self, later, undo_seconds):
        start = timezone.now() + AHEAD if later else None
        if can(Action.EDIT, self.mailing.state):
            Mailing.objects.filter(pk=self.pk).update(start_at=start)
        self.attempt(
            Action.LAUNCH,
            lambda mailing: launch.launch_mailing(
                mailing,
                by=self.by,
                now=timezone.now(),
                force_now=not later,
                undo_seconds=undo_seconds,
            ),
        )

    @rule()
    def undo(self):
        now = timezone.now()
        self.attempt(
            Action.UNDO,
            lambda mailing: launch.undo_launch(mailing, by=self.by, now=now),
            also=self.mailing.waits_for_undo(now) and not self.is_touched,
        )

    @property
    def is_touched(self):
        return Slice.objects.exclude(status=SliceStatus.READY).exists()

    @rule()
    def lease(self):
        if run := self.mailing.run:
            lease_slice(run)

    @rule()
    def cancel(self):
        self.attempt(
            Action.CANCEL,
            lambda mailing: launch.cancel_mailing(mailing, by=self.by),
        )

    @rule()
    def delete(self):
        mailing = self.mailing
        if not can(Action.DELETE, mailing.state) or mailing.has_letters_in_hand:
            with pytest.raises(Conflict):
                services.delete_mailing(mailing, by=self.by)

    @rule()
    def tick(self):
        tick_runs()

    @rule()
    def cancel_schedule(self):
        self.attempt(
            Action.CANCEL_SCHEDULE,
            lambda mailing: services.cancel_schedule(mailing, by=self.by),
        )

    @rule(missed_rule=st.sampled_from(MissedRule))
    def come_due(self, missed_rule):
        Mailing.objects.filter(pk=self.pk).update(missed_rule=missed_rule)
        launch.launch_due(timezone.now() + 2 * AHEAD)

    @rule()
    def pause(self):
        self.attempt(
            Action.PAUSE, lambda mailing: launch.pause_mailing(mailing, by=self.by)
        )

    @rule()
    def resume(self):
        self.attempt(
            Action.RESUME, lambda mailing: launch.resume_mailing(mailing, by=self.by)
        )

    @rule()
    def edit(self):
        draft = services.Draft(
            message=self.mailing.message, sender=self.mailing.sender, name="Again"
        )
        self.attempt(
            Action.EDIT,
            lambda mailing: services.edit_mailing(mailing, draft, by=self.by),
        )

    @rule()
    def finish(self):
        if run := self.mailing.run:
            Slice.objects.filter(run=run).update(
                status=SliceStatus.DONE, lease_token=None, lease_expires_at=None
            )
            finish_run_if_done(run)

    @invariant()
    def every_step_is_in_the_table(self):
        if not hasattr(self, "pk"):
            return
        services.follow_runs()
        mailing = self.mailing
        assert mailing.status == mailing.state
        # A step of the walk may pass through two states (due, then launched).
        step = (self.before, mailing.state)
        assert step[0] == step[1] or step in TRANSITIONS
        self.before = mailing.state

    @invariant()
    def there_is_at_most_one_run(self):
        if hasattr(self, "pk"):
            launched = self.mailing.status not in (
                MailingStatus.CREATED,
                MailingStatus.SCHEDULED,
            )
            assert Run.objects.count() == int(launched)
            assert Run.objects.filter(status=RunStatus.COMPLETED).count() == int(
                self.mailing.status == MailingStatus.COMPLETED
            )
            for run in Run.objects.all():
                assert count_states(run) == recount_states(run)


@pytest.mark.django_db
def test_a_random_walk_never_leaves_the_table():
    run_state_machine_as_test(Walk, settings=settings(stateful_step_count=20))
