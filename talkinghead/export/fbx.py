"""`.fbx`: the `.glb`, read and written by Blender's package, for Unreal, Unity, Maya and 3ds Max.

Shapes are blend shapes with their names, keys are at the whole frames of a scene of the same rate, the texture is inside.
Blender's axes and scale apply: centimetres, y up. Needs the extra, which has 0.4 GB: pip install 'talkinghead[fbx]'
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from math import ceil
from pathlib import Path

from talkinghead.errors import InputError
from talkinghead.export import glb
from talkinghead.files import replacing
from talkinghead.motion.animation import Animation

CODE = "import sys; from talkinghead.export.fbx import through_blender; through_blender(*sys.argv[1:])"


def check(path: Path) -> None:
    """Raise InputError without Blender's package."""
    if find_spec("bpy") is None:
        raise InputError(f"{path}: FBX needs Blender's package; install it with: pip install 'talkinghead[fbx]'")


def write(animation: Animation, path: Path) -> None:
    """Write the head and its motion. Raises InputError without bpy or if the motion has a residual."""
    check(path)
    with replacing(path) as fresh:
        model = fresh.with_suffix(".glb")
        glb.write(animation, model)
        # A process of its own: bpy keeps one scene for a whole process and takes over its signals.
        run = [sys.executable, "-c", CODE, str(model), str(fresh), str(animation.fps), str(len(animation))]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        model.unlink()
        if done.returncode or not fresh.is_file():
            why = (done.stderr.strip().splitlines() or ["it says nothing"])[-1][:200]
            raise InputError(f"{path}: Blender could not write it ({why}); write .glb")


def through_blender(model: str, path: str, fps: str, frames: str) -> None:
    """Read a `.glb` into an empty scene of `fps` frames a second, and write it as FBX."""
    import bpy  # pyright: ignore[reportMissingImports]

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = ceil(float(fps) - 1e-6)
    scene.render.fps_base = scene.render.fps / float(fps)
    scene.frame_start, scene.frame_end = 0, int(frames)
    bpy.ops.import_scene.gltf(filepath=model)
    bpy.ops.export_scene.fbx(
        filepath=path,
        bake_anim_simplify_factor=0.0,  # every frame keeps its key
        bake_anim_use_all_actions=False,
        bake_anim_use_nla_strips=False,
        path_mode="COPY",
        embed_textures=True,
    )
