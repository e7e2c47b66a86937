"""The Telegram adapter, over python-telegram-bot's Bot and types."""

import os

# The library's documented switch to time spans as `timedelta`; without it, a mere 429 raises a
# deprecation warning from inside the library.
os.environ.setdefault("PTB_TIMEDELTA", "true")
