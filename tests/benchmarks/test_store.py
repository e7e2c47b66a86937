"""The benchmark of the store measures whole conversations and prints what it measured."""

from __future__ import annotations

import json

import pytest

from benchmarks import store


def test_a_small_run_measures_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "QUICK", (5, 10))
    monkeypatch.setattr(store, "_OPENED", 20)
    heard: list[str] = []
    rows = store.run(quick=True, tell=heard.append)
    assert heard == ["store: 5 conversations", "store: 10 conversations"]
    assert [row.conversations for row in rows] == [5, 10]
    assert all(row.open_cpu_ms > 0 and 0 < row.open_median_ms <= row.open_p95_ms for row in rows)
    assert "The goal: opened in 5 ms." in store.table(rows)
    assert json.loads(json.dumps(store.as_dicts(rows)))[1]["conversations"] == 10
