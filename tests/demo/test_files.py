"""The demo shop's files are valid, small, self-contained and the same each time."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from demo.shop import WEARABLES
from tests.demo.conftest import GLASSES, HATS, Built, built

TRIANGLES = {"glasses": 25_000, "hat": 35_000}


def test_the_shop_has_enough_to_choose_from() -> None:
    assert len(GLASSES) >= 5
    assert len(HATS) >= 4
    assert len({demo.name for demo in WEARABLES}) == len(WEARABLES)
    assert all(demo.description for demo in WEARABLES)


def test_a_file_stays_within_its_budget(wearable: Built) -> None:
    assert len(wearable.glb) <= 600_000
    assert sum(len(mesh.faces) for mesh in wearable.meshes.values()) <= TRIANGLES[wearable.demo.kind]


def test_building_twice_gives_the_same_bytes(wearable: Built) -> None:
    assert wearable.demo.build() == wearable.glb


def test_another_process_gives_the_same_bytes() -> None:
    """A file's content hash is its address in storage, so nothing may hang on hash seeds or on order of imports."""
    program = (
        "import hashlib; from demo.shop import WEARABLES; "
        "print(*[hashlib.sha256(d.build()).hexdigest() for d in (WEARABLES[0], WEARABLES[-1])])"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    here = [hashlib.sha256(built(demo.name).glb).hexdigest() for demo in (WEARABLES[0], WEARABLES[-1])]
    assert run.stdout.split() == here


def test_everything_a_file_needs_is_inside(wearable: Built) -> None:
    document = wearable.document
    assert all("uri" not in entry for entry in document["buffers"] + document.get("images", []))
    assert not {"animations", "skins", "cameras"} & set(document)
    for image in document.get("images", []):
        view = document["bufferViews"][image["bufferView"]]
        data = wearable.binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        picture = Image.open(io.BytesIO(data))
        assert max(picture.size) <= 512
        assert picture.get_format_mimetype() == image["mimeType"]


def test_sizes_are_metres_and_the_kind_is_said(wearable: Built) -> None:
    assert wearable.stated["kind"] == wearable.demo.kind
    assert wearable.stated["name"] == wearable.demo.name
    accessors = [a for a in wearable.document["accessors"] if "max" in a]
    reach = np.abs([a["max"] for a in accessors] + [a["min"] for a in accessors]).max()
    assert 0.05 < reach < 0.25


def test_lenses_are_glass_to_the_renderer(glasses: Built) -> None:
    lens_materials = [m for m in glasses.document["materials"] if m["name"].startswith("lens")]
    assert lens_materials
    for material in lens_materials:
        assert material["alphaMode"] == "BLEND"
        assert 0.02 < material["pbrMetallicRoughness"]["baseColorFactor"][3] < 1.0


def test_a_gradient_lens_is_darker_at_the_brow() -> None:
    alpha = built("Meridian").attribute("lenses", "COLOR_0")[:, 3]
    height = built("Meridian").attribute("lenses", "POSITION")[:, 1]
    top, bottom = height > np.quantile(height, 0.9), height < np.quantile(height, 0.1)
    assert alpha[top].mean() > 2.0 * alpha[bottom].mean()
