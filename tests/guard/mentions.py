"""Texts that try to notify somebody, in every spelling, disguise and place that we know of."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# Zero-width characters, joiners, marks and overrides of direction, controls, and what Telegram leaves out.
INVISIBLE: Final = (
    *("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u034f", "\ufe0f", "\U000e0041"),
    *("\u200e", "\u200f", "\u061c", "\u202a", "\u202c", "\u202d", "\u202e", "\u2066", "\u2068", "\u2069"),
    *("\x00", "\x08", "\x1b", "\x7f", "\x85", "\r", "\u0333", "\u033f", "\u034a", "\u2028", "\u2029"),
)
WRAPPERS: Final = (
    *("{}", "so {} there", "({}),", "**{}**", "*{}*", "_{}_", "__{}__", "~~{}~~", "||{}||", "***{}***"),
    *("> {}", "> > {}", "# {}", "#### {}", "-# {}", "- {}", "1. {}", "- [ ] {}", "<b>{}</b>", "{}{}"),
    *("`{}`", "``{}``", "```\n{}\n```", "```py\n{}", "~~~\n{}\n~~~", "`{}", "    {}", "\\`{}\\`", "\\{}"),
    *("[{}](https://evil.example)", "[x](https://evil.example/{})", "[x](<{}>)", "![{}](https://evil.example)"),
    *("[{}]", "[x]: {}", "[^1]: {}", "<{}>", "\"{}\"", "https://evil.example/?q={}", "mailto:{}"),
    *("| a | b |\n|---|---|\n| {} | x |", "${}$", "\\({}\\)", "$$\n{}\n$$", "\\text{{{}}}", "a\n\n{}\n\nb"),
    *("²{}", "é{}", "١{}", "あ{}", "🙂{}", "@{}", "/{}", "#{}", "&#64;{}", "&lt;{}&gt;", "{}'s", "{}。"),
)  # fmt: skip
_OF_DISCORD: Final = (
    *("@everyone", "@here", "@Everyone", "@EVERYONE", "@\uff45veryone", "\uff20everyone", "@\u0435veryone"),
    *(
        "@everyone@here",
        "@@everyone",
        "everyone@here",
        "<@{user}>",
        "<@!{user}>",
        "<@&{role}>",
        "<@&{guild}>",
    ),
    *("<#{channel}>", "<@{user}", "@{user}>", "<@0{user}>", "<@ {user}>", "</ask:{user}>", "<id:customize>"),
)
_OF_TELEGRAM: Final = (
    *(
        "@cleo",
        "@CLEO",
        "@Cleo",
        "@@cleo",
        "@cleo@cleo",
        "\uff20cleo",
        "@cle\u043e",
        "@cleo_",
        "@all",
        "@here",
    ),
    *("[Cleo](tg://user?id={user})", '<a href="tg://user?id={user}">Cleo</a>', "tg://user?id={user}"),
    *(
        "[@cleo](https://t.me/cleo)",
        "https://t.me/cleo",
        "t.me/cleo",
        "/stop@cleo",
        "tg://resolve?domain=cleo",
    ),
    *("[Cleo](TG://user?id={user})", "![](tg://emoji?id={user})", "<tg://user?id={user}>"),
)


@dataclass(frozen=True)
class Targets:
    """Whom the texts name, by the sandbox's ids."""

    user: int
    role: int = 0
    guild: int = 0
    channel: int = 0

    def on_discord(self) -> list[str]:
        return [one.format(**vars(self)) for one in _OF_DISCORD]

    def on_telegram(self) -> list[str]:
        return [one.format(**vars(self)) for one in _OF_TELEGRAM]


def payloads(names: Sequence[str], *, seed: int = 6) -> list[str]:
    """More than 500 texts: names in wrappers, with an invisible character in them, and both."""
    return list(dict.fromkeys(_payloads(names, random.Random(seed))))


def _payloads(names: Sequence[str], chance: random.Random) -> Iterator[str]:
    # The plainest names in every wrapper, the others in some.
    for number, name in enumerate(names):
        wrappers = WRAPPERS if number < 4 else chance.sample(WRAPPERS, 8)
        for wrapper in wrappers:
            yield wrapper.replace("{}", name) if "{{" not in wrapper else wrapper.format(name)
    for name in names[:4]:
        for hidden in INVISIBLE:
            yield f"{name[0]}{hidden}{name[1:]}"
            yield f"{hidden}{name}"
    for _ in range(150):
        name, hidden, wrapper = chance.choice(names), chance.choice(INVISIBLE), chance.choice(WRAPPERS)
        at = chance.randrange(len(name) + 1)
        yield wrapper.replace("{}", name[:at] + hidden + name[at:])
