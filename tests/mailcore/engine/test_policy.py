"""The table of SMTP-17: stage and code give the outcome, and whom it speaks against."""

from __future__ import annotations

import pytest

from mailcore.engine.policy import judge
from mailcore.engine.types import OutcomeClass
from mailcore.smtp.replies import Reply
from mailcore.smtp.session import Outcome, Stage

TABLE = [
    # stage, reply, outcome, permanent, again, trouble
    (Stage.BODY, "250", "accepted", False, False, ""),
    (Stage.MAIL, "550 5.7.1", "failed", False, False, "sender_refused"),
    (Stage.MAIL, "451 4.3.0", "failed", False, True, "sender_refused"),
    (Stage.MAIL, "421 4.3.0", "failed", False, True, "sender_refused"),
    (Stage.MAIL, "552 5.3.4", "failed", True, False, ""),
    (Stage.MAIL, "554 5.3.4", "failed", True, False, ""),
    (Stage.MAIL, "530 5.7.0", "failed", False, False, "login_wanted"),
    (Stage.RCPT, "530 5.7.0", "failed", False, False, "login_wanted"),
    (Stage.RCPT, "550 5.1.1", "failed", True, False, ""),
    (Stage.RCPT, "450 4.7.1", "failed", False, False, ""),
    (Stage.RCPT, "421 4.7.0", "failed", False, True, ""),
    (Stage.DATA, "554 5.5.1", "failed", True, False, ""),
    (Stage.DATA, "451 4.5.1", "failed", False, False, ""),
    (Stage.BODY, "554 5.7.1", "failed", True, False, ""),
    (Stage.BODY, "452 4.2.2", "failed", False, False, ""),
    (Stage.BODY, "421 4.3.2", "failed", False, True, ""),
]


@pytest.mark.parametrize(
    ("stage", "reply", "outcome", "permanent", "again", "trouble"), TABLE
)
def test_a_reply_means_what_the_table_says(
    stage: Stage, reply: str, outcome: str, permanent: bool, again: bool, trouble: str
) -> None:
    """SMTP-17"""
    code, _, enhanced = reply.partition(" ")
    answer = Outcome(stage=stage, reply=Reply(code=int(code), enhanced=enhanced))

    verdict = judge(answer)

    assert verdict.outcome == outcome
    assert (verdict.permanent, verdict.again) == (permanent, again)
    assert verdict.trouble == trouble


def test_what_we_refuse_ourselves_keeps_its_own_code() -> None:
    """MSG-12"""
    verdict = judge(Outcome(stage=Stage.RCPT, code="eai_unsupported"))

    assert (verdict.outcome, verdict.permanent) == (OutcomeClass.FAILED, True)
    assert verdict.reason == "eai_unsupported"
