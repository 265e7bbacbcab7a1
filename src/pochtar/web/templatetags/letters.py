"""``{% fresh_letter as letter %}``: where the letter that was just caused went."""

from __future__ import annotations

from django import template

from pochtar.web.letters import FreshLetter, fresh_letter, may_open_letters

register = template.Library()


@register.simple_tag(takes_context=True, name="fresh_letter")
def fresh_letter_tag(context: template.Context) -> FreshLetter | None:
    return fresh_letter(context["request"])


@register.simple_tag(takes_context=True, name="may_open_letters")
def may_open_letters_tag(context: template.Context) -> bool:
    return may_open_letters(context["request"])
