"""onnxruntime-web as pages carry it: `python tools/web/vendor_onnxruntime.py` writes talkinghead/web/onnxruntime.

Needs npm and a registry of npm packages; users of the package need none of them, as the files are in the repository. Only the
build for WebAssembly on a CPU is taken. The .wasm is compressed by LZMA, to a sixth of its size.
"""

from __future__ import annotations

import argparse
import lzma
import shutil
import subprocess
import tempfile
from pathlib import Path

VERSION = "1.30.0"
OUT = Path(__file__).resolve().parents[2] / "talkinghead/web/onnxruntime"
SCRIPTS = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs")
BINARY = "ort-wasm-simd-threaded.wasm"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out.resolve()
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts", f"onnxruntime-web@{VERSION}"]
        subprocess.run(command, cwd=folder, check=True)
        made = Path(folder) / "node_modules/onnxruntime-web/dist"
        out.mkdir(exist_ok=True)
        for name in SCRIPTS:
            shutil.copyfile(made / name, out / name)
        (out / f"{BINARY}.xz").write_bytes(lzma.compress((made / BINARY).read_bytes(), preset=9 | lzma.PRESET_EXTREME))
    print(*(f"{path.name}: {path.stat().st_size} bytes" for path in sorted(out.iterdir())), sep="\n")


if __name__ == "__main__":
    main()
