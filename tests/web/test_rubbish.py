"""Whatever is typed into an address or a form: an answer of ours, never a traceback."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.urls import reverse

from pochtar.accounts.models import Role
from tests.conftest import client_of
from tests.make import make_member
from tests.web.access_table import TABLE

pytestmark = pytest.mark.django_db

RUBBISH = [
    "\x00",
    "\ud800",  # half of a character
    "-99999999999999999999999999",
    "я" * 20_000,
    "01900000-0000-7000-8000-000000000000",
    "<script>alert(1)</script> {{ 7*7 }}{% now %} ' OR 1=1 -- %s %(x)s ../../etc",
]
ENCODING = "application/x-www-form-urlencoded"
ANSWERS = {200, 204, 302, 400, 404, 405, 409, 422}
QUERY = [
    "q",
    "cursor",
    "sort",
    "order",
    "status",
    "outcome",
    "list",
    "lists",
    "recipient",
    "message",
    "mailing",
    "sender",
    "relay",
    "show",
    "width",
    "images",
    "newest",
    "of",
    "from",
    "since",
    "until",
    "start",
    "day",
    "page",
    "next",
    "more",
]
FORM = [
    "name",
    "encoding",
    "delimiter",
    "header",
    "sheet",
    "to",
    "to-0",
    "key-0",
    "way",
    "basis",
    "wording",
    "new_list",
    "email",
    "full_name",
    "comment",
    "subject",
    "preheader",
    "html",
    "text",
    "message",
    "sender",
    "relay",
    "audience",
    "lists",
    "picked",
    "addresses",
    "start_at",
    "stop_at",
    "host",
    "port",
    "tls",
    "username",
    "password",
    "from_name",
    "from_email",
    "reply_to",
    "key",
    "value",
    "attr-0-key",
    "attr-0-value",
    "action",
    "pick",
    "to",
    "everybody",
    "time_zone",
    "language",
    "login",
    "password1",
    "oldpassword",
    "workspace_name",
    "next",
    "new_name",
    "out_of",
    "recipient",
    "confirm",
    "count",
    "token",
]


def address_of(workspace, name: str) -> str:
    rule = TABLE[name]
    args = rule.make(workspace).args if rule.make else rule.args
    return reverse(name, args=args)


@pytest.mark.parametrize("name", [name for name, rule in TABLE.items() if rule.get])
def test_rubbish_in_the_address_is_answered(as_owner, workspace, name):
    url = address_of(workspace, name)

    for value in RUBBISH:
        check(as_owner.get(f"{url}?{_encoded(QUERY, value[:2000])}"))


@pytest.mark.parametrize("name", [name for name, rule in TABLE.items() if rule.post])
def test_rubbish_in_a_form_is_answered(workspace, name):
    for value in RUBBISH:
        # Each time anew: a password that was changed logs the others out.
        client = client_of(make_member(workspace, role=Role.OWNER))
        url = address_of(workspace, name)
        check(client.post(url, _encoded(FORM, value), content_type=ENCODING))


def check(page) -> None:
    assert page.status_code in ANSWERS
    content = page.getvalue() if page.streaming else page.content
    assert b"<script>alert(1)" not in content


def _encoded(names: list[str], value: str) -> str:
    """Encode as a browser of bad will would: what is no text is sent all the same."""
    return urlencode(dict.fromkeys(names, value), errors="surrogatepass")
