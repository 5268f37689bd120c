from dataclasses import dataclass, field

import pytest

from talkinghead.config import load_config
from talkinghead.errors import InputError


@dataclass
class Inner:
    rate: float = 1.0
    names: list[str] = field(default_factory=list)


@dataclass
class Outer:
    out: str
    steps: int = 1
    inner: Inner = field(default_factory=Inner)
    weights: dict[str, float] = field(default_factory=dict)
    style: str | None = None


def write(path, text):
    path.write_text(text)
    return path


def test_values_types_and_overrides(tmp_path):
    path = write(tmp_path / "a.yaml", "out: x\ninner: {rate: 1e-4, names: [a]}\nweights: {lips: 2}\n")
    config = load_config(Outer, path, ["steps=7", "inner.names=[b,c]", "weights.jaw=0.5"])
    assert config == Outer("x", 7, Inner(1e-4, ["b", "c"]), {"lips": 2.0, "jaw": 0.5})


def test_base_is_changed_by_what_names_it(tmp_path):
    write(tmp_path / "base.yaml", "out: x\nsteps: 3\ninner: {rate: 2}\n")
    config = load_config(Outer, write(tmp_path / "b.yaml", "base: base.yaml\ninner: {names: [n]}\n"))
    assert config.steps == 3 and config.inner == Inner(2.0, ["n"])


@pytest.mark.parametrize(
    ("text", "overrides", "said"),
    [
        ("out: x\nstepz: 3\n", [], "did you mean 'steps'"),
        ("out: x\ninner: {ratee: 3}\n", [], "did you mean 'rate'"),
        ("steps: 3\n", [], "needs out"),
        ("out: x\nsteps: many\n", [], "steps is 'many', expected int"),
        ("out: x\nsteps: true\n", [], "expected int"),
        ("out: x\ninner: {rate: fast}\n", [], "expected a number"),
        ("out: [\n", [], "not valid YAML"),
        ("- a\n", [], "expected keys and values"),
        ("out: x\n", ["steps"], "write key=value"),
        ("out: x\n", ["out.deep=1"], "no keys below"),
        ("out: x\nbase: gone.yaml\n", [], "no such file"),
    ],
)
def test_mistakes_are_said_in_one_line(tmp_path, text, overrides, said):
    with pytest.raises(InputError, match=said) as caught:
        load_config(Outer, write(tmp_path / "c.yaml", text), overrides)
    assert "\n" not in str(caught.value)
