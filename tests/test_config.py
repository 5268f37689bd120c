from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from strangers import check_damaged, check_made

from talkinghead.config import load_config
from talkinghead.errors import InputError
from talkinghead.train.config import TrainConfig


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


@pytest.mark.parametrize("name", ["recipe"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)


def test_text_with_the_signs_of_yaml_is_read_or_refused_in_a_line(tmp_path):
    words = ["<<", "data", "model", "base", "lr", "~", "!!int", "!!timestamp", "2001-99-99"]
    signs = st.sampled_from([*"-:{}[],&*!|>%@#?'\"\n 0", *words])
    check_made("recipe", tmp_path, st.lists(signs, max_size=30).map("".join), 60)


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20)),
    "merges": "a: &a {x: 1}\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [{', '.join(['*' + chr(97 + i)] * 9)}]}}\n" for i in range(20)),
    "itself": "data: &a [*a]\n",
    "deep": "data: " + "[" * 5000,
    "date": "data: 2001-99-99\n",
    "tag": "data: !!timestamp x\n",
    "code": "data: !!python/object/apply:os.system [id]\n",
    "number": f"seed: {'9' * 5000}\n",
    "large": "# " + "x" * (1 << 18),
    "base itself": "base: a.yaml\n",
    "base no name": "base: [1]\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_a_line(tmp_path, name):
    (tmp_path / "a.yaml").write_text(BOMBS[name])
    with pytest.raises(InputError, match=r"config .*a\.yaml: ") as error:
        load_config(TrainConfig, tmp_path / "a.yaml")
    assert "\n" not in str(error.value) and len(str(error.value)) <= 1000
