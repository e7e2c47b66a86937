"""What the core needs from the world, as Protocols of one screen each."""
