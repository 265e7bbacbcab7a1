"""From frozen rows to letters: the composer that the engine calls."""

from __future__ import annotations

import datetime as dt
import hashlib
import zoneinfo
from dataclasses import dataclass

from django.conf import settings

from mailcore.addresses import Address, AddressError, parse_address
from mailcore.compose import (
    CompiledLetter,
    HeaderError,
    LetterSource,
    Mailbox,
    compile_letter,
)
from mailcore.engine.types import Item
from mailcore.headers import make_message_id
from mailcore.smtp.session import Envelope
from pochtar.accounts.models import Workspace
from pochtar.content.models import Message
from pochtar.delivery.dkim_signing import SignLetter, signer_for
from pochtar.delivery.models import Run, Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Writes a letter for one delivery; the same Message-ID on every try (MSG-14).

    ``signer`` signs what was written; None if the sender's domain has no key.
    """

    letter: CompiledLetter
    sender: Address
    scope: str
    zone: dt.tzinfo
    signer: SignLetter | None = None

    @property
    def names(self) -> frozenset[str]:
        return self.letter.names

    def __call__(self, item: Item, now: dt.datetime) -> Envelope:
        try:
            to = parse_address(item.email)
        except AddressError as error:
            raise HeaderError("To", error.code) from error
        data = self.letter.compose(
            to=Mailbox(name=item.name, address=to.envelope),
            values=item.values,
            message_id=message_id(f"{self.scope}:{item.delivery_id}", self.sender),
            date=now.astimezone(self.zone),
            smtputf8=to.smtputf8,
        )
        return Envelope(
            mail_from=self.sender.envelope,
            rcpt_to=to.envelope,
            data=data,
            smtputf8=to.smtputf8,
            clean=not to.smtputf8,
        )


def composer_for_run(run: Run) -> Composer:
    """Compile a run's frozen content.

    Raises TemplateError, HeaderError, AddressError, SigningTrouble.
    """
    source = LetterSource(
        subject=run.subject,
        preheader=run.preheader,
        html=run.html,
        text=run.text,
        sender=Mailbox(name=run.from_name, address=_envelope(run.from_email)),
        reply_to=_reply_to(run.reply_to),
    )
    return _composer(source, run.from_email, run.workspace, scope=str(run.pk))


def composer_for_test(message: Message, sender: Sender, *, scope: str) -> Composer:
    """Compile a message as a mailing from this sender would. Raises as above."""
    source = LetterSource(
        subject=message.subject,
        preheader=message.preheader,
        html=message.html,
        text=message.text,
        sender=Mailbox(name=sender.from_name, address=_envelope(sender.from_email)),
        reply_to=_reply_to(sender.reply_to),
    )
    return _composer(source, sender.from_email, message.workspace, scope=scope)


def _composer(
    source: LetterSource, from_email: str, workspace: Workspace, *, scope: str
) -> Composer:
    return Composer(
        letter=compile_letter(source),
        sender=parse_address(from_email),
        scope=scope,
        zone=zoneinfo.ZoneInfo(workspace.time_zone),
        signer=signer_for(workspace.pk, from_email),
    )


def message_id(name: str, sender: Address) -> str:
    """Return a Message-ID that nobody else can work out, at the sender's domain."""
    return make_message_id(name, key=_message_id_key(), domain=sender.domain)


def _message_id_key() -> bytes:
    secret = settings.SECRET_KEY.encode()
    return hashlib.blake2b(secret, digest_size=32, person=b"message-id-key").digest()


def _envelope(email: str) -> str:
    return parse_address(email).envelope


def _reply_to(email: str) -> Mailbox | None:
    return Mailbox(name="", address=_envelope(email)) if email else None
