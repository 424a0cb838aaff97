"""A process that looks to an operator like a running session: it holds the workspace's lock and answers (or does not) on real sockets.

    python -m tests.front.fake_session WORKSPACE obedient|deaf|refusing|stubborn
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from messaging.address import SocketDirectory
from messaging.channels import Channels
from messaging.codec import Codec
from messaging.control import OPERATOR_WORDS, Operate, Operated
from messaging.mailbox import Mailbox
from messaging.token import CommandDesk
from records.lock import Lock
from records.workspace import Workspace
from timing.clock import monotonic_ns

KEY = bytes(range(32))
STATUS: dict[str, Any] = {
    "run_id": "r1", "state": "ACTIVE", "elapsed_s": 12.5, "duration_s": 600.0, "venue": "sim",
    "symbols": {"BTCUSDT": {"bid": "64999.9", "ask": "65000.1", "age_s": 0.3, "position": "0.01", "working_orders": 2}},
    "pnl": {"realized": "1.5", "unrealized": "-0.25", "fees": "0.4", "funding": "0", "net": "0.85"},
    "actors": [{"name": "feed", "pid": 7, "state": "SERVING", "restarts": 0, "beat_age_s": 0.1, "rss_bytes": 1000}],
    "metrics": {"fill_count": 3.0},
}


def main(root: Path, manner: str) -> int:
    """Serve until told to end; the exit code is the number of what ended it."""
    workspace = Workspace(root)
    workspace.make()
    lock = Lock.take(workspace.agent_pid)
    assert isinstance(lock, Lock)
    run = workspace.make_run("r1")
    (run.directory / "control.key").write_bytes(KEY)
    channels = Channels(SocketDirectory(run.make_sockets()), Codec(OPERATOR_WORDS))
    server = channels.server("command")
    desk = CommandDesk(KEY if manner != "refusing" else b"another", "r1")
    reader, writer = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)
    mailbox = Mailbox(monotonic_ns)
    if manner in ("obedient", "refusing"):
        mailbox.listen("command", server)
    print("ready", flush=True)
    while True:
        mailbox.watch("signal", reader)
        delivery = mailbox.receive()
        ended = None
        if delivery.source == "signal":
            ended = os.read(reader, 1)[0] if manner != "stubborn" else None
        elif isinstance(delivery.message, Operate):
            assert delivery.peer is not None
            refusal = desk.refusal(delivery.message, monotonic_ns())
            server.send(delivery.peer, Operated(accepted=refusal is None, reason=refusal or "", status=STATUS))
            ended = {"stop": 1, "kill": 2}.get(delivery.message.command) if refusal is None else None
        if ended is not None:
            channels.close(server, 200)
            run.remove_sockets()
            lock.release()
            return ended


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
