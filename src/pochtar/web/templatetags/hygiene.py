"""Hints about an address, for tables."""

from __future__ import annotations

from django import template

from pochtar.recipients.hygiene import Hints, hints_about

register = template.Library()


@register.simple_tag
def hints(email: str) -> Hints:
    return hints_about(email)
