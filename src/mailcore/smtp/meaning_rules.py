"""The texts of mail services and server programs, as data.

Each pattern is searched in ``code enhanced text``, in lower case, addresses taken out,
white space evened.  Patterns stand on the words that stay the same for years; gaps are
bounded, so that a search takes time in proportion to the text.  The first that fits
wins: what is narrow stands before what is wide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["RULES", "Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    key: str
    pattern: re.Pattern[str]
    provider: str = ""  # whose words these are, where only one speaks so


def _rule(key: str, *alternatives: str, by: str = "") -> Rule:
    return Rule(key, re.compile("|".join(alternatives)), by)


RULES: tuple[Rule, ...] = (
    # Logging in and handing over.
    _rule(
        "basic_login_off",
        r"basic authentication is (?:disabled|not supported)",
        r"smtpclientauthentication is disabled",
        r"client submission.{0,40}not supported",
        by="microsoft",
    ),
    _rule(
        "login_refused",
        r"username and password not accepted",
        r"application-specific password required",
        r"application password is required",
        r"parol prilozheniya",
        r"invalid user or password",
        r"authentication (?:credentials invalid|unsuccessful|failed)",
        r"incorrect authentication data",
        r"access rights to this service",
        r"\b535\b.{0,60}\bauthenticat",
    ),
    _rule(
        "tls_required",
        r"must issue a? ?starttls",
        r"\b[45]\.7\.29\b.{0,120}\btls\b",
        r"not sent over a tls",
        r"(?:encryption|tls|ssl) (?:is )?required",
        r"session encryption is required",
    ),
    _rule(
        "sender_not_allowed",
        r"not owned by (?:auth )?user",
        r"not local sender over smtp",
        r"sendasdenied",
        r"does not have permissions to send as",
        r"not allowed to (?:send (?:mail )?from|use this (?:address|sender))",
        r"sender address must match (?:the )?auth",
    ),
    _rule(
        "account_blocked",
        r"bad outbound sender",
        r"\b5\.7\.70[1235]\b",
        r"tenant has exceeded threshold",
        r"outbound (?:mail|spam).{0,40}(?:blocked|suspended)",
        r"your account (?:has been|is) (?:blocked|suspended|disabled)",
    ),
    _rule(
        "sending_quota",
        r"daily (?:user )?(?:sending|message|mail) (?:limit|quota)",
        r"\b[45]\.4\.5\b.{0,60}(?:limit|quota)",
        r"(?:sender|sending|outgoing|hourly|submission) (?:quota|limit) (?:is )?exceeded",
        r"(?:max|maximum) (?:emails|messages|recipients) per (?:hour|day)",
        r"exceeded (?:the )?(?:max|your) (?:emails|messages|sending)",
    ),
    # The mailbox is full. Before "no mailbox": a few texts speak of both.
    _rule(
        "mailbox_full",
        r"over ?quota",
        r"out of storage space",
        r"quota (?:is )?(?:exceeded|full|has been exceeded)",
        r"exceed(?:s|ed|ing)? .{0,30}\b(?:quota|storage|mailbox size)",
        r"mailbox (?:size limit|.{0,40}\bis full|.{0,20}full\b)",
        r"(?:mailbox|inbox|ящик).{0,20}(?:переполнен|full)",
        r"mailfull|mailbox ?full|insufficient mailbox space",
    ),
    # Who sends it, and whether that is proved.
    _rule(
        "dmarc_failed",
        r"\b5\.7\.509\b",
        r"does not pass dmarc",
        r"dmarc.{0,60}\b(?:policy|reject|fail|evaluation)",
        r"(?:policy|reject(?:ed)?|fail(?:ed|s)?).{0,40}\bdmarc\b",
    ),
    _rule(
        "auth_missing",
        r"\b[45]\.7\.(?:26|515)\b",
        r"required authentication level",
        r"sender is unauthenticated",
        r"unauthenticated (?:e?mail|sender)",
        r"spf and dkim (?:both )?(?:do not|did not|didn't)",
    ),
    _rule(
        "spf_failed",
        r"\b[45]\.7\.(?:23|27)\b.{0,200}\bspf\b",
        r"spf.{0,40}(?:did not pass|fail|softfail|reject|not authorized|not permitted)",
        r"(?:fail|reject).{0,40}\bspf\b",
        r"\bspf\b.{0,20}\bcheck",
        r"open-?spf\.(?:org|net)",
    ),
    _rule(
        "dkim_failed",
        r"dkim.{0,60}(?:did not pass|fail|invalid|missing|not valid|bad signature)",
        r"(?:no|invalid|bad|failed|missing).{0,20}\bdkim\b",
    ),
    _rule(
        "no_reverse_name",
        r"\b[45]\.7\.25\b",
        r"\bptr (?:record|setup)",
        r"generic ptr|dynamic ip or generic",
        r"reverse (?:dns|hostname|lookup|mapping|name)",
        r"(?:cannot|can't|could not) (?:find|resolve) your (?:reverse )?host",
        r"\brdns\b",
    ),
    _rule(
        "helo_refused",
        r"\b(?:helo|ehlo)\b.{0,30}(?:rejected|invalid|refused|bad|must)",
        r"(?:invalid|bad|forged) (?:helo|ehlo)\b",
    ),
    # Too much: complaints and limits. Before the blocklists, which share their words.
    _rule(
        "complaints",
        r"unusual rate of unsolicited",
        r"unexpected volume or user complaints",
        r"\[tss?0[1-8]\]",
        r"(?:user|spam) complaints?\b",
    ),
    _rule(
        "recipient_rate",
        r"receiving mail (?:at a rate|too quickly)",
        r"mailbox .{0,30}concurrent connection",
        r"recipient.{0,40}(?:too many|rate limit)",
    ),
    _rule(
        "too_many_connections",
        r"too many (?:concurrent |simultaneous |smtp |tcp )*(?:connections|sessions)",
        r"(?:connection|concurrency) (?:limit|rate limit)",
    ),
    # Reputation.
    _rule(
        "bad_link",
        r"\b(?:surbl|uribl|dbl\.spamhaus)\b",
        r"blocked (?:url|link)|(?:url|link|uri)s? .{0,40}(?:black|block)list",
        r"(?:malicious|phishing|blacklisted|unsafe) (?:url|link|website)",
    ),
    _rule(
        "blocklisted",
        r"\b5\.7\.(?:511|60[5-9]|6[1-4][0-9]|708)\b",
        r"\[(?:tss09|tss1[01]|bl2[0-9])\]",
        r"(?:is|on|in) .{0,20}\b(?:our|a|an|the)? ?\b(?:block|black|deny) ?list",
        r"(?:block|black) ?listed",
        r"blocked (?:using|by|for) \S{0,60}(?:\.|spam|rbl|dnsbl)",
        r"spamhaus|spamcop|barracuda(?:central| reputation)|\bsorbs\b|\b(?:rbl|dnsbl)\b",
        r"banned sending ip",
        r"dynamic reputation",
        r"\bs31[45]0\b",
        r"(?:ip|client|host)\b.{0,50}\b(?:poor|bad|low) reputation",
    ),
    _rule(
        "rate_limited",
        r"\b4\.7\.(?:650|28)\b",
        r"rate[ -]?limit",
        r"throttl",
        r"excessive (?:volume|rate)",
        r"too (?:much|many) (?:mail|e?-?mails|messages|recipients|transactions)",
        r"(?:sent|sending).{0,30}\btoo (?:fast|quickly)",
        r"(?:slow|sloww?ing) down",
        r"\b452\b.{0,20}\btoo many",
    ),
    _rule(
        "low_reputation",
        r"(?:low|poor|bad) (?:\w+ )?reputation",
        r"reputation of the (?:sending|sender)",
    ),
    # The letter.
    _rule(
        "bad_attachment",
        r"\bvirus(?:es)?\b|\binfected\b|\bmalware\b|\btrojan\b",
        r"potential security issue",
        r"(?:attachment|file type|executable).{0,50}(?:not (?:allowed|accepted)|block|reject|prohibit|forbid)",
        r"(?:banned|forbidden|illegal|blocked) (?:attachment|file)",
    ),
    _rule(
        "spam",
        r"under suspicion of spam",
        r"(?:spam|unsolicited|junk)\W{0,3}(?:\w+ )?(?:message|mail|content)",
        r"(?:as|be|like|contains?|detected|is|for|of) (?:an? )?spam\b",
        r"high(?:ly)? (?:likely )?spam|spam (?:score|detected|reject|filter|found)",
        r"\[(?:cs|hm)[0-9]{2}\]",
        r"unsafe content",
        r"content (?:filter|reject|policy)",
        r"notspam",
    ),
    _rule(
        "malformed",
        r"not rfc ?[0-9]{3,4}",
        r"rfc ?[25][38]22",
        r"(?:missing|multiple|duplicate|invalid|no valid|bad|malformed) .{0,24}header",
        r"missing a valid|corrupt message|message format|bare (?:lf|cr)|nul character",
        r"(?:header|mime).{0,24}(?:syntax|malformed|invalid|error)",
    ),
    _rule(
        "too_big",
        r"\b5\.(?:3\.4|2\.3)\b",
        r"message (?:size )?(?:is )?too (?:big|large|long)",
        r"(?:message |mail )?size (?:exceeds|limit)|exceeds (?:the )?(?:fixed|maximum|max|size)",
        r"recipsizelimit",
    ),
    # Waiting.
    _rule(
        "greylisted",
        r"gr[ea]y-?list",
        r"postgrey|\bsqlgrey\b|milter-greylist",
        r"first (?:time|attempt).{0,40}(?:later|again)",
    ),
    _rule(
        "no_space",
        r"insufficient (?:system|disk|disc|storage)",
        r"(?:disk|disc) (?:full|space)|no space left",
    ),
    # The recipient's domain, and ours.
    _rule(
        "sender_domain_unknown",
        r"sender address rejected: (?:domain|unknown|nxdomain)",
        r"domain of sender",
        r"sender(?:'s)? domain.{0,40}(?:not (?:exist|found|resolve)|must|invalid|has no)",
        r"\b[45]\.1\.8\b",
    ),
    _rule(
        "sender_unverified",
        r"sender verif",
        r"sender verify|sender callout|verify callout",
        r"verification failed for",
        r"sender address rejected: (?:undeliverable|unverified)",
        r"could not verify (?:the )?sender",
    ),
    _rule(
        "relay_denied",
        r"relay(?:ing)? (?:access )?(?:denied|not permitted|not allowed|prohibited|is denied)",
        r"(?:unable|not permitted|not allowed) to relay",
        r"we do(?:n't| not) relay|not a gateway",
        r"rcpthosts",
        r"authentication (?:is )?required.{0,30}relay",
    ),
    _rule(
        "address_not_ascii",
        r"smtputf8",
        r"internationali[sz]ed (?:e?mail|address)",
    ),
    _rule(
        "bad_domain",
        r"recipient address rejected: domain not found",
        r"nonexistentdomain|no such domain|domain (?:does not|doesn't) exist",
        r"null ?mx|domain.{0,40}(?:does not|doesn't) (?:accept|receive) mail",
        r"no (?:valid )?mx|host or domain name not found|unknown domain",
    ),
    _rule(
        "mailbox_disabled",
        r"(?:account|mailbox|user|address).{0,60}\b(?:disabled|inactive|suspended|terminated|deactivated|blocked|locked|closed)\b",
        r"(?:disabled|inactive|suspended|deactivated|blocked) (?:account|mailbox|user|recipient)",
        r"inactive e?mail address",
        r"не активен|заблокирован",
    ),
    _rule(
        "no_mailbox",
        r"no such (?:user|mailbox|recipient|address|account|person)",
        r"(?:user|recipient|mailbox|account|address|addressee).{0,60}\b(?:unknown|not found|not exist|unavailable|not available|invalid)\b",
        r"(?:unknown|invalid) (?:user|recipient|mailbox|account|addressee|local)",
        r"(?:does not|doesn't|not) (?:exist|have (?:an?|any) .{0,30}account)",
        r"recipient(?:not|s?not)?found|recipnotfound",
        r"recipient address rejected: (?:access denied|undeliverable|unverified)",
        r"unrouteable address|mailbox lookup fail|not our customer",
        r"не существует|не найден|нет такого",
    ),
    _rule(
        "recipient_policy",
        r"policy rejection on the target",
        r"resolver\.rst\.|notauthorized|sendernotauthenticated",
        r"recipient (?:\w+ )?(?:does not|doesn't|refuses|not) (?:to )?accept",
        r"(?:blocked|rejected|refused) by (?:the )?(?:recipient|user)",
        r"\b5\.7\.(?:13[346]|124|520)\b",
        r"only accepts? (?:mail|messages) from",
    ),
    _rule("mail_loop", r"too many hops|mail loop|hop count|routing loop|loops back"),
    # The widest at the end.
    _rule(
        "policy",
        r"policy (?:reasons?|reject|violation|restriction)",
        r"(?:local|security|company|administrative) (?:policy|prohibition)",
        r"administratively (?:denied|prohibited)",
        r"message not accepted|not accepted for policy",
    ),
    _rule(
        "server_busy",
        r"server (?:is )?busy|system (?:problem|load)|high load",
        r"service (?:is )?(?:currently |temporarily )?(?:unavailable|not available)",
        r"temporary (?:local|system|server|lookup) (?:problem|failure|error)",
        r"try again later, closing",
    ),
)
