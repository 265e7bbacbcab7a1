"""Read the letters that a test caused."""

from __future__ import annotations

import re

from django.core import mail
from django.core.mail import EmailMultiAlternatives


def last_letter() -> EmailMultiAlternatives:
    letter = mail.outbox[-1]
    assert isinstance(letter, EmailMultiAlternatives)
    return letter


def html_of(letter: EmailMultiAlternatives) -> str:
    content, _kind = letter.alternatives[0]
    return str(content)


def link_in(letter: EmailMultiAlternatives) -> str:
    """Return the first address of our own in the letter's text, as a path."""
    found = re.search(r"http://testserver(/\S+)", str(letter.body))
    assert found, letter.body
    return found[1]
