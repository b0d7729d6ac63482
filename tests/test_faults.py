"""Disks that are full, failing or read-only, clocks that go back, descriptors that run out, two servers.

In each case a caller is told what is wrong and what to do, never INTERNAL; whatever can still be done is
done; nothing that was acknowledged is lost and nothing that was refused is there, also after a restart; and
once the fault is over, the same server works again by itself.
"""

import errno
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import grpc
import pytest

from conftest import LIKEWISE
from crash_side.shim import CHANGES, NoCompiler, Op, Shim
from crash_side.zygote import Life, NotServing, Zygote
from fault_world import Failing, failing, told

FULL = grpc.StatusCode.RESOURCE_EXHAUSTED, "STORE_FULL"
READ_ONLY = grpc.StatusCode.FAILED_PRECONDITION, "STORE_READ_ONLY"
BROKEN = grpc.StatusCode.UNAVAILABLE, "STORE_FAULT"


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    try:
        shim = Shim(tmp_path_factory.mktemp("shim"))
    except NoCompiler as error:
        pytest.skip(str(error))
    with Zygote(shim) as started:
        yield started


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount(8) here")
    if mounted.returncode:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def taught(served: Failing) -> Failing:
    served.create("acme")
    served.learn(3)
    assert served.ask() == "food"
    return served


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)


def learn_until_it_fails(served: Failing) -> None:
    for _ in range(200):
        served.learn(5, description="word " * 300)


def test_a_full_disk_stops_teaching_and_nothing_else(zygote: Zygote, small_disk: Path) -> None:
    data, ballast = small_disk / "data", small_disk / "ballast"
    with failing(zygote, data) as served:
        taught(served)
        with pytest.raises(OSError, match="No space"):
            fill(ballast)
        with pytest.raises(grpc.RpcError) as failure:
            learn_until_it_fails(served)
        code, reason, message = told(failure)
        assert (code, reason) == FULL
        assert "free some space" in message
        with pytest.raises(grpc.RpcError) as failure:
            served.create("late")
        assert told(failure)[:2] == FULL
        assert served.ask() == "food"
        served.check()
        ballast.unlink()
        served.learn(5)
        served.forget("t0")
        served.create("late")
        served.check()
    with failing(zygote, data, served) as again:
        again.check()


@pytest.mark.parametrize(
    ("number", "ops", "expected", "advice"),
    [
        (errno.ENOSPC, CHANGES, FULL, "free some space"),
        (errno.EDQUOT, CHANGES, BROKEN, "look after"),
        (errno.EROFS, CHANGES, BROKEN, "look after"),
        (errno.EIO, Op.WRITE, BROKEN, "look after"),
        (errno.EIO, Op.SYNC, BROKEN, "look after"),
    ],
    ids=["ENOSPC", "EDQUOT", "EROFS", "EIO of write", "EIO of fsync"],
)
def test_a_disk_that_fails_stops_teaching_and_nothing_else(
    zygote: Zygote,
    data_folder: Path,
    number: int,
    ops: Op,
    expected: tuple[grpc.StatusCode, str],
    advice: str,
) -> None:
    with failing(zygote, data_folder) as served:
        taught(served)
        for _ in range(2):
            served.control.fail(number, ops)
            for _ in range(3):
                with pytest.raises(grpc.RpcError) as failure:
                    served.learn(2)
                code, reason, message = told(failure)
                assert (code, reason) == expected
                assert advice in message
            with pytest.raises(grpc.RpcError) as failure:
                served.create("late")
            assert told(failure)[0] is not grpc.StatusCode.INTERNAL
            assert served.ask() == "food"
            served.check()
            served.control.mend()
            served.learn(2)
            served.check()
    with failing(zygote, data_folder, served) as again:
        again.check()


def test_writes_that_are_cut_short_are_completed_or_refused(zygote: Zygote, data_folder: Path) -> None:
    with failing(zygote, data_folder) as served:
        taught(served)
        served.control.fail(errno.EIO, Op.WRITE, is_short=True)
        for _ in range(5):
            with suppress(grpc.RpcError):
                served.learn(2)
        assert served.ask() == "food"
        served.control.mend()
        served.learn()
        served.check()
    with failing(zygote, data_folder, served) as again:
        again.check()


def test_what_cannot_be_read_is_told_and_read_later(zygote: Zygote, data_folder: Path) -> None:
    with failing(zygote, data_folder) as served:
        taught(served)
    with failing(zygote, data_folder, served) as again:
        again.control.fail(errno.EIO, Op.READ)
        with pytest.raises(grpc.RpcError) as failure:
            again.ask()
        assert told(failure)[:2] == BROKEN
        again.control.mend()
        assert again.ask() == "food"
        again.check()


def test_a_tenant_that_cannot_be_deleted_is_there_still_or_gone_whole(
    zygote: Zygote, data_folder: Path
) -> None:
    with failing(zygote, data_folder) as served:
        taught(served)
        served.create("late")
        served.control.fail(errno.EROFS, Op.RENAME | Op.UNLINK | Op.RMDIR)
        with pytest.raises(grpc.RpcError) as failure:
            served.delete("late")
        assert told(failure)[:2] == READ_ONLY
        served.control.mend()
        served.delete("late")
        served.check()
        served.create("late")


def test_a_read_only_folder_is_refused_at_the_start(small_disk: Path) -> None:
    data = small_disk / "data"
    data.mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    command = [*LIKEWISE, "serve", "--data", str(data), "--listen", "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "could not open the data folder: Read-only file system" in done.stderr


def test_a_server_without_descriptors_answers_whom_it_knows(zygote: Zygote, data_folder: Path) -> None:
    with failing(zygote, data_folder, files_max=96) as served:
        taught(served)
        served.create("cold")
        address = ("127.0.0.1", served.port)
        with ExitStack() as crowd:
            while _descriptors(served) < 96:
                crowd.enter_context(closing(socket.create_connection(address)))
            with pytest.raises(grpc.RpcError) as failure:
                served.ask("cold")
            code, reason, message = told(failure)
            assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "FILES_EXHAUSTED")
            assert "too many files" in message
            assert served.ask() == "food"
            served.learn()
        while _descriptors(served) > 90:
            pass
        served.create("late")
        served.check()


def test_nothing_depends_on_the_time_of_day(zygote: Zygote, data_folder: Path) -> None:
    with failing(zygote, data_folder) as served:
        taught(served)
        revisions = [served.learn(request_id="first").revision]
        for shift_s in (-86_400, -10 * 365 * 86_400, 86_400, -3_600):
            served.control.block.clock_shift_s = shift_s
            revisions.append(served.learn().revision)
            served.create(f"at {shift_s}")
        served.forget("t1")
        assert revisions == sorted(set(revisions))
        order = served.entries()
        assert order == sorted(order, key=lambda name: int(name[1:]))
        assert served.ask() == "food"
    with failing(zygote, data_folder, served) as again:
        assert again.entries() == order
        again.check()


def test_a_second_server_is_refused_in_so_many_words(zygote: Zygote, data_folder: Path) -> None:
    with failing(zygote, data_folder) as served:
        taught(served)
        with pytest.raises(NotServing, match=r"another process uses .*: stop it"):
            assert zygote.begin(Life(str(data_folder))).address
        command = [*LIKEWISE, "serve", "--data", str(data_folder), "--listen", "127.0.0.1:0"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, "another process uses" in done.stderr) == (1, True)
        served.learn()
        served.check()


def _descriptors(served: Failing) -> int:
    return sum(1 for _ in Path(f"/proc/{served.group}/fd").iterdir())
