"""What an actor knows, kept in a file now and then, so that its next life need not hear everything again. Must not know what it is.

Disposable: a file that is missing, torn, of another run or of another version of the program is no checkpoint, and its actor then
starts from the ledger and the tape alone. Written without a sync: a power cut ends the run anyway. The file is the actor's own, in
the run's directory (mode 0700), which is what makes reading it back with pickle safe.
"""

import os
import pickle
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

__all__ = ["Checkpoint"]

DIGEST_BYTES = 32


class Checkpoint:
    """``fits``: what names the run, the settings and the program; content kept under another name is not given back."""

    def __init__(self, path: Path, fits: str) -> None:
        self._path = path
        self._fits = fits.encode()

    def keep(self, content: Any) -> None:
        """Replace what was kept. A disk that refuses it costs time at the next start, nothing else."""
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
        return pickle.loads(body) if digest == self._digest(body) else None

    def _digest(self, body: bytes) -> bytes:
        return sha256(self._fits + b"\0" + body).digest()
