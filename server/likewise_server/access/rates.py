"""How often a caller may call: a token bucket each, which holds one number.

The number is the time at which the bucket will be full again (the generic cell rate algorithm of ITU-T
I.371, Annex A): a call puts it off by the time that a call's worth takes to flow in, and may come if it is no
further off than the burst. Each worker process counts for itself.
"""

import threading
from collections import OrderedDict
from typing import Final

from likewise_engine import limits
from likewise_server.access.tokens import Rate

_NS_PER_S: Final = 1_000_000_000


class Rates:
    """The buckets of all callers, by name. May be used by any thread."""

    def __init__(self) -> None:
        self._full_ns: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def wait_ns(self, caller: str, rate: Rate, now_ns: int) -> int:
        """Count a call, if it may come now.

        Args:
            caller: whose it is.
            rate: how often it may call.
            now_ns: by a clock that never goes back.

        Returns:
            Nanoseconds until it may come; 0 where it may now, and only then it is counted.
        """
        interval_ns = int(_NS_PER_S / rate.calls_per_s)
        with self._lock:
            full_ns = max(self._full_ns.get(caller, 0), now_ns)
            early_ns = full_ns - now_ns - (rate.burst - 1) * interval_ns
            if early_ns > 0:
                return early_ns
            self._full_ns[caller] = full_ns + interval_ns
            self._full_ns.move_to_end(caller)
            if len(self._full_ns) > limits.RATES_KEPT_MAX:
                self._full_ns.popitem(last=False)
            return 0
