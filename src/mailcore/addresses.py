"""Read an e-mail address: one text in, four forms out.

1. Refuse what can never be an address: nothing, control characters, too long a text.
2. Check the grammar (RFC 5321, RFC 6531); the domain needs at least one dot.
3. Give back the form to show, the form that is unique, and the form for the wire.

The domain goes to the wire as A-labels (RFC 5890).  The local part is the receiver's
own business and stays as typed (RFC 5321 section 2.4); only the key is lower-case.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

__all__ = [
    "Address",
    "AddressError",
    "address_key",
    "is_usual_address",
    "parse_address",
    "parse_domain",
    "readable_key",
    "show_domain",
]

LONGEST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Addresses which need no closer look: the strict checker agrees on every one of them.
_ORDINARY = re.compile(
    r"(?P<local>[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)"
    r"@(?P<domain>(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})"
)
# Nearly all addresses: of those above, the ones too short to break a rule of length.
_USUAL = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@[a-z0-9]+(?:[.-][a-z0-9]+)*\.[a-z]{2,24}"
)
# The same in lower case, without a way back: half the time on a long way to a key.
_USUAL_KEY = re.compile(
    r"[a-z0-9_+-]++(?:\.[a-z0-9_+-]++)*+"
    r"@(?:[a-z0-9]++[.-])++(?<=\.)[a-z]{2,24}"
).fullmatch
_USUAL_LENGTH = 64  # of the whole; the local part alone may have as many


class AddressError(ValueError):
    """The text is no address; ``code`` says why.

    Codes: ``empty``, ``control``, ``too_long``, ``domain``, ``syntax``.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text[:80]!r}")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    display: str  # as typed, without white space around it
    key: str  # equal for two spellings of one mailbox
    envelope: str  # for RCPT TO and for header fields
    domain: str  # A-labels, lower-case
    smtputf8: bool  # the local part is not ASCII: RFC 6531 or nothing


@lru_cache(maxsize=256)  # a letter's address is asked for by several of its parts
def parse_address(text: str) -> Address:
    """Return the address in ``text``, or raise `AddressError`."""
    typed = text.strip(" \t\r\n")
    if ordinary := _ordinary(typed):
        return ordinary
    if not typed:
        raise AddressError("empty", text)
    if _CONTROL.search(typed):
        raise AddressError("control", text)
    if len(typed.encode()) > LONGEST_ADDRESS:
        raise AddressError("too_long", text)
    return _checked(typed)


def is_usual_address(text: str) -> bool:
    """Tell, at little cost, whether the text is an address and its own wire form.

    What is no usual address may still be one: `parse_address` says.
    """
    return len(text) <= _USUAL_LENGTH and _USUAL.fullmatch(text) is not None


def parse_domain(text: str) -> str:
    """Return the domain as A-labels in lower case, or raise `AddressError`.

    Codes: ``empty``, ``control``, ``too_long``, ``domain``.
    """
    typed = text.strip(" \t\r\n").removesuffix(".")
    if not typed:
        raise AddressError("empty", text)
    if _CONTROL.search(typed):
        raise AddressError("control", text)
    try:
        domain: str = _strictly(f"a@{typed}").ascii_domain.lower()
    except EmailNotValidError as error:
        code = "too_long" if "too long" in str(error) else "domain"
        raise AddressError(code, text) from error
    if "." not in domain:
        raise AddressError("domain", text)
    return domain


def show_domain(domain: str) -> str:
    """Return the domain as people write it; what is no IDN stays as it is."""
    try:
        shown = domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain
    return shown if shown.isprintable() else domain


def readable_key(key: str) -> str:
    """Return the key with its domain in its own letters, as people type it."""
    local, at, domain = key.rpartition("@")
    if "xn--" not in domain:
        return key
    try:
        return f"{local}{at}{idna.decode(domain)}"
    except idna.IDNAError:
        return key


def address_key(text: str) -> str:
    """Return, at little cost, the key of a usual address, its domain in any case.

    "" says nothing about the text: `parse_address` has to be asked.
    """
    # Some letters beyond ASCII have their small letter within it (KELVIN SIGN).
    if len(text) <= _USUAL_LENGTH and text.isascii():
        key = text.lower()
        if _USUAL_KEY(key):
            return key
    return ""


def _ordinary(typed: str) -> Address | None:
    match = _ORDINARY.fullmatch(typed)
    if not match or len(typed) > LONGEST_ADDRESS or "--" in match["domain"]:
        return None
    if len(match["local"]) > 64 or len(match["domain"]) > 253:
        return None
    return Address(
        display=typed,
        key=f"{match['local'].lower()}@{match['domain']}",
        envelope=typed,
        domain=match["domain"],
        smtputf8=False,
    )


def _checked(typed: str) -> Address:
    try:
        parts = _strictly(typed)
    except EmailNotValidError as error:
        code = "too_long" if "too long" in str(error) else _blame(typed)
        raise AddressError(code, typed) from error
    domain = parts.ascii_domain.lower()
    if "." not in domain:
        raise AddressError("domain", typed)
    local = typed.rpartition("@")[0]
    return Address(
        display=typed,
        key=f"{unicodedata.normalize('NFC', local).lower()}@{domain}",
        envelope=f"{local}@{domain}",
        domain=domain,
        smtputf8=not local.isascii(),
    )


def _strictly(text: str) -> ValidatedEmail:
    # "Globally deliverable" would refuse a company's own .local or .test domain.
    return validate_email(
        text, check_deliverability=False, globally_deliverable=False, strict=True
    )


def _blame(typed: str) -> str:
    """Tell whether the domain alone is already wrong."""
    local, at, domain = typed.rpartition("@")
    if not at or not local:
        return "syntax"
    try:
        _strictly(f"a@{domain}")
    except EmailNotValidError:
        return "domain"
    return "syntax"
