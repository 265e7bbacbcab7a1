"""From frozen rows to letters: the composer that the engine calls."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import zoneinfo
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from mailcore.addresses import (
    Address,
    AddressError,
    is_usual_address,
    parse_address,
)
from mailcore.bulk import LONGEST_LIST_ID
from mailcore.compose import (
    Bulk,
    CompiledLetter,
    HeaderError,
    LetterSource,
    Mailbox,
    compile_letter,
)
from mailcore.engine.types import Item
from mailcore.headers import (
    DateWriter,
    addressed_field,
    mailbox_field,
    make_message_id,
)
from mailcore.smtp.session import Envelope
from pochtar.accounts.models import Workspace
from pochtar.content.checks import UNSUBSCRIBE_NAME
from pochtar.content.models import Message
from pochtar.delivery.dkim_signing import SignLetter, signer_for
from pochtar.delivery.marks import Naming, name_of_test, run_naming
from pochtar.delivery.models import Run, Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Writes a letter for one delivery; the same Message-ID on every try (MSG-14).

    ``signer`` signs what was written; None if the sender's domain has no key.
    """

    letter: CompiledLetter
    sender: Address
    naming: Naming
    date: DateWriter
    signer: SignLetter | None = None

    @property
    def names(self) -> frozenset[str]:
        """The merge fields that are read from the recipient."""
        return self.letter.names - {UNSUBSCRIBE_NAME}

    def __call__(self, item: Item, now: dt.datetime) -> Envelope:
        address, smtputf8 = item.email, False
        if is_usual_address(address):
            to = addressed_field("To", item.name, address)
        else:
            address, smtputf8, to = _unusual_address(item)
        name = self.naming(item)
        values = item.values
        if UNSUBSCRIBE_NAME in self.letter.names:
            values = {**values, UNSUBSCRIBE_NAME: name.unsubscribe_url}
        return Envelope(
            mail_from=self.sender.envelope,
            rcpt_to=address,
            data=self.letter.write(
                date=self.date(now), to=to, name=name.fields, values=values
            ),
            smtputf8=smtputf8,
            clean=not smtputf8,
            envid=name.envid,
        )


def _unusual_address(item: Item) -> tuple[str, bool, bytes]:
    """Return the address for the wire, whether it needs SMTPUTF8, and the To field."""
    try:
        address = parse_address(item.email)
    except AddressError as error:
        raise HeaderError("To", error.code) from error
    mailbox = Mailbox(name=item.name, address=address.envelope)
    to = mailbox_field("To", mailbox, smtputf8=address.smtputf8)
    return address.envelope, address.smtputf8, to


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
        bulk=_bulk(run.workspace, run.from_email, kind="mailing", campaign=run.pk),
    )
    naming = run_naming(domain=parse_address(run.from_email).domain)
    return _composer(source, run.from_email, run.workspace, naming)


def composer_for_test(message: Message, sender: Sender, *, scope: str) -> Composer:
    """Compile a message as a mailing from this sender would. Raises as above.

    Its headers show what a mailing's would be; its links lead nowhere in earnest.
    """
    workspace = message.workspace
    source = LetterSource(
        subject=message.subject,
        preheader=message.preheader,
        html=message.html,
        text=message.text,
        sender=Mailbox(name=sender.from_name, address=_envelope(sender.from_email)),
        reply_to=_reply_to(sender.reply_to),
        bulk=_bulk(workspace, sender.from_email, kind="test", campaign=message.pk),
    )
    own_id = message_id(scope, parse_address(sender.from_email))
    name = name_of_test(workspace, message_id=own_id)
    return _composer(source, sender.from_email, workspace, lambda item: name)


# Every slice of a run has the same letter.
_compiled = functools.lru_cache(maxsize=16)(compile_letter)


def _composer(
    source: LetterSource, from_email: str, workspace: Workspace, naming: Naming
) -> Composer:
    return Composer(
        letter=_compiled(source),
        sender=parse_address(from_email),
        naming=naming,
        date=DateWriter(zoneinfo.ZoneInfo(workspace.time_zone)),
        signer=signer_for(workspace.pk, from_email),
    )


def _bulk(workspace: Workspace, from_email: str, *, kind: str, campaign: UUID) -> Bulk:
    """Say whose mailing it is, in words that do not change from letter to letter.

    People leave a workspace's mailings, not one of its lists, so that is the list which
    a mail program knows; the names of lists ("debtors") stay in the house.
    """
    return Bulk(
        list_id=_list_id(workspace, parse_address(from_email).domain),
        list_name=workspace.name,
        feedback=(f"m{_short(campaign)}", f"w{_short(workspace.pk)}", kind),
        sender_id=settings.FEEDBACK_SENDER_ID,
        kind=kind,
    )


def _list_id(workspace: Workspace, domain: str) -> str:
    label = f"mailings-{_short(workspace.pk)}"
    while len(label) + 1 + len(domain) > LONGEST_LIST_ID:
        domain = domain.partition(".")[2]
    return f"{label}.{domain}"


def _short(pk: UUID) -> str:
    """The random end of an id: enough to tell a workspace's few thousand apart."""
    return pk.hex[-12:]


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
