"""A local Telegram: the Bot API. `server.py` is its face."""
