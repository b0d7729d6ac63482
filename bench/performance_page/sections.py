"""The page's tables of what was to be reached, latency, peers, steps and accuracy."""

from collections.abc import Callable, Mapping
from typing import Final

import pyperf

from accuracy_page.figures import MAIN
from accuracy_page.markdown import command, difference, share, table
from latency_load.figures import LOADED, PERCENTILES
from latency_load.workload import Kind
from performance_page.goals import goals_of
from performance_page.results import COMMANDS, Json, Results
from performance_page.words import NOTHING, figure, times

_MICROSECONDS: Final = 1e6


def goals(results: Results) -> str:
    """What was to be reached, what was, and what is missing."""
    rows = []
    for goal in goals_of(results):
        reached = NOTHING if goal.reached is None else f"{figure(goal.reached)}{goal.unit}"
        rows.append([goal.what, goal.wanted, reached, goal.verdict])
    return table(["what", "to reach", "measured", "reached"], rows)


def latency(results: Results) -> str:
    """Under the canonical workload, by kind of call, beside the floor."""
    assert results.latency is not None
    return _under_load(results.latency)


def two_workers(results: Results) -> str:
    """Under the canonical workload, by two processes."""
    assert results.two_workers is not None
    return _under_load(results.two_workers)


def _under_load(document: Json) -> str:
    load, workload, server = document["load"], document["workload"], document["server"]
    built = document["index_build"]["share_of_time"]
    memory_mb = server["memory_bytes_max"] / 1e6
    said = (
        f"{workload['tenants']:,} tenants of {workload['labels_median']:,} labels (median) to"
        f" {workload['largest']:,}; {figure(load['rate_hz'])} calls a second due for"
        f" {figure(load['seconds'])} s, {figure(document['rate_hz'])} answered, {document['errors']:,}"
        f" errors. The server took {server['cores_used']:.2f} cores and {figure(memory_mb)} MB; graphs"
        f" were built in {built:.0%} of the time. Milliseconds from the moment at which a call was due."
    )
    return "\n\n".join((said, _quantiles(document), *_doubts(document)))


def capacity(results: Results) -> str:
    """How many calls a second, and how it was found."""
    document = results.capacity
    assert document is not None
    found = document["capacity"]
    said = (
        f"One process answers **{figure(found['rate_hz'])} calls of Classify a second** over"
        f" {document['workload']['tenants']:,} tenants with a p99 within {figure(found['budget_ms'])} ms. At"
        " half of that:"
    )
    rows = [
        [
            figure(step["rate_hz"]),
            figure(step["p99_ms"]),
            f"{step['errors']:,}",
            step["why_too_much"] or NOTHING,
        ]
        for step in found["steps"]
    ]
    tried = table(["calls a second", "p99, ms", "errors", "too much because of"], rows)
    return "\n\n".join((said, _quantiles(document), *_doubts(document), "What was tried:", tried))


def _quantiles(document: Json) -> str:
    names = [name.removesuffix("_ms").replace("_", ".") for name in PERCENTILES]
    rows = []
    for kind in (Kind.ECHO, *LOADED):
        of_kind = document[kind]
        if of_kind["calls"]:
            ratios = [times(of_kind.get(f"{name}_over_echo")) for name in ("p50_ms", "p99_ms")]
            quantiles = [figure(of_kind[name]) for name in PERCENTILES]
            rows.append([kind.value, f"{of_kind['calls']:,}", *quantiles, *ratios])
    return table(["", "calls", *names, "p50 / echo", "p99 / echo"], rows)


def _doubts(document: Json) -> list[str]:
    return [f"**Not valid**: {doubt}." for doubt in document["doubts"]]


def overload(results: Results) -> str:
    """What becomes of too many calls, and of calls beside an import."""
    document = results.overload
    assert document is not None
    said = []
    if part := document.get("overload"):
        said.append(
            f"For {figure(part['seconds'])} s, {figure(part['due_hz'])} calls a second were due where"
            f" {figure(part['capacity_hz'])} can be answered; {figure(part['goodput_hz'])} were, with a p99"
            f" of {figure(part['accepted']['p99_ms'])} ms ({figure(part['calm']['p99_ms'])} before). What"
            f" failed: {_errors(part)}. {figure(part['recovery_s'])} s after the end all was well."
        )
    if part := document.get("import"):
        said.append(
            f"While {part['rows']:,} rows were imported into one tenant, at {figure(part['rows_per_s'])}"
            f" rows/s, {figure(part['rate_hz'])} calls a second of others had a p99 of"
            f" {figure(part['beside']['p99_ms'])} ms; before and after, {figure(part['quiet']['p99_ms'])} ms."
            f" What failed: {_errors(part)}."
        )
    return "\n\n".join((*said, *_doubts(document)))


def _errors(part: Json) -> str:
    return ", ".join(f"{count:,} {code}" for code, count in part["errors_by_code"].items()) or "nothing"


def books(results: Results) -> str:
    """One caller on a quiet server, over the real books."""
    document = results.books
    assert document is not None
    indexed, asked = document["index"], document["classify"]
    stages = ", ".join(f"{name} {figure(ms)}" for name, ms in asked["stage_p50_ms"].items())
    rows = [
        ["rows indexed", f"{indexed['rows']:,}"],
        ["rows a second until all are committed", figure(indexed["committed_rows_per_s"])],
        ["… and until heads are trained and history is replayed, s", figure(indexed["settled_s"])],
        ["bytes on disk a row", figure(indexed["disk_bytes_per_row"])],
        ["bytes of memory a warm label", figure(asked["memory_bytes_per_label"])],
        [
            "Classify as one caller sees it, p50 / p99",
            f"{figure(asked['p50_ms'])} / {figure(asked['p99_ms'])} ms",
        ],
        ["of that within the server, p50", f"{stages} ms"],
    ]
    return table(["", ""], rows)


def peers(results: Results) -> str:
    """Everybody beside everybody, and where a peer is ahead."""
    document = results.peers
    assert document is not None
    sizes = [str(size) for size in document["workload"]["sizes"]]
    head = [
        "",
        *(
            f"{int(size):,} labels, {kind}"
            for size in sizes
            for kind in ("vector ready", "embedding included")
        ),
    ]
    rows = [
        [
            name,
            *(
                _p50_p99(of_system["query"][size][kind])
                for size in sizes
                for kind in ("vector_ready", "embedded")
            ),
        ]
        for name, of_system in document["systems"].items()
    ]
    queries = "Milliseconds of a query, p50 / p99:\n\n" + table(head, rows)
    costs = table(
        [
            "",
            "rows/s loaded, embedding included",
            "until at rest",
            "bytes a row",
            "correction visible, ms",
            "restart, s",
        ],
        [
            [
                name,
                figure(of_system["load"]["rows_per_s"]["embedded"]),
                figure(of_system["load"]["settled_rows_per_s"]),
                figure(of_system["memory"]["bytes_per_row"]),
                " / ".join(figure(of_system["correction"][size]["p50_ms"]) for size in sizes),
                figure(of_system["restart_s"]),
            ]
            for name, of_system in document["systems"].items()
        ],
    )
    return "\n\n".join((queries, costs, _peers_ahead(document), _settings(document)))


def _peers_ahead(document: Json) -> str:
    if not document["peers_ahead"]:
        return "No peer is ahead in any of these."
    rows = [
        [
            one["figure"],
            f"{figure(one['values']['likewise'])} {one['unit']}",
            ", ".join(f"{name} {figure(one['values'][name])}" for name in one["ahead"]),
        ]
        for one in document["peers_ahead"]
    ]
    return "**Where a peer is ahead of Likewise**, all of it:\n\n" + table(
        ["figure", "Likewise", "ahead"], rows
    )


def _settings(document: Json) -> str:
    lines = [
        f"- {name}: " + "; ".join(f"{key} {value}" for key, value in of_system["settings"].items())
        for name, of_system in document["systems"].items()
    ]
    lines += [f"- {name} did not run: {why}" for name, why in document["skipped"].items()]
    return "\n".join(lines)


def _p50_p99(latency: Mapping[str, float]) -> str:
    return f"{figure(latency['p50_ms'])} / {figure(latency['p99_ms'])}"


def micro(results: Results) -> str:
    """What each step takes."""
    assert results.micro is not None
    suite = pyperf.BenchmarkSuite.load(str(results.micro))
    rows = []
    for benchmark in suite.get_benchmarks():
        spread = benchmark.stdev() if len(benchmark.get_values()) > 1 else None
        rows.append(
            [
                benchmark.get_name(),
                figure(benchmark.mean() * _MICROSECONDS),
                NOTHING if spread is None else f"± {figure(spread * _MICROSECONDS)}",
            ]
        )
    return table(["step", "microseconds", "standard deviation"], rows)


def accuracy(results: Results) -> str:
    """What speed has cost: averages over all tenants, before and after."""
    before, after = results.before, results.after
    assert before is not None
    assert after is not None
    rows = [
        [
            each.title,
            share(each.of(before)),
            share(each.of(after)),
            difference(each.of(after) - each.of(before)),
        ]
        for each in MAIN
    ]
    rows.append(
        [
            "an answer's time in the replay, p50, ms",
            figure(before.measures.seconds_p50 * 1e3),
            figure(after.measures.seconds_p50 * 1e3),
            times(before.measures.seconds_p50 / after.measures.seconds_p50) + " as fast",
        ]
    )
    return table(["", "before", "after", "difference"], rows)


def made_by(name: str, results: Results, write: Callable[[Results], str]) -> str:
    """A section under the command that measures it; or that it was not measured."""
    is_there = getattr(results, name) is not None
    said = write(results) if is_there else f"Not measured: RESULTS/{name}.json is missing."
    return f"{command(COMMANDS[name])}\n\n{said}"
