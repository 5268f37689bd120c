"""The verb head: a face without shapes becomes a head; and what a head can do, as a sheet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from talkinghead.cli.arguments import read_unit
from talkinghead.cli.options import File, Name
from talkinghead.errors import InputError
from talkinghead.inputs import Inputs, check_replaceable

if TYPE_CHECKING:
    from talkinghead.head.head import Head

PICTURES = (".png", ".jpg", ".jpeg")


def head(
    action: Annotated[Positional[Literal["fit", "inspect"]], arg(metavar="fit|inspect")],
    file: Annotated[Positional[Path], arg(metavar="FILE")],
    output: Annotated[
        Path | None,
        arg(aliases=("-o",), metavar="FILE", help="fit: the head to write, .npz. inspect: the sheet, .png or .jpg."),
    ] = None,
    *,
    landmarks: File = None,
    unit: Name = None,
    up: Name = None,
) -> None:
    """Make a head of a face without shapes, or show what a head can do.

    Args:
        action: fit: a mesh of a neutral face, such as a scan, gets the shapes of the default head, and a sheet beside it.
            inspect: prints what a head, character or mesh has, and draws a sheet of its shapes.
        file: fit: .obj, .ply, .stl or .glb. inspect: these, a head's .npz, a character, default, or a person such as
            default:seed=3.
        landmarks: fit: file of points on the mesh, where the face is not found by itself.
        unit: fit: of the mesh, m, cm, mm or the metres that 1 is; guessed by the size of the face.
        up: fit: the mesh's axis that points up, x, y, z, -x, -y or -z; found by itself.
    """
    {"fit": _fit, "inspect": _inspect}[action](file, output, landmarks, unit, up)


def _fit(file: Path, output: Path | None, landmarks: Path | None, unit: str | None, up: str | None) -> None:
    from talkinghead.registration.sheet import check_unasked
    from talkinghead.registration.stored import fit_file

    if output is None or output.suffix.lower() != ".npz":
        raise InputError(f"{file}: say where the head is written with -o HEAD.npz")
    sheet = output.with_suffix(".png")
    inputs = Inputs(file, landmarks)
    for path in (output, sheet):
        inputs.refuse(path)
        check_replaceable(path)
    check_unasked(sheet)
    found, report = fit_file(file, landmarks=landmarks, unit=None if unit is None else read_unit(unit), up=up)
    found.save(output)
    print("\n".join(report.lines()), file=sys.stderr)
    print(output)
    _draw(found, sheet)


def _inspect(file: Path, output: Path | None, landmarks: Path | None, unit: str | None, up: str | None) -> None:
    from talkinghead.head.head import Head
    from talkinghead.head.spec import WORDS, read_head
    from talkinghead.registration.sheet import check_unasked
    from talkinghead.registration.stored import fit_file, shaped

    path = Path(f"{file.stem}.png") if output is None else output
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"{path}: a sheet is one of {' '.join(PICTURES)}")
    Inputs(file, landmarks).refuse(path)
    check_replaceable(path)
    if output is None:
        check_unasked(path)
    named = str(file).partition(":")[0] in WORDS
    found = (read_head(str(file)) or Head.default()) if named else shaped(str(file))
    if found is None:
        found, report = fit_file(file, landmarks=landmarks, unit=None if unit is None else read_unit(unit), up=up)
        print("\n".join(report.lines()))
    print("\n".join(_about(found)))
    _draw(found, path)


def _about(found: Head) -> list[str]:
    """What a head has, one fact a line."""
    from talkinghead.cli.outputs import summary
    from talkinghead.head.blendshapes import ARKIT

    own = [name for name in found.names if name not in ARKIT]
    lines = [f"{found.name}: {len(found.template)} vertices, {len(found.faces)} triangles, {len(found.names)} shapes"]
    lines.append(f"ARKit: {len(found.names) - len(own)} of {len(ARKIT)}" + (f"; others: {', '.join(own[:8])}" if own else ""))
    if len(found.template):
        extent = (found.template.max(0) - found.template.min(0)) * 100
        lines.append(f"size: {extent[0]:.1f} x {extent[1]:.1f} x {extent[2]:.1f} cm")
    parts = dict.fromkeys(part.name for part in found.parts)
    lines.append(f"parts: {', '.join(parts) or 'none'}; landmarks: {len(found.landmarks)}; joints: {', '.join(found.joints)}")
    if found.character is not None:
        lines.append(summary(found))
    else:
        inside = [name for name in ("teeth", "tongue", "gums") if name in parts]
        lines.append(f"mouth: {', '.join(inside) if inside else 'neither teeth nor tongue'}")
    return lines


def _draw(found: Head, path: Path) -> None:
    from talkinghead.cli.outputs import working
    from talkinghead.registration.sheet import draw

    with working(f"drawing {path.name}"):
        draw(found, path)
    print(path)
