"""What a picture of a soak says."""

from __future__ import annotations

import re

from tests.torture.plot import svg
from tests.torture.soak import Sample


def test_a_picture_says_what_was_asked_for_and_draws_every_row() -> None:
    """More streams are open at times: a summary is one, too."""
    samples = [Sample(0, 10.0 * n, 200_000, 100, 17, 170 + n % 2, 0.1 * n, 70, n) for n in range(1, 361)]
    picture = svg(samples, 50)
    assert "50 answers at once for 60 minutes" in picture
    words = [re.sub("<[^>]*>", "", found) for found in re.findall(r'<text y="-6">(.*?)</text>', picture)]
    assert words[:3] == [
        "resident memory: 200 MB, +0.00 MB an hour once warm",
        "open files: 100, +0.00 an hour once warm",
        "threads: 17, +0.00 an hour once warm",
    ]
    assert words[3].startswith("asyncio tasks: 170, ")
    assert picture.count('class="line"') == 4
