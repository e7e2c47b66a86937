"""`sluice ask`: the model's own text, token by token, through the core and out of a real process."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.embedded_model.model import EmbeddedModel
from bots.sandbox.model_server import Gate, ModelServer, Refusal, Stream, Think, say
from bots.sandbox.recording_proxy import RecordingProxy
from tests.model.test_embedded_model import DATA_DIR
from tests.project.program import PATIENCE_S, SLUICE, environment, sluice

QUESTION = "crie uma história sobre uma viagem a marte"
AWKWARD = (
    "\n\n  # Uma ",
    "hist",
    "ória\n\n```py\nprint('**oi**')\n",
    "| a | b |\n|--",
    "|--|\n👩‍🚀",
    " é\u0301 fim",
    " \n\n",
)


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer(models={"scripted"}) as server:
        yield server


def _settings(model: ModelServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": model.base_url, "OPENAI_MODEL": "scripted"}


async def test_a_pipe_gets_exactly_the_models_text(model: ModelServer, tmp_path: Path) -> None:
    model.enqueue(say(*AWKWARD))
    done = await sluice(tmp_path, "ask", QUESTION, settings=_settings(model))
    assert (done.code, done.out.decode(), done.err) == (0, "".join(AWKWARD), "")
    assert model.requests[0].prompt == QUESTION


async def test_what_the_model_thought_stays_out_of_a_pipe(model: ModelServer, tmp_path: Path) -> None:
    model.enqueue(Stream((Think("So. "), "<think>", "Hm.", "</think>\n\n", "The answer.\n")))
    settings = {**_settings(model), "SLUICE_SHOW_REASONING": "on"}
    done = await sluice(tmp_path, "ask", QUESTION, settings=settings)
    assert (done.code, done.out.decode(), done.err) == (0, "The answer.\n", "")


async def test_text_is_visible_while_the_model_still_writes(model: ModelServer, tmp_path: Path) -> None:
    opens = asyncio.Event()
    model.enqueue(Stream(("The first sentence of an answer is here. ", Gate(opens), "And the last.")))
    process = await asyncio.create_subprocess_exec(
        SLUICE,
        "ask",
        QUESTION,
        cwd=tmp_path,
        env=environment(_settings(model)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        first = await process.stdout.readuntil(b"here. ")
        opens.set()
        rest = await process.stdout.read()
        assert (first + rest, await process.wait()) == (
            b"The first sentence of an answer is here. And the last.",
            0,
        )


@pytest.mark.parametrize("arguments", [("ask",), ("ask", "-")])
async def test_the_prompt_comes_from_standard_input(
    model: ModelServer, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = await sluice(tmp_path, *arguments, stdin=b"one two", settings=_settings(model))
    assert (done.code, done.out) == (0, b"one two ")


async def test_options_go_before_the_settings(model: ModelServer, tmp_path: Path) -> None:
    done = await sluice(
        tmp_path,
        *("ask", "hi", "--model", "scripted", "--max-tokens", "7", "--temperature", "0.5"),
        settings=_settings(model) | {"OPENAI_MODEL": "another", "OPENAI_MAX_TOKENS": "99"},
    )
    body = model.requests[0].body
    assert done.code == 0
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("scripted", 7, 0.5)


async def test_a_cut_answer_is_told_beside_the_text(model: ModelServer, tmp_path: Path) -> None:
    model.enqueue(say("only this", finish_reason="length"))
    done = await sluice(tmp_path, "ask", "hi", settings=_settings(model))
    assert (done.code, done.out, done.line) == (0, b"only this", "The answer was cut at the length limit.")


async def test_what_came_before_an_error_stays(model: ModelServer, tmp_path: Path) -> None:
    model.enqueue(Stream(("half of it",), finish_reason=None, done=False))
    done = await sluice(tmp_path, "ask", "hi", settings=_settings(model))
    assert (done.code, done.out) == (1, b"half of it")
    assert done.line.startswith("sluice: ")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"OPENAI_MODEL": "nobody-knows-it"}, "Check OPENAI_MODEL."),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "Check OPENAI_BASE_URL, and that the server runs."),
        ({"OPENAI_BASE_URL": "example"}, "OPENAI_BASE_URL is not a web address."),
        ({"OPENAI_TEMPERATURE": "hot"}, "OPENAI_TEMPERATURE must be a number"),
        ({"OPENAI_MODEL": "", "OPENAI_API_KEY": "sk-secret-secret"}, "OPENAI_MODEL is not set."),
        ({"OPENAI_BASE_URL": ""}, "OPENAI_API_KEY is not set."),
    ],
)
async def test_bad_input_is_one_line(
    model: ModelServer, tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    done = await sluice(tmp_path, "ask", "hi", settings=_settings(model) | settings)
    assert (done.code, done.out) == (1, b"")
    assert words in done.line
    assert "secret" not in done.err


async def test_what_it_does_not_use_holds_it_up_nowhere(model: ModelServer, tmp_path: Path) -> None:
    wrong = {
        "DISCORD_TOKEN": "changeme",
        "TELEGRAM_API_BASE_URL": "anywhere",
        "TELEGRAM_WEBHOOK_URL": "anywhere",
        "DATABASE_URL": "anywhere",
        "SLUICE_HTTP": "8765",
        "SLUICE_ALLOW": "ada",
        "SLUICE_DAILY_TOKENS": "many",
        "SLUICE_KEY_FILE": "~nobody-of-that-name/x",
        "SLUICE_LOG_LEVEL": "LOUD",
        "DISCORD_TOKE": "any",
    }
    done = await sluice(tmp_path, "ask", "hi", settings=_settings(model) | wrong)
    assert (done.code, done.out, done.err) == (0, b"hi ", "")


async def test_of_what_it_uses_a_name_close_to_one_is_told(model: ModelServer, tmp_path: Path) -> None:
    near = {"OPENAI_APIKEY": "sk-secret-secret", "DISCORD_TOKE": "any"}
    done = await sluice(tmp_path, "ask", "hi", settings=_settings(model) | near)
    assert (done.code, done.out) == (0, b"hi ")
    assert done.line == "OPENAI_APIKEY is not read. Did you mean OPENAI_API_KEY?"


async def test_without_an_output_there_is_one_line(model: ModelServer, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_shell(
        f"'{SLUICE}' ask hi >&-",
        cwd=tmp_path,
        env=environment(_settings(model)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert (process.returncode, err) == (1, b"sluice: There is no output to write an answer to.\n")
    assert not model.requests


async def test_a_refused_key_is_never_shown(model: ModelServer, tmp_path: Path) -> None:
    model.enqueue(Refusal(401, "Incorrect API key provided: sk-secret-secret"))
    done = await sluice(
        tmp_path, "ask", "hi", settings=_settings(model) | {"OPENAI_API_KEY": "sk-secret-secret"}
    )
    assert done.code == 1
    assert "Check OPENAI_API_KEY." in done.line
    assert "sk-secret" not in done.err


async def test_no_question_is_one_line(model: ModelServer, tmp_path: Path) -> None:
    done = await sluice(tmp_path, "ask", stdin=b" \n", settings=_settings(model))
    assert (done.code, done.out) == (1, b"")
    assert "There is no question." in done.line


async def test_a_reader_that_leaves_ends_the_stream_in_silence(model: ModelServer, tmp_path: Path) -> None:
    line = "a line that head is content with\n"
    model.enqueue(say(*[line] * 2_000, every_s=0.001))
    process = await asyncio.create_subprocess_shell(
        f"'{SLUICE}' ask hi | head -n 1; test ${{PIPESTATUS[0]}} -eq 0",
        executable="/bin/bash",
        cwd=tmp_path,
        env=environment(_settings(model)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert (out.decode(), err, process.returncode) == (line, b"", 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's")
async def test_a_full_disk_is_one_line_and_a_failure(model: ModelServer, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_shell(
        f"'{SLUICE}' ask hi >/dev/full",
        cwd=tmp_path,
        env=environment(_settings(model)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 1
    assert err.decode() == "sluice: The answer could not be written: No space left on device.\n"


async def test_a_question_that_is_no_utf_8_is_one_line(model: ModelServer, tmp_path: Path) -> None:
    done = await sluice(tmp_path, "ask", stdin="Olá".encode("latin-1"), settings=_settings(model))
    assert (done.code, done.out) == (1, b"")
    assert done.line.startswith("sluice: The question is not UTF-8 text.")


async def test_words_without_quotation_marks_are_one_question(model: ModelServer, tmp_path: Path) -> None:
    done = await sluice(tmp_path, "ask", "Hello", "there", "friend", settings=_settings(model))
    assert (done.code, done.err) == (0, "")
    assert model.requests[0].prompt == "Hello there friend"


async def test_a_terminal_that_waits_for_a_question_says_so(model: ModelServer, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        SLUICE,
        "ask",
        cwd=tmp_path,
        env=environment(_settings(model)),
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_S):
        assert b"Ctrl-D" in await process.stderr.readline()
        os.write(ours, b"one two\n\x04")
        out, err = await process.communicate()
    os.close(ours)
    assert (process.returncode, out.strip(), err) == (0, b"one two", b"")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--temperature", "9"), "--temperature must be a number from 0 to 2."),
        (("--max-tokens", "few"), "--max-tokens must be a whole number"),
    ],
)
async def test_a_wrong_option_is_called_by_its_own_name(
    model: ModelServer, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = await sluice(tmp_path, "ask", "hi", *arguments, settings=_settings(model))
    assert done.code == 1
    assert words in done.line
    assert "OPENAI" not in done.line


async def test_a_terminal_gets_a_line_end_and_no_control_characters(
    model: ModelServer, tmp_path: Path
) -> None:
    model.enqueue(say("red \x1b[31malert\x07, then é"))
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        SLUICE, "ask", "hi", cwd=tmp_path, env=environment(_settings(model)), stdout=theirs
    )
    os.close(theirs)
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    assert os.read(ours, 1_000).decode() == "red \ufffd[31malert\ufffd, then é\r\n"
    os.close(ours)


async def test_ctrl_c_ends_with_130(model: ModelServer, tmp_path: Path) -> None:
    model.enqueue(Stream(("The beginning of an answer that never ends. ", Gate(asyncio.Event()))))
    process = await asyncio.create_subprocess_exec(
        SLUICE,
        *("ask", "hi"),
        cwd=tmp_path,
        env=environment(_settings(model)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A shell lets what it runs in the background ignore Ctrl-C, and a child inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        await process.stdout.readuntil(b"ends. ")
        process.send_signal(2)
        _, err = await process.communicate()
    assert (process.returncode, err) == (130, b"")


async def test_the_embedded_model_tells_its_story_exactly(tmp_path: Path) -> None:
    """The issue's own example, with a proxy as the witness of the model's bytes."""
    async with EmbeddedModel(DATA_DIR) as embedded, RecordingProxy(embedded.base_url) as witness:
        done = await sluice(
            tmp_path,
            *("ask", QUESTION, "--max-tokens", "64", "--temperature", "0"),
            settings={"OPENAI_BASE_URL": witness.base_url, "OPENAI_MODEL": "smollm2"},
        )
        assert done.code == 0
        assert done.out.decode() == witness.exchanges[0].text != ""


async def test_without_a_model_the_embedded_one_answers(tmp_path: Path) -> None:
    done = await sluice(
        tmp_path,
        "ask",
        "Say hello.",
        "--max-tokens",
        "8",
        settings={"SLUICE_DATA_DIR": str(DATA_DIR.resolve())},
    )
    assert (done.code, bool(done.out.strip())) == (0, True)
    assert "embedded model" in done.err


_CONFIGURED = """
default_model = "home/scripted"
[providers.home]
base_url = "{base_url}"
[models."home/scripted"]
temperature = 1.5
system_prompt = "Be brief."
[models."home/other"]
max_output_tokens = 99
"""


async def test_the_configuration_says_what_answers(model: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text(_CONFIGURED.format(base_url=model.base_url))
    assert (await sluice(tmp_path, "ask", "hi")).code == 0
    body = model.requests[0].body
    assert (body["model"], body["temperature"]) == ("scripted", 1.5)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
    ]


@pytest.mark.parametrize("name", ["home/scripted", "the scripted one"])
async def test_a_model_of_the_configuration_by_its_id_or_its_name(
    model: ModelServer, tmp_path: Path, name: str
) -> None:
    written = _CONFIGURED.format(base_url=model.base_url).replace('"home/scripted"\n', '"home/other"\n', 1)
    (tmp_path / "sluice.toml").write_text(
        written.replace("temperature = 1.5", 'temperature = 1.5\nname = "The scripted one"')
    )
    done = await sluice(tmp_path, "ask", "hi", "--model", name)
    assert (done.code, model.requests[0].body["model"]) == (0, "scripted")


async def test_a_model_that_the_configuration_does_not_have_is_one_line(
    model: ModelServer, tmp_path: Path
) -> None:
    (tmp_path / "sluice.toml").write_text(_CONFIGURED.format(base_url=model.base_url))
    done = await sluice(tmp_path, "ask", "hi", "--model", "home/nope", settings=_settings(model))
    assert (done.code, done.out, model.requests) == (1, b"", [])
    assert done.line.startswith('sluice: sluice.toml: --model is "home/nope", which is no model here. There ')
    assert "home/scripted, home/other" in done.line


@pytest.mark.parametrize("options", [(), ("--model", "scripted")])
async def test_budgets_of_the_bot_ask_for_no_price(
    model: ModelServer, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "sluice.toml").write_text(
        '[models."env/other"]\nprompt_price = 1\ncompletion_price = 2\n'
        "[budgets.everybody]\nmoney_per_month = 20\n"
    )
    done = await sluice(tmp_path, "ask", "hi", *options, settings=_settings(model))
    assert (done.code, done.out, done.err) == (0, b"hi ", "")


async def test_the_embedded_model_answers_whoever_asks_for_it(model: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text(_CONFIGURED.format(base_url=model.base_url))
    settings = {"SLUICE_DATA_DIR": str(DATA_DIR.resolve())}
    options = ("--model", "embedded", "--max-tokens", "8")
    done = await sluice(tmp_path, "ask", "Say hello.", *options, settings=settings)
    assert (done.code, bool(done.out.strip()), model.requests) == (0, True, [])


async def test_options_go_before_the_configuration(model: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text(_CONFIGURED.format(base_url=model.base_url))
    done = await sluice(tmp_path, "ask", "hi", "--model", "home/other", "--temperature", "0.5")
    assert done.code == 1
    assert "Check the model's name in sluice.toml." in done.line  # the server knows `scripted` alone
    body = model.requests[0].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("other", 0.5, 99)
