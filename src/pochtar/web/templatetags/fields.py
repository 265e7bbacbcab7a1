"""``{% control field %}``: a form field's widget with the classes of our style."""

from __future__ import annotations

from django import forms, template
from django.forms.boundfield import BoundField
from django.utils.safestring import SafeString

SELECTS = (forms.Select, forms.SelectMultiple)
CHOICES = (forms.RadioSelect, forms.CheckboxSelectMultiple)

register = template.Library()


def kind_of(field: BoundField) -> str:
    """Return how a field is laid out: hidden, check, choices, select or input."""
    widget = field.field.widget
    if widget.is_hidden:
        return "hidden"
    if isinstance(widget, CHOICES):
        return "choices"
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    return "select" if isinstance(widget, SELECTS) else "input"


CLASSES = {
    "hidden": "",
    "check": "form-check-input",
    "choices": "form-check-input",
    "select": "form-select",
    "input": "form-control",
}


@register.filter
def layout(field: BoundField) -> str:
    return kind_of(field)


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """Render the widget; its own classes stay, ours are put before them."""
    own = str(field.field.widget.attrs.get("class", ""))
    classes = f"{CLASSES[kind_of(field)]} {own}".strip()
    return field.as_widget(attrs={"class": classes} if classes else None)
