"""Django's way out for the system's own letters: our composer, our SMTP session.

They go to SYSTEM_SMTP_URL, else to the sandbox as its user ``system``.  One letter for
each recipient.  What a letter says is given as values, never as a template, so that a
name with ``{{`` in it stays a name.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Sequence
from email.utils import parseaddr

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailcore.addresses import AddressError, parse_address
from mailcore.compose import (
    HeaderError,
    LetterSource,
    Mailbox,
    compile_letter,
)
from mailcore.smtp.session import Envelope, Route, Session, SmtpError
from pochtar.base.errors import PochtarError
from pochtar.base.ids import uuid7
from pochtar.delivery.bridge import run_in_loop
from pochtar.delivery.dkim_signing import system_signer
from pochtar.delivery.letters import message_id
from pochtar.delivery.routes import system_route

log = structlog.get_logger(__name__)

VALUES = LetterSource(
    subject='{{ subject | default("-") }}',
    preheader="",
    html="",
    text='{{ text | default(" ") }}',
    sender=Mailbox(name="", address="nobody@example.com"),
)


class LetterNotSent(PochtarError):
    """A letter of the system (a confirmation, a reset) could not be handed over."""


class EmailBackend(BaseEmailBackend):
    """Sends each message to each of its recipients. Raises LetterNotSent."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        sent = 0
        for message in email_messages:
            try:
                run_in_loop(_send_all(system_route(), list(_letters(message))))
                sent += 1
            except (SmtpError, HeaderError, AddressError) as error:
                log.error("system_letter_failed", error=str(error))
                if not self.fail_silently:
                    raise LetterNotSent(
                        "system_mail_failed",
                        _("The letter could not be sent just now. Try again later."),
                    ) from error
        return sent


async def _send_all(route: Route, envelopes: list[Envelope]) -> None:
    session = await Session.connect(route)
    try:
        for envelope in envelopes:
            outcome = await session.send(envelope)
            if not outcome.accepted:
                raise SmtpError(
                    outcome.code or "refused", stage=outcome.stage, reply=outcome.reply
                )
    finally:
        await session.quit()


def _letters(message: EmailMessage) -> Iterator[Envelope]:
    name, address = parseaddr(message.from_email or settings.DEFAULT_FROM_EMAIL)
    sender = parse_address(address)
    html = _literal(_html_of(message))
    letter = compile_letter(
        LetterSource(
            subject=VALUES.subject,
            preheader="",
            html=html,
            text="" if html and not str(message.body).strip() else VALUES.text,
            sender=Mailbox(name=name, address=sender.envelope),
            reply_to=_reply_to(message),
            # Machine-made, so that holiday notices do not answer (RFC 3834 §5).
            extra_headers=(("Auto-Submitted", "auto-generated"),),
        )
    )
    sign = system_signer(sender.envelope)
    values = {"subject": str(message.subject), "text": str(message.body)}
    for recipient in message.recipients():
        to_name, to_address = parseaddr(recipient)
        to = parse_address(to_address)
        data = letter.compose(
            to=Mailbox(name=to_name, address=to.envelope),
            values=values,
            message_id=message_id(str(uuid7()), sender),
            date=timezone.now().astimezone(zoneinfo.ZoneInfo(settings.TIME_ZONE)),
            smtputf8=to.smtputf8,
        )
        envelope = Envelope(
            mail_from=sender.envelope,
            rcpt_to=to.envelope,
            data=data,
            smtputf8=to.smtputf8,
        )
        yield sign(envelope) if sign else envelope


def _html_of(message: EmailMessage) -> str:
    if isinstance(message, EmailMultiAlternatives):
        for alternative in message.alternatives:
            content, kind = alternative[0], alternative[1]
            if kind == "text/html":
                return str(content)
    return ""


def _literal(html: str) -> str:
    """Keep braces from being read as merge fields."""
    return (
        html.replace("{{", "&#123;&#123;")
        .replace("{%", "&#123;%")
        .replace("{#", "&#123;#")
    )


def _reply_to(message: EmailMessage) -> Mailbox | None:
    if not message.reply_to:
        return None
    name, address = parseaddr(message.reply_to[0])
    return Mailbox(name=name, address=parse_address(address).envelope)
