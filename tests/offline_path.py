"""What Likewise is for, once: index, serve, ask, teach, forget, back-test, back up.

Run as a program, in a network namespace of its own, it prints how many packets the kernel found no way for,
those of native code among them.

    python offline_path.py BOOKS FOLDER      all of it, into a folder
    python offline_path.py --control         look for an address out there: what the count is worth
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

BOOK = "hazel-and-rye"
LIKEWISE = [sys.executable, "-m", "likewise_server"]


def packets_without_way() -> int:
    """OutNoRoutes of IPv4 and IPv6, by the kernel's count for this namespace (RFC 2011, RFC 2465)."""
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines()[:2])
    lines = (line.split() for line in Path("/proc/net/snmp6").read_text().splitlines())
    return int(values[names.index("OutNoRoutes")]) + sum(
        int(n) for name, n in lines if name == "Ip6OutNoRoutes"
    )


def look_out() -> None:
    """What any library would do that calls home."""
    for address in ("192.0.2.1", "2001:db8::1"):
        with contextlib.suppress(OSError):
            socket.create_connection((address, 443), timeout=1)


def run(*arguments: str) -> str:
    """Run a command of Likewise, which must succeed; return what it prints."""
    done = subprocess.run([*LIKEWISE, *arguments], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr}")
    return done.stdout


def served(data: Path) -> None:
    """Ask, teach and forget by a server of its own process."""
    import likewise  # a run with --control needs nothing of it

    server = subprocess.Popen(
        [*LIKEWISE, "serve", "--data", str(data), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        with likewise.Client(address, deadline_ms=60_000) as client:
            asked = likewise.transaction(
                id="asked", payee="TESCO STORES 2231", amount="-12.40", currency="GBP"
            )
            answer = client.classify(BOOK, asked)
            taught = likewise.labelled(asked, answer.answers[0].candidates[0].category)
            client.learn(BOOK, [taught])
            client.forget_transactions(BOOK, ["asked"])
            run("classify", BOOK, "--payee", "TESCO STORES 2231", "--server", address)
    finally:
        server.terminate()
        server.wait(timeout=60)
        if server.stdout is not None:
            server.stdout.close()


def main(arguments: list[str]) -> None:
    """Go the whole way, or look out; then say what the kernel has counted."""
    if arguments == ["--control"]:
        look_out()
    else:
        books, folder = map(Path, arguments)
        data, chart = folder / "data", books / f"charts/{BOOK}.json"
        run("index", BOOK, str(books / f"{BOOK}.csv"), "--chart", str(chart), "--data", str(data))
        run("index", "parquet", str(books / "riverbank-youth.parquet"), "--data", str(data))
        served(data)
        report = str(folder / "report.html")
        book = str(books / f"{BOOK}.csv")
        run("backtest", book, "--rows-max", "100", "--no-learning", "--jobs", "1", "--html", report)
        run("backup", str(folder / "backup"), "--data", str(data))
    print(json.dumps({"pid": os.getpid(), "packets_without_way": packets_without_way()}))


if __name__ == "__main__":
    main(sys.argv[1:])
