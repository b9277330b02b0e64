"""What was read is fresh until something that it rests on has changed, or might have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from readmodels.freshness import Freshness
from readmodels.touched import EVERYTHING

TAGS = st.sets(st.sampled_from([f"task:{number}" for number in range(8)]), max_size=4)


@given(changes=st.lists(TAGS | st.none(), max_size=40), rests_on=TAGS, tags_max=st.integers(1, 9))
def test_it_never_believes_what_has_changed(
    changes: list[set[str] | None], rests_on: set[str], tags_max: int
) -> None:
    """And with room for all tags it knows exactly what has."""
    freshness, read = Freshness(tags_max), [0]
    for changed in changes:
        freshness.forget() if changed is None else freshness.note(changed)
        read.append(freshness.turn)
    for place, since in enumerate(read):
        later = changes[place:]
        is_same = not any(changed is None or changed & rests_on for changed in later)
        believes = freshness.is_fresh(rests_on, since)
        assert is_same or not believes
        if tags_max == 9:
            assert believes == is_same


def test_everything_changes_with_anything() -> None:
    freshness = Freshness()
    assert freshness.is_fresh([EVERYTHING], 0)
    freshness.note([])
    assert not freshness.is_fresh([EVERYTHING], 0)
    assert freshness.is_fresh(["task"], 0)


def test_what_is_forgotten_makes_old_things_stale_and_takes_no_room() -> None:
    freshness = Freshness(tags_max=100)
    for number in range(10_000):
        freshness.note([f"task:{number}"])
    assert len(freshness._changed) == 100
    assert not freshness.is_fresh(["department:1"], 9_000)
    assert freshness.is_fresh(["department:1"], 9_950)
