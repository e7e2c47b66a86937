"""A thread's name fits every platform, whatever it is made of."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from core.conversation.thread_names import LONGEST, thread_name


@given(st.text(max_size=400))
@example("😀" * 200)
@example("\ud800")
@example("** **")
def test_a_name_is_one_short_line(text: str) -> None:
    name = thread_name(text, "Chat")
    assert 1 <= len(name.encode("utf-16-le")) // 2 <= LONGEST
    assert name == name.strip()
    assert all(unicodedata.category(char)[0] != "C" for char in name)


def test_the_first_whole_words_and_no_marks_around_them() -> None:
    assert thread_name("## **How does\na weir work?**", "Chat") == "How does a weir work?"
    assert thread_name("word " * 30, "Chat") == "word " * 17 + "word…"
    assert thread_name("\u200b", "Chat") == "Chat"
