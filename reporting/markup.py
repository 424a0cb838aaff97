"""Text into HTML and SVG that nothing foreign can break out of. Must not know what is told.

Whatever is no ``Markup`` is escaped where it is put in; ``Markup`` is made only of escaped texts and of our own tags.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from html import escape

from records.log_lines import stripped
from reporting.numbers import exact

__all__ = ["Markup", "description", "joined", "shown", "table"]

CELL_BYTES = 160

_NOT_XML = re.compile("[\ufffe\uffff]")


class Markup(str):
    """Text that is already HTML."""

    __slots__ = ()


def shown(value: object, limit_bytes: int = CELL_BYTES) -> Markup:
    """Any value as text between tags or quotes, without control characters; numbers with every digit.

    A text that is longer than ``limit_bytes`` when escaped is cut and ends in ``...``, so that the size of a page has a bound.
    """
    if isinstance(value, Markup):
        return value
    text = exact(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else str(value)
    cut = _NOT_XML.sub(" ", stripped(text[:limit_bytes + 1]))
    escaped = escape(cut)
    if len(text) <= limit_bytes and len(escaped.encode()) <= limit_bytes:
        return Markup(escaped)
    return Markup(_beginning(cut, limit_bytes - 3) + "...")


def joined(parts: Iterable[Markup], between: str = "\n") -> Markup:
    return Markup(between.join(parts))


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], right: Collection[str] = ()) -> Markup:
    """``right`` names the columns of numbers. A table without rows is a line that says so."""
    classes = [' class="n"' if header in right else "" for header in headers]
    body = [_row("td", row, classes) for row in rows]
    if not body:
        return Markup('<p class="soft">none</p>')
    return Markup(f'<div class="wide"><table><thead>{_row("th", headers, classes)}</thead><tbody>\n{joined(body)}\n</tbody></table></div>')


def description(rows: Iterable[tuple[str, object]]) -> Markup:
    """Names and values below each other."""
    pairs = [Markup(f"<dt>{shown(name)}</dt><dd>{shown(value, 4 * CELL_BYTES)}</dd>") for name, value in rows]
    return Markup(f"<dl>\n{joined(pairs)}\n</dl>")


def _row(tag: str, cells: Sequence[object], classes: Sequence[str]) -> Markup:
    filled = (f"<{tag}{each}>{shown(cell)}</{tag}>" for cell, each in zip(cells, classes, strict=True))
    return Markup(f"<tr>{''.join(filled)}</tr>")


def _beginning(text: str, limit_bytes: int) -> str:
    kept, size = [], 0
    for letter in map(escape, text):
        size += len(letter.encode())
        if size > limit_bytes:
            break
        kept.append(letter)
    return "".join(kept)
