"""Same revision, same models, same answer: after a restart, in another process, in any number of threads."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from threadpoolctl import threadpool_limits

from engine_world import ALL_NEIGHBOURS, Books, essence, open_ledger
from likewise_engine.ledger.ledger import Ledger

QUESTIONS = 25


def digest(ledger: Ledger) -> list[str]:
    """Answers down to the last bit of every float."""
    books = Books(seed=21, payees=60)
    return [repr(essence(ledger.classify(books.transaction(), ALL_NEIGHBOURS))) for _ in range(QUESTIONS)]


def teach(ledger: Ledger) -> None:
    """A long life: learned, corrected, reworded, forgotten, with dead rows and texts left in memory."""
    books = Books(seed=21, payees=60)
    ledger.import_batch([books.item(f"t{n}") for n in range(1_500)])
    ledger.forget([f"t{n}" for n in range(0, 1_500, 11)])
    for start in range(3):
        ledger.import_batch([books.item(f"t{n}") for n in range(start, 1_500, 5)])


def test_a_restart_changes_no_bit_of_an_answer(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        assert not ledger.view.alive.all()
        answers = digest(ledger)
    with open_ledger(tmp_path) as ledger:
        assert ledger.view.alive.all()
        assert digest(ledger) == answers
        assert len(set(answers)) > QUESTIONS // 2


def test_another_process_and_another_hash_seed_change_no_bit_of_an_answer(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        answers = digest(ledger)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "PYTHONHASHSEED": "77"}
    command = [sys.executable, __file__, str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    assert json.loads(printed) == answers


def test_threads_change_no_bit_of_an_answer(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        with threadpool_limits(1):
            answers = digest(ledger)
        with ThreadPoolExecutor(4) as pool:
            for others in pool.map(lambda _: digest(ledger), range(4)):
                assert others == answers


def test_a_cached_graph_changes_no_bit_of_an_answer(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        ledger.build_graph()
        answers = digest(ledger)
    with open_ledger(tmp_path) as ledger:
        assert ledger.view.index.graph is not None
        assert digest(ledger) == answers


if __name__ == "__main__":
    with open_ledger(Path(sys.argv[1])) as opened:
        print(json.dumps(digest(opened)))
