"""Constraints on decimal settings, which ``msgspec.Meta`` cannot express. For the ``__post_init__`` of settings types.

Must not know any setting by name.
"""

from decimal import Decimal

__all__ = ["require_positive", "require_positive_each"]


def require_positive(**values: Decimal) -> None:
    """Raises ValueError, naming the setting, unless every value is finite and above zero."""
    for name, value in values.items():
        if not (value.is_finite() and value > 0):
            raise ValueError(f"{name} must be a positive number, not {value}")


def require_positive_each(name: str, table: dict[str, Decimal]) -> None:
    """The same for every entry of a table."""
    for key, value in table.items():
        require_positive(**{f"{name}.{key}": value})
