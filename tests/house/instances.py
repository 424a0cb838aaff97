"""Hypothesis strategies for any Struct of the project: every field gets a value of its type."""

import types
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as some

from trading.latency import Constant, LogNormal, Uniform
from trading.margin import MarginSettings, Tier
from trading.queue_models import Penetrate, ProbPower

__all__ = ["instances"]

LEAVES: dict[Any, some.SearchStrategy[Any]] = {
    int: some.integers(-(2**63), 2**63 - 1),
    float: some.floats(allow_nan=False),
    bool: some.booleans(),
    str: some.text(max_size=10),
    bytes: some.binary(max_size=10),
    Decimal: some.decimals(allow_nan=False, allow_infinity=False),
    type(None): some.none(),
    Any: some.recursive(some.none() | some.booleans() | some.integers(-5, 5) | some.text(max_size=5), lambda inner: some.lists(inner, max_size=2)),
}

DELAYS_MS = some.integers(0, 60_000_000).map(lambda us: Decimal(us).scaleb(-3))
LONGEST_MS = some.integers(1000, 60_000).map(Decimal)
LEAVES |= {  # these judge their own values
    Constant: some.builds(Constant, ms=DELAYS_MS),
    Uniform: some.tuples(DELAYS_MS, DELAYS_MS).map(lambda pair: Uniform(*sorted(pair))),
    LogNormal: some.builds(LogNormal, median_ms=some.integers(1, 1000).map(Decimal), sigma=some.integers(0, 5).map(Decimal), max_ms=LONGEST_MS),
    Penetrate: some.builds(Penetrate, ticks=some.integers(1, 1000)),
    MarginSettings: some.builds(
        lambda leverage, starts, whose: MarginSettings(
            leverage, tuple(Tier(Decimal(start), Decimal(start + 1), 50, Decimal("0.01")) for start in sorted(starts)), whose,
        ), some.integers(1, 200), some.sets(some.integers(0, 10**9), min_size=1, max_size=3), some.sampled_from(["venue", "config"]),
    ),
    ProbPower: some.builds(ProbPower, n=some.integers(1, 100).map(Decimal)),
}


def instances(type_: Any) -> some.SearchStrategy[Any]:
    """Values of ``type_``; bounds of ``msgspec.Meta`` are not looked at."""
    origin, members = get_origin(type_), get_args(type_)
    if type_ in LEAVES:
        return LEAVES[type_]
    if origin is Annotated:
        return instances(members[0])
    if origin is Literal:
        return some.sampled_from(members)
    if origin in (Union, types.UnionType):
        return some.one_of([instances(member) for member in members])
    if origin is dict:
        return some.dictionaries(instances(members[0]), instances(members[1]), max_size=3)
    if origin is tuple and members[-1] is Ellipsis:
        return some.lists(instances(members[0]), max_size=3).map(tuple)
    if origin is tuple:
        return some.tuples(*map(instances, members))
    if issubclass(type_, Enum):
        return some.sampled_from(type_)
    assert issubclass(type_, msgspec.Struct), f"no values are known for {type_}"
    fields = msgspec.structs.fields(type_)
    return some.deferred(lambda: some.builds(type_, **{field.name: instances(field.type) for field in fields}))
