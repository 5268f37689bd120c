"""Open written files in the programs that people use, as far as their packages are installed, and validate many people.

    python tools/measure/clients.py speech.glb speech.usdc speech.fbx
    python tools/measure/clients.py --people 40

Clients by package: assimp-py, open3d, panda3d-gltf, vtk, trimesh, usd-core, bpy (Blender). A line for each says what was found
there. `--people N` writes the `.glb` of seeds 0 to N - 1 and has Khronos' validator look at each, which is installed by
npm ci --prefix tests/export.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def assimp(path: str) -> str:
    import assimp_py

    scene = assimp_py.import_file(path, assimp_py.Process_Triangulate)
    return f"{len(scene.meshes)} meshes, {sum(mesh.num_vertices for mesh in scene.meshes)} vertices"


def open3d(path: str) -> str:
    import open3d

    model = open3d.io.read_triangle_model(path)
    assert model.meshes, "no mesh"
    return f"{len(model.meshes)} meshes, {sum(len(mesh.mesh.vertices) for mesh in model.meshes)} vertices"


def panda3d(path: str) -> str:
    import gltf
    from panda3d.core import NodePath

    root = NodePath(gltf.load_model(path))
    low, high = root.get_tight_bounds()
    animations = root.find_all_matches("**/+AnimBundleNode").get_num_paths()
    return f"{root.find_all_matches('**/+Character').get_num_paths()} character, {animations} animation, size {high - low}"


def vtk(path: str) -> str:
    from vtkmodules.vtkIOGeometry import vtkGLTFReader

    reader, errors = vtkGLTFReader(), []
    reader.AddObserver("ErrorEvent", lambda *_: errors.append(1))
    reader.SetFileName(path)
    reader.Update()
    count = reader.GetOutput().GetNumberOfPoints()
    assert count and not errors, "error"
    return f"{count} vertices, {reader.GetNumberOfAnimations()} animation"


def trimesh(path: str) -> str:
    import trimesh

    scene = trimesh.load_scene(path, process=False)
    return f"{len(scene.geometry)} meshes, extent {np.round(scene.extents, 3).tolist()} m"


def usd(path: str) -> str:
    from pxr import Usd, UsdSkel

    stage = Usd.Stage.Open(path)
    motion = UsdSkel.Animation(stage.GetPrimAtPath("/head/skeleton/speech"))
    samples = motion.GetBlendShapeWeightsAttr().GetTimeSamples()
    return (
        f"{len(motion.GetBlendShapesAttr().Get())} shapes, {len(samples)} samples at {stage.GetTimeCodesPerSecond():g} a second"
    )


def blender(path: str) -> str:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 30
    operators = {".glb": bpy.ops.import_scene.gltf, ".fbx": bpy.ops.import_scene.fbx, ".obj": bpy.ops.wm.obj_import}
    operators.get(Path(path).suffix, bpy.ops.wm.usd_import)(filepath=path)
    meshes = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    shapes = meshes[0].data.shape_keys
    curves = []
    for frame in (1, 20, 40, 60):
        bpy.context.scene.frame_set(frame)
        curves.append(round(shapes.key_blocks["jawOpen"].value, 4) if shapes else None)
    count = len(shapes.key_blocks) - 1 if shapes else 0
    return f"{len(meshes)} mesh, {count} shape keys, jawOpen at frames 1, 20, 40, 60: {curves}"


CLIENTS: dict[str, tuple[str, Callable[[str], str], tuple[str, ...]]] = {  # name -> package, function, suffixes
    "assimp": ("assimp_py", assimp, (".glb", ".fbx", ".obj")),
    "open3d": ("open3d", open3d, (".glb", ".obj")),
    "panda3d": ("gltf", panda3d, (".glb",)),
    "vtk": ("vtkmodules", vtk, (".glb",)),
    "trimesh": ("trimesh", trimesh, (".glb", ".obj")),
    "usd": ("pxr", usd, (".usdc", ".usda", ".usdz")),
    "blender": ("bpy", blender, (".glb", ".fbx", ".usdc", ".usda", ".usdz", ".obj")),
}


def open_everywhere(path: Path) -> None:
    """Print a line for each client, which has a process of its own: some end it when they fail."""
    for name, (package, _, suffixes) in CLIENTS.items():
        if path.suffix in suffixes and find_spec(package):
            run = subprocess.run(
                [sys.executable, __file__, "--client", name, str(path)], capture_output=True, text=True, check=False
            )
            told = [line for line in run.stdout.splitlines() if line.startswith("found: ")]
            lines = (run.stderr + run.stdout).strip().splitlines() or ["nothing"]
            print(f"{path.name:20} {name:8} {told[-1][7:] if told else 'FAILED: ' + lines[-1][:120]}", flush=True)


def validate(people: int) -> int:
    """Print what Khronos' validator finds in the files of so many people; the number of those with an error."""
    from talkinghead import Animation, Head
    from talkinghead.export import glb

    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(people):
            head, path = Head.default(seed=seed), Path(folder) / "person.glb"
            glb.write(Animation(np.zeros((2, len(head.names))), 30, head), path)
            run = ["node", str(ROOT / "tests" / "export" / "validate.js"), str(path)]
            issues = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)["issues"]
            if issues["messages"]:
                wrong += 1
                print(seed, issues["messages"][:2])
    print(f"{people - wrong} of {people} people are valid")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--people", type=int, default=0, metavar="N")
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.client:
        print("found:", CLIENTS[arguments.client][1](str(arguments.files[0])))
        return
    for path in arguments.files:
        open_everywhere(path)
    if arguments.people and validate(arguments.people):
        sys.exit(1)


if __name__ == "__main__":
    main()
