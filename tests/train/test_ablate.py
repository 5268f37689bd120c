"""The ablation runs, goes on where it was, and prints what it measured."""

import importlib.util
import json
import sys

import pytest

from talkinghead.train.objective.terms import TERMS


@pytest.fixture(scope="module")
def ablate(root):
    spec = importlib.util.spec_from_file_location("ablate", root / "tools/measure/ablate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sets_name_terms_and_each_adds_something(ablate):
    for name, extra in ablate.SETS.items():
        assert all(term in TERMS["prior"] or term == "lipreading" for term in extra), name
    assert len({json.dumps(extra, sort_keys=True) for extra in ablate.SETS.values()}) == len(ablate.SETS)
    assert len({ablate.slug(name) for name in ablate.SETS}) == len(ablate.SETS)


def test_it_trains_measures_and_goes_on(ablate, recipe, tiny_data, tmp_path, monkeypatch, capsys):
    out = tmp_path / "ablation"
    call = ["ablate.py", str(recipe), "prior.steps=4", "prior.frames=30", "--out", str(out), "--test", str(tiny_data)]
    call += ["--sets", "geometry", "+ sync"]
    monkeypatch.setattr(sys, "argv", call)
    ablate.main()
    lines = [json.loads(line) for line in (out / "ablation.jsonl").read_text().splitlines()]
    assert [line["set"] for line in lines if line["set"] != "recorded"] == ["geometry", "+ sync"]
    assert lines[0]["weights"] == {"lips": 1.0} and {"aperture_r", "lve_mm"} <= lines[0]["figures"].keys()
    assert "**" in capsys.readouterr().out and (out / "ablation.png").stat().st_size > 5000
    table = (out / "ablation.md").read_text()
    assert "| geometry |" in table and "| recorded |" in table
    models = {path: path.stat().st_mtime_ns for path in out.glob("*/model.safetensors")}
    assert sorted(path.parent.name.partition("-")[0] for path in models) == ["geometry", "motion", "with_sync"]
    asked: list = []
    really = ablate.run_training
    monkeypatch.setattr(ablate, "run_training", lambda config: asked.append(config) or really(config))
    ablate.main()
    assert not asked and table == (out / "ablation.md").read_text()
    monkeypatch.setitem(ablate.SETS, "+ sync", {"sync": 0.3})
    ablate.main()
    assert len(asked) == 2 and asked[1].prior.weights["sync"] == 0.3
    assert all(path.stat().st_mtime_ns == time for path, time in models.items()), "what was trained is left alone"
    assert len(list(out.glob("*/model.safetensors"))) == 4 and len((out / "ablation.jsonl").read_text().splitlines()) == 3


def test_it_says_what_is_wrong_in_one_line(ablate, recipe, tiny_data, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["a", str(recipe), "prior.lr=-1", "--out", str(tmp_path / "o"), "--test", str(tiny_data)])
    with pytest.raises(SystemExit, match="may not be negative") as told:
        ablate.main()
    assert "\n" not in str(told.value) and not list((tmp_path / "o").rglob("*.safetensors"))
