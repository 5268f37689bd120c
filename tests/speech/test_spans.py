"""Spans of words and phonemes."""

from __future__ import annotations

from talkinghead.speech.spans import cut_spans


def test_spans_of_a_window():
    spans = ((0.0, 1.0, "a"), (1.8, 2.1, "b"), (1.9, 2.4, "c"), (3.5, 4.5, "d"))
    assert cut_spans(spans, 2.0, 4.0, by_middle=True) == ((0.0, 0.4, "c"),)
    assert cut_spans(spans, 1.0, 2.0, by_middle=True) == ((0.8, 1.0, "b"),)
    assert cut_spans(spans, 2.0, 4.0) == ((0.0, 0.1, "b"), (0.0, 0.4, "c"), (1.5, 2.0, "d"))
    assert cut_spans(spans, 1.0, 1.8) == ()
    assert cut_spans(None, 0, 1) is None
