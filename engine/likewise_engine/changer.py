"""The thread that changes tenants to the encoder that is wanted, one after the other, aside from calls.

It follows what is decided (:mod:`likewise_engine.encoder_change`), whether in this process or another. Of the
processes of a server one works at a time: that one has the right to, and another takes over when it dies.
It looks at all tenants, warm and cold, and changes those that have another encoder, by
:meth:`Ledger.change_encoder`; a tenant that another process has the upkeep of just then is looked at again. A
tenant that comes later with another encoder, out of a backup say, is changed when it is loaded.

What fails is logged, and tried again after all others; what fails each time is counted as failed, and holds
up nobody: that tenant keeps its encoder, for as long as that is at hand.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from likewise_engine.background import Background
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.encoder.base import Encoder
from likewise_engine.encoder_change import ChangeFile, Decision, Progress, Stage
from likewise_engine.errors import LikewiseError, TenantNotFound
from likewise_engine.tenants import Tenants

_POLL_S: Final = 0.25
"""How soon a decision is followed."""
_TELL_EVERY_S: Final = 1.0
_TRIES: Final = 3
_ROUND_PAUSE_S: Final = 2.0
"""Before those that failed, or that somebody else had the upkeep of, are tried again."""

_log = logging.getLogger(__name__)


class Changer:
    """Changes tenants until it is stopped."""

    def __init__(
        self, tenants: Tenants, encoders: Encoders, file: ChangeFile, background: Background | None = None
    ) -> None:
        """Start.

        Args:
            tenants: whose encoders are to be changed.
            encoders: that are at hand. Which one of them is wanted is for this alone to say from now on.
            file: of the data folder, where a decision stands.
            background: where tenants are prepared, for this alone; closed by :meth:`stop`. This thread where
                None.
        """
        self._tenants = tenants
        self._encoders = encoders
        self._file = file
        self._background = background
        self._stopping = threading.Event()
        self._followed: Decision | None = None
        self._looked_s = 0.0
        self._goes_on = True
        self._late: list[str] = []
        self._thread = threading.Thread(target=self._run, name="changer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give up what is being changed, to be gone on with at the next start, and end the thread."""
        self._stopping.set()
        self._thread.join()
        if self._background is not None:
            self._background.close()

    def _run(self) -> None:
        while not self._stopping.wait(_POLL_S):
            try:
                self._follow()
            except Exception:  # noqa: BLE001 - it is logged
                # Whatever it was (no disk, say), the thread lives on for what comes later.
                _log.exception("the change of the encoder does not go on")
                self._stopping.wait(_ROUND_PAUSE_S)

    def _follow(self) -> None:
        """Do what is decided, as long as it is."""
        decision = self._decision()
        if decision is None or decision.stage is Stage.PAUSED:
            return
        encoder = self._encoders.wanted
        if decision.stage is Stage.DONE:
            late = [*self._late, *self._tenants.outdated()]
            self._late, _ = self._change(late, encoder, _Tally(encoder.fingerprint))
            return
        with self._file.right() as is_ours:
            if is_ours:
                self._change_all(encoder)

    def _decision(self) -> Decision | None:
        """What is decided, taken over where it is new; None where it cannot be followed."""
        decision = self._file.decision()
        if decision is not None and decision != self._followed:
            wanted = self._encoders.of(decision.wanted)
            if wanted is None:
                _log.error("the encoder %s is wanted, and not at hand", decision.wanted)
            else:
                self._encoders.wanted = wanted
            self._followed = decision
        is_at_hand = decision is not None and decision.wanted == self._encoders.wanted.fingerprint
        return decision if is_at_hand else None

    def _change_all(self, encoder: Encoder) -> None:
        """Look at all tenants, and note that all are changed."""
        left: Sequence[str] = self._tenants.ids()
        tally = _Tally(encoder.fingerprint, len(left), self._file.tell)
        _log.info("changing encoder", extra={"encoder": encoder.fingerprint, "tenants": len(left)})
        failures = Counter[str]()
        while left and self._is_wanted(encoder):
            put_off, failed = self._change(left, encoder, tally)
            failures.update(failed)
            left = [*put_off, *(tenant for tenant in failed if failures[tenant] < _TRIES)]
            if left and self._stopping.wait(_ROUND_PAUSE_S):
                break
        tally.end(failed=sum(count >= _TRIES for count in failures.values()))
        if self._is_wanted(encoder):
            self._file.finish(encoder.fingerprint)
            _log.info("encoder changed", extra={"encoder": encoder.fingerprint})

    def _change(
        self, tenants: Sequence[str], encoder: Encoder, tally: "_Tally"
    ) -> tuple[list[str], list[str]]:
        """Change tenants; gives those that were put off, and those that failed."""
        put_off: list[str] = []
        failed: list[str] = []
        for number, tenant in enumerate(tenants):
            if not self._is_wanted(encoder):
                return [*put_off, *tenants[number:]], failed
            try:
                if self._change_one(tenant, encoder, tally):
                    tally.count(done=1)
                else:
                    put_off.append(tenant)
            except TenantNotFound:
                tally.count(done=1)  # It was deleted.
            except LikewiseError as error:
                _log.error("encoder not changed: %s", error.message, extra={"tenant": tenant})
                failed.append(tenant)
        return put_off, failed

    def _change_one(self, tenant: str, encoder: Encoder, tally: "_Tally") -> bool:
        has, is_getting = self._tenants.encoders_of(tenant)
        if has == encoder.fingerprint and not is_getting:
            return True
        with self._tenants.aside(tenant) as ledger:
            if ledger is None:
                return False
            is_changed = ledger.change_encoder(
                encoder,
                lambda: self._is_wanted(encoder) and not self._tenants.is_leaving(tenant),
                lambda texts: tally.count(texts=texts),
                self._background,
            )
        if is_changed:
            _log.info("encoder changed", extra={"tenant": tenant, "encoder": encoder.fingerprint})
        return is_changed

    def _is_wanted(self, encoder: Encoder) -> bool:
        """Whether tenants are to be changed to this encoder still; looks now and then."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= _POLL_S:
            self._looked_s = now_s
            decision = self._decision()
            self._goes_on = decision is not None and decision.stage is not Stage.PAUSED
        is_same = self._encoders.wanted.fingerprint == encoder.fingerprint
        return self._goes_on and is_same and not self._stopping.is_set()


class _Tally:
    """Counts what was done, and tells of it now and then."""

    def __init__(
        self, wanted: str, tenants: int = 0, tell: Callable[[Progress], None] = lambda _: None
    ) -> None:
        self._wanted = wanted
        self._tenants = tenants
        self._tell = tell
        self._done = self._texts = 0
        self._started_s = self._told_s = time.monotonic()

    def count(self, *, done: int = 0, texts: int = 0) -> None:
        """Note that so many tenants more are done, and so many texts more are encoded."""
        self._done += done
        self._texts += texts
        now_s = time.monotonic()
        if now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            self._tell(self._progress(failed=0))

    def end(self, *, failed: int) -> None:
        """Tell how it ended."""
        self._tell(self._progress(failed))

    def _progress(self, failed: int) -> Progress:
        took_s = time.monotonic() - self._started_s
        remaining_s = took_s * (self._tenants - self._done) / self._done if self._done else -1.0
        return Progress(
            self._wanted, self._tenants, self._done, failed, self._texts, round(took_s, 3), remaining_s
        )
