"""Logging in: what protects the secret, which mechanism, what came of it (SMTP-03).

1. without TLS only to this machine, or where the route says so;
2. the best mechanism that both sides know: with the password (auth.py), or with an
   access token (bearer.py), which is asked for only when the server can take one;
3. challenges and answers; the secret is hidden from observers and errors meanwhile.
"""

from __future__ import annotations

import base64
import ipaddress
import secrets
from collections.abc import Collection
from typing import NoReturn

from mailcore.smtp.auth import (
    AuthError,
    Mechanism,
    choose_mechanism,
    decode_challenge,
    plain_response,
    secret_forms,
)
from mailcore.smtp.bearer import choose_bearer, token_forms, token_status
from mailcore.smtp.discretion import Discretion, mask
from mailcore.smtp.replies import Reply
from mailcore.smtp.route import Route, SmtpError, Stage, TlsMode, TokenSource
from mailcore.smtp.wire import MASK, Wire

__all__ = ["Login"]

LONGEST_LINE = 510  # RFC 5321 §4.5.3.1.4, without CRLF; it holds for AUTH (RFC 4954 §4)


class Login:
    """One login over a wire to a server that offers these mechanisms."""

    def __init__(
        self,
        route: Route,
        wire: Wire,
        offered: Collection[str],
        discretion: Discretion | None,
    ) -> None:
        self._route = route
        self._wire = wire
        self._offered = offered
        self._discretion = discretion
        self._token = ""

    async def run(self) -> None:
        """Log in. Raise SmtpError."""
        route = self._route
        if not self._wire.tls and not (
            route.tls is TlsMode.NONE and self._plaintext_allowed()
        ):
            raise SmtpError("auth_needs_tls", stage=Stage.AUTH)
        if route.tokens:
            await self._present_token(route.tokens)
        else:
            await self._give_password()
        self._hide(frozenset())

    async def has_fresh_token(self) -> bool:
        """Whether there is another token now than the one that was refused."""
        assert self._route.tokens
        token = await self._route.tokens.access_token(refused=self._token)
        return token != self._token

    def _plaintext_allowed(self) -> bool:
        return self._route.allow_plaintext or _is_loopback(self._wire.peer)

    def _hide(self, forms: frozenset[str]) -> None:
        """Keep these out of what is shown and of what becomes an error."""
        self._wire.secrets = forms
        if self._discretion:
            self._discretion.secrets = forms

    # Which mechanism ----------------------------------------------------------------------
    async def _give_password(self) -> None:
        username, password = self._route.username, self._route.password
        self._hide(secret_forms(password, plain_response(username, password)))
        nonce = secrets.token_urlsafe(18)
        chosen = choose_mechanism(self._offered, username, password, nonce)
        await self._speak(chosen or self._nothing_in_common())

    async def _present_token(self, tokens: TokenSource) -> None:
        self._choose_bearer("")  # before anybody is asked for a token
        self._token = await tokens.access_token()
        await self._speak(self._choose_bearer(self._token))

    def _choose_bearer(self, token: str) -> Mechanism:
        username, host, port = self._route.username, self._route.host, self._route.port
        self._hide(token_forms(username, token, host=host, port=port))
        chosen = choose_bearer(self._offered, username, token, host=host, port=port)
        return chosen or self._nothing_in_common()

    def _nothing_in_common(self) -> NoReturn:
        offered = " ".join(sorted(self._offered))
        code = "token_unsupported" if self._route.tokens else "auth_unsupported"
        raise SmtpError(code, stage=Stage.AUTH, text=offered)

    # The exchange -------------------------------------------------------------------------
    async def _speak(self, mechanism: Mechanism) -> None:
        initial = next(mechanism.exchange)
        response = "" if initial is None else f" {_base64(initial)}"
        line = f"AUTH {mechanism.name}"
        if len(line) + len(response) > LONGEST_LINE:  # a token often is
            reply = await self._say(line)
            if reply.code == 334:
                reply = await self._say(response[1:], shown=MASK)
        else:
            shown = f"{line} {MASK}" if response else line
            reply = await self._say(line + response, shown=shown)
        await self._hear_out(mechanism, reply)

    async def _hear_out(self, mechanism: Mechanism, reply: Reply) -> None:
        """Answer the challenges, and judge what came of it."""
        challenges, complaint = 0, ""
        try:
            while reply.code == 334:
                challenges += 1
                challenge = decode_challenge(reply.text)
                if mechanism.bearer:
                    complaint = mask(token_status(challenge), self._wire.secrets)
                answer = mechanism.exchange.send(challenge) or b""
                reply = await self._say(_base64(answer), shown=MASK)
        except (AuthError, StopIteration) as error:
            raise SmtpError("protocol", stage=Stage.AUTH, text=str(error)) from error
        if reply.permanent:
            code = "token_refused" if mechanism.bearer else "auth_refused"
            raise SmtpError(code, stage=Stage.AUTH, reply=reply, text=complaint)
        if reply.temporary:
            raise SmtpError("auth_deferred", stage=Stage.AUTH, reply=reply)
        if reply.code != 235 or challenges < mechanism.challenges:
            raise SmtpError("protocol", stage=Stage.AUTH, reply=reply)

    async def _say(self, line: str, shown: str = "") -> Reply:
        timeout = self._route.timeouts.auth
        return await self._wire.command(
            line, stage=Stage.AUTH, timeout=timeout, shown=shown
        )


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
