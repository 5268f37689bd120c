"""`.usdc`, `.usda`, `.usdz`: USD with a UsdSkel head: the shapes as blend shapes, the motion as a skeletal animation.

The skeleton has one joint, `neck`; the mesh hangs on it wholly, so the pose of the joint is that of the head. Metres, y up, one
time code per frame: frame t is at time code t, as in the video. The texture is a file beside, `NAME_texture.png`, or a JPEG
inside the `.usdz`, which is what Apple's Quick Look opens. USD keeps a layer in memory until it is written: 110 MB an hour.
UsdSkel: https://openusd.org/release/api/usd_skel_page_front.html. Needs the extra: pip install 'talkinghead[usd]'
"""
# pyright: reportAttributeAccessIssue=false
# (the members of pxr come from C++; a type checker cannot see them)

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile, ZipInfo

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export.glb import quaternions
from talkinghead.export.mesh import SHEETS, base_colour, for_meshes, is_ours, neck_joint, parts, texture_jpeg, texture_png
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.head.looks.dressing import BODY, dressed
from talkinghead.head.normals import vertex_normals
from talkinghead.motion.animation import Animation

if TYPE_CHECKING:
    from pxr import Usd, UsdShade

PACKAGE, INSIDE = ".usdz", "texture.jpg"
# Bytes before a name in a ZIP file; an extra field; its id, and at multiples of how many bytes data begin in `.usdz`.
HEADER, FIELD, PADDING, ALIGNMENT = 30, struct.Struct("<HH"), 0x1986, 64


def beside(path: Path) -> tuple[Path, ...]:
    """What is written besides the file: the texture."""
    return () if path.suffix.lower() == PACKAGE else (path.with_name(f"{path.stem}_texture.png"),)


def check(path: Path) -> None:
    """Raise InputError if USD cannot be written here."""
    for picture in beside(path):
        if picture.exists() and not is_ours(picture):
            raise InputError(f"{path}: its texture would replace {picture.name}, a picture of yours; write to another name")
    try:
        import pxr.UsdSkel  # noqa: F401
    except ImportError:
        raise InputError(f"{path}: USD needs its library; install it with: pip install 'talkinghead[usd]'") from None


def write(animation: Animation, path: Path) -> None:
    """Write the head and its motion; gaze becomes eyeLook weights, the tongue shapes of its own.

    Raises InputError without usd-core or with a residual.
    """
    check(path)
    animation.head.need_mesh()
    animation = for_meshes(animation, path)
    if path.suffix.lower() == PACKAGE:
        _write_package(animation, path)
        return
    png = texture_png(animation.head)
    picture = beside(path)[0] if png else None
    with replacing(path) as fresh:
        _write_stage(animation, fresh, picture.name if picture else None)
        if png and picture:
            with replacing(picture) as file:
                file.write_bytes(png)


def _write_package(animation: Animation, path: Path) -> None:
    with replacing(path) as fresh:
        stage, jpeg = fresh.with_suffix(".usdc"), texture_jpeg(animation.head)
        _write_stage(animation, stage, INSIDE if jpeg else None)
        files = {stage.name: stage.read_bytes()} | ({INSIDE: jpeg} if jpeg else {})
        stage.unlink()
        with ZipFile(fresh, "w") as package:
            for name, data in files.items():  # data at multiples of 64 bytes: https://openusd.org/release/spec_usdz.html
                entry = ZipInfo(name)
                start = package.start_dir + HEADER + len(name.encode()) + FIELD.size
                entry.extra = FIELD.pack(PADDING, -start % ALIGNMENT) + bytes(-start % ALIGNMENT)
                package.writestr(entry, data)


def _write_stage(animation: Animation, path: Path, picture: str | None) -> None:
    from pxr import Usd, UsdGeom, UsdSkel

    stage, head = (
        Usd.Stage.CreateInMemory(f"a{path.suffix.lower()}"),
        dressed(animation.head),
    )  # a file's layer lives until it is collected
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(animation.fps)
    stage.SetFramesPerSecond(animation.fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(animation))
    stage.GetRootLayer().comment = f"Blender does not read the frame rate: set its scene to {animation.fps:g} frames a second."
    root = UsdSkel.Root.Define(stage, "/head")
    stage.SetDefaultPrim(root.GetPrim())
    mesh = _mesh(stage, head)
    _shapes(stage, mesh, head)
    _skeleton(stage, mesh, animation)
    _materials(stage, mesh, head, picture)
    stage.GetRootLayer().Export(str(path))


def _mesh(stage: Usd.Stage, head: Head):
    from pxr import Sdf, UsdGeom, Vt

    mesh = UsdGeom.Mesh.Define(stage, "/head/mesh")
    mesh.CreateSubdivisionSchemeAttr("none")
    mesh.CreatePointsAttr(_vectors(head.template))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(head.faces), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(_integers(head.faces.reshape(-1)))
    mesh.CreateNormalsAttr(_vectors(vertex_normals(head.template.astype(np.float64), head.faces, missing=(0, 0, 1))))
    mesh.SetNormalsInterpolation("vertex")
    mesh.CreateExtentAttr(_vectors(np.stack([head.template.min(0), head.template.max(0)])))
    mesh.CreateDoubleSidedAttr(any(part.name in SHEETS for part in parts(head)))
    if head.uv is not None and head.uv_faces is not None:
        kind = Sdf.ValueTypeNames.TexCoord2fArray
        st = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", kind, UsdGeom.Tokens.faceVarying)
        st.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(head.uv, np.float32)))
        st.SetIndices(_integers(head.uv_faces.reshape(-1)))
    return mesh


def _shapes(stage: Usd.Stage, mesh, head: Head) -> None:
    """One sparse BlendShape per basis shape, bound to the mesh under its own name."""
    from pxr import UsdSkel, Vt

    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    names = _identifiers(head.names)
    binding.CreateBlendShapesAttr(Vt.TokenArray(names))
    targets = binding.CreateBlendShapeTargetsRel()
    for name, shape in zip(names, head.basis, strict=True):
        rows = np.flatnonzero(shape.any(axis=1))
        target = UsdSkel.BlendShape.Define(stage, f"/head/mesh/{name}")
        target.CreateOffsetsAttr(_vectors(shape[rows]))
        target.CreatePointIndicesAttr(_integers(rows))
        targets.AddTarget(target.GetPath())


def _skeleton(stage: Usd.Stage, mesh, animation: Animation) -> None:
    """A joint at the neck, and its motion together with the weights, sampled at whole time codes."""
    from pxr import Gf, UsdSkel, Vt

    head, count = dressed(animation.head), len(animation)
    neck = neck_joint(head).astype(np.float64)
    body = head.regions.get(BODY, np.zeros(len(head.template)))
    joints = ["neck", "body"] if body.any() else ["neck"]  # clothes hang on the second, which does not move
    rest = [Gf.Matrix4d(1).SetTranslate(Gf.Vec3d(*neck.tolist()))] * len(joints)
    skeleton = UsdSkel.Skeleton.Define(stage, "/head/skeleton")
    skeleton.CreateJointsAttr(joints)
    skeleton.CreateBindTransformsAttr(rest)
    skeleton.CreateRestTransformsAttr(rest)
    motion = UsdSkel.Animation.Define(stage, "/head/skeleton/speech")
    motion.CreateJointsAttr(joints)
    motion.CreateBlendShapesAttr(Vt.TokenArray(_identifiers(head.names)))
    motion.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1, 1, 1)] * len(joints)))
    weights, rotations, translations = (
        motion.CreateBlendShapeWeightsAttr(),
        motion.CreateRotationsAttr(),
        motion.CreateTranslationsAttr(),
    )
    turns = np.tile([0.0, 0, 0, 1], (count, 1)) if animation.rotation is None else quaternions(animation.rotation)
    shifts = np.zeros((count, 3)) if animation.translation is None else animation.translation
    for t in range(count):
        x, y, z, w = turns[t].tolist()
        weights.Set(Vt.FloatArray.FromNumpy(np.ascontiguousarray(animation.coefficients[t])), t)
        rotations.Set([Gf.Quatf(w, x, y, z), Gf.Quatf(1)][: len(joints)], t)
        places = [Gf.Vec3f(*(neck + shifts[t]).tolist()), Gf.Vec3f(*neck.tolist())]
        translations.Set(places[: len(joints)], t)
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([motion.GetPath()])
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding.CreateJointIndicesPrimvar(False, 1).Set(_integers(body > 0.5))
    binding.CreateJointWeightsPrimvar(False, 1).Set(Vt.FloatArray.FromNumpy(np.ones(len(head.template), np.float32)))
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1))


def _materials(stage: Usd.Stage, mesh, head: Head, picture: str | None) -> None:
    """A UsdPreviewSurface per part, bound to a subset of the faces."""
    from pxr import Sdf, UsdGeom, UsdShade

    UsdGeom.Scope.Define(stage, "/head/materials")
    for part, name in zip(parts(head), _identifiers(tuple(p.name for p in parts(head))), strict=True):
        material = UsdShade.Material.Define(stage, f"/head/materials/{name}")
        surface = UsdShade.Shader.Define(stage, f"/head/materials/{name}/surface")
        surface.CreateIdAttr("UsdPreviewSurface")
        surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(float(part.roughness))
        surface.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.0)
        colour = surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
        if picture is None:
            colour.Set(tuple(base_colour(part)))
        else:
            colour.ConnectToSource(_texture(stage, f"/head/materials/{name}", base_colour(part), picture))
        material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", Sdf.ValueTypeNames.Token))
        rows = _integers(np.arange(*part.faces))
        subset = UsdGeom.Subset.CreateGeomSubset(mesh, name, UsdGeom.Tokens.face, rows, UsdShade.Tokens.materialBind)
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(material)
    UsdShade.MaterialBindingAPI(mesh).SetMaterialBindSubsetsFamilyType(UsdGeom.Tokens.partition)


def _texture(stage: Usd.Stage, home: str, colour: list[float], name: str) -> UsdShade.Output:
    """The colour output of a texture read at `st` and multiplied by `colour`."""
    from pxr import Sdf, UsdShade

    kinds = Sdf.ValueTypeNames
    reader = UsdShade.Shader.Define(stage, f"{home}/st")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", kinds.String).Set("st")
    texture = UsdShade.Shader.Define(stage, f"{home}/texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", kinds.Asset).Set(f"./{name}")
    texture.CreateInput("sourceColorSpace", kinds.Token).Set("sRGB")
    texture.CreateInput("wrapS", kinds.Token).Set("clamp")
    texture.CreateInput("wrapT", kinds.Token).Set("clamp")
    texture.CreateInput("scale", kinds.Float4).Set((*colour, 1.0))
    texture.CreateInput("st", kinds.Float2).ConnectToSource(reader.CreateOutput("result", kinds.Float2))
    return texture.CreateOutput("rgb", kinds.Float3)


def _identifiers(names: tuple[str, ...]) -> list[str]:
    """USD names: letters, digits and underscores, each once."""
    from pxr import Tf

    out: list[str] = []
    for name in map(Tf.MakeValidIdentifier, names):
        out.append(name if name not in out else f"{name}_{len(out)}")
    return out


def _vectors(values: np.ndarray):
    from pxr import Vt

    return Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(values, np.float32))


def _integers(values: np.ndarray):
    from pxr import Vt

    return Vt.IntArray.FromNumpy(np.ascontiguousarray(values, np.int32))
