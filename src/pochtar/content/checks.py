"""What is wrong with a message, field by field, in words that say where.

`find_problems` looks at everything at once, so that a form can show all of it; each
problem is an `InvalidInput` whose details hold the line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from mailcore.headers import HeaderError, check_value
from mailcore.personalise import (
    FILTERS,
    HtmlTemplate,
    Template,
    TemplateError,
    check_names,
    parse_template,
)
from mailcore.places import find_unsafe_url
from mailcore.plaintext import html_to_text
from pochtar.base.errors import InvalidInput
from pochtar.content.models import Message

# Each letter's own way out; the service gives it, not the recipient.
UNSUBSCRIBE_NAME = "unsubscribe_url"
BUILT_IN_NAMES = ("full_name", "email", UNSUBSCRIBE_NAME)
LONGEST = {"subject": 500, "preheader": 150, "html": 500_000, "text": 200_000}
# Gmail shows the beginning of a longer letter only (MSG-04).
CLIPPED_BYTES = 90_000
ONE_LINE = ("subject", "preheader")

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SENTENCES = {
    "unclosed": _("the merge field is not closed: “}}}}” is missing."),
    "syntax": _("this is not understood in a merge field: “{name}”."),
    "unknown_name": _("there is no merge field “{name}”."),
    "unknown_filter": _("there is no filter “{name}”. There are: {filters}."),
    "logic": _("only merge fields are possible, “{name}” is not."),
    "place": _(
        "the field “{name}” cannot stand here. Put it into the text, or into an "
        "attribute in quotes."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person writes; all four are templates. Line breaks are LF."""

    subject: str
    preheader: str = ""
    html: str = ""
    text: str = ""


def draft_of(message: Message) -> Draft:
    return Draft(**{name: getattr(message, name) for name in LONGEST})


def clean_draft(draft: Draft) -> Draft:
    """Return the draft with tidy ends and one kind of line break."""
    return Draft(
        subject=draft.subject.strip(" "),
        preheader=draft.preheader.strip(" "),
        html=_lines(draft.html).strip(),
        text=_lines(draft.text).strip(),
    )


def find_problems(draft: Draft, *, names: Collection[str]) -> list[InvalidInput]:
    """Return every mistake; ``names`` are the merge fields that recipients have."""
    problems = list(_check_content(draft))
    for field in LONGEST:
        problems += _check_field(field, getattr(draft, field), names)
    return problems


def is_clipped(html: str) -> bool:
    """Tell whether some mail programs will hide the end of the letter."""
    return len(html.encode()) > CLIPPED_BYTES


def has_way_out(draft: Draft) -> bool:
    """Tell whether every part of the letter says how to unsubscribe (MSG-08)."""
    parts = [part for part in (draft.html, draft.text) if part.strip()]
    try:
        return all(UNSUBSCRIBE_NAME in parse_template(part).names for part in parts)
    except TemplateError:
        return True  # the mistake is told elsewhere


def is_blank(html: str) -> bool:
    """Tell whether a reader would see nothing at all."""
    if len(html) > LONGEST["html"]:
        return False
    return not html_to_text(html).strip() and "<img" not in html.lower()


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_content(draft: Draft) -> Iterator[InvalidInput]:
    if not draft.subject:
        yield InvalidInput("required", _("Enter the subject."), field="subject")
    if is_blank(draft.html) and not draft.text:
        yield InvalidInput("required", _("Write the letter."), field="html")


def _check_field(
    field: str, source: str, names: Collection[str]
) -> Iterator[InvalidInput]:
    """Yield the first thing that is wrong with the field."""
    checks: tuple[Callable[[], None], ...] = (
        lambda: _check_length(field, source),
        lambda: _check_control(field, source),
        lambda: _check_template(field, source, names),
        lambda: _check_links(field, source),
    )
    for check in checks:
        try:
            check()
        except InvalidInput as problem:
            yield problem
            return


def _check_length(field: str, source: str) -> None:
    most = LONGEST[field]
    if len(source) > most:
        text = ngettext_lazy(
            "Too long: at most %(most)d character.",
            "Too long: at most %(most)d characters.",
            "most",
        )
        raise InvalidInput("too_long", text % {"most": most}, field=field)


def _check_control(field: str, source: str) -> None:
    """MSG-20: nothing in a header that could end it; nothing invisible elsewhere."""
    if field not in ONE_LINE:
        bad = _CONTROL.search(source) is not None
    else:
        try:
            check_value(field, source)
            bad = False
        except HeaderError:
            bad = True
    if bad:
        raise InvalidInput(
            "control_character",
            _("There is a line break or another control character in it."),
            field=field,
        )


def _check_template(field: str, source: str, names: Collection[str]) -> None:
    try:
        template = parse_template(source)
        check_names(template, names)
        if field == "html":
            HtmlTemplate(template=template)
    except TemplateError as error:
        raise _template_problem(field, error, names) from error
    _check_defaults(field, template)


def _check_defaults(field: str, template: Template) -> None:
    """An escaped default may hide a line break from the look at the source."""
    if field not in ONE_LINE:
        return
    for each in template.fields:
        for _name, text in each.filters:
            _check_control(field, text or "")


def _check_links(field: str, source: str) -> None:
    if field != "html":
        return
    if unsafe := find_unsafe_url(source):
        line, column, url = unsafe
        raise InvalidInput(
            "unsafe_url",
            format_lazy(
                "{} {}",
                _where(field, line, column),
                format_lazy(_("no reader can open the address “{url}”."), url=url[:60]),
            ),
            field=field,
            details={"line": line, "column": column},
        )


def _template_problem(
    field: str, error: TemplateError, names: Collection[str]
) -> InvalidInput:
    """Say what is wrong with a merge field, where, and what was probably meant."""
    sentence = format_lazy(
        _SENTENCES[error.code], name=error.name, filters=_filter_names()
    )
    parts = [_where(field, error.line, error.column), sentence]
    if error.code == "unknown_name":
        parts += _suggestion(error.name, names)
    return InvalidInput(
        f"template_{error.code}",
        format_lazy(" ".join("{}" for _part in parts), *parts),
        field=field,
        details={"line": error.line, "column": error.column, "name": error.name},
    )


def _filter_names() -> str:
    return ", ".join(["default", *FILTERS])


def _where(field: str, line: int, column: int) -> Promise:
    if field in ONE_LINE:
        return format_lazy(_("Character {column}:"), column=column)
    return format_lazy(_("Line {line}, character {column}:"), line=line, column=column)


def _suggestion(name: str, names: Collection[str]) -> list[Promise]:
    if close := get_close_matches(name, names, n=1):
        return [format_lazy(_("Did you mean “{name}”?"), name=close[0])]
    return []
