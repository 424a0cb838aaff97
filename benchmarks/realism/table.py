"""Parts of a report, for people and for programs. Must not know what was measured."""

from collections.abc import Sequence
from typing import Any

import msgspec

__all__ = ["Part", "as_json", "as_text"]

Cell = str | int | float | None


class Part(msgspec.Struct, frozen=True):
    """``notes`` say what the figures are made of, and why rows are missing."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def as_text(heading: str, parts: Sequence[Part]) -> str:
    lines = [heading]
    for part in parts:
        lines += ["", part.title]
        cells = [part.columns, *(tuple(map(_shown, row)) for row in part.rows)] if part.rows else []
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            aligned = (text.ljust(width) if place == 0 else text.rjust(width) for place, (text, width) in enumerate(zip(row, widths, strict=True)))
            lines.append("  " + "  ".join(aligned).rstrip())
        lines += [f"  - {note}" for note in part.notes]
    return "\n".join(lines)


def as_json(heading: dict[str, Any], parts: Sequence[Part]) -> str:
    """One object: the heading's keys, and ``parts`` with one object a row."""
    told = [
        {"title": part.title, "rows": [dict(zip(part.columns, row, strict=True)) for row in part.rows], "notes": part.notes}
        for part in parts
    ]
    return msgspec.json.format(msgspec.json.encode({**heading, "parts": told})).decode()


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)
