"""Keys: one of their own for every user's personal data, all of them under one master key."""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from collections.abc import Collection, Mapping
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from events.errors import StoreError

KEY_BYTES = 32
NONCE_BYTES = 12


class WrongMasterKey(StoreError):
    """A user's key does not open under this master key: it is another installation's."""


class NewKey(NamedTuple):
    """A key made for a new user, and its wrapped form, to be stored."""

    cipher: AESGCM
    wrapped: bytes


def seal(cipher: AESGCM, plaintext: bytes, bound_to: bytes) -> bytes:
    """AES-256-GCM ciphertext behind its nonce; it opens with the same `bound_to` only."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, bound_to)


def unseal(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    """Raises InvalidTag for anything that `seal` did not make with this key and `bound_to`."""
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)


class Keyring:
    """The users' keys that are at hand, at most `users_max` of them, the least used going first.

    A user known to have no key is at hand too: a key comes with a user's first event, so a missing
    one was destroyed and never comes back.
    """

    def __init__(self, master_key: bytes, *, users_max: int = 100_000) -> None:
        """`master_key` is 32 secret bytes; without it the personal data in the log cannot be read."""
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"the master key has {len(master_key)} bytes; it must have {KEY_BYTES}")
        self._wrapping = AESGCM(derived(master_key, b"taskledger user keys"))
        self._claims = derived(master_key, b"taskledger claims")
        self._users_max = users_max
        self._ciphers: dict[int, AESGCM | None] = {}

    def claim_key(self, kind: str, name: str) -> str:
        """What names the claim on a unique name, as in `email:5f…`: the same for any case of it."""
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
        return f"{kind}:{hmac.digest(self._claims, f'{kind}:{folded}'.encode(), hashlib.sha256).hex()}"

    def new_key(self, user_id: int) -> NewKey:
        """A key for a new user. Not at hand before `learn`: its append may yet be refused."""
        key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
        return NewKey(AESGCM(key), seal(self._wrapping, key, bound_to(user_id)))

    def missing(self, user_ids: Collection[int]) -> list[int]:
        """Those whose keys must be looked up; the others become the most recently used."""
        for user_id in user_ids:
            if user_id in self._ciphers:
                self._ciphers[user_id] = self._ciphers.pop(user_id)
        return [user_id for user_id in user_ids if user_id not in self._ciphers]

    def learn(self, user_ids: Collection[int], wrapped_keys: Mapping[int, bytes]) -> None:
        """Keep what a look-up of `user_ids` found. Raises WrongMasterKey."""
        for user_id in user_ids:
            wrapped = wrapped_keys.get(user_id)
            self._ciphers[user_id] = None if wrapped is None else self._unwrap(user_id, wrapped)

    def trim(self, keep: int = 0) -> None:
        """Let the least used keys go, down to the bound or to the last `keep` if that is more."""
        excess = len(self._ciphers) - max(self._users_max, keep)
        for user_id in list(self._ciphers)[: max(0, excess)]:
            del self._ciphers[user_id]

    def cipher(self, user_id: int) -> AESGCM | None:
        """The user's key, None when it was destroyed. It must be at hand: KeyError otherwise."""
        return self._ciphers[user_id]

    def forget(self, user_id: int) -> None:
        """Look the user's key up again next time, as after it was destroyed."""
        self._ciphers.pop(user_id, None)

    def clear(self) -> None:
        """Look every key up again, as after the database was restored."""
        self._ciphers.clear()

    def _unwrap(self, user_id: int, wrapped: bytes) -> AESGCM:
        try:
            return AESGCM(unseal(self._wrapping, wrapped, bound_to(user_id)))
        except InvalidTag as error:
            raise WrongMasterKey(
                f"the key of user {user_id} does not open under this master key: "
                "start with the master key that the data was written with"
            ) from error


def derived(master_key: bytes, purpose: bytes) -> bytes:
    """A key of its own for each purpose, so that what one use gives away helps with no other."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(master_key)


def bound_to(user_id: int) -> bytes:
    return f"user-{user_id}".encode()
