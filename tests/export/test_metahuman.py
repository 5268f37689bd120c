"""MetaHuman's control curves as files: what ARKit's shapes are in them, and the way back."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from talkinghead.errors import InputError, InputWarning
from talkinghead.export import load, save
from talkinghead.head.head import Head
from talkinghead.head.transfer.metahuman import CURVES, curve_name
from talkinghead.motion.animation import Animation


def motion(**shapes) -> Animation:
    head = Head.default()
    weights = np.zeros((40, len(head.names)), np.float32)
    for name, value in shapes.items():
        weights[:, head.index(name)] = np.linspace(0, value, 40)
    return Animation(weights, 30.0, head)


def last(path) -> dict[str, float]:
    """Curves that are not 0 in the last row of a table."""
    rows = list(csv.DictReader(path.open()))
    return {name: float(value) for name, value in rows[-1].items() if name != "time" and float(value)}


def test_curves_of_shapes_are_those_of_unreals_pose_asset(tmp_path):
    save(motion(jawOpen=0.4, mouthClose=0.1, eyeLookInLeft=0.5, browInnerUp=0.3), tmp_path / "a.metahuman.csv")
    found = last(tmp_path / "a.metahuman.csv")
    together = {f"mouthLipsTogether{place}": 0.25 for place in ("UL", "UR", "DL", "DR")}  # 0.1 / 0.4
    brows = dict.fromkeys(("browLateralL", "browLateralR", "browRaiseInL", "browRaiseInR"), 0.3)
    wanted = {"jawOpen": 0.4, "eyeLookRightL": 0.5, **together, **brows}
    assert found == pytest.approx({f"CTRL_expressions_{name}": value for name, value in wanted.items()})


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_a_head_that_is_called_so_has_the_curves_too(suffix, tmp_path):
    """The name of a head is that of its file: people have a metahuman.glb."""
    given = motion(jawOpen=0.4)
    save(replace(given, head=replace(given.head, name="metahuman")), tmp_path / f"a.metahuman.{suffix}")
    text = (tmp_path / f"a.metahuman.{suffix}").read_text()
    assert "CTRL_expressions_jawOpen" in text and "mouthShrugUpper" not in text


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_what_is_written_is_read_back(suffix, tmp_path):
    """Shapes that share curves come apart again: funnel and pucker, both rolls, all three brows."""
    given = motion(
        **{"jawOpen": 0.6, "mouthClose": 0.3, "mouthFunnel": 0.3, "mouthPucker": 0.6, "mouthRollLower": 0.7},
        **{"mouthRollUpper": 0.2, "browInnerUp": 0.3, "browOuterUpLeft": 0.5, "eyeLookOutRight": 0.4, "tongueOut": 0.5},
    )
    given = replace(given, rotation=np.linspace(0, 0.2, 120).reshape(40, 3).astype(np.float32))
    save(given, tmp_path / f"a.metahuman.{suffix}")
    back = load(tmp_path / f"a.metahuman.{suffix}", fps=30)
    assert np.abs(back.coefficients - given.coefficients).max() < 2e-3
    if suffix == "csv":
        assert back.rotation is not None and np.abs(back.rotation - given.rotation).max() < 1e-5


def test_curves_of_other_programs_are_read_in_any_spelling(tmp_path):
    """Unreal lists curves in small letters, DNA files have a point; curves without a shape of ARKit are named."""
    path = tmp_path / "take.csv"
    head = "time,ctrl_expressions_jawopen,CTRL_expressions.mouthCornerPullL,CTRL_expressions_teethUpU"
    path.write_text("\n".join([head, *(f"{t / 30:.4f},0.5,{t / 100},0.3" for t in range(40))]))
    with pytest.warns(InputWarning, match="teethUpU, which no shape of ARKit moves"):
        back = load(path)
    weights = dict(zip(back.head.names, back.coefficients.T, strict=True))
    np.testing.assert_allclose(weights["jawOpen"], 0.5, atol=1e-4)
    np.testing.assert_allclose(weights["mouthSmileLeft"], np.arange(40) / 100, atol=1e-4)
    assert curve_name("jawOpen") is None


def test_a_frame_by_name_in_json_is_read(tmp_path):
    frames = [{"time": t / 30, "CTRL_expressions_jawOpen": 0.2} for t in range(40)]
    (tmp_path / "a.json").write_text(json.dumps({"frames": frames}))
    assert load(tmp_path / "a.json").coefficients[:, Head.default().index("jawOpen")] == pytest.approx(0.2, abs=1e-4)


def test_every_shape_of_arkit_moves_a_curve_and_curves_stay_within_0_and_1(tmp_path):
    head = Head.default()
    save(Animation(np.eye(len(head.names), dtype=np.float32), 30.0, head), tmp_path / "a.metahuman.json")
    rows = np.array(json.loads((tmp_path / "a.metahuman.json").read_text())["weightMat"])
    alone = head.index("mouthClose")  # a share of the jaw, which is shut
    assert rows.shape[1] == len(CURVES) and (rows.max(1)[np.arange(len(rows)) != alone] > 0.7).all()
    save(motion(mouthFunnel=1.0, mouthPucker=1.0), tmp_path / "b.metahuman.csv")
    assert max(last(tmp_path / "b.metahuman.csv").values()) == 1.0


def test_a_head_without_known_shapes_is_refused(tmp_path):
    nothing = np.zeros((3, 3), np.float32)
    head = Head("box", nothing, np.array([[0, 1, 2]], np.int32), np.zeros((1, 3, 3), np.float32), ("thing",))
    with pytest.raises(InputError, match="told from ARKit's shapes"):
        save(Animation(np.zeros((4, 1), np.float32), 30.0, head), tmp_path / "a.metahuman.csv")
    assert not list(tmp_path.iterdir())
