"""Any history of one ledger file: writers come, crash, collide and are refused; what was acknowledged is there, or damage is said."""

import shutil
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from records.ledger import Ledger, LedgerDamaged, LedgerFailure, LedgerReader
from records.ledger_witness import witness_path
from tests.records.conftest import order
from trading.messages import AccountFact, OrderAccepted, OrderDenied, OrderSubmitted

FIRST_IDS = st.integers(0, 5).map(lambda each: f"order-{each}")
KINDS = st.sampled_from(["submitted", "denied", "accepted"])
BATCHES = st.lists(st.tuples(KINDS, FIRST_IDS), max_size=4)
PARTS = ("", "-wal", ".acknowledged")


class OneFile(RuleBasedStateMachine):
    """``acknowledged`` is the whole oracle: every fact whose append returned, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._places = TemporaryDirectory()
        self._lives = 0
        self.acknowledged: list[AccountFact] = []
        self.writers: list[Ledger] = []
        self.heads: dict[Ledger, int | None] = {}
        """What each writer believes the last row to be; None once it was refused."""

    @initialize()
    def create(self) -> None:
        self.path = self._new_place() / "ledger.db"
        self._open(create=True)

    # ------------------------------------------------------------------------------------------------ writing

    @rule(batch=BATCHES, which=st.integers(0, 3))
    def append(self, batch: list[tuple[str, str]], which: int) -> None:
        writer = self.writers[which % len(self.writers)]
        facts = [self._fact(kind, order_id, number) for number, (kind, order_id) in enumerate(batch)]
        if self._may_append(writer, facts):
            self.acknowledged += facts
            assert writer.append(facts) == len(self.acknowledged) or not facts
            self.heads[writer] = len(self.acknowledged) if facts else self.heads[writer]
        else:
            self.heads[writer] = None
            with pytest.raises(LedgerFailure):
                writer.append(facts)

    @precondition(lambda self: len(self.writers) < 3)
    @rule()
    def another_writer(self) -> None:
        self._open()

    # ------------------------------------------------------------------------------------------------ ends of lives

    @rule()
    def close_in_order_and_reopen(self) -> None:
        self._close_all()
        self._open()

    @rule()
    def crash_and_reopen(self) -> None:
        """What a killed process leaves: the files as they are, nothing folded back; its descriptors are gone with it."""
        left = self._copy_of_the_files()
        self._close_all()
        self.path = left
        self._open()

    @rule(part=st.sampled_from(PARTS), seed=st.integers(0, 2**16), is_folded=st.booleans())
    def one_byte_is_damaged(self, part: str, seed: int, is_folded: bool) -> None:
        """In what a killed process leaves, or one that ended in order. Whoever reads on hears of it, or reads what was acknowledged."""
        path, chance = self._copy_of_the_files(), Random(seed)  # not of hypothesis: SQLite's own salts differ from run to run
        if is_folded:
            Ledger.open(path).close()
        damaged = path.with_name(path.name + part)
        content = damaged.read_bytes() if damaged.exists() else b""
        places = [place for place, byte in enumerate(content) if byte]
        for place in chance.sample(places, min(len(places), 4)):
            damaged.write_bytes(content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1:])
            assert _read_by_reader(path) in (None, self.acknowledged)
        if places:
            assert _read_by_writer(path) in (None, self.acknowledged)

    # ------------------------------------------------------------------------------------------------ what must hold

    @invariant()
    def everything_acknowledged_is_there_and_nothing_else(self) -> None:
        reader = LedgerReader(self.path)
        assert list(reader.facts()) == list(enumerate(self.acknowledged, 1))
        assert reader.head[0] == len(self.acknowledged)
        assert [reader.knows(f"order-{number}") for number in range(6)] == [f"order-{number}" in self._used_ids() for number in range(6)]
        reader.close()

    def teardown(self) -> None:
        self._close_all()
        self._places.cleanup()

    # ------------------------------------------------------------------------------------------------ how it is done

    def _may_append(self, writer: Ledger, facts: list[AccountFact]) -> bool:
        """A refused writer takes nothing, nobody appends behind another's rows, and an order id is used once."""
        if self.heads[writer] is None:
            return False
        if not facts:
            return True
        new = [fact.order.client_order_id for fact in facts if isinstance(fact, (OrderSubmitted, OrderDenied))]
        return self.heads[writer] == len(self.acknowledged) and len({*new, *self._used_ids()}) == len(new) + len(self._used_ids())

    def _used_ids(self) -> set[str]:
        return {fact.order.client_order_id for fact in self.acknowledged if isinstance(fact, (OrderSubmitted, OrderDenied))}

    def _fact(self, kind: str, order_id: str, number: int) -> AccountFact:
        at_ns = len(self.acknowledged) + number
        match kind:
            case "submitted":
                return OrderSubmitted(at_ns=at_ns, order=order(order_id), effective_at_ns=at_ns)
            case "denied":
                return OrderDenied(at_ns=at_ns, order=order(order_id), reason="test", text="TEST")
        return OrderAccepted(at_ns=at_ns, client_order_id=order_id)

    def _open(self, create: bool = False) -> None:
        writer = Ledger.open(self.path, create=create)
        self.writers.append(writer)
        self.heads[writer] = len(self.acknowledged)

    def _close_all(self) -> None:
        for writer in self.writers:
            writer.close()
        self.writers, self.heads = [], {}

    def _new_place(self) -> Path:
        self._lives += 1
        place = Path(self._places.name) / str(self._lives)
        place.mkdir()
        return place

    def _copy_of_the_files(self) -> Path:
        place = self._new_place()
        for part in PARTS:
            source = self.path.with_name(self.path.name + part)
            if source.exists():
                shutil.copyfile(source, place / source.name)
        assert witness_path(place / self.path.name).exists()
        return place / self.path.name


def _read_by_reader(path: Path) -> list[AccountFact] | None:
    """None: it was refused."""
    try:
        reader = LedgerReader(path)
    except (LedgerDamaged, LedgerFailure):
        return None
    return _all_of(reader)


def _read_by_writer(path: Path) -> list[AccountFact] | None:
    try:
        writer = Ledger.open(path)
    except (LedgerDamaged, LedgerFailure):
        return None
    return _all_of(writer)


def _all_of(ledger: Ledger | LedgerReader) -> list[AccountFact] | None:
    try:
        return [fact for _, fact in ledger.facts()]
    except (LedgerDamaged, LedgerFailure):
        return None
    finally:
        ledger.close()


TestOneFile = OneFile.TestCase
TestOneFile.settings = effort(max_examples=25, stateful_step_count=20, deadline=None)
