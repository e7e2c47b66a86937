"""The pure heart: answer → pages → pacing → edits. No clock, no I/O: `now` is an argument.

Read `answer`; then, for what a page shows, `pages`, `markdown`, `readable`, `files`; for when it is shown,
`scheduler`, `view`, `wants`, `ways`, `outcomes`, `rate_limits`, `meters`. The rest serves these.
"""
