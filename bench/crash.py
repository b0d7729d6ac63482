"""Kills servers at random moments, a thousand times, and checks after each that nothing acknowledged is lost.

Real servers are taught, imported to, made to forget and reshape, asked, and given tenants that come and go,
by many callers at once; with one process or two, with room for their tenants or without. Each is killed by
SIGKILL: at a moment, or within the k-th call that changes a file, be it in a commit, a checkpoint, a VACUUM,
a schema step, or the writing of a graph, of heads or of a snapshot. Some kills are power cuts, which also
undo what was not made durable, as file systems may (see crash_side/cut.py). The next server on the same
folder has to know what was acknowledged, whole, and nothing that was refused; what was not answered is there
whole or not at all; and it has to answer as a server does to which nothing happened (crash_side/verdict.py).

    python bench/crash.py --kills 1000 [--power-cuts SHARE] [--seed S] [--json OUT]
    python bench/crash.py --small

Ends with 1 where something was lost, is there though it must not be, or differs; its folder is then kept. A
seed draws the same lives; which calls meet in them is up to the machine. After the example of TigerBeetle's
VOPR, qdrant's crasher, and SQLite's crash tests.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from crash_side.era import LIVES_MAX, Era, Tally, discard
from crash_side.shim import NoCompiler, Shim
from crash_side.zygote import Zygote

_SMALL_KILLS: Final = 36
_SMALL_LIVES: Final = 12


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--kills", type=int, help="how often a server is killed; 1000")
    add(
        "--power-cuts", type=float, default=0.3, metavar="SHARE", help="share of these that cut the power; .3"
    )
    add("--lives", type=int, help=f"of one data folder; {LIVES_MAX}")
    add("--seed", help="of all that is drawn; a new one if not given")
    add("--folder", type=Path, help="for the data folders; a temporary one if not given")
    add("--json", type=Path, help="where the counts are written")
    add("--small", action="store_true", help=f"{_SMALL_KILLS} kills, unless told otherwise")
    add("--drop-syncs", action="store_true", help="make the disk lie: power cuts must then be found to lose")
    return parser.parse_args(arguments)


def crash(given: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Kill as often as asked for. Returns the counts, as they are written. Raises NoCompiler."""
    seed = given.seed or str(SystemRandom().randrange(10**9))
    kills = given.kills or (_SMALL_KILLS if given.small else 1_000)
    lives = given.lives or (_SMALL_LIVES if given.small else LIVES_MAX)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="crash-"))
    folder.mkdir(parents=True, exist_ok=True)
    total, begun_s = Tally(), time.monotonic()
    shim = Shim(folder)
    kept = []
    with Zygote(shim) as zygote:
        number = 0
        while total.kills < kills:
            era = Era(
                folder / f"era-{number}",
                f"{seed}/{number}",
                shim,
                zygote,
                cuts=given.power_cuts,
                drops_syncs=given.drop_syncs,
            )
            while era.tally.kills < min(lives, kills - total.kills) and not era.tally.findings:
                era.live()
            era.close()
            total.add(era.tally)
            for finding in era.tally.findings:
                console.print(
                    f"[bold red]{finding.what}[/] {escape(finding.tenant)}: {escape(finding.message)}"
                )
            if era.tally.findings:
                kept.append(str(era.folder))
            else:
                discard(era)
            number += 1
            _print_progress(total, kills, time.monotonic() - begun_s, console)
    return _document(total, seed, kept, time.monotonic() - begun_s)


def main(arguments: Sequence[str] | None = None) -> None:
    """Kill, report."""
    given = arguments_of(arguments)
    console = Console(stderr=True)
    try:
        document = crash(given, console)
    except NoCompiler as error:
        sys.exit(f"crash: {error}")
    if given.json:
        given.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    print(json.dumps({name: document[name] for name in _COUNTS}, indent=2))
    if document["findings"]:
        console.print(f"kept: {' '.join(document['kept'])}; again with --seed {document['seed']}")
        sys.exit(1)


_COUNTS: Final = (
    "kills",
    "power_cuts",
    "checks",
    "acknowledged",
    "unanswered",
    "repeated",
    "lost",
    "phantom",
    "divergent",
    "failed",
    "seconds",
)


def _document(total: Tally, seed: str, kept: Sequence[str], seconds: float) -> dict[str, Any]:
    by_kind = Counter(finding.what for finding in total.findings)
    return {
        "kills": total.kills,
        "power_cuts": total.power_cuts,
        "changes_at_risk": total.at_risk,
        "checks": total.checks,
        "acknowledged": total.acknowledged,
        "unanswered": total.unanswered,
        "repeated": total.repeated,
        **{what: by_kind[what] for what in ("lost", "phantom", "divergent", "failed")},
        "places": dict(total.places.most_common()),
        "findings": [
            {"what": finding.what, "tenant": finding.tenant, "message": finding.message}
            for finding in total.findings
        ],
        "kept": list(kept),
        "seed": seed,
        "seconds": round(seconds, 1),
    }


def _print_progress(total: Tally, kills: int, seconds: float, console: Console) -> None:
    console.print(
        f"{total.kills} of {kills} kills, {total.power_cuts} of them power cuts, {total.acknowledged} changes"
        f" acknowledged, {len(total.findings)} findings, {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
