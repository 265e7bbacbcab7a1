"""What a server's reply means, in a person's words, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mailcore.smtp.meanings import explain_reply
from pochtar.delivery.models import Attempt


class Concern(StrEnum):
    """Whose affair it is."""

    RECIPIENT = "recipient"
    DOMAIN = "domain"
    SERVER = "server"
    LETTER = "letter"
    THEIRS = "theirs"


CONCERNS: dict[str, Promise] = {
    Concern.RECIPIENT: _("The recipient's address"),
    Concern.DOMAIN: _("Your domain"),
    Concern.SERVER: _("Your SMTP server"),
    Concern.LETTER: _("The letter"),
    Concern.THEIRS: _("The recipient's mail server"),
}
PROVIDERS = {
    "gmail": "Gmail",
    "mailru": "Mail.ru",
    "yandex": "Yandex",
    "microsoft": "Microsoft",
    "yahoo": "Yahoo",
    "rambler": "Rambler",
    "icloud": "iCloud",
}


@dataclass(frozen=True, slots=True)
class ReplyWords:
    concern: Concern
    meaning: Promise
    advice: Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A reply's meaning with its words; ``provider`` is a name to show, or ""."""

    key: str
    kind: str
    provider: str
    concern: str
    whom: Promise
    meaning: Promise
    advice: Promise


WORDS: dict[str, ReplyWords] = {
    # The recipient's address.
    "no_mailbox": ReplyWords(
        Concern.RECIPIENT,
        _("There is no such mailbox."),
        _("Check the address for typing errors; if it is right, write no more to it."),
    ),
    "mailbox_disabled": ReplyWords(
        Concern.RECIPIENT,
        _("The mailbox is switched off, or has not been used for long."),
        _("Write no more to this address; ask the person for another one."),
    ),
    "moved": ReplyWords(
        Concern.RECIPIENT,
        _("The person has left this address for another one."),
        _("The reply may name the new address: enter it if the person agrees."),
    ),
    "bad_domain": ReplyWords(
        Concern.RECIPIENT,
        _("The domain after the @ does not exist, or takes no mail."),
        _("Check the domain for typing errors; otherwise delete the address."),
    ),
    "bad_address": ReplyWords(
        Concern.RECIPIENT,
        _("The server does not take this for a valid address."),
        _("Check how the address is written."),
    ),
    "address_not_ascii": ReplyWords(
        Concern.RECIPIENT,
        _("The address has letters that not every mail server on the way can handle."),
        _("Ask the person for an address in plain Latin letters."),
    ),
    "mailbox_full": ReplyWords(
        Concern.RECIPIENT,
        _("The mailbox is full."),
        _("Try again in a few days; a mailbox that stays full is not read any more."),
    ),
    "recipient_rate": ReplyWords(
        Concern.RECIPIENT,
        _("This mailbox is getting too many letters at the moment."),
        _("Nothing to do but wait: try again in an hour or later."),
    ),
    "recipient_policy": ReplyWords(
        Concern.RECIPIENT,
        _("The recipient, or their company, does not let letters like this one in."),
        _("Ask the recipient to allow letters from your address."),
    ),
    "recipient_refused": ReplyWords(
        Concern.RECIPIENT,
        _("The server refused this recipient without a reason that we know."),
        _("Read the reply: it may say more. Otherwise check the address."),
    ),
    # The sender's domain.
    "auth_missing": ReplyWords(
        Concern.DOMAIN,
        _("Nothing proves that the letter comes from your domain: SPF and DKIM fail."),
        _(
            "Set up SPF and DKIM for the domain of the sender's address, then try again."
        ),
    ),
    "spf_failed": ReplyWords(
        Concern.DOMAIN,
        _("Your domain's SPF record does not name the server that sent the letter."),
        _("Add your SMTP server to the domain's SPF record."),
    ),
    "dkim_failed": ReplyWords(
        Concern.DOMAIN,
        _("The DKIM signature is missing or does not fit."),
        _("Check the DKIM key of the sender's domain and its record in the DNS."),
    ),
    "dmarc_failed": ReplyWords(
        Concern.DOMAIN,
        _(
            "Your domain's DMARC policy asks to refuse the letter: it is not proved to be yours."
        ),
        _(
            "Sign with DKIM for the very domain of the From address, and send through "
            "a server that its SPF names."
        ),
    ),
    "low_reputation": ReplyWords(
        Concern.DOMAIN,
        _("Your domain has a bad name with this mail service."),
        _("Write less and only to people who read you; the name mends within weeks."),
    ),
    "sender_domain_unknown": ReplyWords(
        Concern.DOMAIN,
        _(
            "The domain of the From address cannot be found in the DNS, or takes no mail."
        ),
        _("Check the From address; its domain needs an MX or A record."),
    ),
    "sender_unverified": ReplyWords(
        Concern.DOMAIN,
        _("The server tried to reach the From address and could not."),
        _("Make sure that the mailbox of the From address exists and takes mail."),
    ),
    "complaints": ReplyWords(
        Concern.DOMAIN,
        _(
            "Too many letters from you are taken for spam, so the service slows you down."
        ),
        _(
            "Send more slowly, and only to people who asked for it; make unsubscribing "
            "easy."
        ),
    ),
    # The SMTP server that letters are handed to.
    "blocklisted": ReplyWords(
        Concern.SERVER,
        _("The IP address that sends is on a block list."),
        _(
            "Whoever runs the SMTP server has it removed at the list that the reply "
            "names. Until then, use another server."
        ),
    ),
    "no_reverse_name": ReplyWords(
        Concern.SERVER,
        _("The IP address that sends has no proper name in the DNS (PTR record)."),
        _("Whoever runs the SMTP server has to set the PTR record."),
    ),
    "helo_refused": ReplyWords(
        Concern.SERVER,
        _("The name by which we greet the server does not please it."),
        _(
            "The greeting has to be the full host name of this machine: tell the operator."
        ),
    ),
    "connection_refused": ReplyWords(
        Concern.SERVER,
        _("The server does not want to talk with us at all."),
        _("Read the reply; the address that sends may be blocked there."),
    ),
    "tls_required": ReplyWords(
        Concern.SERVER,
        _("The server takes letters over an encrypted connection only."),
        _("Choose STARTTLS or TLS in the settings of the SMTP server."),
    ),
    "rate_limited": ReplyWords(
        Concern.SERVER,
        _("Too many letters in too short a time, the server says."),
        _("Lower the speed in the settings of the SMTP server; then try again."),
    ),
    "too_many_connections": ReplyWords(
        Concern.SERVER,
        _("Too many connections at once, the server says."),
        _("Allow fewer connections in the settings of the SMTP server."),
    ),
    "sending_quota": ReplyWords(
        Concern.SERVER,
        _("The SMTP server's limit for your account is used up."),
        _("Wait until it is renewed, spread the mailing, or use a bigger account."),
    ),
    "sender_not_allowed": ReplyWords(
        Concern.SERVER,
        _("Your SMTP server does not let this login send from this From address."),
        _("Use the address of the login as the sender, or have the server allow it."),
    ),
    "sender_refused": ReplyWords(
        Concern.SERVER,
        _("The server refused the From address."),
        _("Check the sender; often it must be the same as the login."),
    ),
    "account_blocked": ReplyWords(
        Concern.SERVER,
        _("Your account at the SMTP server is blocked for sending."),
        _(
            "Ask the provider why; often it is suspected of spam or of a stolen password."
        ),
    ),
    "login_wanted": ReplyWords(
        Concern.SERVER,
        _("The SMTP server wants a login first."),
        _("Enter the login and the password in the settings of the SMTP server."),
    ),
    "login_refused": ReplyWords(
        Concern.SERVER,
        _("The SMTP server refused the login or the password."),
        _(
            "Enter them again; many providers want a separate password for applications."
        ),
    ),
    "basic_login_off": ReplyWords(
        Concern.SERVER,
        _("Microsoft does not take a login with a plain password any more."),
        _("Use OAuth for this SMTP server, or another server."),
    ),
    "relay_denied": ReplyWords(
        Concern.SERVER,
        _("The server takes no mail for this address from you."),
        _("Usually the login is missing: check the settings of the SMTP server."),
    ),
    "mail_loop": ReplyWords(
        Concern.SERVER,
        _("The letter went round in circles between mail servers."),
        _("The mail servers are set up wrongly; tell whoever runs them."),
    ),
    "protocol": ReplyWords(
        Concern.SERVER,
        _("The server did not understand what we said."),
        _("Check the connection on the page of the SMTP server; tell the operator."),
    ),
    # The letter.
    "spam": ReplyWords(
        Concern.LETTER,
        _("The letter looks like spam to the server."),
        _(
            "Look at subject, links and pictures; check SPF, DKIM and DMARC; write to "
            "people who know you."
        ),
    ),
    "bad_link": ReplyWords(
        Concern.LETTER,
        _("A link in the letter leads to a site on a block list."),
        _("Take the link out, or have the site removed from the list."),
    ),
    "bad_attachment": ReplyWords(
        Concern.LETTER,
        _("The server takes something in the letter for dangerous."),
        _("Take out attachments and links that programs could hide behind."),
    ),
    "malformed": ReplyWords(
        Concern.LETTER,
        _("Something in the letter's form does not please the server."),
        _(
            "Check the From address and the subject; tell the operator what the reply says."
        ),
    ),
    "letter_refused": ReplyWords(
        Concern.LETTER,
        _("The server refused the letter itself without a reason that we know."),
        _("Read the reply: it may say more. Often it is content or reputation."),
    ),
    "too_big": ReplyWords(
        Concern.LETTER,
        _("The letter is bigger than the server takes."),
        _("Make the letter smaller: pictures by link instead of inside."),
    ),
    # The recipient's mail server.
    "greylisted": ReplyWords(
        Concern.THEIRS,
        _("The server makes those whom it does not know wait: it takes the next try."),
        _("Nothing: the letter is taken when it is tried again in a few minutes."),
    ),
    "server_busy": ReplyWords(
        Concern.THEIRS,
        _("The server is busy or out of order at the moment."),
        _("Try again later."),
    ),
    "no_space": ReplyWords(
        Concern.THEIRS,
        _("The server has run out of disk space."),
        _("Try again later."),
    ),
    "unreachable": ReplyWords(
        Concern.THEIRS,
        _("The recipient's mail server could not be reached."),
        _("Try again later; if it stays so, check the domain."),
    ),
    "temporary": ReplyWords(
        Concern.THEIRS,
        _("The server cannot take the letter just now."),
        _("Try again later."),
    ),
    "policy": ReplyWords(
        Concern.THEIRS,
        _("A rule of the server forbids the letter."),
        _("Read the reply; check SPF, DKIM and DMARC, and whether you write too much."),
    ),
    "unknown": ReplyWords(
        Concern.THEIRS,
        _("The server answered something that we do not know."),
        _("Read the reply; it is kept word for word."),
    ),
    "accepted": ReplyWords(
        Concern.THEIRS,
        _("The server took the letter over."),
        _("If it is not in the inbox, look into the spam folder."),
    ),
}


def explain_code(
    code: int | None, enhanced: str, reply: str, stage: str, host: str
) -> Explained | None:
    """Return what a reply means as an attempt keeps it; None if no server spoke."""
    if not code:
        return None
    meaning = explain_reply(code, enhanced, reply, stage, host)
    words = WORDS[meaning.key]
    return Explained(
        key=meaning.key,
        kind=meaning.kind.value,
        provider=PROVIDERS.get(meaning.provider, ""),
        concern=words.concern.value,
        whom=CONCERNS[words.concern],
        meaning=words.meaning,
        advice=words.advice,
    )


def explain_attempt(attempt: Attempt) -> Explained | None:
    """Return what the server's reply to an attempt means; None if no server spoke."""
    return explain_code(
        attempt.code,
        attempt.enhanced_code,
        attempt.reply,
        attempt.stage,
        attempt.host,
    )
