"""Why the program will not do what was asked, as a value: what, where, why and how to fix it. Must not know who refuses."""

from typing import NamedTuple

from supervisors.exit_codes import ExitCode

__all__ = ["Refusal"]


class Refusal(NamedTuple):
    """``str()`` is what stderr shows: a sentence and at most three lines below it."""

    code: ExitCode
    what: str
    where: str = ""
    why: str = ""
    fix: str = ""

    def __str__(self) -> str:
        below = (("-->", self.where), ("why:", self.why), ("fix:", self.fix))
        return "\n".join([f"error: {self.what}", *(f"  {mark} {text}" for mark, text in below if text)])
