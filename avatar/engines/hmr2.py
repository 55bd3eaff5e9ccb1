"""HMR 2.0 (Goel et al., "Humans in 4D", 2023) from a checkpoint that the operator brings.

The folder holds `hmr2.ckpt`, as its authors publish it, and `SMPL_NEUTRAL.pkl`, which SMPL's licence covers; both
forbid or limit commercial use, which is the operator's to settle. Only the shape is taken: the body is measured at
rest, so pose and camera of the photo are not decoded. A checkpoint is read as data, never as code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from avatar.engines.crop import person_crop
from avatar.engines.engine import Scene
from avatar.engines.vit import VisionTransformer
from avatar.errors import EngineUnavailable
from avatar.smpl import LicensedBody

CHECKPOINT, BODY, SIZES = "hmr2.ckpt", "SMPL_NEUTRAL.pkl", "hmr2.json"
SIDE, PATCH, ASPECT = 256, 16, 192 / 256
_CUT = 32  # the network sees the middle three quarters of the square
_HEADS, _HEAD_WIDTH = 16, 64
_EMBEDDING = "smpl_head.transformer.to_token_embedding."
_LAYERS = "smpl_head.transformer.transformer.layers."


class _SelfAttention(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(width, 3 * inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, width))

    def forward(self, x: Tensor, _context: Tensor) -> Tensor:
        q, k, v = self.to_qkv(x).chunk(3, -1)
        return cast(Tensor, self.to_out(_attend(q, k, v)))


class _CrossAttention(nn.Module):
    def __init__(self, width: int, inner: int, context: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_kv = nn.Linear(context, 2 * inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, width))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        k, v = self.to_kv(context).chunk(2, -1)
        return cast(Tensor, self.to_out(_attend(self.to_q(x), k, v)))


class _FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        # The places between belong to activation and dropout in the published checkpoints.
        self.net = nn.ModuleDict({"0": nn.Linear(width, inner), "3": nn.Linear(inner, width)})

    def forward(self, x: Tensor, _context: Tensor) -> Tensor:
        return cast(Tensor, self.net["3"](gelu(self.net["0"](x))))


class _Normed(nn.Module):
    """Normalise, do, add."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = fn

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        return cast(Tensor, x + self.fn(self.norm(x), context))


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    def split(x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], -1, _HEAD_WIDTH).transpose(1, 2)

    return scaled_dot_product_attention(split(q), split(k), split(v)).transpose(1, 2).flatten(2)


class ShapeRegressor(nn.Module):
    """The part of HMR 2.0 that shape hangs on: a backbone, one token that asks it, and a linear reading."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        width, context = sizes["token"], sizes["width"]
        self.backbone = VisionTransformer(
            width=context,
            inner=sizes["inner"],
            depth=sizes["depth"],
            heads=sizes["heads"],
            patch=PATCH,
            patches=sizes["patches"],
        )
        self.token = nn.Linear(1, width)
        self.place = nn.Parameter(torch.zeros(1, 1, width))
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    _Normed(width, _SelfAttention(width, sizes["attention"])),
                    _Normed(width, _CrossAttention(width, sizes["attention"], context)),
                    _Normed(width, _FeedForward(width, sizes["forward"])),
                ]
            )
            for _ in range(sizes["layers"])
        )
        self.decshape = nn.Linear(width, sizes["betas"])
        self.init_betas = nn.Parameter(torch.zeros(1, sizes["betas"]))

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, 256, 256), standardised, to SMPL betas (B, 10)."""
        context = self.backbone(picture[:, :, :, _CUT:-_CUT])
        x = self.token(picture.new_zeros(len(picture), 1, 1)) + self.place
        for layer in self.layers:
            for part in cast(nn.ModuleList, layer):
                x = part(x, context)
        return cast(Tensor, self.decshape(x[:, 0]) + self.init_betas)


class Hmr2:
    """Meshes of SMPL at rest, of the shape that HMR 2.0 sees in the front photo."""

    def __init__(self, folder: Path) -> None:
        """Raises EngineUnavailable, LicensedModelUnavailable or BodyModelDamaged."""
        self._net = load_regressor(folder)
        self._body = LicensedBody(folder / BODY, "neutral")

    def points(self, scene: Scene) -> NDArray[np.float64]:
        """Vertices (6890, 3) at rest, metres, y up, facing z."""
        crop = person_crop(scene.photos["front"], scene.sightings["front"], side=SIDE, aspect=ASPECT)
        with torch.inference_mode():
            betas = self._net(crop)
            scene.on_share(0.7)
            return np.asarray(self._body.shaped(betas)[0].numpy(), np.float64)

    def close(self) -> None:
        """Nothing outlives the process."""


def load_regressor(folder: Path) -> ShapeRegressor:
    """The network of a checkpoint, its sizes read off the arrays. Raises EngineUnavailable.

    The backbone's number of heads leaves no trace in them: 16, or what `hmr2.json` says as `{"heads": n}`.
    """
    path = folder / CHECKPOINT
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise EngineUnavailable(f"{CHECKPOINT} is not in the engine's folder") from None
    except Exception as error:
        raise EngineUnavailable(f"{CHECKPOINT} is no checkpoint that holds arrays alone: {error}") from error
    weights: dict[str, Any] = kept.get("state_dict", kept)
    try:
        net = ShapeRegressor(_sizes(weights, _heads(folder)))
        net.load_state_dict(_ours(weights))
    except (KeyError, ValueError, RuntimeError) as error:
        raise EngineUnavailable(f"{CHECKPOINT} is not HMR 2.0: {error}") from error
    return net.eval().requires_grad_(False)


def _heads(folder: Path) -> int:
    stated = folder / SIZES
    return int(json.loads(stated.read_text())["heads"]) if stated.exists() else _HEADS


def _sizes(weights: Mapping[str, Tensor], heads: int) -> dict[str, int]:
    def counted(prefix: str) -> int:
        return 1 + max(int(name[len(prefix) :].split(".")[0]) for name in weights if name.startswith(prefix))

    inner, width = weights["backbone.blocks.0.mlp.fc1.weight"].shape
    first = f"{_LAYERS}0."
    return {
        "width": width,
        "inner": inner,
        "heads": heads,
        "depth": counted("backbone.blocks."),
        "patches": weights["backbone.pos_embed"].shape[1] - 1,
        "token": weights[f"{_EMBEDDING}weight"].shape[0],
        "attention": weights[f"{first}1.fn.to_q.weight"].shape[0],
        "forward": weights[f"{first}2.fn.net.0.weight"].shape[0],
        "layers": counted(_LAYERS),
        "betas": weights["smpl_head.decshape.weight"].shape[0],
    }


def _ours(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The arrays that shape hangs on, by our names; pose, camera and discriminator stay behind."""
    found = {name: value for name, value in weights.items() if name.startswith("backbone.")}
    found |= {f"token.{part}": weights[f"{_EMBEDDING}{part}"] for part in ("weight", "bias")}
    found["place"] = weights["smpl_head.transformer.pos_embedding"]
    found |= {f"layers.{name[len(_LAYERS) :]}": value for name, value in weights.items() if name.startswith(_LAYERS)}
    found |= {f"decshape.{part}": weights[f"smpl_head.decshape.{part}"] for part in ("weight", "bias")}
    found["init_betas"] = weights["smpl_head.init_betas"]
    return found
