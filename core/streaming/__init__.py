"""The pure heart: answer → pages → pacing → edits. No clock, no I/O: `now` is an argument."""
