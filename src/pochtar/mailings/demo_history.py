"""Runs of the past, written as if they had been sent: the demonstration's history.

Nothing here talks to a server.  What is written obeys the ledger's rules, so that
``manage.py doctor ledger`` adds up and a worker can go on with an unfinished run.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from pochtar.content.models import Message
from pochtar.delivery.models import (
    Attempt,
    Delivery,
    Outcome,
    Run,
    RunStatus,
    Sender,
    Slice,
    SliceStatus,
    Tally,
)
from pochtar.recipients.models import Recipient

BATCH = 2000
LETTERS_PER_SECOND = 11
PEER = "198.51.100.25"  # RFC 5737: an address for examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a mail server said to one letter."""

    code: int
    enhanced: str
    text: str
    stage: str
    permanent: bool = True


# As providers word them; the part in front of the text is the relay's own.
REFUSALS: tuple[tuple[Answer, int], ...] = (
    (
        Answer(
            code=550,
            enhanced="5.1.1",
            text="User unknown; the mailbox does not exist or was closed",
            stage="rcpt",
        ),
        30,
    ),
    (
        Answer(
            code=550,
            enhanced="5.7.1",
            text="No such user!",
            stage="rcpt",
        ),
        16,
    ),
    (
        Answer(
            code=550,
            enhanced="",
            text="Message was not accepted -- invalid mailbox.\n"
            "Local mailbox is unavailable: user not found",
            stage="body",
        ),
        14,
    ),
    (
        Answer(
            code=552,
            enhanced="5.2.2",
            text="The recipient's inbox is out of storage space and inactive.\n"
            "Please direct the recipient to clear some space and try again",
            stage="rcpt",
        ),
        8,
    ),
    (
        Answer(
            code=554,
            enhanced="5.7.1",
            text="[2] Message rejected under suspicion of SPAM",
            stage="body",
        ),
        5,
    ),
    (
        Answer(
            code=451,
            enhanced="4.7.1",
            text="Greylisting in action, please come back later",
            stage="rcpt",
            permanent=False,
        ),
        9,
    ),
    (
        Answer(
            code=421,
            enhanced="4.7.0",
            text="Our system has detected an unusual rate of mail from your address.\n"
            "To protect our users, mail has been temporarily rate limited",
            stage="body",
            permanent=False,
        ),
        4,
    ),
    (
        Answer(
            code=452,
            enhanced="4.2.2",
            text="The recipient's mailbox is over quota, try again later",
            stage="rcpt",
            permanent=False,
        ),
        6,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """How a run of the past went."""

    message: Message
    sender: Sender
    recipients: list[Recipient]
    started_at: dt.datetime
    needs: str = ""  # the attribute without which a recipient was skipped
    done: float = 1.0  # the share that has been tried
    reached: float = 1.0  # beyond that share somebody cancelled it
    refused: float = 0.03
    unknown: int = 0
    pause_code: str = ""
    pause_text: str = ""

    @property
    def tried(self) -> int:
        return round(len(self.recipients) * self.done)

    @property
    def status(self) -> RunStatus:
        if self.reached < 1:
            return RunStatus.CANCELLED
        if self.done >= 1:
            return RunStatus.COMPLETED
        return RunStatus.PAUSED if self.pause_code else RunStatus.RUNNING


@transaction.atomic
def write_run(story: Story, chance: random.Random) -> Run:
    """Write the run with its deliveries, slices, attempts and tallies."""
    run = _write_head(story)
    deliveries = Delivery.objects.bulk_create(
        [
            Delivery(run=run, position=position, recipient=one, email=one.email)
            for position, one in enumerate(story.recipients, start=1)
        ],
        batch_size=BATCH,
    )
    attempts = [
        _attempt(story, delivery, chance) for delivery in deliveries[: story.tried]
    ]
    for attempt in chance.sample(attempts, story.unknown):
        _forget(attempt)
    Attempt.objects.bulk_create(attempts, batch_size=BATCH)
    Slice.objects.bulk_create(_slices(run, story))
    Tally.objects.bulk_create(_tallies(run, attempts))
    return run


def _write_head(story: Story) -> Run:
    message, sender = story.message, story.sender
    finished = story.status in (RunStatus.COMPLETED, RunStatus.CANCELLED)
    return Run.objects.create(
        workspace=message.workspace,
        status=story.status,
        pause_code=story.pause_code,
        pause_text=story.pause_text,
        subject=message.subject,
        preheader=message.preheader,
        html=message.html,
        text=message.text,
        from_name=sender.from_name,
        from_email=sender.from_email,
        reply_to=sender.reply_to,
        relay=sender.relay,
        selected=len(story.recipients),
        started_by=message.created_by,
        started_at=story.started_at,
        finished_at=_moment(story, story.tried) if finished else None,
    )


def _moment(story: Story, position: int) -> dt.datetime:
    return story.started_at + dt.timedelta(seconds=position / LETTERS_PER_SECOND)


def _attempt(story: Story, delivery: Delivery, chance: random.Random) -> Attempt:
    attempt = Attempt(
        workspace_id=story.message.workspace_id,
        run_id=delivery.run_id,
        delivery=delivery,
        host=story.sender.relay.host or settings.SANDBOX_HOST,
        peer=PEER,
        tls="TLSv1.3",
        at=_moment(story, delivery.position),
        duration_ms=round(chance.triangular(40, 900, 120)),
    )
    recipient = delivery.recipient
    if delivery.position > len(story.recipients) * story.reached:
        _skip(attempt, "cancelled")
    elif story.needs and recipient and story.needs not in recipient.attributes:
        _skip(attempt, "missing_data")
    elif chance.random() < story.refused:
        answers, weights = zip(*REFUSALS, strict=True)
        _refuse(attempt, chance.choices(answers, weights)[0])
    else:
        _accept(attempt, chance)
    return attempt


def _accept(attempt: Attempt, chance: random.Random) -> None:
    attempt.outcome = Outcome.ACCEPTED
    attempt.code, attempt.enhanced_code = 250, "2.0.0"
    attempt.queue_id = f"{chance.getrandbits(44):011X}"
    attempt.reply = f"Ok: queued as {attempt.queue_id}"
    attempt.stage = "body"


def _refuse(attempt: Attempt, answer: Answer) -> None:
    attempt.outcome = Outcome.FAILED
    attempt.permanent = answer.permanent
    attempt.code, attempt.enhanced_code = answer.code, answer.enhanced
    attempt.reply, attempt.stage = answer.text, answer.stage


def _skip(attempt: Attempt, reason: str) -> None:
    attempt.outcome, attempt.reason = Outcome.SKIPPED, reason
    attempt.host = attempt.peer = attempt.tls = ""
    attempt.duration_ms = 0


def _forget(attempt: Attempt) -> None:
    """The connection died before the answer came."""
    attempt.outcome, attempt.permanent, attempt.reason = (
        Outcome.UNKNOWN,
        False,
        "closed",
    )
    attempt.code, attempt.enhanced_code = None, ""
    attempt.reply = attempt.queue_id = ""
    attempt.stage = "body"


def _slices(run: Run, story: Story) -> list[Slice]:
    size, last = settings.DELIVERY_SLICE_SIZE, len(story.recipients)
    return [
        _slice(run, first, min(first + size - 1, last), story.tried)
        for first in range(1, last + 1, size)
    ]


def _slice(run: Run, first: int, last: int, tried: int) -> Slice:
    return Slice(
        run=run,
        first_position=first,
        last_position=last,
        cursor=min(max(tried, first - 1), last),
        status=SliceStatus.DONE if tried >= last else SliceStatus.READY,
        due_at=timezone.now(),
    )


def _tallies(run: Run, attempts: list[Attempt]) -> list[Tally]:
    minutes: dict[dt.datetime, Counter[str]] = {}
    for attempt in attempts:
        minute = attempt.at.replace(second=0, microsecond=0)
        minutes.setdefault(minute, Counter())[attempt.outcome] += 1
    return [
        Tally(
            workspace_id=run.workspace_id,
            run=run,
            minute=minute,
            **{outcome: counts[outcome] for outcome in Outcome.values},
        )
        for minute, counts in sorted(minutes.items())
    ]
