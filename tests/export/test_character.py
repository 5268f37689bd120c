"""Motion in a character's own file: what was there stays, and what is added shows what the motion does."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from characters import OPEN, WIDTH, animated, character, read_glb, write_glb
from PIL import Image
from scipy.spatial.transform import Rotation

from talkinghead import Animation, Head
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.visemes import NAMES
from talkinghead.motion.transfer.retarget import lip_gap_of, lip_partings

HERE = Path(__file__).parent
ODD = b"\x08\0\0\0ODD\0\x01\x02\x03\x04\x05\x06\x07\x08"  # a chunk that nobody knows


@pytest.fixture(scope="module")
def speech() -> Animation:
    """Nine frames: the lips shut, opening, wide, and shut by mouthClose though the jaw is down; a turn, a gaze and a blink."""
    head = Head.default()
    weights = np.zeros((9, len(head.names)))
    weights[:, head.index("jawOpen")] = [0, 0.1, 0.2, 0.4, 0.2, 0.1, 0.3, 0.3, 0]
    weights[6:8, head.index("mouthClose")] = 0.3
    weights[4, [head.index("eyeBlinkLeft"), head.index("eyeBlinkRight")]] = 1
    turn, gaze = np.zeros((9, 3)), np.zeros((9, 2, 2))
    turn[3] = [0, 0.3, 0]
    gaze[5] = [[0.2, 0.1], [0.2, 0.1]]
    return Animation(weights, 30.0, head, rotation=turn, gaze=gaze)


def head_of(tmp_path: Path, names: list[str], after: bytes = b"", **options) -> Head:
    return Head.load(write_glb(tmp_path / "avatar.glb", *character(names, **options), after=after))


@pytest.mark.parametrize("option", ["compress", "shape_normals"])
def test_options_that_would_change_the_file_are_refused(option, speech, tmp_path):
    spoken = speech.on(head_of(tmp_path, list(ARKIT)))
    with pytest.raises(InputError, match=f"{option} is for heads of this package"):
        spoken.save(tmp_path / "speaks.glb", **{option: True})
    assert not (tmp_path / "speaks.glb").exists()


def test_the_file_comes_back_whole(speech, tmp_path):
    old = {
        "name": "speech",
        "samplers": [{"input": 0, "output": 0}],
        "channels": [{"sampler": 0, "target": {"path": "pointer"}}],
    }
    head = head_of(tmp_path, [*ARKIT, "smirk"], after=ODD, animations=[old], extensions={"VENDOR_odd": {"x": [1, 2.5]}})
    speech.on(head).save(tmp_path / "speaks.glb")
    before, binary, _ = read_glb(tmp_path / "avatar.glb")
    after, longer, rest = read_glb(tmp_path / "speaks.glb")
    assert longer.startswith(binary) and rest == ODD
    for name, value in before.items():
        if name in ("accessors", "bufferViews", "animations"):
            assert after[name][: len(value)] == value
        elif name != "buffers":
            assert after[name] == value
    assert [a["name"] for a in after["animations"]] == ["speech", "speech 2"]
    assert after["buffers"] == [{"byteLength": after["bufferViews"][-1]["byteOffset"] + after["bufferViews"][-1]["byteLength"]}]


def test_shapes_are_found_by_name_on_every_mesh_and_the_rest_keeps_its_weight(speech, tmp_path):
    gltf, binary = character(["smirk", *ARKIT])
    gltf["meshes"][1]["weights"] = [0.25, *[0.0] * 52]
    head = Head.load(write_glb(tmp_path / "avatar.glb", gltf, binary))
    speech.on(head).save(tmp_path / "speaks.glb")
    times, channels = animated(tmp_path / "speaks.glb")
    np.testing.assert_allclose(times, np.arange(10) / 30, atol=1e-6)
    face, teeth = channels["FaceNode", "weights"], channels["TeethNode", "weights"]
    assert not face[:, 0].any() and (teeth[:, 0] == 0.25).all()
    np.testing.assert_array_equal(face[:, 1:], teeth[:, 1:])
    np.testing.assert_allclose(face[:, 1 + ARKIT.index("eyeBlinkLeft")], [0, 0, 0, 0, 1, 0, 0, 0, 0, 0], atol=1e-6)
    assert face[5, 1 + ARKIT.index("eyeLookOutLeft")] > 0.3 and face[5, 1 + ARKIT.index("eyeLookInRight")] > 0.3


SETS = {
    "ARKit": list(ARKIT),
    "ARKit in another spelling": [
        f"BS.{name[0].upper()}{name[1:]}".replace("Left", "_L").replace("Right", "_R") for name in ARKIT
    ],
    "Oculus": [f"viseme_{name}" for name in NAMES],
    "VRoid": ["Fcl_ALL_Neutral", *(f"Face.M_F00_000_Fcl_MTH_{letter}" for letter in "AIUEO"), "Fcl_EYE_Close"],
    "MMD": ["まばたき", *"あいうえお", "笑い"],
    "Ready Player Me without ARKit": ["mouthOpen", "mouthSmile"],
}


@pytest.mark.parametrize("drop", [0.015, 0.04])
@pytest.mark.parametrize("name", SETS)
def test_the_mouth_opens_as_far_for_its_width_and_shuts_when_ours_shuts(name, drop, speech, tmp_path):
    """A character whose mouth opens by 0.25 of its width needs larger weights than one whose mouth opens by 0.7 of it."""
    shares = {
        shape: share
        for shape in SETS[name]
        for key, share in OPEN.items()
        if shape.split("_")[-1].lower().endswith(key.lower())
    }
    shares |= {shape: 0.5 for shape in SETS[name] if shape.split("_")[-1] in ("O", "E")}
    head = head_of(tmp_path, SETS[name], drop=drop, opening=shares)
    partings = lip_partings(head)
    assert partings is not None and max(partings) == pytest.approx(drop / WIDTH, rel=0.01)  # to the very corners
    gap, ours = lip_gap_of(speech.on(head).coefficients, head), lip_gap_of(speech.coefficients, speech.head)
    reached = np.minimum(np.maximum(ours, 0), 1.4 * drop / WIDTH)
    np.testing.assert_allclose(np.maximum(gap, 0), reached, atol=0.004)
    assert gap[[0, 6, 7, 8]].max() < 0.004


JAWS = ("mixamorig:Jaw", "CC_Base_JawRoot", "FACIAL_C_Jaw", "head_jaw", "jaw")


@pytest.mark.parametrize(("jaw", "backwards"), [(JAWS[0], True), *((name, False) for name in JAWS[1:])])
@pytest.mark.parametrize("names", [[], ["smirk", "eyeBlinkLeft", "eyeBlinkRight"]], ids=["no shapes", "other shapes"])
def test_a_mouth_without_shapes_opens_by_the_bone_of_its_jaw(jaw, backwards, names, speech, tmp_path):
    """The lower lip, 8 cm in front of the hinge, goes down by what the bone in the file turns, and shuts when ours shuts."""
    head = head_of(tmp_path, names, jaw=jaw, backwards=backwards, extensions={"VRM": {}} if backwards else None)
    moved = speech.on(head)
    moved.save(tmp_path / "speaks.glb")
    _, channels = animated(tmp_path / "speaks.glb")
    tilt = Rotation.from_rotvec([0, 0, 0.4])
    turns = (tilt * Rotation.from_quat(channels[jaw, "rotation"]) * tilt.inv()).as_rotvec()[:9]
    sign = -1 if backwards else 1
    np.testing.assert_allclose(turns[:, 1:], 0, atol=1e-5)
    gap = lip_gap_of(speech.coefficients, speech.head)
    drop = 0.08 * np.sin(sign * turns[:, 0]) / WIDTH
    np.testing.assert_allclose(
        drop, np.maximum(gap, 0), atol=0.25 * gap.max()
    )  # corners to within two columns, and small angles
    assert drop[3] > 0.2 and np.abs(drop[[0, 6, 7, 8]]).max() < 0.004
    assert ("FaceNode", "weights") in channels or not names


def test_a_bone_of_the_jaw_is_left_alone_where_a_shape_opens_the_mouth(speech, tmp_path):
    head = head_of(tmp_path, list(ARKIT), jaw="jaw")
    speech.on(head).save(tmp_path / "speaks.glb")
    assert ("jaw", "rotation") not in animated(tmp_path / "speaks.glb")[1]


@pytest.mark.parametrize("place", ["accessor", "target"])
def test_shapes_named_where_old_exporters_name_them(place, speech, tmp_path):
    gltf, binary = character(list(ARKIT))
    for mesh in gltf["meshes"]:
        names = mesh.pop("extras")["targetNames"]
        for name, target in zip(names, mesh["primitives"][0]["targets"], strict=True):
            if place == "target":
                target["extra"] = {"name": name}
            else:
                gltf["accessors"][target["POSITION"]]["name"] = name
    head = Head.load(write_glb(tmp_path / "avatar.glb", gltf, binary))
    assert set(head.names) == set(ARKIT) and speech.on(head).coefficients[:, head.index("jawOpen")].max() > 0.1


@pytest.mark.parametrize("backwards", [False, True])
def test_bones_turn_the_head_and_the_eyes_from_their_rest(backwards, speech, tmp_path):
    """The head bone is tilted at rest; together with the neck it turns about the world's axes. VRM 0 looks backwards."""
    head = head_of(tmp_path, ["mouthOpen"], backwards=backwards, extensions={"VRM": {}} if backwards else None)
    speech.on(head).save(tmp_path / "speaks.glb")
    _, channels = animated(tmp_path / "speaks.glb")
    tilt = Rotation.from_rotvec([0, 0, 0.4])
    neck, bone = (Rotation.from_quat(channels[name, "rotation"]) for name in ("Neck", "Head"))
    whole = neck * bone * tilt.inv()
    np.testing.assert_allclose(whole[3].as_rotvec(), [0, 0.3, 0], atol=1e-5)
    np.testing.assert_allclose(whole[0].as_rotvec(), 0, atol=1e-6)
    eye = tilt * Rotation.from_quat(channels["LeftEye", "rotation"][5]) * tilt.inv()
    sign = -1 if backwards else 1
    np.testing.assert_allclose(
        eye.apply([0, 0, sign]), [sign * np.cos(0.1) * np.sin(0.2), np.sin(0.1), sign * np.cos(0.1) * np.cos(0.2)], atol=1e-5
    )


def test_expressions_of_a_vrm_drive_their_shapes(speech, tmp_path):
    vowels = {"aa": "mouth_1", "ih": "mouth_2", "ou": "mouth_3", "ee": "mouth_4", "oh": "mouth_5"}
    shapes = [*vowels.values(), "shut"]
    lids = {"morphTargetBinds": [{"node": 0, "index": 5, "weight": 0.8}]}
    one = {v: {"morphTargetBinds": [{"node": 0, "index": i, "weight": 1.0}]} for i, v in enumerate(vowels)}
    bones = {"head": {"node": 4}, "neck": {"node": 3}}
    vrm1 = {"VRMC_vrm": {"humanoid": {"humanBones": bones}, "expressions": {"preset": {**one, "blink": lids}}}}
    groups = [{"presetName": p, "binds": [{"mesh": 0, "index": i, "weight": 100}]} for i, p in enumerate("aiueo")]
    groups += [{"presetName": "blink", "binds": [{"mesh": 0, "index": 5, "weight": 80}]}]
    vrm0 = {"VRM": {"blendShapeMaster": {"blendShapeGroups": groups}}}
    for extensions in (vrm0, vrm1):
        head = head_of(tmp_path, shapes, opening={"mouth_1": 1.0, "mouth_5": 0.5}, extensions=extensions)
        moved = speech.on(head).coefficients
        assert moved[3, 0] > 0.3 and moved[4, 5] == pytest.approx(0.8, abs=0.02)
        assert np.abs(moved[[0, 8]]).max() < 1e-3


def test_shapes_that_move_nothing_are_not_taken_for_what_they_are_called(speech, tmp_path):
    """VRoid's exporters keep an empty jawOpen beside vowels that open the mouth."""
    gltf, binary = character(
        ["jawOpen", "mouthClose", *(f"viseme_{n}" for n in NAMES)], opening={"jawOpen": 0.0, "viseme_aa": 1.0}
    )
    head = Head.load(write_glb(tmp_path / "avatar.glb", gltf, binary))
    moved = speech.on(head).coefficients
    assert not moved[:, 0].any() and moved[3, head.index("viseme_aa")] > 0.4
    assert head.character is not None and "jawOpen" in head.character.report()["empty"]


@pytest.mark.parametrize("options", [{}, {"sparse": True}, {"quantised": True, "bones": False}], ids=str)
def test_the_validator_of_khronos_finds_nothing(options, speech, tmp_path):
    if not (HERE / "node_modules" / "gltf-validator").is_dir() or not shutil.which("node"):
        pytest.skip("needs Khronos' glTF validator")
    speech.on(head_of(tmp_path, list(ARKIT), **options)).save(tmp_path / "speaks.glb")
    run = ["node", str(HERE / "validate.js"), str(tmp_path / "speaks.glb")]
    report = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    assert [m for m in report["issues"]["messages"] if m["severity"] < 2] == []
    assert report["info"]["animationCount"] == 1


def test_a_gltf_with_its_files_becomes_one_glb(speech, tmp_path):
    gltf, binary = character(list(ARKIT), images=[{"uri": "skin%20of%20her.png"}], textures=[{"source": 0}])
    gltf["buffers"][0]["uri"] = "avatar.bin"
    (tmp_path / "avatar.bin").write_bytes(binary)
    (tmp_path / "skin of her.png").write_bytes(b"\x89PNG picture")
    (tmp_path / "avatar.gltf").write_text(json.dumps(gltf), encoding="utf-8")
    speech.on(Head.load(tmp_path / "avatar.gltf")).save(tmp_path / "speaks.glb")
    after, longer, _ = read_glb(tmp_path / "speaks.glb")
    assert longer.startswith(binary) and "uri" not in after["buffers"][0]
    view = after["bufferViews"][after["images"][0]["bufferView"]]
    assert (
        longer[view["byteOffset"] :][: view["byteLength"]] == b"\x89PNG picture"
        and after["images"][0]["mimeType"] == "image/png"
    )
    assert animated(tmp_path / "speaks.glb")[1]["FaceNode", "weights"].any()


def test_a_gltf_is_written_as_text(speech, tmp_path):
    spoken = speech.on(head_of(tmp_path, list(ARKIT)))
    spoken.save(tmp_path / "speaks.gltf")
    again = Head.load(tmp_path / "speaks.gltf")
    np.testing.assert_array_equal(again.basis, spoken.head.basis)
    assert again.character.gltf.items("animations")[0]["name"] == "speech"
    odd = head_of(tmp_path, list(ARKIT), after=ODD)
    with pytest.raises(InputError, match=r"avatar.glb has chunks that a \.gltf has no room for; write \.glb"):
        speech.on(odd).save(tmp_path / "b.gltf")
    assert not (tmp_path / "b.gltf").exists()


def test_a_vrm_is_written_as_one_and_nothing_else_is(speech, tmp_path):
    spoken = speech.on(head_of(tmp_path, ["mouthOpen"], extensions={"VRM": {}}))
    spoken.save(tmp_path / "speaks.vrm")
    spoken.save(tmp_path / "speaks.glb")
    assert (tmp_path / "speaks.vrm").read_bytes() == (tmp_path / "speaks.glb").read_bytes()
    for other in (speech, speech.on(head_of(tmp_path, list(ARKIT)))):
        with pytest.raises(InputError, match=r"only a character of a \.vrm file is written as one; write \.glb"):
            other.save(tmp_path / "b.vrm")
        assert not (tmp_path / "b.vrm").exists()


def test_what_is_needed_is_said_where_the_mouth_has_no_shapes(tmp_path):
    gltf, binary = character(["smirk", "frown"])
    with pytest.raises(InputError, match=r"none of its 2 shapes opens the mouth \(smirk, frown.*needed are ARKit's"):
        Head.load(write_glb(tmp_path / "a.glb", gltf, binary))
    for mesh in gltf["meshes"]:
        del mesh["primitives"][0]["targets"], mesh["extras"]
    with pytest.raises(InputError, match="its 2 meshes have no shapes"):
        Head.load(write_glb(tmp_path / "a.glb", gltf, binary))


def test_each_material_keeps_its_picture(tmp_path):
    """Red lips and green teeth: one texture, in which each finds its colour."""
    pictures = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime")]
    data = [io.BytesIO() for _ in pictures]
    for picture, file in zip(pictures, data, strict=True):
        picture.save(file, "PNG")
    gltf, binary = character(list(ARKIT), textures=[{"source": 0}, {"source": 1}])
    gltf["images"] = [{"uri": f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"} for file in data]
    gltf["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": index}}} for index in (0, 1)]
    gltf["meshes"][1]["primitives"][0]["material"] = 1
    head = Head.load(write_glb(tmp_path / "avatar.glb", gltf, binary))
    assert head.texture is not None and head.uv is not None and head.uv_faces is not None
    high, wide = head.texture.shape[:2]
    for part, colour in zip(head.parts, ([255, 0, 0], [0, 255, 0]), strict=True):
        u, v = head.uv[head.uv_faces[slice(*part.faces)]].reshape(-1, 2).T
        seen = head.texture[((1 - v) * high).astype(int), (u * wide).astype(int)]
        assert (seen == colour).all()


def test_what_cannot_be_decoded_speaks_and_is_not_drawn(speech, tmp_path):
    """A stranger's compression, of which only the names of shapes can be read."""
    gltf, binary = character(list(ARKIT))
    view = gltf["bufferViews"][gltf["accessors"][0]["bufferView"]]
    packed = {"buffer": 0, "byteLength": 16, "byteStride": 12, "count": 2, "mode": "NEWER"}
    view["extensions"] = {"EXT_meshopt_compression": packed}
    head = Head.load(write_glb(tmp_path / "avatar.glb", gltf, binary))
    moved = speech.on(head)
    moved.save(tmp_path / "speaks.glb")
    jaw = animated(tmp_path / "speaks.glb")[1]["FaceNode", "weights"][:9, ARKIT.index("jawOpen")]
    np.testing.assert_allclose(jaw, speech.coefficients[:, speech.head.index("jawOpen")], atol=1e-6)
    for name in ("a.obj", "a.mp4"):
        with pytest.raises(InputError, match="has no vertices to show: they are compressed by meshopt"):
            moved.render(tmp_path / name) if name == "a.mp4" else moved.save(tmp_path / name)
        assert not (tmp_path / name).exists()


@pytest.mark.shared
@pytest.mark.parametrize(("name", "turned"), [("brunette-t", ["Neck", "Head"]), ("vroid", ["Neck", "Head"])])
def test_characters_of_other_programs(name, turned, speech, shared, tmp_path):
    path = shared / "data" / "characters" / f"{name}.glb"
    if not path.is_file():
        pytest.skip("needs the developers' characters")
    if name == "vroid":
        pytest.importorskip("meshopt")
    head = Head.load(path)
    moved = speech.on(head)
    ours = lip_gap_of(speech.coefficients, speech.head)
    np.testing.assert_allclose(np.maximum(lip_gap_of(moved.coefficients, head), 0), np.maximum(ours, 0), atol=0.01)
    moved.save(tmp_path / "speaks.glb")
    before, binary, _ = read_glb(path)
    after, longer, _ = read_glb(tmp_path / "speaks.glb")
    assert longer.startswith(binary) and after["materials"] == before["materials"] and after["skins"] == before["skins"]
    assert {node for node, what in animated(tmp_path / "speaks.glb")[1] if what == "rotation"} == set(turned)
