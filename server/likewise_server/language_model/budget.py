"""What may be spent: calls a minute, and tokens a day by tenant and in all.

Of several worker processes each has an equal share. What was spent is kept in memory alone: a server that is
started anew has the day's tokens again. Not safe for threads; told the time.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

_MINUTE_S: Final = 60.0
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one process may spend.

    Attributes:
        calls_per_minute: in the long run, and at once.
        tokens_per_day: of all tenants.
        tenant_tokens_per_day: of one.
    """

    calls_per_minute: float
    tokens_per_day: int
    tenant_tokens_per_day: int


class Budget:
    """What is left."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._calls = max(1.0, allowance.calls_per_minute)
        self._counted_s = 0.0
        self._day = 0
        self._tokens = Counter[str]()

    def is_left(self, tenant: str, now_s: float) -> bool:
        """Whether there is anything left for one more question of a tenant."""
        self._pass_time(now_s)
        spent, allowed = self._tokens, self._allowance
        return (
            self._calls >= 1.0
            and spent.total() < allowed.tokens_per_day
            and spent[tenant] < allowed.tenant_tokens_per_day
        )

    def take(self, tenant: str, tokens: int, now_s: float) -> None:
        """Spend a call, and what it takes by estimate."""
        self._pass_time(now_s)
        self._calls -= 1.0
        self._tokens[tenant] += tokens

    def settle(self, tenant: str, difference: int) -> None:
        """It took so many tokens more than were estimated, or fewer."""
        self._tokens[tenant] += difference

    def spent(self) -> int:
        """Tokens of this day."""
        return self._tokens.total()

    def _pass_time(self, now_s: float) -> None:
        most = max(1.0, self._allowance.calls_per_minute)
        earned = max(0.0, now_s - self._counted_s) * self._allowance.calls_per_minute / _MINUTE_S
        self._calls, self._counted_s = min(most, self._calls + earned), now_s
        if (day := int(now_s // _DAY_S)) != self._day:
            self._day = day
            self._tokens.clear()
