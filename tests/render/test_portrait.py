"""Pictures of dressed bodies and of garments: drawn by the scene of the video, with cloth that is seen to be cloth."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import render.figure
from render import portrait_child
from render.glb import ProductError
from render.gltf import Material
from render.portrait import ALONE, DRESSED, portrait
from render.portrait_child import PortraitBusy, PortraitDesk
from render.scene import SceneRenderer
from tests.figures import dressed, garment


@pytest.fixture
async def desk() -> AsyncIterator[PortraitDesk]:
    made = PortraitDesk()
    yield made
    await made.close()


def pixels(png: bytes) -> np.ndarray:
    """(h, w, 4) 0..255."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        assert picture.mode == "RGBA"
        return np.asarray(picture, np.float64)


def _plain(material: Material) -> Material:
    """The mean colour of its texture all over."""
    if material.texture is None:
        return material
    mean = material.texture.mean((0, 1)).astype(np.uint8)
    return replace(material, texture=np.tile(mean, (*material.texture.shape[:2], 1)))


def test_a_dressed_body_fills_its_picture_and_stands_on_its_shadow(renderer: SceneRenderer) -> None:
    seen = pixels(portrait(renderer, dressed(), alone=False))
    assert seen.shape[:2] == DRESSED[::-1]
    solid = np.argwhere(seen[..., 3] > 250)
    assert 0.85 < np.ptp(solid[:, 0]) / DRESSED[1] < 0.97
    assert seen[:4, :, 3].max() == 0
    shadow = (seen[..., 3] > 20) & (seen[..., 3] < 200) & (seen[..., :3].max(-1) < 40)
    assert shadow[int(0.85 * DRESSED[1]) :].sum() > 2000


def test_a_garment_alone_has_no_body_and_no_shadow(renderer: SceneRenderer) -> None:
    seen = pixels(portrait(renderer, garment("jeans"), alone=True))
    assert seen.shape[:2] == ALONE[::-1]
    solid = seen[seen[..., 3] > 250]
    assert len(solid) > 20_000
    assert (solid[:, 2] > solid[:, 0] + 10).mean() > 0.85  # blue all over
    assert ((seen[..., 3] > 20) & (seen[..., 3] < 200)).mean() < 0.02


def test_the_weave_is_seen(renderer: SceneRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The texture of denim, and the ribs of a hoodie, which are in its normal map."""

    def picture(name: str) -> np.ndarray:
        return pixels(portrait(renderer, garment(name), alone=True))

    def roughness(seen: np.ndarray) -> float:
        inner = seen[150:400, 235:280, :3].mean(-1)
        return float(np.abs(np.diff(inner, axis=1)).mean())

    denim, ribs = roughness(picture("jeans")), picture("hoodie")
    real = render.figure._raised
    monkeypatch.setattr(render.figure, "_raised", lambda material: material)
    flat = picture("hoodie")
    monkeypatch.setattr(render.figure, "_raised", lambda material: _plain(real(material)))
    assert denim > 1.1 * roughness(picture("jeans"))
    solid = (ribs[..., 3] > 250) & (flat[..., 3] > 250)
    assert np.percentile(np.abs(ribs - flat)[solid], 98) > 4


async def test_the_process_draws_what_one_draws_oneself(desk: PortraitDesk, renderer: SceneRenderer) -> None:
    """And says why where it cannot, and goes on after that."""
    with pytest.raises(ProductError) as refusal:
        await desk.draw(b"no GLB")
    assert refusal.value.code == "not-glb"
    drawn = await asyncio.gather(desk.draw(garment("skirt"), alone=True), desk.draw(dressed()))
    np.testing.assert_allclose(pixels(drawn[0]), pixels(portrait(renderer, garment("skirt"), alone=True)), atol=2)
    assert pixels(drawn[1]).shape[:2] == DRESSED[::-1]


async def test_a_process_that_died_is_started_again(desk: PortraitDesk) -> None:
    await desk.draw(garment("skirt"), alone=True)
    assert desk._child is not None
    desk._child.kill()
    await desk._child.wait()
    assert pixels(await desk.draw(garment("skirt"), alone=True)).shape[:2] == ALONE[::-1]


async def test_a_line_that_is_too_long_and_a_process_that_is_ended_are_no_fault_of_the_file(
    desk: PortraitDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portrait_child, "MOST_WAITING", 2)
    monkeypatch.setattr(portrait_child, "WITHIN_S", 0.01)
    drawn = await asyncio.gather(*(desk.draw(b"anything") for _ in range(4)), return_exceptions=True)
    assert [type(one) for one in drawn] == [PortraitBusy] * 4
    said = [str(one) for one in drawn]
    assert len({one for one in said if "Many" in one}) == 1
    assert sum("Many" in one for one in said) == 2


async def test_it_ends_when_nobody_asks() -> None:
    desk = PortraitDesk(warm_for_s=0.05)
    await desk.draw(garment("skirt"), alone=True)
    child = desk._child
    assert child is not None
    await asyncio.wait_for(child.wait(), 20)
    await desk.close()
