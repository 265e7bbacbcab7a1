"""Our signatures, checked by somebody else's verifier (DKIM-08)."""

from __future__ import annotations

import email
import email.policy
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

import dkim
import mailparser
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mailcore.compose import LetterSource, Mailbox, compile_letter
from mailcore.dkim import (
    SIGNED_HEADERS,
    Algorithm,
    Signer,
    SigningKey,
    canonical_body,
)
from mailcore.dkim_keys import generate_key, public_text, record_text

AT = 1_780_000_000
RSA, ED25519 = Algorithm.RSA, Algorithm.ED25519
SOURCE = LetterSource(
    subject="{{ full_name }}, скидки до 50 %",
    preheader="Только до пятницы",
    html="<p>Здравствуйте, {{ full_name }}!</p><p>A  wide   gap\tand a tab. </p>",
    text="",
    sender=Mailbox(name="ООО «Ромашка»", address="news@shop.example"),
    reply_to=Mailbox(name="", address="shop@shop.example"),
)
LATIN = "Our autumn sale begins on Friday, come and see it. "
SHAPES = {
    "both parts": SOURCE,
    "plain only": replace(SOURCE, html="", text="Привет, {{ full_name }}\n\n\n"),
    "quoted-printable": replace(SOURCE, html=f"<p>{LATIN * 60}{{{{ full_name }}}}</p>"),
    "base64": replace(SOURCE, html="<p>Осень пришла, {{ full_name }}.</p>" * 60),
    "hardly anything": replace(
        SOURCE, subject="{{ full_name }}", html="", text=".", reply_to=None
    ),
    "long subject": replace(SOURCE, subject="Очень длинная тема " * 20),
    "own header": replace(SOURCE, extra_headers=(("X-Season", "autumn"),)),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=90)


@cache
def key(algorithm: Algorithm, *, selector: str = "s1", domain: str = "shop.example"):
    return SigningKey(
        domain=domain,
        selector=selector,
        algorithm=algorithm,
        private_key=generate_key(algorithm),
    )


def dns_of(*keys: SigningKey) -> Callable[..., bytes]:
    """A zone that shows the public halves."""
    zone = {
        f"{one.selector}._domainkey.{one.domain}.": record_text(
            one.algorithm, public_text(one.private_key)
        )
        for one in keys
    }

    def find(name: bytes, timeout: int = 5) -> bytes:
        return zone[name.decode()].encode()

    return find


def letter(source: LetterSource = SOURCE, name: str = "Иван") -> bytes:
    return compile_letter(source).compose(
        to=Mailbox(name="Иван Петров", address="ivan@example.ru"),
        values={"full_name": name},
        message_id="<1@shop.example>",
        date=datetime(2026, 5, 1, 12, tzinfo=UTC),
    )


def sign(data: bytes, *keys: SigningKey) -> bytes:
    return Signer(keys or (key(RSA),)).sign(data, at=AT)


def signatures(signed: bytes) -> list[str]:
    return email.message_from_bytes(signed).get_all("DKIM-Signature") or []


def verdicts(data: bytes, *keys: SigningKey) -> list[bool]:
    """Ask dkimpy about each signature, from the top."""
    count = len(re.findall(rb"(?m)^DKIM-Signature:", data.split(b"\r\n\r\n")[0]))
    dns = dns_of(*(keys or (key(RSA),)))
    return [_verifies(data, at, dns) for at in range(count)]


def _verifies(data: bytes, at: int, dns: Callable[..., bytes]) -> bool:
    try:
        return bool(dkim.DKIM(data).verify(idx=at, dnsfunc=dns))
    except dkim.ValidationError:  # the body has changed
        return False


# Golden letters -------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_letters_of_the_composer_verify_in_dkimpy(shape: str):
    """DKIM-08, DKIM-02"""
    signed = sign(letter(SHAPES[shape]))

    assert verdicts(signed) == [True]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_signature_changes_nothing_below_it(shape: str):
    raw = letter(SHAPES[shape])
    signed = sign(raw)

    assert signed.endswith(raw)
    one = email.message_from_bytes(raw, policy=email.policy.default)
    two = email.message_from_bytes(signed, policy=email.policy.default)
    assert two.keys() == ["DKIM-Signature", *one.keys()]
    assert [part.get_content() for part in two.walk() if not part.is_multipart()] == [
        part.get_content() for part in one.walk() if not part.is_multipart()
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_mail_parser_reads_the_same(shape: str):
    """DKIM-08"""
    raw = letter(SHAPES[shape])
    one, two = (mailparser.parse_from_bytes(each) for each in (raw, sign(raw)))

    assert (two.subject, two.from_, two.to) == (one.subject, one.from_, one.to)
    assert (two.text_plain, two.text_html) == (one.text_plain, one.text_html)


def test_the_signature_says_what_it_should_and_no_more():
    """DKIM-02, DKIM-03, DKIM-04, MSG-02"""
    signed = sign(letter())

    head = signed.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 78
    field = email.message_from_bytes(signed)["DKIM-Signature"]
    tags = dict(part.strip().split("=", 1) for part in field.split(";"))
    assert list(tags) == ["v", "a", "c", "d", "s", "t", "h", "bh", "b"]
    assert (tags["a"], tags["c"]) == ("rsa-sha256", "relaxed/relaxed")
    assert (tags["d"], tags["s"], tags["t"]) == ("shop.example", "s1", str(AT))
    names = "".join(tags["h"].split()).split(":")
    present = email.message_from_bytes(signed).keys()
    lower = [name.lower() for name in present]
    assert {name: names.count(name) for name in names} == {
        name: lower.count(name) + 1 for name in SIGNED_HEADERS
    }
    assert not {"received", "return-path", "dkim-signature"} & set(names)


# What a stranger might do ---------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [b"From: x@evil.example", b"Subject: other", b"Reply-To: x@evil.example", b"Cc: x"],
)
@pytest.mark.parametrize("shape", ["both parts", "hardly anything"])
def test_another_signed_field_breaks_the_signature(line: bytes, shape: str):
    """DKIM-04"""
    signed = sign(letter(SHAPES[shape]))
    head, _, body = signed.partition(b"\r\n\r\n")

    assert verdicts(line + b"\r\n" + signed) == [False]
    assert verdicts(head + b"\r\n" + line + b"\r\n\r\n" + body) == [False]


def test_a_field_of_a_server_on_the_way_does_not():
    """DKIM-04"""
    signed = sign(letter())

    for line in (b"X-Foo: bar", b"Received: from a by b; Fri, 1 May 2026 12:00:00 +0"):
        assert verdicts(line + b"\r\n" + signed) == [True]


def test_a_changed_body_breaks_it():
    assert verdicts(sign(letter()) + b"more\r\n") == [False]


# Several keys ---------------------------------------------------------------------------


def test_rsa_stands_above_ed25519_whatever_the_order_and_both_verify():
    """DKIM-05"""
    keys = key(ED25519, selector="ed"), key(RSA)

    signed = sign(letter(), *keys)

    found = re.findall(r" a=([a-z0-9-]+)", "".join(signatures(signed)))
    assert found == [RSA, ED25519]
    assert verdicts(signed, *keys) == [True, True]


@pytest.mark.parametrize("keys", [(), (key(ED25519),)])
def test_ed25519_never_stands_alone(keys: tuple[SigningKey, ...]):
    """DKIM-05"""
    with pytest.raises(ValueError, match="RSA"):
        Signer(keys)


def test_the_services_domain_signs_beside_the_clients():
    """DKIM-06"""
    keys = key(RSA), key(RSA, domain="service.example")

    signed = sign(letter(), *keys)

    assert ["shop.example" in one for one in signatures(signed)] == [True, False]
    assert verdicts(signed, *keys) == [True, True]


# RFC 8463 appendix A --------------------------------------------------------------------

SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
FOOTBALL_BODY = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n\r\n"
FOOTBALL_HASH = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
FOOTBALL_SIGNED = (
    b"from:Joe SixPack <joe@football.example.com>\r\n"
    b"to:Suzie Q <suzie@shopping.example.net>\r\n"
    b"subject:Is dinner ready?\r\n"
    b"date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"message-id:<20030712040037.46341.5F8J@football.example.com>\r\n"
    b"dkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; "
    b"d=football.example.com; i=@football.example.com; q=dns/txt; s=brisbane; "
    b"t=1528637909; h=from : to : subject : date : message-id : from : subject : "
    b"date; bh=" + FOOTBALL_HASH.encode() + b"; b="
)
FOOTBALL_SIGNATURE = (
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
    "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
)


def test_the_vectors_of_rfc_8463_come_out():
    """DKIM-05: Ed25519 signs the same octets always, so they can be compared."""
    private = Ed25519PrivateKey.from_private_bytes(b64decode(SEED))
    joe = SigningKey(
        domain="football.example.com",
        selector="brisbane",
        algorithm=ED25519,
        private_key=private,
    )

    body = canonical_body(FOOTBALL_BODY)

    assert public_text(private) == PUBLIC
    assert b64encode(sha256(body).digest()).decode() == FOOTBALL_HASH
    assert b64encode(joe.sign(FOOTBALL_SIGNED)).decode() == FOOTBALL_SIGNATURE


# Whatever comes -------------------------------------------------------------------------


@given(name=TEXTS.filter(bool), html=TEXTS, text=TEXTS)
def test_whatever_is_written_verifies(name: str, html: str, text: str):
    """DKIM-08"""
    content = replace(
        SOURCE, html=f"<p>{html.replace('{', '(')}</p>", text=text.replace("{", "(")
    )

    raw = letter(content, name.replace("{", "("))
    signed = sign(raw)

    assert verdicts(signed) == [True]
    # Nothing has to be looked for in what we wrote ourselves.
    assert Signer((key(RSA),)).sign(raw, at=AT, ours=True) == signed


LINES = st.lists(st.text(" \ta=.é\x00", max_size=12), max_size=8)


@given(lines=LINES, value=LINES, end=st.sampled_from(["\r\n", " \r\n\r\n"]))
def test_bodies_and_headers_of_others_verify_too(
    lines: list[str], value: list[str], end: str
):
    """DKIM-02: white space at the ends of lines, empty lines, folded fields."""
    folded = "\r\n ".join(each + "x" for each in value) or "x"
    head = f"FROM: a@shop.example\r\nSubject:{folded}\t \r\nTo: b@example.ru"
    body = "\r\n".join(lines) + end

    data = f"{head}\r\n\r\n{body}".encode()

    assert verdicts(sign(data)) == [True]


def test_a_letter_without_an_end_of_its_head_is_refused():
    with pytest.raises(ValueError, match="header"):
        Signer([key(RSA)]).sign(b"From: a@shop.example\r\n", at=AT)


def test_a_signer_keeps_apart_letters_of_different_shapes():
    signer = Signer([key(RSA)])

    for shape in [*SHAPES, *SHAPES]:
        assert verdicts(signer.sign(letter(SHAPES[shape]), at=AT)) == [True]
