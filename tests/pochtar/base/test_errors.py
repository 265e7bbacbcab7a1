"""Errors carry a stable code, a text for the reader, and what helps further."""

from __future__ import annotations

from django.utils.translation import gettext_lazy, override

from pochtar.base.errors import Conflict, InvalidInput, NotAllowed, PochtarError


def test_the_text_is_for_the_reader_in_their_language() -> None:
    error = Conflict("gone", gettext_lazy("Viewer"))

    with override("en"):
        english = str(error)
    with override("ru"):
        russian = str(error)

    assert english == "Viewer"
    assert russian != ""
    assert error.code == "gone"


def test_every_kind_is_one_of_ours() -> None:
    assert issubclass(NotAllowed, PochtarError)
    assert issubclass(Conflict, PochtarError)
    assert issubclass(InvalidInput, PochtarError)


def test_bad_input_names_its_field_and_details_are_a_copy() -> None:
    details = {"pk": 1}
    error = InvalidInput("bad", "Bad.", field="email", details=details)
    details["pk"] = 2

    assert (error.field, error.details) == ("email", {"pk": 1})
    assert InvalidInput("bad", "Bad.").field == ""
