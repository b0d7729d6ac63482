"""docs/witnesses.md is made of what was measured, and of nothing else."""

import json
from pathlib import Path

import pyperf
import pytest

import witnesses
from accuracy_page.markdown import difference, share
from backtest_results import backtest_of
from likewise_engine.evidence import FEATURES, WITNESSES
from likewise_indexer.backtest import LIKEWISE, document_of
from micro_steps.steps import STEPS

MEASURED = ("top1", "coverage_at_95", "coverage_at_98", "ece", "top1_payee_unseen", "top1_after_10")


def ablation_document() -> dict[str, object]:
    """Each witness brings a thousandth more than the one before it."""
    kept = {"everything": len(FEATURES)} | {f"without {name}": 1 for name in WITNESSES}
    tried = [
        {"what": what, "features": features, **dict.fromkeys(MEASURED, 0.75 - place / 1000)}
        for place, (what, features) in enumerate(kept.items())
    ]
    noise = dict.fromkeys(MEASURED, 0.002)
    return {"tried": tried, "noise": noise, "questions_asked": 12_345, "tenants": 61}


def micro_file(path: Path) -> None:
    """Each step takes a microsecond more than the one before it."""
    pyperf.BenchmarkSuite(
        [
            pyperf.Benchmark([pyperf.Run([number * 1e-6], metadata={"name": name}, collect_metadata=False)])
            for number, name in enumerate(STEPS, start=1)
        ]
    ).dump(str(path))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder of what was measured."""
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "ablation.json").write_text(json.dumps(ablation_document()))
    micro_file(folder / "micro.json")
    return folder


def page_of(results: Path, tmp_path: Path) -> str:
    witnesses.main([str(results), "--docs", str(tmp_path)])
    return (tmp_path / "witnesses.md").read_text()


def test_each_witness_stands_with_what_it_adds_and_the_time_of_its_step(
    results: Path, tmp_path: Path
) -> None:
    page = page_of(results, tmp_path)
    for place, (name, features) in enumerate(WITNESSES.items(), start=1):
        added = f"+.{place:03}"
        step = "similarity-payee-amount" if name in ("similarity", "payee", "amount") else name
        microseconds = 1 + list(STEPS).index(f"witness-{step}")
        cells = [name, str(len(features)), *[added] * 5, str(microseconds)]
        assert f"| {' | '.join(cells)} |" in page
    assert "12,345 questions of 61 tenants" in page


def test_versions_are_compared_where_both_were_measured(results: Path, tmp_path: Path) -> None:
    assert "What another wording" not in page_of(results, tmp_path)
    tops = []
    for name, tenants in (("before", 2), ("after", 3)):
        (results / name).mkdir()
        backtest = backtest_of(tenants)
        tops.append(backtest.macro[LIKEWISE].measures.top1)
        (results / name / "books.json").write_text(json.dumps(document_of(backtest)))
    page = page_of(results, tmp_path)
    assert "| before | likewise-static@5cbd+text1 | " + share(tops[0]) in page
    assert "| difference |  | " + difference(tops[1] - tops[0]) in page


def test_what_is_missing_or_no_result_ends_it_with_a_message(results: Path, tmp_path: Path) -> None:
    (results / "micro.json").unlink()
    with pytest.raises(SystemExit, match="witnesses: "):
        page_of(results, tmp_path)
    micro_file(results / "micro.json")
    (results / "ablation.json").write_text("{}")
    with pytest.raises(SystemExit, match="tried"):
        page_of(results, tmp_path)
