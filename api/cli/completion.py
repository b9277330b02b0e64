"""What the shell completes after Tab besides commands and options; asked in a process of its own."""

from __future__ import annotations


def event_types(incomplete: str) -> list[str]:
    """Types of events in the log, and each group of them, that begin so."""
    from events.catalogue import FEATURES
    from events.event import TYPES

    modules = {feature.__name__ for feature in FEATURES}
    topics = {topic for topic, event_type in TYPES.items() if event_type.__module__ in modules}
    groups = {f"{topic.partition('.')[0]}.*" for topic in topics}
    return sorted(each for each in topics | groups if each.startswith(incomplete))


def reports(incomplete: str) -> list[str]:
    """Names of reports that begin so."""
    from readmodels.reports.catalogue import REPORTS

    return sorted(name for name in REPORTS if name.startswith(incomplete))
