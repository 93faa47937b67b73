"""Signatures of URLs and tokens: HMAC-SHA256 with a key that all servers of a database share."""

from __future__ import annotations

import base64
import hashlib
import hmac


class Signer:
    """Signs short texts for one purpose and until one moment."""

    def __init__(self, key: bytes) -> None:
        assert len(key) >= 32
        self._key = key

    @property
    def server_id(self) -> str:
        """What tells this database from every other, also from its successor at the same URL."""
        return self.sign("server id", "", 0)[:22]

    def sign(self, purpose: str, payload: str, expires_at_us: int) -> str:
        """URL-safe signature over purpose, payload and expiry; none of them is inside."""
        # NUL keeps ("a", "bc") and ("ab", "c") apart; it cannot stand in a purpose.
        assert "\0" not in purpose
        text = f"{purpose}\0{expires_at_us:x}\0{payload}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, text, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def verify(
        self, purpose: str, payload: str, expires_at_us: int, signature: str, *, now_us: int
    ) -> bool:
        """The signature was made by `sign` for exactly this and has not expired."""
        expected = self.sign(purpose, payload, expires_at_us)
        # Bytes: compare_digest refuses text that is not ASCII.
        same = hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected.encode())
        return same and now_us < expires_at_us
