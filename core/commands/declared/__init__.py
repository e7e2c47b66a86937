"""One file for each command, with its `COMMAND`; the registry finds them. See docs/commands.md."""
