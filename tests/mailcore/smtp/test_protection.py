"""TLS and logins (SMTP-02, SMTP-03): nothing secret goes where it should not."""

from __future__ import annotations

import base64
import ssl

import pytest

from mailcore.smtp.auth import AuthError, choose_mechanism, decode_challenge
from mailcore.smtp.session import Session, SmtpError, Stage, TlsMode
from mailcore.smtp.sink import Script, Sink, Step
from tests.mailcore.smtp.dialogue import connect, letter, route_to

PASSWORD = "pa55-слово"
LOGIN = {"username": "lavka", "password": PASSWORD}
USERS = {"lavka": PASSWORD}


async def refusal(sink: Sink, **over: object) -> SmtpError:
    with pytest.raises(SmtpError) as caught:
        await connect(sink, **over)
    return caught.value


@pytest.mark.parametrize("mode", [TlsMode.STARTTLS, TlsMode.OPPORTUNISTIC])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"])
async def test_login_over_starttls(
    server_tls: ssl.SSLContext,
    trusting: ssl.SSLContext,
    mode: TlsMode,
    mechanism: str,
) -> None:
    script = Script(tls=server_tls, users=USERS, mechanisms=(mechanism,))
    async with Sink(script) as sink:
        session = await connect(sink, tls=mode, ssl_context=trusting, **LOGIN)
        outcome = await session.send(letter())
        await session.quit()

    assert outcome.accepted
    assert session.tls in ("TLSv1.2", "TLSv1.3")
    assert (sink.accepted[0].tls, sink.accepted[0].user) == (True, "lavka")
    ehlo = "EHLO mail.lavka.example"
    assert sink.commands[:3] == [ehlo, "STARTTLS", ehlo]


async def test_the_strongest_mechanism_is_taken(
    server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """SMTP-03"""
    script = Script(
        tls=server_tls, users=USERS, mechanisms=("LOGIN", "PLAIN", "SCRAM-SHA-256")
    )
    async with Sink(script) as sink:
        session = await connect(
            sink, tls=TlsMode.STARTTLS, ssl_context=trusting, **LOGIN
        )
        session.abort()

    assert any(line.startswith("AUTH SCRAM-SHA-256 ") for line in sink.commands)


async def test_implicit_tls(
    server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    script = Script(tls=server_tls, implicit_tls=True, users=USERS)
    async with Sink(script) as sink:
        session = await connect(
            sink, tls=TlsMode.IMPLICIT, ssl_context=trusting, **LOGIN
        )
        assert (await session.send(letter())).accepted
        await session.quit()

    assert sink.accepted[0].tls


@pytest.mark.parametrize("mode", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
@pytest.mark.parametrize("wrong", ["unknown authority", "wrong host"])
async def test_a_certificate_that_does_not_verify_ends_it_before_the_login(
    server_tls: ssl.SSLContext,
    wrong_host_tls: ssl.SSLContext,
    trusting: ssl.SSLContext,
    mode: TlsMode,
    wrong: str,
) -> None:
    """SMTP-02"""
    script = Script(
        tls=server_tls if wrong == "unknown authority" else wrong_host_tls,
        implicit_tls=mode is TlsMode.IMPLICIT,
        users=USERS,
    )
    trust = None if wrong == "unknown authority" else trusting
    async with Sink(script) as sink:
        error = await refusal(sink, tls=mode, ssl_context=trust, **LOGIN)

    assert (error.code, error.stage) == ("tls_verify_failed", Stage.STARTTLS)
    assert error.text
    assert not any("AUTH" in line for line in sink.commands)


async def test_required_starttls_that_is_not_offered_is_never_plaintext() -> None:
    """SMTP-02"""
    async with Sink(Script(users=USERS)) as sink:
        error = await refusal(sink, tls=TlsMode.STARTTLS, **LOGIN)

    assert error.code == "tls_unavailable"
    assert sink.commands == ["EHLO mail.lavka.example"]


async def test_required_starttls_that_is_refused_is_never_plaintext(
    server_tls: ssl.SSLContext,
) -> None:
    script = Script(tls=server_tls, steps={"starttls": Step("454 4.7.0 not now")})
    async with Sink(script) as sink:
        error = await refusal(sink, tls=TlsMode.STARTTLS)
        session = await connect(sink, tls=TlsMode.OPPORTUNISTIC)
        session.abort()

    assert (error.code, error.reply and error.reply.code) == ("tls_unavailable", 454)
    assert session.tls == ""


async def test_opportunistic_tls_takes_any_certificate_but_sends_it_no_login(
    server_tls: ssl.SSLContext,
) -> None:
    async with Sink(Script(tls=server_tls, users=USERS)) as sink:
        session = await connect(sink, tls=TlsMode.OPPORTUNISTIC)
        error = await refusal(sink, tls=TlsMode.OPPORTUNISTIC, **LOGIN)
        session.abort()

    assert session.tls
    assert error.code == "tls_verify_failed"


async def test_opportunistic_without_tls_sends_letters_but_no_login() -> None:
    async with Sink(Script(users=USERS)) as sink:
        session = await connect(sink, tls=TlsMode.OPPORTUNISTIC)
        assert (await session.send(letter())).accepted
        error = await refusal(sink, tls=TlsMode.OPPORTUNISTIC, **LOGIN)
        session.abort()

    assert error.code == "auth_needs_tls"
    assert not any("AUTH" in line for line in sink.commands)


async def test_without_tls_a_login_goes_only_to_this_machine_or_when_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Sink(Script(users=USERS)) as sink:
        (await connect(sink, **LOGIN)).abort()
        # The sink is always on this machine: pretend that it is not.
        monkeypatch.setattr("mailcore.smtp.wire.Wire.peer", "192.0.2.1")
        error = await refusal(sink, **LOGIN)
        (await connect(sink, allow_plaintext=True, **LOGIN)).abort()
        monkeypatch.setattr("mailcore.smtp.wire.Wire.peer", "a unix socket")
        assert (await refusal(sink, **LOGIN)).code == "auth_needs_tls"

    assert error.code == "auth_needs_tls"


async def test_what_was_injected_behind_starttls_is_not_believed(
    server_tls: ssl.SSLContext,
) -> None:
    """SMTP-02"""
    script = Script(tls=server_tls, behind_starttls=b"250 AUTH PLAIN\r\n", users=USERS)
    async with Sink(script) as sink:
        error = await refusal(sink, tls=TlsMode.STARTTLS, **LOGIN)

    assert (error.code, error.stage) == ("protocol", Stage.STARTTLS)
    assert not any("AUTH" in line for line in sink.commands)


@pytest.mark.parametrize("mode", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
async def test_a_server_without_tls_behind_the_door_is_a_failed_handshake(
    server_tls: ssl.SSLContext, mode: TlsMode
) -> None:
    script = Script(tls=server_tls, steps={"starttls": Step(b"220 go\r\n", drop=True)})
    async with Sink(script) as sink:
        error = await refusal(sink, tls=mode)

    assert (error.code, error.stage) == ("tls_failed", Stage.STARTTLS)


async def test_a_handshake_that_never_ends_runs_into_the_limit() -> None:
    steps = {"banner": Step(hang=True)}
    async with Sink(Script(steps=steps)) as sink:
        quick = type(route_to(sink).timeouts)(tls=0.05)
        error = await refusal(sink, tls=TlsMode.IMPLICIT, timeouts=quick)

    assert (error.code, error.stage) == ("timeout", Stage.STARTTLS)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("535 5.7.8 bad", "auth_refused"),
        ("454 4.7.0 later", "auth_deferred"),
        ("250 what", "protocol"),
        ("334 !!!", "protocol"),
        ("334 ", "protocol"),
    ],
)
async def test_a_refused_login_is_reported(text: str, code: str) -> None:
    """SMTP-03"""
    async with Sink(Script(users=USERS, steps={"auth": Step(text)})) as sink:
        error = await refusal(sink, **LOGIN)

    assert (error.code, error.stage) == (code, Stage.AUTH)


async def test_a_wrong_password_is_refused_by_every_mechanism() -> None:
    for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"):
        async with Sink(Script(users=USERS, mechanisms=(mechanism,))) as sink:
            error = await refusal(sink, username="lavka", password="wrong")
        assert error.code == "auth_refused"


async def test_no_common_mechanism_is_said_with_what_was_offered() -> None:
    async with Sink(Script(users=USERS, mechanisms=("GSSAPI", "NTLM"))) as sink:
        error = await refusal(sink, **LOGIN)

    assert (error.code, error.text) == ("auth_unsupported", "GSSAPI NTLM")


async def test_an_old_form_of_the_auth_offer_is_read() -> None:
    script = Script(capabilities=("AUTH=LOGIN PLAIN", "SIZE many", ""))
    async with Sink(script) as sink:
        session = await connect(sink)
        session.abort()

    assert session.capabilities.auth == {"LOGIN", "PLAIN"}
    assert session.capabilities.size == 0


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"])
async def test_the_observer_sees_every_line_but_no_secret(mechanism: str) -> None:
    """SMTP-03: not in base64 either, and not if the server says it back."""
    echo = base64.b64encode(f"\0lavka\0{PASSWORD}".encode()).decode()
    script = Script(
        users=USERS,
        mechanisms=(mechanism,),
        steps={"auth": Step(f"535-{PASSWORD}\r\n535 no: {echo}")},
    )
    lines: list[str] = []
    async with Sink(script) as sink:
        error = await refusal(
            sink, observer=lambda who, line: lines.append(f"{who} {line}"), **LOGIN
        )

    shown = "\n".join(lines)
    assert "C EHLO mail.lavka.example" in lines
    assert "S 220 sink.example ESMTP" in lines
    assert "S 535-***" in lines
    for secret in (PASSWORD, echo, base64.b64encode(PASSWORD.encode()).decode()):
        assert secret not in shown
        assert secret not in str(error)


async def test_a_short_password_does_not_spoil_the_challenge() -> None:
    script = Script(users={"lavka": "a"}, mechanisms=("SCRAM-SHA-256",))
    async with Sink(script) as sink:
        (await connect(sink, username="lavka", password="a")).abort()


def test_scram_gives_the_answers_of_rfc_7677() -> None:
    nonce = "rOprNGfwEbeRWgbNEkqO"
    chosen = choose_mechanism({"SCRAM-SHA-256"}, "user", "pencil", nonce)
    assert chosen
    exchange = chosen.exchange

    assert next(exchange) == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    final = exchange.send(
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    assert final
    assert final.endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    assert exchange.send(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") == b""


@pytest.mark.parametrize(
    "challenge",
    [
        b"r=other,s=c2FsdA==,i=4096",
        b"r=mine,s=c2FsdA==,i=4096",
        b"r=mine+,s=c2FsdA==,i=999999999",
        b"r=mine+,s=c2FsdA==,i=x",
        b"r=mine+,s=!,i=1",
        b"junk",
    ],
)
def test_scram_refuses_a_challenge_that_is_not_for_it(challenge: bytes) -> None:
    chosen = choose_mechanism({"SCRAM-SHA-256"}, "user", "pencil", "mine")
    assert chosen
    next(chosen.exchange)

    with pytest.raises(AuthError):
        chosen.exchange.send(challenge)


def test_scram_wants_the_servers_proof() -> None:
    chosen = choose_mechanism({"SCRAM-SHA-256"}, "us=er,", "pencil", "mine")
    assert chosen
    assert next(chosen.exchange) == b"n,,n=us=3Der=2C,r=mine"
    chosen.exchange.send(b"r=mine+,s=c2FsdA==,i=4096")

    with pytest.raises(AuthError):
        chosen.exchange.send(b"v=Zm9yZ2VyeQ==")


async def test_a_scram_login_without_the_servers_proof_does_not_count() -> None:
    script = Script(users=USERS, mechanisms=("SCRAM-SHA-256",), trust_anybody=True)
    async with Sink(script) as sink:
        error = await refusal(sink, **LOGIN)

    assert (error.code, error.stage) == ("protocol", Stage.AUTH)


def test_a_challenge_that_is_not_base64_is_refused() -> None:
    with pytest.raises(AuthError):
        decode_challenge("***")


async def test_a_connection_that_fails_leaves_no_session_behind() -> None:
    async with Sink(Script(steps={"ehlo": Step(drop=True)})) as sink:
        with pytest.raises(SmtpError):
            await Session.connect(route_to(sink))
