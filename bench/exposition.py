"""Figures out of a Prometheus text page: what a server says about itself while it is measured."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families


def series(page: str, name: str) -> Iterator[tuple[dict[str, str], float]]:
    """Labels and value of every sample called `name`."""
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == name:
                yield sample.labels, sample.value


class Histogram:
    """A histogram read again and again; only what has a label called `label` counts."""

    def __init__(self, name: str, label: str) -> None:
        self._name, self._label = name, label
        self._before: dict[float, float] = {}

    def since_last(self, page: str, quantile: float) -> float:
        """Upper bound of the bucket in which `quantile` of what came since the last call falls; NaN for nothing."""
        now: dict[float, float] = {}
        for labels, count in series(page, f"{self._name}_bucket"):
            if self._label in labels:
                bound = float(labels["le"])
                now[bound] = now.get(bound, 0.0) + count
        fresh = {bound: count - self._before.get(bound, 0.0) for bound, count in now.items()}
        self._before = now
        total = max(fresh.values(), default=0.0)
        if total <= 0:
            return float("nan")
        return next(bound for bound, count in sorted(fresh.items()) if count >= quantile * total)
