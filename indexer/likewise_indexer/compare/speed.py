"""How long encoders take: one text at a time, on one thread, taking turns.

They take turns text by text, so that a moment in which the machine does something else strikes all alike. It
is no benchmark of the server: see ``bench/``.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from likewise_engine.encoder import load_encoder
from likewise_indexer.compare.result import Speed

_WARM_UP: Final = 50
_LOADS: Final = 3


def speeds_of(
    folders: Mapping[str, Path],
    texts: Sequence[str],
    progress: Callable[[int, int], None],
) -> dict[str, Speed]:
    """Time encoders.

    Args:
        folders: of the encoders, by name.
        texts: what is encoded, at least one.
        progress: told the texts that are done, and of all.

    Raises:
        ModelFault: a folder holds no model that runs.
    """
    load_ms = {
        name: min(_load_ms(folder, texts[0]) for _ in range(_LOADS)) for name, folder in folders.items()
    }
    encoders = {name: load_encoder(folder) for name, folder in folders.items()}
    micros: dict[str, list[float]] = {name: [] for name in folders}
    with threadpool_limits(1):
        for encoder in encoders.values():
            for text in texts[:_WARM_UP]:
                encoder.encode([text])
        for number, text in enumerate(texts, start=1):
            for name, encoder in encoders.items():
                started = time.perf_counter()
                encoder.encode([text])
                micros[name].append((time.perf_counter() - started) * 1e6)
            progress(number, len(texts))
    return {
        name: Speed(
            texts=len(taken),
            micros_p50=float(np.quantile(taken, 0.5)),
            micros_p99=float(np.quantile(taken, 0.99)),
            load_ms=load_ms[name],
        )
        for name, taken in micros.items()
    }


def _load_ms(folder: Path, text: str) -> float:
    started = time.perf_counter()
    load_encoder(folder).encode([text])
    return (time.perf_counter() - started) * 1e3
