"""A plain vision transformer (Dosovitskiy et al., 2021), named as ViTPose's checkpoints name their parts."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention


class Attention(nn.Module):
    """Attention of all patches to all."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, N, C) to (B, N, C)."""
        batch, count, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, count, width)
        return cast(Tensor, self.proj(mixed))


class Mlp(nn.Module):
    """Two layers for each patch."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, N, C) to (B, N, C)."""
        return cast(Tensor, self.fc2(gelu(self.fc1(x))))


class Block(nn.Module):
    """One layer, normalised before each half."""

    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, inner)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, N, C) to (B, N, C)."""
        x = x + self.attn(self.norm1(x))
        return cast(Tensor, x + self.mlp(self.norm2(x)))


class PatchEmbed(nn.Module):
    """The picture cut into patches; two pixels of border, so that a patch sees a little beyond the edge."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch, padding=2)

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, N, C)."""
        return cast(Tensor, self.proj(picture).flatten(2).transpose(1, 2))


class VisionTransformer(nn.Module):
    """Pictures to features of their patches."""

    def __init__(self, *, width: int, inner: int, depth: int, heads: int, patch: int, patches: int) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(width, patch)
        self.pos_embed = nn.Parameter(torch.zeros(1, patches + 1, width))  # the first belongs to a class token
        self.blocks = nn.ModuleList(Block(width, inner, heads) for _ in range(depth))
        self.last_norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, N, C), patches row by row."""
        x = self.patch_embed(picture) + self.pos_embed[:, 1:] + self.pos_embed[:, :1]
        for block in self.blocks:
            x = block(x)
        return cast(Tensor, self.last_norm(x))
