"""Talk with an SMTP server while a person waits: the check, and the test letter."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from mailcore.addresses import AddressError, parse_address
from mailcore.compose import HeaderError, MissingValue, TemplateError
from mailcore.engine.types import Item
from mailcore.smtp.session import Envelope, Outcome, Route, Session, SmtpError
from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import InvalidInput, PochtarError
from pochtar.base.ids import uuid7
from pochtar.base.secrets import SecretError
from pochtar.content.models import Message
from pochtar.delivery.bridge import Bridge
from pochtar.delivery.dkim_signing import SigningTrouble
from pochtar.delivery.letters import composer_for_test
from pochtar.delivery.models import Relay, Sender
from pochtar.delivery.routes import QUICK, route_of
from pochtar.delivery.tokens import with_tokens
from pochtar.delivery.words import explain_trouble

T = TypeVar("T")
LONGEST_DIALOGUE = 200  # lines; a server must not be able to fill our page


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the dialogue: "C" is us, "S" the server, "-" a remark."""

    who: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionCheck:
    """What came of a check. ``lines`` never hold the password."""

    ok: bool
    code: str = ""
    detail: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def talked(self) -> bool:
        """Whether either side said anything."""
        return any(line.who != "-" for line in self.lines)

    @property
    def verdict(self) -> Promise | str:
        if self.ok:
            return _("The server answers and lets us in.")
        return explain_trouble(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestLetter:
    """What came of a test letter: accepted, or a code and the server's words."""

    __test__ = False  # not for pytest

    accepted: bool
    code: str = ""
    reply: str = ""

    @property
    def verdict(self) -> Promise | str:
        if self.accepted:
            return _("The server accepted the letter.")
        return explain_trouble(self.code) if self.code else self.reply


def check_connection(relay: Relay, *, by: User) -> ConnectionCheck:
    """Connect, log in, say goodbye; keep the verdict with the relay."""
    require_role(by, relay.workspace_id, Role.MANAGER)
    check = _check(relay)
    relay.checked_at, relay.check_ok = timezone.now(), check.ok
    relay.check_text = check.code
    relay.save(update_fields=["checked_at", "check_ok", "check_text"])
    write_audit(
        relay.workspace, by=by, verb="relay_checked", subject=relay, ok=check.ok
    )
    return check


def _check(relay: Relay) -> ConnectionCheck:
    lines: list[Line] = []

    def note(who: str, text: str) -> None:
        if len(lines) < LONGEST_DIALOGUE:
            lines.append(Line(who=who, text=text[:1000]))

    async def talk(route: Route) -> None:
        session = await Session.connect(route, observer=note)
        await session.quit()

    try:
        _talk(relay, talk)
    except SecretError:
        return ConnectionCheck(ok=False, code="password_unreadable")
    except SmtpError as error:
        return ConnectionCheck(
            ok=False, code=error.code, detail=error.detail, lines=tuple(lines)
        )
    return ConnectionCheck(ok=True, lines=tuple(lines))


def _talk(relay: Relay, talk: Callable[[Route], Coroutine[Any, Any, T]]) -> T:
    """Talk over the relay's route while this thread serves the database to it.

    Raises SmtpError and SecretError.
    """
    bridge: Bridge[T] = Bridge()
    route = with_tokens(route_of(relay, timeouts=QUICK), relay, bridge.call)
    return bridge.serve(talk(route), stopped=lambda: False)


def send_test(
    message: Message,
    *,
    sender: Sender,
    to: str,
    name: str = "",
    values: Mapping[str, str],
    by: User,
) -> TestLetter:
    """Write the message with these values and send it now, outside of any run.

    Raises InvalidInput for the address, and PochtarError ``template_error``,
    ``missing_data`` or ``bad_header`` where no letter can be written.
    """
    require_role(by, message.workspace_id, Role.EDITOR)
    try:
        envelope = _write(message, sender, to=to, name=name, values=values)
    except SigningTrouble as trouble:
        return TestLetter(accepted=False, code=trouble.code)
    try:
        outcome = _talk(sender.relay, lambda route: send_one(route, envelope))
    except SecretError:
        return TestLetter(accepted=False, code="password_unreadable")
    except SmtpError as error:
        return TestLetter(accepted=False, code=error.code, reply=error.detail)
    return TestLetter(
        accepted=outcome.accepted,
        code=outcome.code,
        reply=str(outcome.reply) if outcome.reply else "",
    )


async def send_one(route: Route, envelope: Envelope) -> Outcome:
    """Send one letter over a session of its own. Raises SmtpError."""
    session = await Session.connect(route)
    try:
        return await session.send(envelope)
    finally:
        await session.quit()


def _write(
    message: Message, sender: Sender, *, to: str, name: str, values: Mapping[str, str]
) -> Envelope:
    try:
        parse_address(to)
    except AddressError as error:
        raise InvalidInput(
            "test_address", _("Enter an e-mail address."), field="to"
        ) from error
    item = Item(delivery_id=0, position=1, email=to, name=name, values=values)
    try:
        composer = composer_for_test(message, sender, scope=str(uuid7()))
        envelope = composer(item, timezone.now())
        return composer.signer(envelope) if composer.signer else envelope
    except TemplateError as error:
        text = _("The message has a mistake in a merge field in line {line}.")
        raise PochtarError(
            "template_error", format_lazy(text, line=error.line)
        ) from error
    except MissingValue as error:
        text = _("There is no value for the merge field “{name}”.")
        raise PochtarError(
            "missing_data", format_lazy(text, name=error.name)
        ) from error
    except HeaderError as error:
        raise PochtarError(
            "bad_header", _("A value cannot stand in the letter's header.")
        ) from error
