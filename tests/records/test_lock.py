"""One instance per workspace: the lock names its holder and is free when the holder is dead."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from records.lock import HeldBy, Lock

HOLDER = """
import sys
from pathlib import Path
from records.lock import Lock
print(type(Lock.take(Path(sys.argv[1]))).__name__, flush=True)
sys.stdin.read()
"""


def _holder(path: Path) -> "subprocess.Popen[bytes]":
    """Another process that has the lock."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"Lock\n"
    return holder


def test_a_lock_writes_its_pid_and_takes_the_file_away_when_released(tmp_path: Path) -> None:
    path = tmp_path / "agent.pid"
    lock = Lock.take(path)
    assert isinstance(lock, Lock) and path.read_text() == f"{os.getpid()}\n"
    assert Lock.take(path) == HeldBy(os.getpid())
    lock.release()
    lock.release()
    assert not path.exists()


def test_a_lock_of_another_process_names_it_and_is_freed_by_its_death(tmp_path: Path) -> None:
    path = tmp_path / "agent.pid"
    holder = _holder(path)
    assert Lock.take(path) == HeldBy(holder.pid)
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert path.read_text() == f"{holder.pid}\n"  # nobody cleaned up, and nobody had to
    lock = Lock.take(path)
    assert isinstance(lock, Lock) and path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_stopped_holder_still_holds(tmp_path: Path) -> None:
    path = tmp_path / "agent.pid"
    holder = _holder(path)
    os.kill(holder.pid, signal.SIGSTOP)
    assert Lock.take(path) == HeldBy(holder.pid)
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()


def test_a_longer_pid_left_by_a_dead_holder_leaves_no_digits_behind(tmp_path: Path) -> None:
    path = tmp_path / "agent.pid"
    path.write_text("9999999999999\n")
    lock = Lock.take(path)
    assert isinstance(lock, Lock) and path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_file_that_cannot_be_taken_away_stays_and_is_nobodys(tmp_path: Path) -> None:
    """The directory is exchanged for a file while the lock is held."""
    place = tmp_path / "place"
    place.mkdir()
    lock = Lock.take(place / "agent.pid")
    assert isinstance(lock, Lock)
    place.rename(tmp_path / "elsewhere")
    place.touch()
    lock.release()
    again = Lock.take(tmp_path / "elsewhere" / "agent.pid")
    assert isinstance(again, Lock)
    again.release()


def test_a_child_process_does_not_inherit_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "agent.pid"
    lock = Lock.take(path)
    assert isinstance(lock, Lock)
    child = subprocess.Popen([sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
    assert child.stdout is not None and child.stdout.readline() == b"up\n"
    lock.release()
    again = Lock.take(path)
    assert isinstance(again, Lock)
    child.communicate()
    again.release()
