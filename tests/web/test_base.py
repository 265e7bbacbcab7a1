"""The frame of the pages: assets, languages, themes, parts and error pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django import forms
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import translation

from pochtar.web.templatetags import assets
from tests.web.inline import inline_code_in

FRONT_END = Path(__file__).resolve().parents[2] / "frontend"
TEMPLATES = Path(assets.__file__).resolve().parent.parent / "templates"
MANIFEST = {
    "src/app.js": {
        "file": "assets/app-1.js",
        "css": ["assets/app-1.css"],
        "assets": [
            "assets/golos-text-cyrillic-wght-normal-1.woff2",
            "assets/golos-text-cyrillic-ext-wght-normal-1.woff2",
            "assets/golos-text-latin-wght-normal-1.woff2",
        ],
    },
    "icons.svg": {"file": "assets/icons-1.svg"},
}


@pytest.fixture
def built(tmp_path, monkeypatch):
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
    monkeypatch.setattr(assets, "DIST", tmp_path)


@pytest.fixture
def unbuilt(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "DIST", tmp_path)


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


def test_a_page_names_the_built_styles_and_script(built):
    html = render("{% load assets %}{% vite %}", request=RequestFactory().get("/"))

    assert 'href="/static/dist/assets/app-1.css"' in html
    assert '<script type="module" src="/static/dist/assets/app-1.js"' in html


@pytest.mark.parametrize(
    ("language", "scripts"), [("ru", ["cyrillic", "latin"]), ("en", ["latin"])]
)
def test_only_the_letters_of_the_page_s_language_are_fetched_ahead(
    built, language, scripts
):
    with translation.override(language):
        html = render("{% load assets %}{% vite %}", request=RequestFactory().get("/"))

    assert re.findall(r'preload" href="[^"]*golos-text-([a-z-]+)-wght', html) == scripts


@pytest.mark.django_db
def test_the_script_carries_the_nonce_of_the_policy(built, as_owner):
    """SEC-04: widgets that write a style sheet hand this nonce on."""
    page = as_owner.get("/")

    nonce = re.findall(r'<script type="module"[^>]* nonce="([^"]+)"', page.text)[0]
    assert f"'nonce-{nonce}'" in page["Content-Security-Policy"]


def test_an_icon_is_decoration_unless_it_has_a_label(built):
    plain = render('{% load assets %}{% icon "send" %}')
    named = render('{% load assets %}{% icon "send" label=x %}', x="<Send>")

    assert 'aria-hidden="true"' in plain
    assert "/static/dist/assets/icons-1.svg#send" in plain
    assert 'aria-label="&lt;Send&gt;"' in named


@pytest.mark.django_db
def test_an_unbuilt_front_end_is_said_on_the_page(unbuilt):
    html = Client().get("/").text

    assert "make setup" in html
    assert '<script type="module"' not in html


def test_every_icon_in_a_template_is_in_the_sprite():
    listed = set((FRONT_END / "icons.txt").read_text(encoding="utf-8").split("\n"))
    used = {
        name
        for page in TEMPLATES.rglob("*.html")
        for name in re.findall(
            r'(?:\{% icon |icon(?:_name)?=)"([a-z0-9-]+)"', page.read_text("utf-8")
        )
    }

    assert used - listed == set()


def test_the_lock_file_names_no_registry():
    assert '"resolved"' not in (FRONT_END / "package-lock.json").read_text("utf-8")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cookie", "drawn"), [("dark", "dark"), ("light", "light"), ("<x>", "auto")]
)
def test_the_chosen_theme_is_drawn_by_the_server(cookie, drawn):
    client = Client()
    client.cookies["theme"] = cookie

    assert f'data-bs-theme="{drawn}"' in client.get("/").text


@pytest.mark.django_db
def test_the_browser_s_wish_chooses_the_language_and_one_click_changes_it():
    client = Client(headers={"accept-language": "en"})
    english = client.get("/")
    client.post("/language/setlang/", {"language": "ru", "next": "/"})
    russian = client.get("/")

    assert '<html lang="en"' in english.text
    assert '<html lang="ru"' in russian.text


@pytest.mark.django_db
def test_the_menu_marks_where_the_reader_is(as_owner):
    html = as_owner.get("/").text

    assert re.search(r'class="side-link" href="/" aria-current="page"', html)
    assert html.count('aria-current="page"') == 2  # the side bar, and the phone's tabs


@pytest.mark.django_db
def test_the_design_page_exists_only_for_developers(as_owner, settings):
    assert as_owner.get("/_design/").status_code == 404

    settings.DEBUG = True
    page = as_owner.get("/_design/")

    assert page.status_code == 200
    assert inline_code_in(page.text) == []


@pytest.mark.django_db
def test_an_unknown_address_has_a_page_of_our_own():
    page = Client().get("/no-such-page/")

    assert page.status_code == 404
    assert 'class="empty-state"' in page.text


@pytest.mark.django_db
def test_a_form_without_its_token_is_explained():
    """SEC-03"""
    page = Client(enforce_csrf_checks=True).post("/language/setlang/")

    assert page.status_code == 403
    assert 'class="empty-state"' in page.text


@pytest.mark.parametrize("name", ["403", "404", "500", "503", "csrf"])
def test_error_pages_need_no_database_and_hold_no_inline_code(name):
    """A broken service still draws them."""
    html = render_to_string(f"errors/{name}.html", request=RequestFactory().get("/"))

    assert "<h1" in html
    assert inline_code_in(html) == []


class Sample(forms.Form):
    email = forms.EmailField(label="Address", help_text="Where to.")
    agreed = forms.BooleanField(label="Agreed", required=False)
    kind = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect)
    secret = forms.CharField(widget=forms.HiddenInput)


FIELD = '{% include "parts/field.html" with field=field %}'


def test_a_wrong_field_says_so_and_keeps_what_was_typed():
    html = render(FIELD, field=Sample(data={"email": "anna@"})["email"])

    assert 'value="anna@"' in html
    assert 'aria-invalid="true"' in html
    described = re.findall(r'aria-describedby="([^"]+)"', html)[0].split()
    assert all(f'id="{name}"' in html for name in described)


def test_each_kind_of_field_is_laid_out_in_its_way():
    form = Sample()

    assert 'class="form-check-input"' in render(FIELD, field=form["agreed"])
    assert "<fieldset" in render(FIELD, field=form["kind"])
    assert "<label" not in render(FIELD, field=form["secret"])


def test_numbers_and_shares_are_written_in_the_reader_s_way():
    source = "{% load formatting %}{{ n|number }} {{ part|percent:whole }}"
    context = {"n": 1234567, "part": 999, "whole": 1000}

    with translation.override("ru"):
        russian = render(source, **context)
    with translation.override("en"):
        english = render(source, **context)

    assert russian.split() == ["1", "234", "567", "99", "%"]
    assert english == "1,234,567 99%"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.9, "59 s"), (90, "1 min 30 s"), (3900, "1 h 5 min")],
)
def test_a_length_of_time_is_said_in_two_units(seconds, said):
    with translation.override("en"):
        assert render("{% load formatting %}{{ s|duration }}", s=seconds) == said


def test_the_parts_of_a_progress_bar_fill_what_is_done():
    html = render("{% load formatting %}{% progress_bar accepted=3 failed=1 total=8 %}")

    assert re.findall(r'x="([\d.]+)" y="0" width="([\d.]+)"', html) == [
        ("0.00", "375.00"),
        ("375.00", "125.00"),
    ]


def test_a_server_s_reply_is_one_line_and_escaped():
    source = "{% load formatting %}{% reply code enhanced text words=14 %}"
    html = render(
        source, code=550, enhanced="5.1.1", text="<b>No\r\n such</b> user anywhere here"
    )

    assert "550 5.1.1" in html
    assert "&lt;b&gt;No such&lt;/b&gt;…" in html


def test_an_unknown_outcome_is_shown_as_it_is():
    assert "&lt;odd&gt;" in render("{% load formatting %}{% outcome x %}", x="<odd>")
