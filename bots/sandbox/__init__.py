"""A local Discord and a local Telegram over real sockets, with their limits enforced."""
