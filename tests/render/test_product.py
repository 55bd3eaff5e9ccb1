"""A canonical GLB becomes merged batches in millimetres, in levels that stay within their stated error."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from render.product import Batch, ProductError, load_wearable
from tests.render.products import cap, edited, glasses, turned


def test_millimetres_kind_and_dimensions_come_from_the_file() -> None:
    product = load_wearable(glasses(width_mm=138.0).pack())
    assert product.kind == "glasses"
    assert product.dimensions == {"frame_width_mm": 138.0}
    low, high = product.bounds_mm
    assert abs((high - low)[0] - 138.0) < 4
    assert low[2] == pytest.approx(-140, abs=3)


def test_parts_that_can_be_drawn_together_are_one_batch_and_lenses_come_last() -> None:
    product = load_wearable(glasses().pack())
    for level in product.levels:
        assert [batch.lens for batch in level.batches] == [False, True]


def surface(batch: Batch, count: int = 20_000) -> NDArray[np.float64]:
    """Points spread over the triangles by area: at most 2.5 mm apart on these products."""
    corners = batch.positions[batch.faces].astype(float)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chance = np.random.default_rng(3)
    chosen = corners[chance.choice(len(corners), count, p=area / area.sum())]
    weights = chance.dirichlet((1, 1, 1), count)
    return np.einsum("nk,nkd->nd", weights, chosen)


def test_levels_shrink_and_stay_near_the_surface() -> None:
    for writer in (glasses(), cap()):
        product = load_wearable(writer.pack())
        fine = cKDTree(np.concatenate([surface(batch) for batch in product.finest.batches]))
        counts = [level.triangles for level in product.levels]
        assert counts == sorted(counts, reverse=True)
        assert counts[-1] < 0.6 * counts[0]
        for level in product.levels:
            distance, _ = fine.query(np.concatenate([surface(batch) for batch in level.batches]))
            assert np.percentile(distance, 99) <= 2.5 * level.error_mm + 2.5  # the spacing of the points


def test_every_triangle_faces_where_its_normals_point_whatever_the_winding_was() -> None:
    # A mirrored node turns every triangle of the file around.
    mirrored = turned(glasses(), np.diag([-1.0, 1.0, 1.0, 1.0]))
    for data in (glasses().pack(), mirrored):
        for batch in load_wearable(data).finest.batches:
            a, b, c = (batch.positions[batch.faces[:, k]] for k in range(3))
            leaning = np.einsum("ij,ij->i", np.cross(b - a, c - a), batch.normals[batch.faces].sum(1))
            assert (leaning >= -1e-6).mean() > 0.99


def test_a_file_that_never_went_through_the_intake_is_refused() -> None:
    with pytest.raises(ProductError) as refusal:
        load_wearable(glasses(kind=False).pack())
    assert refusal.value.code == "not-canonical"


def test_nonsense_dimensions_are_dropped() -> None:
    def lie(document: dict[str, dict[str, dict[str, dict[str, object]]]]) -> None:
        document["asset"]["extras"]["vitrine"] |= {"frame_width_mm": "wide", "bridge_mm": -4, "temple_mm": 1e9}

    assert load_wearable(edited(glasses(), lie)).dimensions == {}
