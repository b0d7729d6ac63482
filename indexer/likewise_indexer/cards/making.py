"""What a training takes: measured time, and energy by assumption.

No meter is read, since few machines have one: energy is processor time by the watts of a busy core, as
the Green Algorithms calculator has it (Lannelongue et al. 2021), and its CO2 by the intensity of the
grid. So what waits for a disk costs nothing, and an idle machine is somebody else's.
"""

import platform
import resource
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from likewise_indexer.cards.record import Making

WATTS_PER_CORE: Final = 12.0
"""What Green Algorithms assumes of a core of an unknown processor."""
GRAMS_PER_KWH: Final = 480.0
"""The world's average in 2023, by Ember's Global Electricity Review 2024."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What turns processor time into energy, and that into CO2.

    Attributes:
        watts_per_core: of a busy core, memory and losses included.
        grams_per_kwh: CO2 equivalent of the electricity.
    """

    watts_per_core: float = WATTS_PER_CORE
    grams_per_kwh: float = GRAMS_PER_KWH


class Meter:
    """Counts time from when it is made: of this process and of the children that it has waited for."""

    def __init__(self) -> None:
        self._wall_s, self._processor_s = time.monotonic(), _processor_s()

    def making(
        self, command: str, packages: tuple[str, ...], assumptions: Assumptions, note: str = ""
    ) -> Making:
        """What it has counted until now.

        Args:
            command: makes the model again.
            packages: whose versions the result depends on, beside Python's.
            assumptions: of energy.
            note: what is not counted, say.
        """
        return Making(
            command=command,
            date=datetime.now(UTC).date().isoformat(),
            wall_s=round(time.monotonic() - self._wall_s, 1),
            processor_s=round(_processor_s() - self._processor_s, 1),
            processor=processor_name(),
            watts_per_core=assumptions.watts_per_core,
            grams_per_kwh=assumptions.grams_per_kwh,
            versions={"python": platform.python_version(), **{name: version(name) for name in packages}},
            note=note,
        )


def _processor_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def processor_name() -> str:
    """The name of this machine's processor, as Linux tells it."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()
