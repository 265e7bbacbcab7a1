"""What went wrong between us and an SMTP server, in a person's words, with advice."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# At the token address, where an SMTP server is logged in to with OAuth 2.
TOKEN_TROUBLES: dict[str, Promise] = {
    "oauth_withdrawn": _(
        "The permission to send has been withdrawn or has run out. Connect the mailbox "
        "again: enter a new refresh token for this SMTP server."
    ),
    "oauth_client": _(
        "The provider does not know this client ID, or the client secret is wrong or "
        "has run out. Check both in the provider's console."
    ),
    "oauth_scope": _(
        "The provider refuses the scope. It must be one that the permission was given "
        "for."
    ),
    "oauth_deferred": _(
        "The provider cannot give an access token just now. Try again later."
    ),
    "oauth_refused": _("The provider gives no access token. Its answer says why."),
    "oauth_answer": _(
        "What answers at the token address gives no access tokens. Check the address."
    ),
    "oauth_unreachable": _(
        "The token address cannot be reached, or did not answer in time. Check it; a "
        "firewall may be in the way."
    ),
    "oauth_tls": _(
        "The certificate at the token address cannot be trusted, so no secret was sent."
    ),
    "oauth_unreadable": _(
        "The stored secrets of OAuth 2 cannot be read any more (the encryption key has "
        "changed). Enter them again."
    ),
    "oauth_private": _(
        "The token address stands in a private network, and this installation does not "
        "allow that."
    ),
}
TROUBLES: dict[str, Promise] = {
    **TOKEN_TROUBLES,
    "connect_refused": _(
        "Nothing answers at this host and port. Check both; a firewall may be in the way."
    ),
    "unreachable": _("The host cannot be reached over the network."),
    "dns": _("There is no such host. Check its name."),
    "timeout": _(
        "The server did not answer in time. Check the port and the encryption; "
        "a firewall may swallow the connection."
    ),
    "closed": _("The server closed the connection in the middle of the talk."),
    "protocol": _("What answers there does not speak SMTP as it should."),
    "refused": _("The server does not want to talk with us. Its answer says why."),
    "tls_failed": _(
        "No encrypted connection came about. Port 465 usually wants TLS from the "
        "start, port 587 STARTTLS."
    ),
    "tls_verify_failed": _(
        "The server's certificate cannot be trusted, so neither login nor letters were "
        "sent. Check the host's name, or have the certificate renewed."
    ),
    "tls_unavailable": _(
        "The server offers no STARTTLS here, so nothing was sent in the clear. "
        "Check the port, or choose another encryption."
    ),
    "auth_refused": _(
        "The server refused the login or the password. Many providers want a separate "
        "password for applications."
    ),
    "auth_deferred": _("The server cannot check the login just now. Try again later."),
    "auth_unsupported": _("The server offers no kind of login that we know."),
    "auth_needs_tls": _(
        "The password is not sent without encryption. Choose STARTTLS or TLS."
    ),
    "token_refused": _(
        "The server did not take the access token. The login name must be the mailbox's "
        "own address, the permission must include sending mail (scope), and SMTP must "
        "be switched on for the mailbox."
    ),
    "token_unsupported": _(
        "The server takes no login with OAuth 2. Log in with a password, or check host "
        "and port."
    ),
    "private_address": _(
        "The host stands in a private network, and this installation does not allow "
        "that."
    ),
    "sender_refused": _(
        "The server refused the sender's address. Often it must be the same as the login."
    ),
    "login_wanted": _("The server wants a login. Enter one for this SMTP server."),
    "password_unreadable": _(
        "The stored password cannot be read any more (the encryption key has changed). "
        "Enter it again."
    ),
    "dkim_mismatch": _(
        "DNS does not show the DKIM key that signs these letters, so mail providers "
        "would not believe the signature. Publish the record as the page of the "
        "sender's domain shows it, and press “Check now” there."
    ),
    "dkim_unreadable": _(
        "The stored DKIM key cannot be read any more (the encryption key has changed). "
        "Make a new one at the sender's domain."
    ),
    "letter_broken": _("The letter cannot be written: its content or sender is wrong."),
    "canary_failed": _(
        "The careful start went badly: too many of the first letters were refused, or "
        "their outcome is unknown. The others have not been sent."
    ),
    "many_refused": _(
        "The mail servers refused too many of the last letters for good."
    ),
    "internal_error": _(
        "Something went wrong inside Pochtar. The operator finds it in the log."
    ),
    "eai_unsupported": _("The server does not take addresses like this one."),
    "too_big": _("The letter is bigger than the server takes."),
    "bad_address": _("This address cannot be written to."),
    "needs_8bit": _("The server takes only plain ASCII letters."),
}


def explain_trouble(code: str) -> Promise | str:
    """Return a trouble in words; a code without words shows as itself."""
    return TROUBLES.get(code, code)
