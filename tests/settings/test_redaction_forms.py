"""The redactor over every form that we can think of, and over whatever Hypothesis finds."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.adapters.redaction import Redaction, _Plain
from tests.settings.forms import FORMS, SPLITS, leaks

TOKEN = "7123456789:AAE-kX_9zQ/+fake~token=="
_ASCII = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
SECRETS = st.text(_ASCII | st.sampled_from("éß水🚀 "), min_size=12, max_size=48).filter(
    lambda text: len(set(text)) > 8 and text.strip() == text
)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_token_is_shown(form: str, split: str) -> None:
    text = f"before {SPLITS[split](FORMS[form](TOKEN))} after"
    assert leaks(TOKEN, text), "the check sees nothing"
    shown = Redaction([TOKEN]).redact(text)
    assert not leaks(TOKEN, shown), shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@settings(max_examples=300, deadline=None)
@given(
    SECRETS,
    st.sampled_from(sorted(FORMS)),
    st.sampled_from(sorted(SPLITS)),
    st.text(max_size=20),
    st.text(max_size=20),
)
@example("aaaabbbbccccddddeeeef", "raw", "whole", "aaaa", "f")
@example("a%41b%42c%43d%44e\\nf", "quoted twice", "whole", "", "")
def test_no_form_of_any_secret_is_shown(secret: str, form: str, split: str, before: str, after: str) -> None:
    shown = Redaction([secret, "another-one-0123"]).redact(
        f"{before} {SPLITS[split](FORMS[form](secret))} {after}"
    )
    assert secret not in shown
    assert FORMS[form](secret) not in shown
    assert _Plain(secret).text not in _Plain(shown).text


@settings(max_examples=200, deadline=None)
@given(st.lists(SECRETS, min_size=2, max_size=4), st.data())
def test_secrets_that_overlap_are_gone_both(secrets: list[str], data: st.DataObject) -> None:
    first, second = secrets[0] + "shared-end", "shared-end" + secrets[1]
    shown = Redaction([first, second]).redact(f"x {secrets[0]}shared-end{secrets[1]} y")
    assert secrets[1] not in shown
    assert shown.startswith("x ***")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("POST https://api.telegram.org/bot1234567890:AAE-kX_9zQfake/getMe", "POST https://api.telegram.org/bot***/getMe"),
        ("https://api.telegram.org/file/bot123%3AAAE/x.png", "https://api.telegram.org/file/bot***/x.png"),
        (f"token 1234567890:AA{'x' * 33}, not", "token ***, not"),
        (f"MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.{'x' * 38} refused", "*** refused"),
        ("/webhooks/123/aW50ZXJhY3Rpb246abc/messages/@original", "/webhooks/123/***/messages/@original"),
        ("/interactions/42/aW50ZXJhY3Rpb246abc/callback", "/interactions/42/***/callback"),
        ("{'Authorization': 'Bot abc.def'}", "{'Authorization': 'Bot ***'}"),
        ("[(b'authorization', b'Bearer abcdef')]", "[(b'authorization', b'Bearer ***')]"),
        ("authorization: Basic bWU6cHc=", "authorization: Basic ***"),
        ("got Bearer abcdefghijklmnop0", "got Bearer ***"),
        ("Incorrect API key provided: sk-proj-0123456789abcdef.", "Incorrect API key provided: ***."),
        ("postgresql://sluice:hunter2@db:5432/x", "postgresql://sluice:***@db:5432/x"),
        ("?api_key=0123456789&x=1", "?api_key=***&x=1"),
        ("AIza" + "x" * 35, "***"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_one(text: str, shown: str) -> None:
    """Also those that nobody told us of."""
    assert Redaction().redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "12:30:45 the bot said: hello, 7 messages in discord:80351110224678912",
        "https://discord.com/channels/1/2/3 and http://127.0.0.1:8765/page?x=1",
        "core.streaming.scheduler.EditScheduler.operations_to_perform at 0x7f3c",
        "OPENAI_API_KEY is not set. Set it, or set OPENAI_BASE_URL; Authorization failed",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_ordinary_lines_stay(text: str) -> None:
    assert Redaction([TOKEN]).redact(text) == text
