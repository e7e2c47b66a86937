"""Sluice as a process of its own, killed, stopped, troubled and worn out, and what people see judged.

    .venv/bin/python -m tests.torture kill | sigterm | chaos | soak

See docs/torture.md.
"""
