"""Settings to objects: the only place that wires. Each file wires one thing, and is imported by its name, so
that a command which needs no store and no model waits for neither."""
