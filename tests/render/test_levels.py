"""Levels of detail inside the canonical GLB: the same as those made anew, and nothing taken on trust."""

import struct
import zlib

import numpy as np
import pytest

from demo.acetate_glasses import bold_square_sun
from render import product as products
from render.glb import GlbWriter, ProductError, read_glb, view_bytes
from render.levels import kept_levels
from render.product import Wearable, finish, load_wearable
from tests.render.products import glasses


def kept(monkeypatch: pytest.MonkeyPatch, glb: bytes) -> Wearable:
    """Loaded where making levels is not allowed."""
    with monkeypatch.context() as patch:
        patch.setattr(products, "make_levels", None)
        return load_wearable(glb)


def test_kept_levels_are_those_that_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    canonical = glasses().pack()
    finished, made = finish(canonical)
    again = kept(monkeypatch, finished)
    assert [level.error_mm for level in again.levels] == [level.error_mm for level in made.levels]
    for before, after in zip(made.levels, again.levels, strict=True):
        for one, two in zip(before.batches, after.batches, strict=True):
            assert (one.lens, one.double_sided) == (two.lens, two.double_sided)
            np.testing.assert_array_equal(one.faces, two.faces)
            np.testing.assert_array_equal(one.positions, two.positions)
            np.testing.assert_allclose(one.normals, two.normals, atol=1e-3)
            np.testing.assert_allclose(one.colors, two.colors, atol=1e-3)


def test_a_texture_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    finished, made = finish(bold_square_sun("tortoise"))
    before, after = (
        [batch.texture for batch in product.finest.batches] for product in (made, kept(monkeypatch, finished))
    )
    assert any(texture is not None for texture in before)
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_file_finished_twice_is_the_same() -> None:
    finished, _ = finish(glasses().pack())
    assert kept_levels(read_glb(finished), ()) is not None
    assert len(finish(finished)[1].levels) == len(finish(glasses().pack())[1].levels)


def test_levels_of_another_revision_are_made_anew() -> None:
    finished, made = finish(glasses().pack())
    writer = GlbWriter.of(read_glb(finished))
    writer.document["asset"]["extras"]["vitrine"]["levels"]["revision"] = 0
    assert load_wearable(writer.pack()).finest.triangles == made.finest.triangles


def with_view(change: object) -> bytes:
    """A finished product whose levels `change` has made into something else."""
    finished, _ = finish(glasses().pack())
    glb = read_glb(finished)
    told = glb.document["asset"]["extras"]["vitrine"]["levels"]
    raw = bytes(view_bytes(glb, told["view"])[0])
    writer = GlbWriter.of(glb)
    told["view"] = writer.view(change(raw))  # type: ignore[operator]
    return writer.pack()


def corners_out_of_range(raw: bytes) -> bytes:
    text = bytearray(zlib.decompress(raw))
    text[-4:] = struct.pack("<I", 1 << 30)
    return zlib.compress(bytes(text))


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda _raw: b"nothing of the kind",
        lambda raw: zlib.compress(zlib.decompress(raw)[:-40]),
        lambda _raw: zlib.compress(b"[[0.1, [[0, 0, -1, -5, 3]]]]\n"),
        lambda _raw: zlib.compress(bytes(300 << 20)),
        corners_out_of_range,
    ],
    ids=["cut off", "no stream", "too few", "negative", "bomb", "corners out of range"],
)
def test_damaged_levels_are_refused(change: object) -> None:
    with pytest.raises(ProductError) as refused:
        load_wearable(with_view(change))
    assert refused.value.code == "levels-damaged"
