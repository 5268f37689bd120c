from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from talkinghead.export import usd
from talkinghead.head.looks.dressing import with_garments

pxr = pytest.importorskip("pxr", reason="needs the extra: pip install 'talkinghead[usd]'")
from pxr import Gf, Usd, UsdGeom, UsdShade, UsdSkel  # noqa: E402


def write(motion, folder, suffix: str = ".usdc") -> Usd.Stage:
    usd.write(motion, folder / f"a{suffix}")
    return Usd.Stage.Open(str(folder / f"a{suffix}"))


@pytest.fixture
def raised_motion(default_motion):
    return replace(default_motion, tongue=np.linspace([-0.004, 0.016], [0.016, -0.004], 12))


@pytest.mark.parametrize("motion", ["raised_motion", "tiny_motion"])
def test_baked_points_are_the_posed_vertices(motion, request, tmp_path):
    motion = request.getfixturevalue(motion)
    stage = write(motion, tmp_path)
    root = UsdSkel.Root(stage.GetDefaultPrim())
    assert UsdSkel.BakeSkinning(root, Gf.Interval(stage.GetStartTimeCode(), stage.GetEndTimeCode()))
    points = UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh")).GetPointsAttr()
    expected = motion.with_gaze_as_shapes().vertices(posed=True)
    for t in (0, 4, 11):
        np.testing.assert_allclose(np.array(points.Get(t)), with_garments(motion.head, expected[t]), atol=2e-5)


def test_time_units_and_names(default_motion, tmp_path):
    stage = write(replace(default_motion, fps=30000 / 1001), tmp_path, ".usda")
    assert stage.GetTimeCodesPerSecond() == pytest.approx(30000 / 1001)
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, 12)
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    motion = UsdSkel.Animation(stage.GetPrimAtPath("/head/skeleton/speech"))
    assert tuple(motion.GetBlendShapesAttr().Get()) == default_motion.head.names
    assert motion.GetBlendShapeWeightsAttr().GetTimeSamples() == list(range(12))  # whole frames, as editors show them
    weights = np.array(motion.GetBlendShapeWeightsAttr().Get(3))
    np.testing.assert_allclose(weights, default_motion.with_gaze_as_shapes().coefficients[3], atol=1e-6)


def test_a_package_holds_the_stage_and_its_texture(default_motion, tmp_path):
    from zipfile import ZipFile

    stage = write(default_motion, tmp_path, ".usdz")
    with ZipFile(tmp_path / "a.usdz") as package:
        assert package.namelist()[0] == "a.usdc" and {Path(name).suffix for name in package.namelist()} == {".usdc", ".jpg"}
        for entry in package.infolist():  # Quick Look maps them
            with (tmp_path / "a.usdz").open("rb") as file:
                file.seek(entry.header_offset + 26)
                name, extra = np.frombuffer(file.read(4), "<u2").tolist()
            assert entry.compress_type == 0 and (entry.header_offset + 30 + name + extra) % 64 == 0
        picture = next(name for name in package.namelist() if name.endswith(".jpg"))
        assert Image.open(package.open(picture)).size == default_motion.head.texture.shape[1::-1]
    assert [path.name for path in tmp_path.iterdir()] == ["a.usdz"]
    texture = UsdShade.Shader(stage.GetPrimAtPath("/head/materials/skin/texture"))
    assert texture.GetInput("file").Get().resolvedPath.endswith(f"a.usdz[{picture}]")
    motion = UsdSkel.Animation(stage.GetPrimAtPath("/head/skeleton/speech"))
    weights = np.array(motion.GetBlendShapeWeightsAttr().Get(3))
    np.testing.assert_allclose(weights, default_motion.with_gaze_as_shapes().coefficients[3], atol=1e-6)


def test_colours_are_within_range(tiny_motion, tmp_path):
    bright = tuple(replace(part, colour=(1.08, 1.0, 1.25)) for part in tiny_motion.head.parts)
    stage = write(replace(tiny_motion, head=replace(tiny_motion.head, parts=bright)), tmp_path)
    assert tuple(UsdShade.Shader(stage.GetPrimAtPath("/head/materials/skin/texture")).GetInput("scale").Get()) == (1, 1, 1, 1)


def test_materials_cover_every_face_and_find_the_texture(tiny_motion, tmp_path):
    stage = write(tiny_motion, tmp_path)
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh"))
    subsets = UsdShade.MaterialBindingAPI(mesh).GetMaterialBindSubsets()
    assert [subset.GetPrim().GetName() for subset in subsets] == ["skin", "lips", "eyes"]
    assert sorted(i for subset in subsets for i in subset.GetIndicesAttr().Get()) == list(range(20))
    texture = UsdShade.Shader(stage.GetPrimAtPath("/head/materials/skin/texture"))
    assert tuple(texture.GetInput("scale").Get()) == (1.0, 0.5, 0.25, 1.0)
    picture = Image.open(texture.GetInput("file").Get().resolvedPath)
    np.testing.assert_array_equal(np.asarray(picture), tiny_motion.head.texture)
    st = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st")
    flat = np.array(st.ComputeFlattened()).reshape(-1, 3, 2)
    np.testing.assert_allclose(flat, tiny_motion.head.uv[tiny_motion.head.uv_faces], atol=1e-6)


def test_the_validators_of_openusd_find_nothing(default_motion, tmp_path):
    validation = pytest.importorskip("pxr.UsdValidation")
    stage = write(default_motion, tmp_path)
    validators = validation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 10
    errors = validation.ValidationContext(validators).Validate(stage)
    assert [f"{error.GetName()}: {error.GetMessage()}" for error in errors] == []


def test_heads_without_texture_shapes_or_joints(tiny_motion, tmp_path):
    head = replace(tiny_motion.head, uv=None, uv_faces=None, texture=None, parts=(), joints={})
    stage = write(replace(tiny_motion, head=head, gaze=None), tmp_path)
    assert stage.GetPrimAtPath("/head/materials/head/surface")
    assert [path.name for path in tmp_path.iterdir()] == ["a.usdc"]
