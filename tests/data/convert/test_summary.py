"""What prepare tells at the end: the report, the line when nothing was usable, the page."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
import toyset

from talkinghead.data import preparation
from talkinghead.data.convert.page import write_page
from talkinghead.data.convert.recording import Converted
from talkinghead.data.convert.summary import summarise
from talkinghead.data.manifest import Clip, read_manifest, write_manifest
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A folder with takes of the made-up set, two of which are of no use."""
    monkeypatch.setitem(preparation.SOURCES, "toy", "toyset")
    for i in range(7):
        toyset.write(tmp_path / "in", f"{'abc'[i % 3]}_{i}", seed=i, frames=40 + 5 * i)
    toyset.write(tmp_path / "in", "a_<b>", vertices=np.full((50, 25, 3), np.nan, np.float32))
    toyset.write(tmp_path / "in", "a_slow", fps=np.float64(1))
    return tmp_path / "in"


def test_the_report_says_what_is_there(toy, tmp_path, capsys):
    report = prepare("toy", [toy], tmp_path / "out", progress=False)
    assert capsys.readouterr().out == ""
    assert (report["clips"], report["speakers"], sum(report["splits"].values())) == (7, ["a", "b", "c"], 7)
    assert report["hours"] == pytest.approx(sum(40 + 5 * i for i in range(7)) / 25 / 3600, abs=1e-6)
    assert report["emotions"] == {"unknown": 7}
    assert {d["id"]: d["reason"][:18] for d in report["dropped"]} == {
        "a_<b>": "vertices not finit",
        "a_slow": "1 frames a second,",
    }
    assert not (tmp_path / "out" / "index.html").exists()


def test_the_terminal_is_told_in_few_lines(toy, tmp_path, capsys):
    clips = [Clip(f"c{i}", "a", "m", f"s{i}", "train", 3600.0, 25.0, "toy") for i in range(40)]
    summarise(tmp_path, "toy", Converted(clips, {}, {f"d{i}": "no sound" for i in range(40)}), quiet=False)
    out = capsys.readouterr().out
    assert "40 clips, 40.0 hours, of 40 speakers" in out and "dropped 28 more: report.json lists them" in out
    assert out.count("\n") == 14


def test_nothing_usable_says_the_reason_that_all_share(tmp_path):
    for dropped, said in (
        ({f"a{i}": f"/x/a{i}.npy: 2{i}.0 s of motion" for i in range(9)}, "all 9 for the same reason: a0: /x/a0.npy: 20.0 s"),
        ({"a": "no sound", "b": "no motion"}, "a: no sound; b: no motion"),
        ({"a": "no sound"}, "no usable clips (a: no sound)"),
        ({}, "nothing found"),
    ):
        with pytest.raises(InputError, match=re.escape(said)):
            summarise(tmp_path, "toy", Converted([], {}, dropped), quiet=True)


def test_the_page_shows_all_of_it(toy, tmp_path):
    out = tmp_path / "out"
    prepare("toy", [toy], out, progress=False, page=True)
    page = (out / "index.html").read_text()
    assert "<b>7</b>" in page and "by clip (fewer than 5 speakers)" in page and "Dropped" in page
    assert "a_&lt;b&gt;" in page and "a_<b>" not in page  # names are strangers'
    assert page.count("data:image/jpeg;base64,") == 3 * 7
    assert page.count("<svg") == 2 and "largest displacement (mm)" in page and "minutes by speaker" in page
    assert "<script" not in page and not re.search(r"(src|href)=\"(?!data:|#)", page)
    changed = (out / "index.html").stat().st_mtime_ns
    prepare("toy", [toy], out, progress=False, page=True)
    assert (out / "index.html").stat().st_mtime_ns == changed
    toyset.write(toy, "a_0", seed=9)
    prepare("toy", [toy], out, progress=False, page=True)
    assert (out / "index.html").stat().st_mtime_ns != changed


def test_without_matplotlib_the_page_is_in_words(toy, tmp_path, monkeypatch):
    monkeypatch.setattr("talkinghead.data.convert.page.find_spec", lambda name: None)
    monkeypatch.delattr(toyset, "heads")  # no faces: points
    prepare("toy", [toy], tmp_path / "out", progress=False, page=True)
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<svg" not in page and "pip install" in page and page.count("image/jpeg") == 21
    assert "1.6</td><td>2.2</td><td>2.8</td>" in page  # lengths: least, median, most


def test_the_page_of_a_large_set_reads_a_sample(toy, tmp_path):
    """Four thousand clips, whose files are those of seven."""
    out = tmp_path / "out"
    report = prepare("toy", [toy], out, progress=False)
    seven = read_manifest(out)
    clips = [Clip(**{**vars(seven[i % 7]), "id": f"{i:05d}", "speaker": f"s{i % 900}"}) for i in range(4000)]
    write_manifest(out, clips)
    start = time.perf_counter()
    page = write_page(out, report, clips).read_text()
    assert time.perf_counter() - start < 15
    assert "a sample of 60 clips" in page and "884 others" in page and page.count("image/jpeg") == 24


def test_parameters_without_a_model_have_no_pictures(tmp_path, monkeypatch):
    monkeypatch.setitem(preparation.SOURCES, "toy", "toyset")
    weights = np.random.default_rng(0).normal(0, 1, (50, 1)).astype(np.float32)
    toyset.write(tmp_path / "in", "a_0", coefficients=weights, names=np.array(["jaw_x"]))
    takes = toyset.takes

    def flame(paths):
        from dataclasses import replace

        return [replace(take, annotation="flame") for take in takes(paths)[0]], {}

    monkeypatch.setattr(toyset, "takes", flame)
    prepare("toy", [tmp_path / "in"], tmp_path / "out", progress=False, page=True)
    assert "no mesh is known" in (tmp_path / "out" / "index.html").read_text()
