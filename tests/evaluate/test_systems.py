"""What can be measured: animations of any tool, brought to the recording's clock, template and mesh."""

from dataclasses import replace

import numpy as np
import pytest

from talkinghead import Animation, export
from talkinghead.data.manifest import read_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate.measures.clip import align, measure, measure_samples, measure_truth, read_recorded, rebase
from talkinghead.evaluate.measures.lips import vertex_set
from talkinghead.evaluate.systems import Folder, Function, Model, Options, find_systems, read_vertices


@pytest.fixture
def recorded(vertex_data):
    from talkinghead.evaluate.measures.clip import read_motion_of

    clip = next(c for c in read_manifest(vertex_data) if c.split == "test" and c.speaker == "bob")
    head = read_motion_of(vertex_data, clip).head
    return read_recorded(vertex_data, clip, vertex_set(head, "lips", None), vertex_set(head, "upper", None))


def values(record, key):
    return record[key][0] / record[key][1]


def test_the_recording_itself_is_perfect(recorded):
    record, _ = measure(recorded.motion, recorded)
    for key in ("lve", "lve_mm", "mve", "mhd", "eve", "mod", "fdd", "fdd_abs"):
        assert values(record, key) == pytest.approx(0, abs=1e-6)
    assert values(record, "aperture_r") == pytest.approx(1) and values(record, "velocity_ratio") == pytest.approx(1)
    assert "coefficient_mse" not in record  # weights of PCA shapes mean nothing to others
    truth, _ = measure_truth(recorded)
    assert "lve" not in truth and "aperture_r" not in truth and "stillness" in truth and "bilabial_recall" in truth


def test_vertices_of_other_tools(recorded, tmp_path):
    vertices = recorded.motion.vertices()
    moved = vertices + np.array([0, 0.003, 0], np.float32)
    for name, array in {"a": moved.reshape(40, -1), "b": moved, "c": moved.reshape(1, 40, -1)}.items():
        np.save(tmp_path / f"{name}.npy", array)
        record, _ = measure(read_vertices(tmp_path / f"{name}.npy", recorded, Options()), recorded)
        assert values(record, "lve") == pytest.approx(9e-6, rel=1e-3) and values(record, "mve") == pytest.approx(3, rel=1e-3)
    np.save(tmp_path / "mm.npy", moved * 1000)
    record, _ = measure(read_vertices(tmp_path / "mm.npy", recorded, Options(unit="mm")), recorded)
    assert values(record, "lve_mm") == pytest.approx(3, rel=1e-3)


def test_geometry_agrees_with_the_plain_functions(recorded):
    from talkinghead import metrics
    from talkinghead.evaluate.measures import clip as module

    rng = np.random.default_rng(0)
    other = Animation(rng.uniform(0, 1, (40, 3)), 25.0, recorded.motion.head)
    p, g = other.offsets(), recorded.motion.offsets()
    lips, upper = recorded.lips.indices, recorded.upper.indices
    expected = {
        "lve": metrics.lve(p, g, lips),
        "lve_mm": metrics.lve_mm(p, g, lips),
        "mve": metrics.mve(p, g),
        "eve": metrics.eve(p, g, upper),
        "fdd": metrics.fdd(p, g, upper),
        "mhd": (metrics.mhd(p, g) / 1000) ** 2,
        "mod": metrics.mod(other.lip_aperture(), recorded.motion.lip_aperture()),
    }
    for block in (2**22, 60):  # at once, and a few frames at a time
        module.BLOCK, before = block, module.BLOCK
        try:
            record, _ = measure(other, recorded)
            drawn = measure_samples([other, recorded.motion], recorded, 0)
        finally:
            module.BLOCK = before
        for key, value in expected.items():
            assert values(record, key) == pytest.approx(value, rel=1e-4), key
        assert values(drawn, "coverage_error") == pytest.approx(0, abs=1e-12)
        assert values(drawn, "mean_estimate_error") == pytest.approx(expected["lve"] / 4, rel=1e-4)
        assert values(drawn, "diversity") == pytest.approx(expected["mve"], rel=1e-4)


def test_bad_arrays_are_one_line(recorded, tmp_path):
    vertices = recorded.motion.vertices()
    bad = {
        "shape": vertices[:, :20],
        "whole": np.zeros((40, 66), int),
        "unit": vertices * 1000,
        "rate": vertices[:20],
        "nan": np.where(np.arange(22)[:, None] == 3, np.nan, vertices),
        "object": np.array([{}, 1], dtype=object),
    }
    for name, array in bad.items():
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=True)
        with pytest.raises(InputError) as error:
            read_vertices(tmp_path / f"{name}.npy", recorded, Options())
        assert f"{name}.npy" in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(InputError, match="--unit"):
        read_vertices(tmp_path / "unit.npy", recorded, Options())
    with pytest.raises(InputError, match="--fps"):
        read_vertices(tmp_path / "rate.npy", recorded, Options())
    assert len(read_vertices(tmp_path / "rate.npy", recorded, Options(fps=12.5))) == 20


def test_other_rates_and_lengths_are_brought_together(recorded):
    p, g = align(recorded.motion.resample(50.0), recorded.motion)
    assert len(p) == len(g) == 40 and p.fps == 25.0
    short = Animation(np.zeros((30, 3)), 25.0, recorded.motion.head)
    p, g = align(short, recorded.motion)
    assert len(p) == len(g) == 30
    record, _ = measure(recorded.motion.resample(50.0), recorded)
    assert values(record, "lve_mm") < 8  # the eyelids' noise aside, the same motion


def test_another_basis_keeps_its_offsets_and_another_mesh_is_refused(recorded):
    from talkinghead.head.head import Head

    head = recorded.motion.head
    other = replace(head, basis=head.basis[::-1].copy())
    animation = Animation(np.random.default_rng(0).uniform(0, 1, (40, 3)), 25.0, other)
    assert rebase(animation, recorded.motion).offsets() == pytest.approx(animation.offsets(), abs=1e-7)
    with pytest.raises(InputError, match="22"):
        rebase(Animation(np.zeros((2, 52)), 25.0, Head.default()), recorded.motion)


def test_folders_hold_one_motion_a_clip_or_one_a_condition(recorded, tmp_path):
    export.save(recorded.motion, tmp_path / "x.npz")
    clip = recorded.clip.id
    np.save(tmp_path / f"{clip}_condition_ann.npy", recorded.motion.vertices())
    np.save(tmp_path / f"{clip}_condition_bob.npy", recorded.motion.vertices() + np.float32(0.001))
    folder = Folder("other", tmp_path, Options())
    assert folder.has(clip) and not folder.has("nobody") and len(folder.motions(recorded)) == 2
    before = folder.identity(clip)
    export.save(recorded.motion, tmp_path / f"{clip}.npz")
    assert len(folder.motions(recorded)) == 1 and folder.identity(clip) != before
    (tmp_path / "curves").mkdir()
    export.save(replace(recorded.motion, residual=None), tmp_path / f"curves/{clip}.json")
    (read,) = Folder("json", tmp_path / "curves", Options()).motions(recorded)
    assert read.coefficients == pytest.approx(recorded.motion.coefficients, abs=1e-4)


def test_systems_are_told_apart(tmp_path, recorded, tiny_talker):
    for name in ("a", "b/a", "empty", "model"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("a", "b/a"):
        np.save(tmp_path / name / "x.npy", np.zeros(1))
    (tmp_path / "model/config.json").write_text("{}")
    kinds = find_systems([tmp_path / "a", f"mine={tmp_path}/b/a", "default", tmp_path / "model"], Options())
    assert [type(s) for s in kinds] == [Folder, Folder, Model, Model]
    assert [s.name for s in kinds] == ["a", "mine", "default", "model"]
    twice = find_systems([tmp_path / "a", tmp_path / "b/a"], Options())
    assert len({s.name for s in twice}) == 2
    ours = find_systems({"same": lambda audio, motion: motion, "net": tiny_talker}, Options())
    assert isinstance(ours[0], Function) and isinstance(ours[1], Model)
    assert ours[0].motions(recorded) == [recorded.motion]
    for bad in (tmp_path / "empty", tmp_path / "none", tmp_path / "a/x.npy", 3):
        with pytest.raises(InputError):
            find_systems([bad], Options())
    with pytest.raises(InputError, match="NAME=PATH"):
        find_systems(["default", "default"], Options())


def test_a_model_that_knows_no_such_motion_says_so(recorded, tiny_talker):
    with pytest.raises(InputError, match="tiny-vertices"):
        Model("net", tiny_talker, Options()).motions(recorded)


def test_a_model_of_vertices_speaks_as_the_speaker_of_the_clip(recorded, tiny_encoder):
    import torch

    from talkinghead.animate.talker import Talker
    from talkinghead.models.config import ModelConfig
    from talkinghead.models.speech_to_motion import SpeechToMotion

    head = recorded.motion.head
    torch.manual_seed(0)
    config = ModelConfig(
        annotations={"tiny-vertices": list(head.names)},
        styles=["bob"],
        encoder=tiny_encoder,
        num_heads=4,
        categories=5,
        width=16,
        dilations=[1],
        prior_width=16,
        prior_dilations=[1],
    )
    talker = Talker(SpeechToMotion(config).eval(), {"tiny-vertices": head})
    for weights in talker.network.motion.decoder.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    model = Model("net", talker, Options())
    (motion,) = model.motions(recorded)
    record, lags = measure(motion, recorded)
    assert motion.meta["style"] == "bob" and motion.fps == recorded.motion.fps and abs(len(motion) - 40) <= 1
    assert values(record, "lve") > 0 and "aperture" in lags
    first, second = model.samples(recorded, 2)
    assert first.meta["seed"] == 0 and second.meta["seed"] == 1
    assert not np.array_equal(first.coefficients, second.coefficients)
