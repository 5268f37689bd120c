"""The page kit: what strangers wrote is text, values that are missing are errors, and the same plot is the same bytes."""

import numpy as np
import pytest
from jinja2 import UndefinedError

from talkinghead import html


def test_values_are_escaped_and_none_may_be_missing():
    with pytest.raises(UndefinedError):
        html.render("page.html.j2")
    page = html.render("page.html.j2", title="<script>", mark="abc")
    assert "<title>&lt;script&gt;</title>" in page and "<!-- abc -->" in page[:40] and "main{" in page


def test_text():
    assert [html.duration(s) for s in (119.94, 120, 7199, 7200)] == ["119.9 s", "2.0 minutes", "120.0 minutes", "2.0 hours"]
    assert html.shorten("abcdef", 6) == "abcdef" and html.shorten("abcdefg", 6) == "abcde…"
    assert html.data_uri(b"\x00", "video/mp4") == "data:video/mp4;base64,AA=="
    assert html.jpeg_uri(np.zeros((8, 8, 3), np.uint8)).startswith("data:image/jpeg;base64,/9j/")


def test_lines():
    assert html.polyline(np.array([0, 1.25]), np.array([2, 3.04])) == "0.0,2.0 1.2,3.0"
    path = html.waveform(np.array([0, 0.5, -1, 0.25]), left=10, width=4, height=24)
    assert path == "M10 7.0V12.0M12 9.5V22.0"


def test_plots_are_the_same_text_each_time():
    pytest.importorskip("matplotlib")
    amounts = {f"<{i}>": float(i) for i in range(20)}
    assert html.bars("minutes", amounts) == html.bars("minutes", amounts)
    assert "4 others" in html.bars("minutes", amounts) and "<3>" not in html.bars("minutes", amounts)
    assert html.histograms({"length (s)": np.arange(5.0)}).startswith("<svg")
