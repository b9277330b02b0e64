"""Figures as Prometheus knows them, made of what the parts of a process count by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from events.measures import Histogram

PREFIX: Final = "taskledger_"

Labels = Sequence[str]
# A mapping is invariant in its keys, which are tuples of several lengths.
Numbers = Mapping[Any, float]


def counter(name: str, about: str, labels: Labels, values: Numbers) -> Metric:
    """What only ever grows while its process lives. `values` are by the values of the labels."""
    family = CounterMetricFamily(name, about, labels=labels)
    for each, value in values.items():
        family.add_metric(each, value)
    return family


def gauge(name: str, about: str, labels: Labels, values: Numbers) -> Metric:
    """What goes up and down."""
    family = GaugeMetricFamily(name, about, labels=labels)
    for each, value in values.items():
        family.add_metric(each, value)
    return family


def histogram(name: str, about: str, labels: Labels, values: Mapping[Any, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, about, labels=labels)
    for each, measured in values.items():
        bounds = [*map(str, map(float, measured.bounds)), "+Inf"]
        buckets = [*zip(bounds, map(float, accumulate(measured.counts)), strict=True)]
        family.add_metric(each, buckets, sum_value=measured.total)
    return family


def by_word(counts: Mapping[str, float]) -> Numbers:
    """Numbers by the one label that they have."""
    return {(word,): number for word, number in counts.items()}
