"""What an actor knows, kept in a file now and then, so that its next life need not hear everything again. Must not know what it is.

Disposable: a file that is missing, torn, of another run or of another version of the program is no checkpoint, and its actor then
starts from the ledger and the tape alone. Written without a sync: a power cut ends the run anyway. It is a pickle, which nobody but
its writer may have written: it is signed with the run's secret key (HMAC-SHA-256, compared in constant time) and is not looked at
otherwise. Without a key nothing is kept.
"""

import hmac
import os
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

from records.workspace import RunPaths

__all__ = ["Checkpoint"]

DIGEST_BYTES = 32


class Checkpoint:
    """``fits``: what names the run, the settings and the program; content kept under another name is not given back. ``key``: the
    run's secret."""

    def __init__(self, path: Path, fits: str, key: bytes) -> None:
        self._path = path
        self._fits = fits.encode()
        self._key = key

    @classmethod
    def of_run(cls, run: RunPaths, actor: str, fits: str) -> "Checkpoint":
        """The actor's own in its run's directory."""
        try:
            key = run.control_key.read_bytes()
        except OSError:
            key = b""  # a run that is ending: there is nothing to start again
        return cls(run.checkpoint(actor), fits, key)

    def keep(self, content: Any) -> None:
        """Replace what was kept. A disk that refuses it costs time at the next start, nothing else."""
        if not self._key:
            return
        body = pickle.dumps(content, pickle.HIGHEST_PROTOCOL)
        fresh = self._path.with_suffix(".new.checkpoint")
        with suppress(OSError):
            fresh.write_bytes(self._digest(body) + body)
            os.replace(fresh, self._path)

    def read(self) -> Any:
        """What was kept last, or None."""
        try:
            kept = self._path.read_bytes()
        except OSError:
            return None
        digest, body = kept[:DIGEST_BYTES], kept[DIGEST_BYTES:]
        return pickle.loads(body) if self._key and hmac.compare_digest(digest, self._digest(body)) else None

    def _digest(self, body: bytes) -> bytes:
        return hmac.digest(self._key, self._fits + b"\0" + body, "sha256")
