"""The ledger's tables and views as SQL. Must not know who writes or reads them.

``ev`` is the truth, one row per fact; ``head`` names the last row, so that a lost tail is seen. The views are for people and for
independent checks (``sqlite3 ledger.db 'select * from fills'``): numbers with a decimal point are text, exactly as recorded,
times are nanoseconds of event time.
"""

__all__ = ["APPLICATION_ID", "SCHEMA", "SCHEMA_VERSION", "VIEWS"]

APPLICATION_ID = 0x4C414745
SCHEMA_VERSION = 1

_EV = """
CREATE TABLE ev (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    client_order_id TEXT,
    crc INTEGER NOT NULL,
    chain BLOB NOT NULL
)
"""

_HEAD = "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, chain BLOB NOT NULL)"

# One order per id and run, whatever happens above: a denied id is as used as a submitted one.
_ONE_ORDER_PER_ID = """
CREATE UNIQUE INDEX one_order_per_id ON ev (client_order_id) WHERE kind IN ('OrderSubmitted', 'OrderDenied')
"""

_FACTS_OF_AN_ORDER = "CREATE INDEX facts_of_an_order ON ev (client_order_id, seq) WHERE client_order_id IS NOT NULL"


def _select(kind: str, fields: tuple[str, ...]) -> str:
    columns = ", ".join(f"json_extract(body, '$.{field}') AS {field}" for field in fields)
    return f"SELECT seq, {columns} FROM ev WHERE kind = '{kind}' ORDER BY seq"


_FILLS = _select("OrderFilled", (
    "at_ns", "trade_id", "client_order_id", "symbol", "side", "quantity", "price", "leaves_quantity", "liquidity", "fee", "mid",
    "slippage_bps", "model", "realized_pnl", "position", "stale_reference",
))
_EQUITY = _select("EquityMarked", ("at_ns", "balance", "unrealized_pnl", "equity"))
_FUNDING = _select("FundingPaid", ("at_ns", "symbol", "boundary_at_ns", "rate", "mark", "position", "amount"))

# One row per loss of sight; ``to_ns`` is empty when the market was not seen again. A second loss before that is a row of its own.
_UNOBSERVED = """
SELECT
    lost.seq AS seq,
    json_extract(lost.body, '$.at_ns') AS at_ns,
    json_extract(lost.body, '$.symbol') AS symbol,
    json_extract(lost.body, '$.reason') AS reason,
    json_extract(lost.body, '$.from_ns') AS from_ns,
    json_extract(seen.body, '$.at_ns') AS to_ns,
    json_extract(lost.body, '$.first_missing') AS first_missing,
    json_extract(lost.body, '$.last_missing') AS last_missing,
    json_extract(lost.body, '$.open_orders') AS open_orders
FROM ev AS lost
LEFT JOIN ev AS seen ON seen.seq = (
    SELECT min(seq) FROM ev AS again
    WHERE again.kind = 'MarketObserved' AND again.seq > lost.seq
        AND json_extract(again.body, '$.symbol') = json_extract(lost.body, '$.symbol')
)
WHERE lost.kind = 'MarketUnobserved'
ORDER BY lost.seq
"""

# One row per order: what was asked, and what became of it (``state``, ``ended_reason`` and ``last_seq`` from its last fact that
# changed the state). ``quantity`` and ``price`` are those it was submitted with.
# ``leaves_quantity`` is what was not filled. CAST to REAL only asks "is it zero?"; no number is computed with it.
_ORDERS = """
SELECT
    asked.seq AS seq,
    json_extract(asked.body, '$.at_ns') AS at_ns,
    asked.client_order_id AS client_order_id,
    json_extract(asked.body, '$.order.strategy_id') AS strategy_id,
    json_extract(asked.body, '$.order.symbol') AS symbol,
    json_extract(asked.body, '$.order.side') AS side,
    json_extract(asked.body, '$.order.type') AS type,
    json_extract(asked.body, '$.order.quantity') AS quantity,
    json_extract(asked.body, '$.order.price') AS price,
    json_extract(asked.body, '$.order.time_in_force') AS time_in_force,
    json_extract(asked.body, '$.order.post_only') AS post_only,
    json_extract(asked.body, '$.order.reduce_only') AS reduce_only,
    json_extract(asked.body, '$.order.trigger_price') AS trigger_price,
    json_extract(asked.body, '$.order.parent_order_id') AS parent_order_id,
    json_extract(asked.body, '$.order.reason') AS reason,
    CASE last.kind
        WHEN 'OrderSubmitted' THEN 'SUBMITTED'
        WHEN 'OrderDenied' THEN 'DENIED'
        WHEN 'OrderRejected' THEN 'REJECTED'
        WHEN 'OrderAccepted' THEN 'ACCEPTED'
        WHEN 'OrderTriggered' THEN 'TRIGGERED'
        WHEN 'OrderCanceled' THEN 'CANCELED'
        WHEN 'OrderExpired' THEN 'EXPIRED'
        WHEN 'OrderFilled' THEN
            CASE CAST(json_extract(last.body, '$.leaves_quantity') AS REAL) WHEN 0 THEN 'FILLED' ELSE 'PARTIALLY_FILLED' END
    END AS state,
    coalesce(
        (SELECT json_extract(rest.body, '$.leaves_quantity') FROM ev AS rest
         WHERE rest.client_order_id = asked.client_order_id AND rest.kind IN ('OrderFilled', 'OrderAmended') ORDER BY rest.seq DESC LIMIT 1),
        json_extract(asked.body, '$.order.quantity')
    ) AS leaves_quantity,
    CASE WHEN last.kind IN ('OrderDenied', 'OrderRejected', 'OrderCanceled', 'OrderExpired')
        THEN json_extract(last.body, '$.reason') END AS ended_reason,
    last.seq AS last_seq
FROM ev AS asked
JOIN ev AS last ON last.seq = (
    SELECT max(seq) FROM ev AS any_fact
    WHERE any_fact.client_order_id = asked.client_order_id
        AND any_fact.kind NOT IN ('CancelSubmitted', 'AmendSubmitted', 'OrderAmended', 'AmendRejected', 'OrderRested')
)
WHERE asked.kind IN ('OrderSubmitted', 'OrderDenied')
ORDER BY asked.seq
"""

VIEWS = {"fills": _FILLS, "orders": _ORDERS, "equity": _EQUITY, "funding": _FUNDING, "unobserved": _UNOBSERVED}
"""What each view shows. This program asks by these texts, so that nobody's changed file decides what it runs."""

SCHEMA = (
    _EV, _HEAD, _ONE_ORDER_PER_ID, _FACTS_OF_AN_ORDER, *(f"CREATE VIEW {name} AS {select}" for name, select in VIEWS.items()),
    "INSERT INTO head (one, seq, chain) VALUES (1, 0, zeroblob(32))",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
