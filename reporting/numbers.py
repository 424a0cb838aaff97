"""Numbers for people: grouped, signed, rounded for the eye only. Must not know what they mean."""

from decimal import Decimal, InvalidOperation
from typing import Any

from trading.quantities import display, plain

__all__ = ["NOTHING", "clock_text", "exact", "grouped", "number", "signed_text"]

NOTHING = "-"
"""Shown for what is not known."""


def number(value: Any) -> Decimal | None:
    """What a status or a summary holds as number or text; None for what is no finite number."""
    if value is None or isinstance(value, bool):
        return None
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() else None


def exact(value: Any) -> str:
    """Every digit: ``0.0201``."""
    parsed = number(value)
    return NOTHING if parsed is None else plain(parsed)


def grouped(value: Any, places: int = 2) -> str:
    """``65 012.4``."""
    parsed = number(value)
    return NOTHING if parsed is None else f"{Decimal(display(parsed, places)):,}".replace(",", " ")


def signed_text(value: Any, places: int | None = 2) -> str:
    """``+1.84``; zero has no sign. ``places`` None: every digit."""
    parsed = number(value)
    if parsed is None:
        return NOTHING
    text = plain(parsed) if places is None else grouped(parsed, places)
    rounded = Decimal(text.replace(" ", ""))
    return f"+{text}" if rounded > 0 else text.lstrip("-") if rounded == 0 else text


def clock_text(seconds: Any) -> str:
    """``03:12``, above an hour ``1:03:12``."""
    parsed = number(seconds)
    if parsed is None:
        return NOTHING
    minutes, rest = divmod(int(max(parsed, Decimal(0))), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
