"""What the doctor says of machines that lack something."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import PackageNotFoundError

import pytest

from talkinghead import cli
from talkinghead.rendering import renderer

doctor = import_module("talkinghead.cli.doctor")  # the package has the verb under this name


def told(capsys, status: int = 0) -> tuple[dict[str, tuple[str, str]], str]:
    """purpose -> (state, detail), and what is on stderr."""
    assert cli.main(["doctor"]) == status
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) <= 26  # one screen
    return {line[9:52].strip(): (line[:9].strip(), line[52:]) for line in lines}, err


@pytest.fixture
def without(monkeypatch):
    """Take packages away."""
    real = doctor.version

    def take(**versions: str | None) -> None:
        def version(name: str) -> str:
            if (found := versions.get(name.replace("-", "_"), real)) is None:
                raise PackageNotFoundError(name)
            return found if isinstance(found, str) else real(name)

        monkeypatch.setattr(doctor, "version", version)

    return take


def test_all_is_well_where_the_way_to_a_film_is(capsys):
    lines, err = told(capsys)
    assert err == "" and all(lines[name][0] == "works" for name in ("model", "head", ".mp4: H.264 and AAC"))
    assert lines["train"][0] == "works" and lines["train"][1].startswith("accelerate ")


def test_what_is_missing_is_told_with_the_command_that_brings_it(capsys, without):
    without(usd_core=None, num2words="0.5.1")
    lines, err = told(capsys)
    assert lines[".usdc, .usda and .usdz"] == ("missing", "pip install 'usd-core>=24.11'")
    assert lines["animate --transcript, prepare speech"] == ("missing", "pip install 'num2words>=0.5.13'")  # too old
    assert lines["train"][0] == "works" and err == ""


def test_what_nothing_goes_without_is_one_line_and_status_2(capsys, without):
    without(onnxruntime=None, soxr=None)
    lines, err = told(capsys, 2)
    assert lines["recording -> motion, .npz .csv .glb .obj"] == ("BROKEN", "pip install 'onnxruntime>=1.18' 'soxr>=0.5'")
    assert err.count("\n") == 1 and "does not work here: pip install 'onnxruntime>=1.18' 'soxr>=0.5'" in err


def test_a_broken_model_is_told(capsys, monkeypatch, tmp_path):
    (tmp_path / "model.safetensors").write_text("half")
    monkeypatch.setattr(doctor, "asset", lambda name: tmp_path)
    lines, err = told(capsys, 2)
    assert lines["model"][0] == "BROKEN" and "install talkinghead again" in err


@pytest.mark.parametrize("software", [True, False])
def test_without_opengl_the_cpu_draws(software, capsys, monkeypatch):
    monkeypatch.setattr(renderer, "try_backend", lambda name: (name == "software" and software, f"said {name}"))
    lines, _ = told(capsys, 0 if software else 2)
    assert lines[".mp4: pictures by OpenGL"] == ("missing", f"{doctor.OPENGL}  (said moderngl)")
    assert lines[".mp4: pictures by the CPU"][0] == ("works" if software else "BROKEN")


def test_every_extra_has_a_purpose(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(doctor.EXTRAS) == set(project["optional-dependencies"]) - {"dev"}


def test_an_installed_package_knows_its_extras_as_a_clone_does(monkeypatch, tmp_path):
    clone = {extra: sorted(map(str, doctor._requirements(extra))) for extra in ("", "align", "usd")}
    lines = [*clone[""], *(f'{line}; extra == "{extra}"' for extra in ("align", "usd") for line in clone[extra])]
    monkeypatch.setattr(doctor, "PACKAGE", tmp_path / "talkinghead")
    monkeypatch.setattr(doctor, "requires", lambda name: lines)
    for extra, wanted in clone.items():
        assert sorted(f"{r.name}{r.specifier}" for r in doctor._requirements(extra)) == wanted


def test_the_doctor_is_quick():
    code = "import sys; from talkinghead.cli import main; main(['doctor']); print({'torch', 'numba'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()" or "pictures by the CPU" in done.stdout


@pytest.mark.parametrize(
    ("package", "brings"),
    [("tyro", "'tyro>=1.0'"), ("numpy", "'numpy>=1.26'"), ("packaging", "'packaging>=23'"), ("yaml", "'pyyaml>=6'")],
)
def test_without_what_the_commands_themselves_need(package, brings):
    """The doctor works, and the others are one line."""
    code = f"""
import sys
from importlib import metadata
from importlib.metadata import PackageNotFoundError
real = metadata.version
def version(name):
    if name == {package!r} or (name == "pyyaml" and {package!r} == "yaml"):
        raise PackageNotFoundError(name)
    return real(name)
metadata.version = version
sys.modules[{package!r}] = None
from talkinghead.cli import main
print("STATUS", main(["doctor"]), main(["convert", "a.npz", "-o", "b.csv"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    *lines, status = done.stdout.splitlines()
    assert status == "STATUS 2 2" and len(lines) <= 24 and "Traceback" not in done.stderr
    assert any(line.startswith("BROKEN") and f"pip install {brings}" in line for line in lines)
    assert len(done.stderr.splitlines()) == 2
