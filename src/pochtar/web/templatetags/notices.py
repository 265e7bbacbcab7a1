"""``{% notices as notes %}``: what the last request wanted to tell."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.messages import get_messages

register = template.Library()


@register.simple_tag(takes_context=True)
def notices(context: template.Context) -> list[Any]:
    """Return Django's messages under a name of their own.

    A page of mail messages has a ``messages`` in its context that means letters.
    """
    request = context.get("request")
    return list(get_messages(request)) if request else []
