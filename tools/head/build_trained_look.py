"""Writes assets/heads/trained_look.npz: how the perceptual networks have seen the default head, where it looks different today.

Give the default head (`default.npz`) of the version whose pictures the networks of assets/models were trained on. After a new
training on pictures of today the file is to be made of the head of today, which makes it one without differences.

python tools/head/build_trained_look.py OLD_DEFAULT.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from talkinghead.files import asset, replacing
from talkinghead.head.head import Head
from talkinghead.rendering.differentiable.trained_look import BASIS_STEP, TEMPLATE_STEP, painted_albedo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="default.npz of the version that the networks were trained with")
    parser.add_argument("-o", "--out", type=Path, default=asset("heads/default.npz").with_name("trained_look.npz"))
    options = parser.parse_args()
    old, now = Head.load(options.old), Head.load(asset("heads/default.npz"))
    template, basis = old.template - now.template, old.basis - now.basis
    rows = np.flatnonzero(np.abs(template).any(1) | np.abs(basis).any((0, 2)))
    with replacing(options.out) as fresh:
        np.savez_compressed(
            fresh,
            rows=rows.astype(np.uint16),
            template=np.round(template[rows] / TEMPLATE_STEP).astype(np.int16),
            basis=np.round(basis[:, rows] / BASIS_STEP).astype(np.int16),
            albedo=painted_albedo(old).astype(np.float16),
        )
    print(f"{options.out}: {len(rows)} of {len(now.template)} vertices moved, {options.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
