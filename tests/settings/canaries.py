"""A program that fails wherever it can, with secrets in its hands: `python -m tests.settings.canaries`.

With the argument `bare` nothing is redacted, so that the test can see that it would see.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import pkgutil
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Final
from unittest import mock

import bots
import core
from bots.logs import set_up_logging
from core.adapters.redaction import Redaction
from core.settings import ModelSettings, Settings
from tests.settings.forms import FORMS, SPLITS

TELEGRAM: Final = "7391824650:AAE-kX_9zQ2fake0token0of0a0canary0x"
DISCORD: Final = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.qwfpgjluyarstdhneiozxcvbkm-of-yqhbn"
KEY: Final = "canary/key+of=a~provider@0192837465"
PASSWORD: Final = "c4n4ry%of?the/database"  # made up
_LIBRARIES: Final = ("httpx", "httpcore", "discord", "telegram", "openai", "asyncio", "aiohttp.client")
CANARIES: Final = (TELEGRAM, DISCORD, KEY, PASSWORD)


def loggers() -> Iterator[logging.Logger]:
    """That of each module of ours which has one."""
    for package in (bots, core):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations." in module.name:
                continue
            found = vars(importlib.import_module(module.name)).values()
            yield from (one for one in found if isinstance(one, logging.Logger) and one.name == module.name)


def fail(form: str) -> None:
    """Raise one error from another, each with a secret in it."""
    local = form  # noqa: F841  # in the frame, as anything may be
    try:
        raise ValueError(f"inner {form}")
    except ValueError as inner:
        error = RuntimeError(f"outer {form}", {"Authorization": f"Bearer {form}"})
        error.add_note(f"note {form}")
        raise error from inner


async def _in_a_task(form: str) -> None:
    fail(form)


class _Unraisable:
    def __del__(self) -> None:
        raise ValueError(f"in the end {KEY}")


def _log_all(logger: logging.Logger, form: str) -> None:
    logger.debug("debug %s of %r", form, {"token": form})
    logger.warning("wrong arguments %d %s", form)  # noqa: PLE1206  # as a library's mistake
    logger.info(form, stack_info=True)
    try:
        fail(form)
    except RuntimeError:
        logger.exception("failed with %s", form)


async def _left_alone() -> None:
    for secret in CANARIES:
        asyncio.ensure_future(_in_a_task(secret))  # noqa: RUF006  # nobody waits for it
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()


def main() -> None:
    if sys.argv[1:] == ["bare"]:
        mock.patch.object(Redaction, "redact", lambda _, text: text).start()
    settings = Settings(
        discord_token=DISCORD,
        telegram_token=TELEGRAM,
        model=ModelSettings(api_key=KEY),
        database_url=f"postgresql://sluice:{FORMS['quoted whole'](PASSWORD)}@db:5432/sluice",
        log_level="DEBUG",
    )
    set_up_logging(settings, sys.stdout)
    own = logging.getLogger("a.library.with.its.own")
    own.propagate = False
    own.addHandler(logging.StreamHandler(sys.stderr))
    ours = list(loggers())
    libraries = [
        logging.getLogger(name) for name in ("httpx", "httpcore", "discord", "telegram", "openai", "asyncio")
    ]
    texts = [
        split(form(secret)) for secret in CANARIES for form in FORMS.values() for split in SPLITS.values()
    ]
    for number, logger in enumerate([*ours, *libraries, own]):
        logger.setLevel(logging.DEBUG)
        for text in texts[number % 97 :: 97]:
            _log_all(logger, text)
    for secret in CANARIES:
        warnings.warn(f"a warning {secret}", stacklevel=1)
        thread = threading.Thread(target=fail, args=(secret,))
        thread.start()
        thread.join()
    asyncio.run(_left_alone(), debug=True)
    _Unraisable()
    fail(TELEGRAM)


if __name__ == "__main__":
    main()
