"""Which of the matrix's faults are played to the real libraries over real sockets, and by which tests: they
are counted here and run where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from math import prod
from typing import Any, Final

from tests.faults.cases import Platform

_DISCORD: Final = "tests.discord.test_faults"
_TELEGRAM: Final = "tests.telegram.test_faulty_streams"
_MADE_GOOD: Final = (_TELEGRAM, "test_what_was_not_done_is_made_good")
_LAST_EDIT: Final = (_TELEGRAM, "test_the_last_edit_is_never_dropped")
_WAITED_OUT: Final = (_DISCORD, "test_a_429_is_waited_out")
PLAYED: Final[Mapping[Platform, tuple[tuple[str, str], ...]]] = {
    Platform.LIMITED_USER: (_WAITED_OUT, _MADE_GOOD, _LAST_EDIT),
    Platform.LIMITED_GLOBAL: (_WAITED_OUT, (_DISCORD, "test_a_429_of_the_account_holds_back_every_channel")),
    Platform.LIMITED_SHARED: (_WAITED_OUT,),
    Platform.LIMITED_SILENT: (
        _MADE_GOOD,
        (_DISCORD, "test_a_ban_in_mid_stream_is_waited_out_in_silence"),
    ),
    Platform.LIMITED_LONG: (
        (_TELEGRAM, "test_nothing_is_asked_within_a_pause"),
        (_TELEGRAM, "test_floods_one_after_the_other_are_all_waited_out"),
    ),
    Platform.UNAVAILABLE: (
        _MADE_GOOD,
        _LAST_EDIT,
        (_DISCORD, "test_a_server_that_fails_is_asked_again"),
        (_TELEGRAM, "test_no_second_send_is_tried_while_telegram_has_a_bad_time"),
    ),
    Platform.UNKNOWN_TAKEN: (
        (_DISCORD, "test_a_send_of_which_nobody_knows_stands_once"),
        (_DISCORD, "test_an_edit_of_which_nobody_knows_is_made_again"),
        (_TELEGRAM, "test_a_send_that_was_taken_unknown_to_us_is_doubled_once"),
        (_TELEGRAM, "test_a_send_that_is_taken_unknown_to_us_again_and_again_is_not_doubled_twice"),
        (_TELEGRAM, "test_an_edit_of_unknown_outcome_is_decided_by_the_next"),
    ),
    Platform.UNKNOWN_NOT_TAKEN: ((_DISCORD, "test_a_send_of_which_nobody_knows_stands_once"), _MADE_GOOD),
    Platform.MESSAGE_GONE: (
        (_DISCORD, "test_what_is_gone_is_asked_for_once_and_the_model_is_let_go"),
        (_TELEGRAM, "test_a_message_that_was_deleted_takes_the_answer_with_it"),
    ),
    Platform.PLACE_GONE: (
        (_DISCORD, "test_what_is_gone_is_asked_for_once_and_the_model_is_let_go"),
        (_TELEGRAM, "test_where_the_place_is_gone_nothing_more_is_asked"),
        (_TELEGRAM, "test_a_place_that_was_never_open_is_asked_once"),
    ),
    Platform.REJECTED: (
        (_TELEGRAM, "test_entities_that_are_refused_are_left_out_once"),
        (_TELEGRAM, "test_a_file_that_is_refused_comes_as_text"),
    ),
    Platform.FROZEN: (
        (_TELEGRAM, "test_below_a_message_that_is_too_old_the_answer_goes_on"),
        (_DISCORD, "test_a_thread_that_is_archived_takes_no_edits_and_is_left_alone"),
    ),
    Platform.EXPIRED: (
        (_DISCORD, "test_a_token_that_ends_with_nothing_shown_leaves_the_channel"),
        (_DISCORD, "test_a_private_answer_whose_token_ends_is_asked_for_no_more"),
    ),
    Platform.MOVED: ((_TELEGRAM, "test_an_answer_goes_along_with_a_group_that_becomes_a_supergroup"),),
}
LEAST: Final = 40


def _cases(module: str, name: str) -> int:
    """As how many cases a test runs."""
    marks: list[Any] = getattr(getattr(import_module(module), name), "pytestmark", [])
    return prod(len(mark.args[1]) for mark in marks if mark.name == "parametrize")


def test_every_fault_of_a_platform_is_played_over_sockets() -> None:
    assert PLAYED.keys() == set(Platform)
    tests = {test for played in PLAYED.values() for test in played}
    assert sum(_cases(*test) for test in tests) >= 2 * LEAST
