"""What stands in the way of a launch, and what a person should know before one.

Problems stop the launch; each has a stable code (the page, ``sendmail`` and the note of
a scheduled launch that failed all say it in words).  Warnings do not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from mailcore.compose import (
    CompiledLetter,
    HeaderError,
    LetterSource,
    Mailbox,
    TemplateError,
    compile_letter,
)
from pochtar.base.errors import Text
from pochtar.content.checks import (
    BUILT_IN_NAMES,
    UNSUBSCRIBE_NAME,
    draft_of,
    find_problems,
    has_way_out,
)
from pochtar.delivery.dkim_signing import active_keys, domain_of, domains_above
from pochtar.delivery.dkim_words import is_test
from pochtar.delivery.models import DkimKey, DkimState, Sender
from pochtar.delivery.verdicts import canary_size
from pochtar.mailings.audience import (
    Reach,
    audience_of,
    choice_of,
    complete,
    lacking,
    reach_of,
)
from pochtar.mailings.left_out import LEFT_OUT, why_nobody
from pochtar.mailings.models import MISSED, MISSED_ASK, Mailing
from pochtar.recipients.models import Attribute, Recipient

# In words; the code of a problem is also kept as the note of a failed schedule.
TEXTS: dict[str, Promise] = {
    "no_recipients": _("There is nobody to write to: the audience is empty."),
    "all_unsubscribed": _("Everybody in the audience has unsubscribed."),
    "all_suppressed": _("Everybody in the audience is on the stop list."),
    "all_unconfirmed": _(
        "Everybody in the audience is unconfirmed: nothing says that they may be "
        "written to."
    ),
    "all_excluded": _("Your exceptions leave everybody out."),
    "all_left_out": _(
        "Nobody is left: whoever is in the audience has unsubscribed, is on the stop "
        "list or is unconfirmed."
    ),
    "no_sender": _("No sender is chosen."),
    "message_wrong": _("The message has a mistake."),
    "header_error": _("The sender cannot stand in a letter's header."),
    "dkim_mismatch": _(
        "DNS does not show the DKIM key of the sender's domain. Publish the record as "
        "the domain's page shows it, and press “Check now” there."
    ),
    "dkim_testing": _(
        "The DKIM record of the sender's domain says that it is only a test (t=y): mail "
        "providers may treat the letters as if they were not signed."
    ),
    "stop_passed": _("The time to stop has already passed."),
    "start_not_reached": _("The time to start has not come yet."),
    "everybody_lacks": _(
        "Not one recipient has all the values that the message needs."
    ),
    MISSED: _(
        "Its start was missed because nothing ran here then, and it is not to be sent "
        "late."
    ),
    MISSED_ASK: _("Its start was missed because nothing ran here then."),
}
NO_WAY_OUT = _(
    "The letter has no link to unsubscribe. Put the merge field “unsubscribe_url” into "
    "it: who finds no way out reports spam."
)
UNREACHABLE = _(
    "The service has no https address (PUBLIC_URL), so mail programs offer no button to "
    "unsubscribe, and the letter's link may lead nowhere."
)
# Where in the message the mistake is.
PARTS: dict[str, Promise] = {
    "subject": _("Subject of the message"),
    "preheader": _("Preheader of the message"),
    "html": _("Body of the message"),
    "text": _("Plain text of the message"),
}


def note_words(code: str) -> Promise | str:
    """Return the note of a mailing whose schedule failed, in words."""
    return TEXTS.get(code, TEXTS["message_wrong"]) if code else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem or warning; ``name`` is the merge field, ``count`` the people."""

    code: str
    text: Text
    name: str = ""
    count: int = 0


class Preflight:
    """The look at a mailing before its launch; each question is asked once."""

    def __init__(self, mailing: Mailing, *, now: dt.datetime) -> None:
        self.mailing = mailing
        self.now = now

    @cached_property
    def audience(self) -> QuerySet[Recipient]:
        """Whom a launch freezes; the unconfirmed among them are skipped in turn."""
        return audience_of(self.mailing, now=self.now)

    @cached_property
    def confirmed(self) -> QuerySet[Recipient]:
        return self.audience.exclude(basis="")

    @cached_property
    def reach(self) -> Reach:
        mailing = self.mailing
        return reach_of(mailing.workspace, choice_of(mailing), now=self.now)

    @property
    def count(self) -> int:
        """How many get the letter."""
        return self.reach.goes

    @property
    def canary(self) -> int:
        """How many are written to first, before the others' turn."""
        sender = self.mailing.sender
        if not (sender and self.mailing.canary):
            return 0
        return canary_size(self.count, relay=sender.relay)

    @cached_property
    def problems(self) -> list[Finding]:
        return list(self._problems())

    @cached_property
    def warnings(self) -> list[Finding]:
        return list(self._warnings())

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def starts_later(self) -> bool:
        return bool(self.mailing.start_at and self.mailing.start_at > self.now)

    def _problems(self) -> Iterator[Finding]:
        if not self.mailing.sender:
            yield _named("no_sender")
        yield from self._message_problems()
        if any(key.is_mismatched for key in self._signing_keys):
            yield _named("dkim_mismatch")
        if self.mailing.stop_at and self.mailing.stop_at <= self.now:
            yield _named("stop_passed")
        if not self.count:
            yield _named(why_nobody(self.reach))
        elif not complete(self.confirmed, self._required).exists():
            yield _named("everybody_lacks")

    def _message_problems(self) -> Iterator[Finding]:
        draft = draft_of(self.mailing.message)
        found = find_problems(draft, names=self._known)
        for problem in found:
            yield Finding(
                code=problem.code,
                text=format_lazy(
                    "{}: {}", PARTS.get(problem.field, problem.field), problem.text
                ),
                name=str(problem.details.get("name", "")),
            )
        if not found and not isinstance(self._letter, CompiledLetter):
            yield _named("header_error")

    def _warnings(self) -> Iterator[Finding]:
        sender = self.mailing.sender
        if sender and sender.relay.is_sandbox:
            yield Finding(
                code="sandbox",
                text=_(
                    "The letters go to the sandbox: nobody outside will get them. "
                    "Good for a rehearsal."
                ),
            )
        elif sender and not self._signing_keys:
            yield self._unsigned(sender)
        elif sender and any(is_test(key) for key in self._signing_keys):
            yield _named("dkim_testing")
        yield from self._unsubscribe_warnings()
        for name in sorted(self._required - {"email"}):
            if count := lacking(self.confirmed, [name]).count():
                yield _lack(name, count)

    def _unsubscribe_warnings(self) -> Iterator[Finding]:
        sender = self.mailing.sender
        for code in LEFT_OUT:
            if count := getattr(self.reach, code):
                yield _left_out(code, count)
        if not has_way_out(draft_of(self.mailing.message)):
            yield Finding(code="no_way_out", text=NO_WAY_OUT)
        if sender and not sender.relay.is_sandbox and not settings.SECURE:
            yield Finding(code="unreachable", text=UNREACHABLE)

    @cached_property
    def _signing_keys(self) -> list[DkimKey]:
        sender = self.mailing.sender
        if not sender:
            return []
        return active_keys(sender.workspace_id, domain_of(sender.from_email))

    def _unsigned(self, sender: Sender) -> Finding:
        domain = domain_of(sender.from_email)
        waiting = DkimKey.objects.filter(
            workspace=sender.workspace_id,
            domain__in=domains_above(domain),
            state=DkimState.NEW,
        )
        if waiting.exists():
            text = _(
                "The DKIM key of {domain} is not seen in DNS yet: "
                "the letters go unsigned."
            )
            return Finding(code="dkim_waits", text=format_lazy(text, domain=domain))
        text = _(
            "The letters go without a DKIM signature: {domain} has no key. Many mail "
            "providers take such letters for spam."
        )
        return Finding(code="dkim_unsigned", text=format_lazy(text, domain=domain))

    @cached_property
    def _letter(self) -> CompiledLetter | TemplateError | HeaderError:
        message, sender = self.mailing.message, self.mailing.sender
        source = LetterSource(
            subject=message.subject,
            preheader=message.preheader,
            html=message.html,
            text=message.text,
            sender=Mailbox(
                name=sender.from_name if sender else "",
                address=sender.from_email if sender else "nobody@example.com",
            ),
        )
        try:
            return compile_letter(source)
        except (TemplateError, HeaderError) as error:
            return error

    @cached_property
    def _known(self) -> frozenset[str]:
        keys = Attribute.objects.of(self.mailing.workspace)
        return frozenset(BUILT_IN_NAMES) | frozenset(keys.values_list("key", flat=True))

    @cached_property
    def _required(self) -> frozenset[str]:
        letter = self._letter
        if not isinstance(letter, CompiledLetter):
            return frozenset()
        return letter.required & self._known - {UNSUBSCRIBE_NAME}


def _named(code: str) -> Finding:
    return Finding(code=code, text=TEXTS[code])


def _left_out(code: str, count: int) -> Finding:
    text = format_lazy("{}", LEFT_OUT[code] % {"count": count})
    return Finding(code=code, text=text, count=count)


def _lack(name: str, count: int) -> Finding:
    text = ngettext_lazy(
        "%(count)d recipient has no “%(name)s” and will be skipped.",
        "%(count)d recipients have no “%(name)s” and will be skipped.",
        "count",
    )
    return Finding(
        code="lacking",
        text=format_lazy("{}", text % {"count": count, "name": name}),
        name=name,
        count=count,
    )
