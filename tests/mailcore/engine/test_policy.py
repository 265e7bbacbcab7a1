"""The table of SMTP-17: stage and code give the outcome, and whom it speaks against."""

from __future__ import annotations

import pytest

from mailcore.engine.policy import EFFECTS, Kind, classify, judge
from mailcore.engine.types import OutcomeClass
from mailcore.smtp.replies import Reply
from mailcore.smtp.session import Outcome, Stage

MAIL, RCPT, DATA, BODY = Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY

TABLE = [
    # stage, reply, outcome, permanent, again, trouble, recipient, transport
    (BODY, "250", "accepted", False, False, "", "", ""),
    (MAIL, "550 5.7.1", "failed", False, False, "sender_refused", "", "stop"),
    (MAIL, "550 5.1.1", "failed", False, False, "sender_refused", "", "stop"),
    (MAIL, "451 4.3.0", "failed", False, True, "sender_refused", "", "stop"),
    (MAIL, "421 4.3.0", "failed", False, True, "sender_refused", "", "stop"),
    (MAIL, "552 5.3.4", "failed", True, False, "", "", "look"),
    (MAIL, "554 5.3.4", "failed", True, False, "", "", "look"),
    (MAIL, "530 5.7.0", "failed", False, False, "login_wanted", "", "stop"),
    (RCPT, "530 5.7.0", "failed", False, False, "login_wanted", "", "stop"),
    (RCPT, "550 5.1.1", "failed", True, False, "", "hard", ""),
    (RCPT, "550", "failed", True, False, "", "hard", ""),
    (RCPT, "550 5.7.1", "failed", False, False, "", "", "look"),
    (RCPT, "552 5.2.2", "failed", False, False, "", "soft", ""),
    (RCPT, "450 4.7.1", "failed", False, False, "", "", ""),
    (RCPT, "452 4.2.2", "failed", False, False, "", "soft", ""),
    (RCPT, "421 4.7.0", "failed", False, True, "", "", ""),
    (DATA, "554 5.5.1", "failed", True, False, "", "soft", ""),
    (DATA, "451 4.5.1", "failed", False, False, "", "", ""),
    (BODY, "550 5.1.1", "failed", True, False, "", "soft", ""),
    (BODY, "554 5.7.1", "failed", False, False, "", "", "look"),
    (BODY, "552 5.3.4", "failed", True, False, "", "", "look"),
    (BODY, "452 4.2.2", "failed", False, False, "", "soft", ""),
    (BODY, "421 4.3.2", "failed", False, True, "", "", ""),
]


@pytest.mark.parametrize(
    (
        *("stage", "reply", "outcome", "permanent", "again", "trouble"),
        *("recipient", "transport"),
    ),
    TABLE,
)
def test_a_reply_means_what_the_table_says(
    stage: Stage,
    reply: str,
    outcome: str,
    permanent: bool,
    again: bool,
    trouble: str,
    recipient: str,
    transport: str,
) -> None:
    """SMTP-17"""
    code, _, enhanced = reply.partition(" ")
    answer = Outcome(stage=stage, reply=Reply(code=int(code), enhanced=enhanced))

    verdict = judge(answer)

    assert verdict.outcome == outcome
    assert (verdict.permanent, verdict.again) == (permanent, again)
    assert verdict.trouble == trouble
    assert verdict.effects.recipient == recipient
    assert verdict.effects.transport == transport


SAID = [
    (RCPT, "450 4.2.0 Greylisted, see http://postgrey", Kind.GREYLISTED),
    (RCPT, "451 4.7.1 Please try again later", Kind.GREYLISTED),
    (RCPT, "451 Try again in 300 seconds", Kind.GREYLISTED),
    (RCPT, "452 4.2.2 The recipient's inbox is out of storage space", "mailbox_full"),
    (RCPT, "550 Mailbox full", Kind.MAILBOX_FULL),
    (RCPT, "552 5.2.2 Over quota", Kind.MAILBOX_FULL),
    (BODY, "421 4.7.0 [TSS04] Messages temporarily deferred", Kind.RATE_LIMITED),
    (BODY, "421 4.7.28 unusual rate of unsolicited mail", Kind.RATE_LIMITED),
    (RCPT, "450 4.7.1 Error: too many messages from you", Kind.RATE_LIMITED),
    (BODY, "550 5.7.1 Our system has detected an unusual rate", Kind.RATE_LIMITED),
    (RCPT, "451 4.3.2 Please try again later", Kind.TEMPORARY),
    (RCPT, "450 4.1.1 User unknown", Kind.TEMPORARY),
    (BODY, "451 4.7.5 spam suspected", Kind.TEMPORARY),
    (RCPT, "550 5.7.1 No such user!", Kind.NO_MAILBOX),
    (RCPT, "554 User account is disabled", Kind.NO_MAILBOX),
    (RCPT, "550 invalid mailbox. user not found", Kind.NO_MAILBOX),
    (RCPT, "554 5.7.1 Service unavailable; blocked using zen.spamhaus.org", "policy"),
    (RCPT, "550 spam message rejected", Kind.POLICY),
    (RCPT, "554 5.7.1 <a@b>: Relay access denied", Kind.POLICY),
    (BODY, "550-5.7.26 unauthenticated sender", Kind.POLICY),
    (BODY, "554 Message refused as spam", Kind.POLICY),
    (BODY, "550 5.6.0 Invalid header found", Kind.CONTENT),
    (BODY, "552 message size exceeds the limit", Kind.CONTENT),
    (BODY, "554 transaction failed", Kind.REFUSED),
]


@pytest.mark.parametrize(("stage", "said", "kind"), SAID)
def test_codes_decide_and_texts_refine(stage: Stage, said: str, kind: str) -> None:
    """SMTP-16, SMTP-18"""
    assert classify(stage, read(said)) == kind


@pytest.mark.parametrize("stage", [RCPT, DATA, BODY])
@pytest.mark.parametrize("said", [said for _stage, said, _kind in SAID])
def test_no_text_makes_a_temporary_answer_permanent(stage: Stage, said: str) -> None:
    """SMTP-16"""
    reply = read(f"451 {said[4:]}")

    assert not judge(Outcome(stage=stage, reply=reply)).permanent


def test_every_kind_has_its_effects() -> None:
    """SMTP-17"""
    assert set(EFFECTS) == set(Kind)


def test_what_we_refuse_ourselves_keeps_its_own_code() -> None:
    """MSG-12"""
    verdict = judge(Outcome(stage=Stage.RCPT, code="eai_unsupported"))

    assert (verdict.outcome, verdict.permanent) == (OutcomeClass.FAILED, True)
    assert verdict.reason == "eai_unsupported"


def read(said: str) -> Reply:
    code, text = int(said[:3]), said[4:]
    first, _, rest = text.partition(" ")
    if first.count(".") == 2 and first[0] == said[0]:
        return Reply(code=code, enhanced=first, lines=(rest,))
    return Reply(code=code, lines=(text,))
