"""three.js as the one file that pages carry: `python tools/web/vendor_three.py` writes talkinghead/web/static/three.min.js.

Needs node, npm and a registry of npm packages; users of the package need none of them, as the file is in the repository. Only
what `ENTRY` names is in it, minified, with the notices of its licences on top.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

THREE, ESBUILD = "0.187.0", "0.28.2"
OUT = Path(__file__).resolve().parents[2] / "talkinghead/web/static/three.min.js"
ENTRY = """
export {
  AddEquation, AnimationMixer, BufferAttribute, BufferGeometry, Color, CustomBlending, DirectionalLight, DynamicDrawUsage,
  GLSL3, Group, HemisphereLight, InterleavedBuffer, InterleavedBufferAttribute, LinearMipmapLinearFilter, LoopOnce, Matrix4,
  Mesh, NeutralToneMapping, NoColorSpace, OneFactor, OneMinusSrcAlphaFactor, PerspectiveCamera, RawShaderMaterial, Scene,
  Texture, Vector3, WebGLRenderer,
} from "three";
export { OrbitControls } from "three/addons/controls/OrbitControls.js";
export { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
export { MeshoptDecoder } from "three/addons/libs/meshopt_decoder.module.js";
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out.resolve()
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        packages = [f"three@{THREE}", f"esbuild@{ESBUILD}"]
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", *packages], cwd=where, check=True)
        (where / "entry.js").write_text(ENTRY)
        how = ["--bundle", "--minify", "--format=iife", "--global-name=THREE", "--target=es2020", "--legal-comments=none"]
        made = subprocess.run(
            [where / "node_modules/.bin/esbuild", "entry.js", *how], cwd=where, check=True, capture_output=True, text=True
        ).stdout
        licence = (where / "node_modules/three/LICENSE").read_text().strip()
    notice = f"/*! three.js {THREE}, https://threejs.org\n\n{licence}\n\n"
    notice += "The decoder of EXT_meshopt_compression in it: (c) 2016-2026 Arseny Kapoulkine, of the same licence. */\n"
    out.write_text(notice + made, encoding="utf-8")
    print(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
