"""Starting, staying and closing; what goes wrong is one line that says what to do."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from discord.gateway import DiscordWebSocket

import bots.discord.client
from bots.discord.client import DiscordPlatform
from bots.discord.connection import GUILDS_OF_A_SHARD
from bots.discord.identifies import APART_S
from bots.sandbox.discord.world import Permission
from core.adapters.clock import SystemClock
from core.catalogue import say
from core.commands.registry import MANAGE, MORE, registry
from core.messages import IncomingMessage
from core.ports.platform import Check, CheckState, PlatformError
from tests.discord.support import Bot, library_restored, local_discord, started
from tests.fakes.web_answer import answering

NOT_DISCORD = "not Discord's API. Check DISCORD_API_BASE_URL: it looks like http://127.0.0.1:9000/api/v10."
COMMANDS = "/applications/{application_id}/commands"


async def _refusal(platform: DiscordPlatform, bot: Bot) -> str:
    with pytest.raises(PlatformError) as caught:
        await platform.start(bot.handle)
    message = str(caught.value)
    assert "\n" not in message
    return message


async def test_the_ready_line_says_who_we_are() -> None:
    async with started() as bot:
        assert bot.ready == f"sluice (id {bot.server.world.bot.id}) in 1 server"
        assert bot.server.online


async def test_commands_are_written_once_and_only_again_when_they_differ() -> None:
    async with started() as bot:
        names = [command["name"] for command in bot.server.snapshot()["commands"]]
        listed = [command.name for command in registry() if registry().is_listed(command)]
        assert names == [
            *listed,
            MORE,
            MANAGE,
            *(command.menu_entry() for command in registry().message_menu()),
        ]
        await bot.platform.close()
        await bot.platform.start(bot.handle)
        assert bot.count("PUT", COMMANDS) == 1
        bot.server.snapshot()["commands"].pop()  # somebody else wrote them
        await bot.platform.close()
        await bot.platform.start(bot.handle)
        assert bot.count("PUT", COMMANDS) == 2
        assert [command["name"] for command in bot.server.snapshot()["commands"]] == names
        assert not [
            r for r in bot.server.requests if r.route.startswith("/applications/{application_id}/guilds")
        ]


async def test_commands_are_described_in_every_language_that_both_discord_and_we_have() -> None:
    async with started() as bot:
        ask = next(command for command in bot.server.snapshot()["commands"] if command["name"] == "ask")
        locales = {"pt-BR", "es-ES", "es-419", "de", "fr", "ru"}
        assert ask["description_localizations"] == {locale: say("command.ask", locale) for locale in locales}
        prompt = ask["options"][0]
        assert prompt["description_localizations"].keys() == locales
        for described in (ask, prompt):  # somebody else wrote them
            described["description_localizations"]["de"] += "!"
            await bot.platform.close()
            await bot.platform.start(bot.handle)
        assert bot.count("PUT", COMMANDS) == 2
        ask = next(command for command in bot.server.snapshot()["commands"] if command["name"] == "ask")
        assert ask["description_localizations"]["de"] == say("command.ask", "de")


async def test_commands_that_cannot_be_registered_do_not_keep_the_bot_away() -> None:
    async with local_discord() as bot:
        bot.server.fault("status", method="PUT", route=COMMANDS, status=403)
        assert "slash commands could not be registered (HTTP 403)" in await bot.platform.start(bot.handle)


async def test_a_wrong_token_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async with local_discord() as bot:
        wrong = "MTIzNDU2.GabCdE.not-the-token-at-all"
        message = await _refusal(
            DiscordPlatform(wrong, clock=SystemClock(), api_base_url=bot.server.url), bot
        )
        assert message.startswith("Discord refused the token.")
        assert "DISCORD_TOKEN" in message
        assert wrong not in message + caplog.text


async def test_an_unreachable_address_is_one_line() -> None:
    async with local_discord() as bot:
        await bot.server.stop()
        message = await _refusal(bot.platform, bot)
        assert "cannot be reached" in message
        assert "DISCORD_API_BASE_URL" in message


@pytest.mark.parametrize(
    ("status", "text", "content_type", "said"),
    [
        (404, "<html>not here</html>", "text/html", NOT_DISCORD),
        (405, "", "text/plain", NOT_DISCORD),
        (200, "<html>welcome</html>", "text/html", NOT_DISCORD),
        (200, "[]", "application/json", NOT_DISCORD),
        (200, "{}", "application/json", NOT_DISCORD),
        (400, "{}", "application/json", "HTTP 400"),
    ],
)
async def test_an_address_of_something_else_is_one_line(
    status: int, text: str, content_type: str, said: str
) -> None:
    async with local_discord() as bot, answering(status, text, content_type) as url:
        assert said in await _refusal(DiscordPlatform("a.b.c", clock=SystemClock(), api_base_url=url), bot)


async def test_an_address_without_its_path_is_one_line() -> None:
    async with local_discord() as bot:
        url = bot.server.url.removesuffix("/api/v10")
        assert NOT_DISCORD in await _refusal(
            DiscordPlatform(bot.server.token, clock=SystemClock(), api_base_url=url), bot
        )


async def test_closing_twice_ends_the_wait_and_is_quick() -> None:
    async with started() as bot:
        waiting = asyncio.create_task(bot.platform.wait_closed())
        begun = time.monotonic()
        await bot.platform.close()
        await bot.platform.close()
        await asyncio.wait_for(waiting, 10)
        assert time.monotonic() - begun < 2
        assert not bot.server.online


async def test_a_lost_connection_is_mended_by_the_library_and_logged_in_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with started() as bot:
        bot.server.cut_gateway()
        while not bot.server.online:
            assert (await bot.heard.next("online")) is not None
        await bot.server.say("Ben", "#general", "@Sluice still there?")
        incoming, _ = await bot.next()
        assert isinstance(incoming, IncomingMessage)
        assert not [record for record in caplog.records if record.exc_info]


async def test_a_server_that_is_down_is_one_log_line_for_each_try(caplog: pytest.LogCaptureFixture) -> None:
    async with started() as bot:
        logged = asyncio.Event()

        class Watch(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if "reconnect" in record.getMessage():
                    logged.set()

        watch = Watch()
        logging.getLogger("discord.client").addHandler(watch)
        try:
            await bot.server.stop()
            await asyncio.wait_for(logged.wait(), 10)
        finally:
            logging.getLogger("discord.client").removeHandler(watch)
        [record] = [record for record in caplog.records if "reconnect" in record.getMessage()]
        assert record.exc_info is None
        assert "ClientConnectorError" in record.getMessage()


async def test_a_gateway_that_does_not_say_goodbye_does_not_hold_up_the_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(bots.discord.client, "_CLOSE_TIMEOUT_S", 0.05)
    async with started() as bot:
        with monkeypatch.context() as patched:
            patched.setattr(DiscordWebSocket, "close", never)
            await asyncio.wait_for(bot.platform.close(), 2)


async def test_a_token_that_is_taken_back_ends_the_platform_in_one_line() -> None:
    async with started() as bot:
        bot.server._gateway._token = "another.token.now"
        bot.server.cut_gateway()
        with pytest.raises(PlatformError, match="no longer takes the token"):
            await asyncio.wait_for(bot.platform.wait_closed(), 10)


async def test_more_servers_than_one_shard_may_serve_end_it_and_say_what_to_do() -> None:
    too_many = "serve 2,500 servers at most"
    async with local_discord() as bot:
        bot.server.be_in_more_guilds(GUILDS_OF_A_SHARD - 1)
        await bot.platform.start(bot.handle)
        bot.server.be_in_more_guilds(GUILDS_OF_A_SHARD)
        bot.server.invalidate_sessions()
        closed = asyncio.create_task(bot.platform.wait_closed())
        await bot.heard.until(lambda: not bot.server.online)
        bot.clock.move(APART_S)
        with pytest.raises(PlatformError, match=too_many):
            await asyncio.wait_for(closed, 10)
        await bot.platform.close()
        assert too_many in await _refusal(bot.new_platform(), bot)


async def test_the_log_holds_no_token_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "a private question"})
        _, surface = await bot.next()
        await surface.typing()
        assert bot.server.token not in caplog.text
        assert "private question" not in caplog.text
        assert not [r for r in caplog.records if r.name.startswith("discord") and r.levelno < logging.WARNING]


async def _checks(bot: Bot) -> dict[str, Check]:
    checks = {check.name: check for check in await bot.platform.check()}
    assert not bot.server.online  # asked without the gateway
    return checks


async def test_the_doctor_finds_nothing_wrong_with_a_good_bot() -> None:
    async with local_discord() as bot:
        checks = await _checks(bot)
        assert {check.state for check in checks.values()} == {CheckState.GOOD}
        assert str(bot.server.world.bot.id) in checks["Discord token"].detail
        assert "3 channels" in checks["Discord server Riverside"].detail
        link = checks["Discord invite link"].detail
        assert "scope=bot+applications.commands" in link
        permissions = int(link.partition("permissions=")[2].partition("&")[0])
        assert not permissions & Permission.ADMINISTRATOR
        assert permissions & Permission.SEND_MESSAGES_IN_THREADS


async def test_the_doctor_names_what_is_missing() -> None:
    async with local_discord() as bot:
        bot.server.grant_message_content(False)
        bot.server.overwrite("#help", "Sluice", deny=Permission.SEND_MESSAGES | Permission.ADD_REACTIONS)
        bot.server.overwrite("#bots", "Sluice", deny=Permission.VIEW_CHANNEL)
        checks = await _checks(bot)
        assert checks["Discord intents"].state is CheckState.NOTE
        assert "Message Content Intent" in checks["Discord intents"].remedy
        server = checks["Discord server Riverside"]
        assert server.state is CheckState.NOTE
        assert server.detail == (
            "#help lacks Add Reactions, Send Messages, Attach Files; #bots lacks View Channel"
        )
        assert server.remedy


async def test_the_doctor_calls_a_server_bad_where_the_bot_can_answer_nowhere() -> None:
    async with local_discord() as bot:
        for chat in ("#general", "#help", "#bots"):
            bot.server.overwrite(chat, "Sluice", deny=Permission.SEND_MESSAGES)
        server = (await _checks(bot))["Discord server Riverside"]
        assert (server.state, "#bots lacks Send Messages" in server.detail) == (CheckState.BAD, True)


async def test_the_doctor_tells_a_wrong_token_and_an_unreachable_address() -> None:
    async with local_discord() as bot:
        [check] = await DiscordPlatform(
            "not.the.token", clock=SystemClock(), api_base_url=bot.server.url
        ).check()
        assert (check.state, check.detail) == (CheckState.BAD, "Discord refused the token")
        assert "DISCORD_TOKEN" in check.remedy
        await bot.server.stop()
        [check] = await bot.platform.check()
        assert check.state is CheckState.BAD
        assert "cannot be reached" in check.detail


async def test_the_doctor_survives_a_server_that_fails_half_way() -> None:
    async with local_discord() as bot:
        bot.server.fault("status", route="/guilds/*", status=403, times=10)
        checks = await bot.platform.check()
        assert checks[0].state is CheckState.GOOD
        assert checks[-1].state is CheckState.BAD
        assert checks[-1].remedy


def test_a_platform_that_was_not_started_is_closed_without_harm() -> None:
    with library_restored():
        asyncio.run(DiscordPlatform("a.b.c", clock=SystemClock()).close())
