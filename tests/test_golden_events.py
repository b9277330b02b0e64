"""Old logs stay readable: every type and version of event that was ever stored has a golden sample."""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import FrozenInstanceError, asdict, replace

import orjson
import pytest

import events
from events.catalogue import FEATURES
from events.errors import Undecodable
from events.event import TYPES, Event
from events.mapper import EventMapper, Placed
from tests.golden.samples import Sample, file_name, keyring, product_types, samples

SAMPLES = samples()
EVERY = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
SECRET_FIELDS = re.compile(r"hash|token|secret|session|cookie|(?<!is_)password")


def test_every_type_and_version_has_a_sample() -> None:
    """A new type or version gets its own by `python -m tests.golden.samples`; old ones stay."""
    wanted = {
        file_name(topic, version)
        for topic, cls in product_types().items()
        for version in range(1, cls.class_version + 1)
    }
    assert wanted == SAMPLES.keys()


def test_every_type_is_in_the_catalogue() -> None:
    for module in pkgutil.iter_modules(events.__path__, "events."):
        importlib.import_module(module.name)
    homes = {cls.__module__ for cls in TYPES.values() if cls.__module__.startswith("events.")}
    assert homes == {feature.__name__ for feature in FEATURES}


@EVERY
def test_a_stored_event_is_read_as_it_always_was(sample: Sample) -> None:
    assert orjson.loads(orjson.dumps(asdict(read(sample)))) == sample.fields


@EVERY
def test_what_is_read_is_an_event_like_any_other(sample: Sample) -> None:
    event = read(sample)
    assert type(event) is TYPES[sample.topic]
    assert event == replace(event)
    for name in sample.fields:
        with pytest.raises(FrozenInstanceError):
            setattr(event, name, None)
        with pytest.raises(FrozenInstanceError):
            delattr(event, name)


@EVERY
def test_a_stored_event_with_other_fields_cannot_be_read(sample: Sample) -> None:
    with pytest.raises(Undecodable, match="strange"):
        read(replace(sample, state={**sample.state, "strange": 1}))
    for name in sample.state.keys() & sample.fields.keys():
        rest = {key: value for key, value in sample.state.items() if key != name}
        with pytest.raises(Undecodable, match=name):
            read(replace(sample, state=rest))


@EVERY
def test_a_present_event_is_stored_as_it_always_was(sample: Sample) -> None:
    """Field by field and in the same order; ciphertext differs each time, by design."""
    event = read(sample)
    if sample.class_version < event.class_version:
        pytest.skip("an old version is only read")
    stored = EventMapper(keyring()).to_stored_event(Placed(sample.stream, sample.version, event))
    assert (stored.originator_id, stored.originator_version, stored.topic) == sample.stream_place
    assert orjson.dumps(without_ciphertext(orjson.loads(stored.state))) == orjson.dumps(
        without_ciphertext(dict(sample.state))
    )


@EVERY
def test_personal_fields_are_ciphertext(sample: Sample) -> None:
    cls = TYPES[sample.topic]
    personal = sample.state.get("personal", {})
    assert personal.keys() == cls.PERSONAL
    for name in cls.PERSONAL:
        assert name not in sample.state
        assert sample.fields[name] not in str(sample.state)
        assert re.fullmatch(r"[A-Za-z0-9+/]{38,}={0,2}", personal[name])


@pytest.mark.parametrize("cls", product_types().values(), ids=product_types().keys())
def test_no_event_has_a_field_for_a_secret(cls: type[Event]) -> None:
    assert [name for name in cls.__dataclass_fields__ if SECRET_FIELDS.search(name)] == []


def read(sample: Sample) -> Event:
    mapper = EventMapper(keyring())
    return mapper.decode(sample.stream, sample.version, sample.topic, orjson.dumps(sample.state))


def without_ciphertext(state: dict[str, object]) -> dict[str, object]:
    personal = state.get("personal")
    return state | {"personal": dict.fromkeys(personal, "…")} if isinstance(personal, dict) else state
