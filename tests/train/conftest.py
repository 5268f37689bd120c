from __future__ import annotations

import pytest

RECIPE = """
data: [{data}]
out: {out}
encoder: {encoder}
versions: 2
report: 4
device: cpu
model:
  landmarks: [lip_upper_inner, lip_lower_inner]
  heads: 4
  categories: 5
  width: 16
  dilations: [1]
  prior_width: 16
  prior_dilations: [1, 2]
motion: {{steps: 8, batch: 4, micro: 2, frames: 20, weights: {{vertex: 1, lips: 1, cross_modality: 1}}}}
prior: {{steps: 8, batch: 4, micro: 2, frames: 20, weights: {{lips: 1, code: 0.1, code_feature: 1}}}}
"""


@pytest.fixture
def recipe(tmp_path, tiny_data, tiny_encoder_folder):
    """A training of sixteen steps on six clips."""
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.format(data=tiny_data, out=tmp_path / "run", encoder=tiny_encoder_folder))
    return path
