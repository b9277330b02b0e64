"""Settings are read once, typed, and a wrong one is named with what it takes."""

from __future__ import annotations

import base64

import pytest

from api.settings import Settings, SettingsError

KEY = bytes(range(32))
SECRET = bytes(range(50, 82))
LEAST = {
    "DATABASE_URL": "postgresql:///taskledger",
    "REDIS_URL": "redis://localhost",
    "TASKLEDGER_MASTER_KEY": KEY.hex(),
    "TASKLEDGER_JWT_SECRET": SECRET.hex(),
}


def read(**more: str) -> Settings:
    return Settings.from_environment(LEAST | more)


def test_what_is_not_set_has_its_default() -> None:
    settings = read()
    assert settings.database_url == "postgresql:///taskledger"
    assert settings.master_key == KEY
    assert (settings.body_bytes_max, settings.session_idle_s) == (262_144, 43_200)
    assert (settings.is_production, settings.is_https) == (False, False)


def test_values_have_the_type_of_their_field() -> None:
    settings = read(
        TASKLEDGER_BODY_TIMEOUT_S="2.5", TASKLEDGER_BODY_BYTES_MAX="1000", TASKLEDGER_ENV="production"
    )
    assert (settings.body_timeout_s, settings.body_bytes_max, settings.is_production) == (2.5, 1000, True)
    assert read(TASKLEDGER_PUBLIC_URL="https://tasks.example.com/").public_url == "https://tasks.example.com"
    assert [str(each) for each in read(TASKLEDGER_TRUSTED_PROXIES="10.0.0.0/8, ::1").trusted_proxies] == [
        "10.0.0.0/8",
        "::1/128",
    ]
    assert read(TASKLEDGER_BODY_TIMEOUT_S="").body_timeout_s == 10.0
    assert (
        str(read(TASKLEDGER_RATE_LIMITS="5/minute;4/hour;3/second").rate_limits) == "5/minute;4/hour;3/second"
    )
    assert read(TASKLEDGER_RATE_LIMITS="off").rate_limits is None


@pytest.mark.parametrize(
    "text",
    [KEY.hex(), KEY.hex().upper(), base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode()],
)
def test_secrets_are_taken_in_digits_or_base64(text: str) -> None:
    assert read(TASKLEDGER_MASTER_KEY=text).master_key == KEY
    assert read(TASKLEDGER_JWT_SECRET=text).jwt_secret == KEY


@pytest.mark.parametrize("secret", [KEY, SECRET])
def test_secrets_are_not_shown(secret: bytes) -> None:
    assert repr(secret) not in repr(read())
    assert secret.hex() not in repr(read())


def test_passwords_in_addresses_are_not_shown() -> None:
    found = read(DATABASE_URL="postgresql://me:hidden@db/x", REDIS_URL="redis://:hidden@r")
    assert "hidden" in found.database_url
    assert "hidden" in found.redis_url
    assert "hidden" not in repr(found)
    assert "hidden" not in str(found)


def test_registration_is_open_unless_it_is_closed() -> None:
    assert read().is_registration_open
    assert read(TASKLEDGER_REGISTRATION="on").is_registration_open
    assert not read(TASKLEDGER_REGISTRATION="off").is_registration_open


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TASKLEDGER_MASTER_KEY", "secret", "32 random bytes"),
        ("TASKLEDGER_MASTER_KEY", KEY.hex()[2:], "32 random bytes"),
        ("TASKLEDGER_JWT_SECRET", "secret", "32 random bytes"),
        ("TASKLEDGER_JWT_SECRET", SECRET.hex() + "00", "32 random bytes"),
        ("TASKLEDGER_JWT_ACCESS_S", "0", "a positive whole number"),
        ("TASKLEDGER_REGISTRATION", "closed", "one of on, off"),
        ("TASKLEDGER_ENV", "prod", "one of development, production"),
        ("TASKLEDGER_BODY_BYTES_MAX", "1.5", "a positive whole number"),
        ("TASKLEDGER_BODY_BYTES_MAX", "0", "a positive whole number"),
        ("TASKLEDGER_BODY_TIMEOUT_S", "-1", "a positive number"),
        ("TASKLEDGER_BODY_TIMEOUT_S", "inf", "a positive number"),
        ("TASKLEDGER_BODY_TIMEOUT_S", "nan", "a positive number"),
        ("TASKLEDGER_BODY_TIMEOUT_S", "soon", "a positive number"),
        ("TASKLEDGER_PUBLIC_URL", "tasks.example.com", "https://"),
        ("TASKLEDGER_TRUSTED_PROXIES", "10.0.0.1/8", "networks"),
        ("TASKLEDGER_LOG_LEVEL", "loud", "one of debug"),
        ("TASKLEDGER_RATE_LIMITS", "1000/hour", "as in 1000/hour;100/hour;20/minute, or off"),
        ("TASKLEDGER_RATE_LIMITS", "none", "as in 1000/hour;100/hour;20/minute, or off"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(**{name: value})
    message = str(raised.value)
    assert message.startswith(f"{name} must be ")
    assert said in message
    assert "\n" not in message
    assert KEY.hex()[2:] not in message
    assert SECRET.hex() not in message


def test_what_must_be_set_is_named() -> None:
    for name in LEAST:
        with pytest.raises(SettingsError, match=f"{name} is not set"):
            Settings.from_environment({key: value for key, value in LEAST.items() if key != name})
