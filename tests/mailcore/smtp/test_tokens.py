"""Logging in with an access token, and CRAM-MD5 (SMTP-03)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mailcore.smtp.auth import choose_mechanism
from mailcore.smtp.bearer import choose_bearer, token_status
from mailcore.smtp.session import SmtpError, Stage
from mailcore.smtp.sink import Script, Sink, Step
from tests.mailcore.smtp.dialogue import connect, letter

USER, TOKEN = "news@lavka.example", "ya29.a0Af-stale.token"
FRESH = "ya29.b1Bg-fresh.token"
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")


class Tokens:
    """Has these to give; a refused one is replaced by the next, if there is one."""

    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens)
        self.refused: list[str] = []

    async def access_token(self, *, refused: str = "") -> str:
        self.refused.append(refused)
        if refused == self.left[0] and len(self.left) > 1:
            self.left.pop(0)
        return self.left[0]


def script(token: str = TOKEN, **over: Any) -> Script:
    return Script(**{"users": {USER: token}, "mechanisms": MECHANISMS, **over})


async def refusal(sink: Sink, **over: Any) -> SmtpError:
    given = {"username": USER, "tokens": Tokens(TOKEN), **over}
    with pytest.raises(SmtpError) as caught:
        await connect(sink, **given)
    return caught.value


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_token_opens_the_session(mechanism: str) -> None:
    """SMTP-03"""
    async with Sink(script(mechanisms=(mechanism,))) as sink:
        session = await connect(sink, username=USER, tokens=Tokens(TOKEN))
        outcome = await session.send(letter())
        await session.quit()

    assert outcome.accepted
    assert sink.accepted[0].user == USER
    assert sink.commands[1].startswith(f"AUTH {mechanism} ")


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(("length", "lines"), [(100, 1), (3000, 2)])
async def test_a_long_token_goes_in_a_line_of_its_own(
    mechanism: str, length: int, lines: int
) -> None:
    """SMTP-03, RFC 4954 section 4: no command is longer than 512 octets."""
    token = "t" * length
    heard: list[str] = []
    async with Sink(script(token, mechanisms=(mechanism,))) as sink:
        session = await connect(
            sink,
            username=USER,
            tokens=Tokens(token),
            observer=lambda who, line: heard.append(f"{who} {line}"),
        )
        await session.quit()

    assert len(sink.commands) == 2 + lines  # with EHLO and QUIT
    assert all(len(line) <= 510 for line in sink.commands if line.startswith("AUTH"))
    assert ("C ***" in heard) is (lines == 2)
    assert "tttt" not in "".join(heard)


@pytest.mark.parametrize("user", ["news=1,2@lavka.example", "новости@лавка.рф"])
async def test_a_login_with_any_characters_arrives_as_it_is(user: str) -> None:
    for mechanism in MECHANISMS:
        known = script(users={user: TOKEN}, mechanisms=(mechanism,))
        async with Sink(known) as sink:
            session = await connect(sink, username=user, tokens=Tokens(TOKEN))
            await session.send(letter())
            await session.quit()
        assert sink.accepted[0].user == user


@pytest.mark.parametrize(
    ("mechanism", "status", "resigned"),
    [("OAUTHBEARER", "invalid_token", "AQ=="), ("XOAUTH2", "401", "")],
)
async def test_a_refused_token_is_reported_with_the_servers_complaint(
    mechanism: str, status: str, resigned: str
) -> None:
    """SMTP-03: the complaint comes as JSON in a 334 that wants an empty answer."""
    async with Sink(script("other", mechanisms=(mechanism,))) as sink:
        error = await refusal(sink)

    assert (error.code, error.stage) == ("token_refused", Stage.AUTH)
    assert error.text == status
    assert status in str(error)
    assert error.reply
    assert error.reply.code == 535
    assert sink.commands[2] == resigned


@pytest.mark.parametrize("goes", [False, True])
async def test_a_stale_token_is_replaced_once(goes: bool) -> None:
    """SMTP-03: also where the server hangs up with the refusal."""

    def hang_up(stage: str, argument: str, count: int) -> Step | None:
        first = (stage, count) == ("auth", 1)
        return Step("535 5.7.8 no", drop=goes) if first else None

    async with Sink(script(FRESH, choose=hang_up)) as sink:
        tokens = Tokens(TOKEN, FRESH)
        session = await connect(sink, username=USER, tokens=tokens)
        await session.quit()

    assert tokens.refused == ["", TOKEN, ""]
    assert sink.reached["auth"] == 2


async def test_a_second_refusal_is_the_end() -> None:
    async with Sink(script("other")) as sink:
        tokens = Tokens(TOKEN, FRESH, "third")
        error = await refusal(sink, tokens=tokens)

    assert (error.code, sink.reached["auth"]) == ("token_refused", 2)
    assert tokens.left == [FRESH, "third"]


async def test_nobody_is_asked_for_a_token_that_the_server_cannot_take() -> None:
    async with Sink(script(mechanisms=("PLAIN", "LOGIN"))) as sink:
        tokens = Tokens(TOKEN)
        error = await refusal(sink, tokens=tokens)

    assert (error.code, error.text) == ("token_unsupported", "LOGIN PLAIN")
    assert tokens.refused == []


async def test_a_token_does_not_cross_a_network_without_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Sink(script()) as sink:
        monkeypatch.setattr("mailcore.smtp.wire.Wire.peer", "192.0.2.1")
        tokens = Tokens(TOKEN)
        error = await refusal(sink, tokens=tokens)

    assert (error.code, tokens.refused) == ("auth_needs_tls", [])
    assert not any("AUTH" in line for line in sink.commands)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("454 4.7.0 later", "auth_deferred"),
        ("250 what", "protocol"),
        ("334 !!!", "protocol"),
    ],
)
async def test_another_answer_to_a_token_is_no_refusal(text: str, code: str) -> None:
    async with Sink(script(steps={"auth": Step(text)})) as sink:
        error = await refusal(sink)

    assert error.code == code


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("padding", ["", "x", "xx"])
async def test_the_observer_never_hears_the_token(mechanism: str, padding: str) -> None:
    """SMTP-03: not in the challenge either, where a server may say it back."""
    blob = base64.b64encode(f"{padding}{TOKEN}|".encode()).decode()
    complaint = f'{padding}{{"status": "no {TOKEN}"}}'.encode()
    challenge = f"334 {base64.b64encode(complaint).decode()}\r\n535 {TOKEN} is {blob}"
    lines: list[str] = []
    steps = {"auth": Step(challenge)}
    trusting = script(mechanisms=(mechanism,), trust_anybody=True, steps=steps)
    async with Sink(trusting) as sink:
        error = await refusal(sink, observer=lambda who, line: lines.append(line))

    shown = "\n".join([*lines, str(error), repr(error.reply), error.text])
    assert f"AUTH {mechanism} ***" in lines
    assert "334 ***" in lines
    for form in (TOKEN, blob, base64.b64encode(TOKEN.encode()).decode().rstrip("=")):
        assert form not in shown
    assert "*** is" in shown


async def test_a_challenge_that_is_the_token_itself_is_not_shown() -> None:
    lines: list[str] = []
    steps = {"auth": Step(f"334 {TOKEN}")}
    async with Sink(script(trust_anybody=True, steps=steps)) as sink:
        error = await refusal(sink, observer=lambda who, line: lines.append(line))

    assert error.code == "protocol"
    assert "334 ***" in lines
    assert TOKEN not in "".join([*lines, str(error)])


@pytest.mark.parametrize(
    ("challenge", "status"),
    [
        (b'{"status":"401","schemes":"Bearer"}', "401"),
        (b'{"status":400}', "400"),
        (b'{"status":"a\\r\\n\\u0000b"}', "a b"),
        (b'{"status":"%s"}' % (b"x" * 999), "x" * 60),
        (b'{"status":["401"]}', ""),
        (b"[]", ""),
        (b"[" * 100_000, ""),
        (b"\xff", ""),
        (b"", ""),
    ],
)
def test_a_complaint_is_read_with_care(challenge: bytes, status: str) -> None:
    assert token_status(challenge) == status


def test_oauthbearer_says_what_rfc_7628_says() -> None:
    """SMTP-03: the example of section 4.1, for SMTP that of 4.2."""
    token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
    chosen = choose_bearer(
        {"OAUTHBEARER"},
        "user@example.com",
        token,
        host="server.example.com",
        port=587,
    )
    assert chosen

    expected = (
        "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3"
        "AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9"
        "PQEB"
    )
    assert base64.b64encode(next(chosen.exchange) or b"").decode() == expected
    assert chosen.exchange.send(b'{"status":"invalid_token"}') == b"\x01"


def test_xoauth2_says_what_google_documents() -> None:
    chosen = choose_bearer(
        {"XOAUTH2"},
        "someuser@example.com",
        "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
        host="smtp.gmail.com",
        port=587,
    )
    assert chosen

    expected = (
        "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRj"
        "Mk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
    )
    assert base64.b64encode(next(chosen.exchange) or b"").decode() == expected
    assert chosen.exchange.send(b"") == b""


def test_cram_md5_gives_the_answer_of_rfc_2195() -> None:
    chosen = choose_mechanism({"CRAM-MD5"}, "tim", "tanstaaftanstaaf", "nonce")
    assert chosen

    assert next(chosen.exchange) is None
    answer = chosen.exchange.send(b"<1896.697170952@postoffice.reston.mci.net>")
    assert answer == b"tim b913a602c7eda7a495b4e6e7334d3890"


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        (("CRAM-MD5",), "CRAM-MD5"),
        (("CRAM-MD5", "LOGIN"), "LOGIN"),
        (("CRAM-MD5", "PLAIN", "SCRAM-SHA-256"), "SCRAM-SHA-256"),
    ],
)
async def test_cram_md5_is_taken_only_when_there_is_nothing_else(
    offered: tuple[str, ...], taken: str
) -> None:
    """SMTP-03"""
    async with Sink(script(mechanisms=offered)) as sink:
        session = await connect(sink, username=USER, password=TOKEN)
        await session.quit()
        wrong = await refusal(sink, tokens=None, password="wrong")

    assert sink.commands[1].split()[:2] == ["AUTH", taken]
    assert wrong.code == "auth_refused"
