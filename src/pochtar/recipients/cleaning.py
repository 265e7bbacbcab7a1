"""What may be stored about a recipient; everything else is refused at its field.

Nothing is silently cut or stripped but white space at the ends: a line break in a name
could end a header field (MSG-20), so it is an error that the person sees.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from mailcore.addresses import Address, AddressError, parse_address
from pochtar.base.errors import InvalidInput
from pochtar.recipients.consent_models import Basis

LONGEST_NAME = 200
LONGEST_COMMENT = 2000
LONGEST_KEY = 50
LONGEST_VALUE = 500
MOST_ATTRIBUTES = 50  # of one recipient
MOST_KEYS = 200  # of one workspace
RESERVED_KEYS = frozenset({"email", "full_name", "unsubscribe_url"})

ENDS = " \t\xa0"  # what pasting adds; a line break is an error even at the end

_KEY = re.compile(rf"[^\W\d]\w{{0,{LONGEST_KEY - 1}}}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# A comment is never sent: it may have lines.
_COMMENT_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_BAD_ADDRESS: dict[str, str | Promise] = {
    "empty": _("Enter the e-mail address."),
    "control": _("The address contains a line break or another control character."),
    "too_long": _("The address is too long: at most 254 characters."),
    "domain": _(
        "The part after “@” is not a domain. It should look like “example.com”."
    ),
    "syntax": _(
        "This is not an e-mail address. It should look like “name@example.com”."
    ),
}


def has_control(text: str) -> bool:
    """Say whether the text has a line break of any kind or a control character."""
    return bool(_CONTROL.search(text))


def clean_address(text: str) -> Address:
    try:
        return parse_address(text)
    except AddressError as error:
        raise InvalidInput(
            f"address_{error.code}", _BAD_ADDRESS[error.code], field="email"
        ) from error


def clean_full_name(text: str) -> str:
    name = unicodedata.normalize("NFC", text.strip(ENDS))
    if has_control(name):
        raise InvalidInput(
            "control_character",
            _("The name contains a line break or another control character."),
            field="full_name",
        )
    return capped(name, LONGEST_NAME, field="full_name")


def clean_basis(basis: str) -> str:
    if basis and basis not in Basis.values:
        raise InvalidInput(
            "unknown_basis", _("Choose why you may write to them."), field="basis"
        )
    return basis


def clean_comment(text: str) -> str:
    comment = text.replace("\r\n", "\n").strip()
    if _COMMENT_CONTROL.search(comment):
        raise InvalidInput(
            "control_character",
            _("The comment contains a control character."),
            field="comment",
        )
    return capped(comment, LONGEST_COMMENT, field="comment")


def clean_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that have a value; ``details`` of an error names the key."""
    cleaned: dict[str, str] = {}
    for given, value in attributes.items():
        key = clean_key(given)
        if key in cleaned:
            raise _bad_attribute(
                "attribute_twice", _("This attribute is given twice."), given
            )
        cleaned[key] = clean_value(value, key=given)
    kept = {key: value for key, value in cleaned.items() if value}
    if len(kept) > MOST_ATTRIBUTES:
        raise _bad_attribute(
            "too_many_attributes",
            _("A recipient has at most %(most)d attributes.")
            % {"most": MOST_ATTRIBUTES},
            "",
        )
    return kept


def clean_key(text: str) -> str:
    """Return the attribute's key; it must fit into ``{{ … }}`` of a message."""
    key = unicodedata.normalize("NFC", text.strip())
    if key in RESERVED_KEYS:
        raise _bad_attribute(
            "attribute_reserved",
            _("Every recipient has this field already: “{name}”.").format(name=key),
            text,
        )
    if not _KEY.fullmatch(key):
        raise _bad_attribute(
            "attribute_key",
            _(
                "The name of an attribute begins with a letter and has only letters, "
                "digits and “_”, at most 50."
            ),
            text,
        )
    return key


def clean_value(text: str, *, key: str) -> str:
    value = unicodedata.normalize("NFC", text.strip(ENDS))
    if has_control(value):
        raise _bad_attribute(
            "control_character",
            _("The value contains a line break or another control character."),
            key,
        )
    if len(value) > LONGEST_VALUE:
        raise _bad_attribute("too_long", _too_long(LONGEST_VALUE), key)
    return value


def capped(text: str, longest: int, *, field: str) -> str:
    if len(text) > longest:
        raise InvalidInput("too_long", _too_long(longest), field=field)
    return text


def _too_long(longest: int) -> str:
    return ngettext_lazy(
        "Too long: at most %(most)d character.",
        "Too long: at most %(most)d characters.",
        "most",
    ) % {"most": longest}


def _bad_attribute(code: str, text: str | Promise, key: str) -> InvalidInput:
    return InvalidInput(code, text, field="attributes", details={"key": key})
