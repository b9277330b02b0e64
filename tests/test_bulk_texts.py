"""Texts that a load puts on shelves: which buckets they make, and which of them wait for other ranges."""

from __future__ import annotations

import pytest

from projections.bulk_plan import Range, range_of
from projections.bulk_texts import Texts, buckets_of, neighbourhoods, put_together
from projections.bulk_wire import packed, word, word_of
from readmodels.documents import Ref
from readmodels.keys import BUCKET_MAX_BYTES, Keys
from readmodels.shelves import Searched

KEYS = Keys(1)
OWN = "task:own:7"
ALL = "task:sort:id"
TASKS = range_of("task")


def texts_of(*keys: str, within: Range = TASKS, shelves: tuple[str, ...] = (ALL,)) -> Texts:
    texts = Texts(KEYS, 3, within, 1)
    for key in keys:
        texts.add(Ref("task", key), dict.fromkeys(shelves, Searched(f"text {key}", "12")))
    return texts


def written(shelf: str, field: str, bucket: bytes) -> bytes:
    head = b"*4\r\n" + b"".join(map(word_of, ("HSET", KEYS.texts(shelf))))
    return head + word_of(field) + word(bucket)


def noted(field: str, json: str) -> bytes:
    return packed(["HSET", KEYS.loading_texts(0), field, json])


BUCKET = b"text 11\xff\xf6\xf6\xf7" + b"text 12\xff\xf7\xf6\xf7"


def test_a_bucket_of_which_all_texts_are_at_hand_is_written_at_once() -> None:
    assert [*texts_of("12", "11").take(is_all=True)] == [written(ALL, "1:4:0", BUCKET)]


@pytest.mark.parametrize("within", [Range("task-105", "task."), Range("task-", "task-19")])
def test_a_bucket_whose_texts_may_be_in_other_ranges_is_noted(within: Range) -> None:
    texts = texts_of("11", within=within)
    assert [*texts.take(is_all=True)] == [noted("task:0:3:0", '{"11":["text 11","12",["task:sort:id"]]}')]


def test_nothing_is_whole_once_a_part_of_the_range_was_taken() -> None:
    texts = texts_of("11")
    first = [*texts.take(is_all=False)]
    texts.add(Ref("task", "12"), {ALL: Searched("text 12", "12")})
    second = [*texts.take(is_all=True)]
    assert first == [noted("task:0:3:0", '{"11":["text 11","12",["task:sort:id"]]}')]
    assert second == [noted("task:0:3:1", '{"12":["text 12","12",["task:sort:id"]]}')]


def test_ids_of_one_digit_are_never_at_hand_together() -> None:
    """They are neighbours of each other, and all other names lie between theirs."""
    [note] = texts_of("8", "9").take(is_all=True)
    assert b"loading:texts" in note


def test_shelves_of_some_wait_while_that_of_all_is_written() -> None:
    first, second = texts_of("11", shelves=(OWN, ALL)).take(is_all=True)
    assert b"text 11\xff" in first
    assert second == noted("task:0:3:0", '{"11":["text 11","12",["task:own:7"]]}')


def test_notes_of_several_ranges_become_one_bucket() -> None:
    notes = [b'{"10012":["b","21",["task:own:7"]]}', b'{"10002":["a","11",["task:own:7"]]}']
    bucket = b"a\xff\xf5\xf5\xf5\xf7\xf6\xf6" + b"b\xff\xf5\xf5\xf6\xf7\xf7\xf6"
    assert [*put_together(notes, KEYS)] == [written(OWN, "1:14:0", bucket)]


def test_fields_are_told_apart_by_their_neighbourhood() -> None:
    fields = ["task:4:0:0", "task:41:0:0", "task:4:7:1", "user:4:0:0"]
    assert neighbourhoods(fields) == {
        "task:4": ["task:4:0:0", "task:4:7:1"], "task:41": ["task:41:0:0"], "user:4": ["user:4:0:0"],
    }  # fmt: skip


def test_a_bucket_that_is_too_large_is_halved_and_both_halves_are_there() -> None:
    text = "x" * (BUCKET_MAX_BYTES // 2)
    tagged = [("0001", Searched(text, "")), ("0003", Searched(text, ""))]
    found = dict(buckets_of(OWN, "0", tagged))
    assert {field: len(bucket) > 0 for field, bucket in found.items()} == {
        "0:1:0": True, "0:1:1": True, "0:2:1": False, "0:3:1": False, "0:4:1": False, "0:5:1": False,
        "0:6:1": False, "0:7:1": False, "0:8:1": False, "0:9:1": False, "0:10:1": False, "0:11:1": False,
        "0:12:1": False, "0:13:1": False,
    }  # fmt: skip
