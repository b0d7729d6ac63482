"""Which encoder the tenants of a data folder are to have, and how far the change to it is.

Two small files in a folder beside the tenants'. ``decision.json`` is written whole and synced: by whoever
decides, and by the process that finds all tenants changed. ``progress.json`` is what that process has done,
told now and then; it may be lost. All processes of a server read both.

What was said last holds: the encoder that a server is started with, where it is another than at its last
start, or else what was decided since. So a server that is restarted in the midst of a change goes on with it,
and a change by restart is a change like any other. The folder of each model is kept too: who has vectors of
the former one is served by it for as long as it is there.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from likewise_engine.durable import sync
from likewise_engine.encoder import load_encoder
from likewise_engine.encoder.at_hand import Encoders, model_folders
from likewise_engine.errors import PreconditionFailed, StoreFault
from likewise_engine.faults import kind_of

FOLDER_NAME: Final = "encoder"
_DECISION: Final = "decision.json"
_PROGRESS: Final = "progress.json"
_DECIDING_LOCK: Final = "deciding.lock"
_WORKING_LOCK: Final = "working.lock"


class Stage(StrEnum):
    """How far a change is. The names are stored."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided.

    Attributes:
        given: fingerprint of the encoder that the server was last started with.
        wanted: of the one that tenants are to have.
        previous: of the one before; empty where there was none.
        stage: how far the change is.
        started: when it was decided, ISO 8601 in UTC.
        folders: where models were, by fingerprint.
    """

    given: str
    wanted: str
    previous: str
    stage: Stage
    started: str
    folders: dict[str, str]

    def changed_to(self, encoder: str) -> "Decision":
        """That all tenants are to have another encoder."""
        if encoder == self.wanted:
            return self
        return replace(self, wanted=encoder, previous=self.wanted, stage=Stage.RUNNING, started=_now())


@dataclass(frozen=True, slots=True)
class Progress:
    """What the process that changes tenants has done since it began to look at them.

    Attributes:
        wanted: fingerprint of the encoder that they are changed to.
        tenants: that there are.
        done: of them, looked at, and changed where they had another one.
        failed: of them, that could not be changed.
        texts: that were encoded.
        took_s: seconds since it began.
        remaining_s: seconds that the rest will take, by estimate; below 0 where there is no telling.
    """

    wanted: str
    tenants: int = 0
    done: int = 0
    failed: int = 0
    texts: int = 0
    took_s: float = 0.0
    remaining_s: float = -1.0


class ChangeFile:
    """The two files of a data folder."""

    def __init__(self, root: Path) -> None:
        """Args: root: the data folder."""
        self._root = root / FOLDER_NAME

    def decision(self) -> Decision | None:
        """What was decided; None before anything was. Raises StoreFault."""
        stored = self._read(_DECISION)
        try:
            return None if stored is None else Decision(**{**stored, "stage": Stage(stored["stage"])})
        except (TypeError, ValueError, KeyError) as error:
            raise _damaged(self._root / _DECISION) from error

    def start(self, given: str, folder: Path | None) -> Decision:
        """Note the encoder that a server is started with; gives what holds now.

        Raises:
            StoreFault: it cannot be noted.
        """
        with self._deciding():
            known = self.decision()
            if known is None:
                decided = Decision(given, given, "", Stage.RUNNING, _now(), {})
            elif known.given == given:
                decided = known
            else:
                decided = replace(known.changed_to(given), given=given)
            return self._decide(decided, known, {given: folder})

    def change(self, encoder: str, folder: Path | None) -> Decision:
        """Have all tenants changed to an encoder.

        Raises:
            PreconditionFailed: another change is under way.
            StoreFault: it cannot be noted.
        """
        with self._deciding():
            known = self._known()
            is_to_another = encoder != known.wanted
            if is_to_another and known.stage is not Stage.DONE:
                raise PreconditionFailed(
                    f"the change to {known.wanted} is {known.stage}: wait until it is done, or roll it back"
                )
            return self._decide(known.changed_to(encoder), known, {encoder: folder})

    def pause(self) -> Decision:
        """Have the change rest. Raises PreconditionFailed where there is none, StoreFault."""
        return self._set(Stage.PAUSED, "there is no change of the encoder to pause")

    def resume(self) -> Decision:
        """Have a change go on. Raises PreconditionFailed where there is none, StoreFault."""
        return self._set(Stage.RUNNING, "there is no change of the encoder to resume")

    def roll_back(self) -> Decision:
        """Have all tenants changed to the encoder before. Raises PreconditionFailed, StoreFault."""
        with self._deciding():
            known = self._known()
            if not known.previous:
                raise PreconditionFailed("there was no encoder before: start a change to the one you want")
            return self._decide(known.changed_to(known.previous), known, {})

    def finish(self, wanted: str) -> None:
        """Note that all tenants have the encoder that is wanted, if it still is. Raises StoreFault."""
        with self._deciding():
            known = self._known()
            if known.wanted == wanted and known.stage is Stage.RUNNING:
                self._decide(replace(known, stage=Stage.DONE), known, {})

    def progress(self, wanted: str) -> Progress:
        """What was done towards an encoder; nothing, where there is no telling."""
        try:
            progress = Progress(**(self._read(_PROGRESS) or {"wanted": wanted}))
        except (TypeError, StoreFault):
            return Progress(wanted)
        return progress if progress.wanted == wanted else Progress(wanted)

    def tell(self, progress: Progress) -> None:
        """Let others know. Raises StoreFault."""
        self._write(_PROGRESS, asdict(progress), is_durable=False)

    @contextmanager
    def right(self) -> Iterator[bool]:
        """The right to change tenants: whether this process has it within, for one has at a time."""
        with _locked(self._root / _WORKING_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB) as is_ours:
            yield is_ours

    def _set(self, stage: Stage, otherwise: str) -> Decision:
        with self._deciding():
            known = self._known()
            if known.stage is Stage.DONE:
                raise PreconditionFailed(otherwise)
            return self._decide(replace(known, stage=stage), known, {})

    def _known(self) -> Decision:
        known = self.decision()
        if known is None:
            raise PreconditionFailed("no server was started on this data folder yet")
        return known

    def _decide(
        self, decision: Decision, known: Decision | None, folders: dict[str, Path | None]
    ) -> Decision:
        """Write a decision, with the folders of the models that it names and no others."""
        paths = {name: "" if path is None else str(path.absolute()) for name, path in folders.items()}
        named = {decision.given, decision.wanted, decision.previous}
        kept = {name: path for name, path in {**decision.folders, **paths}.items() if name in named}
        decided = replace(decision, folders=kept)
        if decided != known:
            self._write(_DECISION, asdict(decided), is_durable=True)
        return decided

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        with _locked(self._root / _DECIDING_LOCK, fcntl.LOCK_EX):
            yield

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self._root / name
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise kind_of(error)(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise _damaged(path) from error
        if not isinstance(found, dict):
            raise _damaged(path)
        return found

    def _write(self, name: str, content: dict[str, Any], *, is_durable: bool) -> None:
        path = self._root / name
        aside = path.with_name(f"{name}.{os.getpid()}.new")
        try:
            aside.write_text(json.dumps(content, indent=1) + "\n")
            if is_durable:
                sync(aside)
            aside.replace(path)
            if is_durable:
                sync(path.parent)
        except OSError as error:
            raise kind_of(error)(f"{path} cannot be written: {error.strerror}") from error


def encoders_at(
    data: Path, model: Path | None = None, shelf: Path | None = None, *, serves: bool = False
) -> Encoders:
    """The encoders at hand, and which one is wanted: what was decided for a data folder, or else the model.

    Args:
        data: the data folder.
        model: folder of a model; None for the shipped one.
        shelf: folder of further model folders.
        serves: whether it is a server that starts with that model: this counts as said. Any other command
            looks at what was decided.

    Raises:
        PreconditionFailed: the encoder that was decided on is not at hand.
        StoreFault, ModelFault.
    """
    given, file = load_encoder(model), ChangeFile(data)
    decision = file.start(given.fingerprint, model) if serves else file.decision()

    def folders() -> Mapping[str, Path]:
        known = file.decision()
        decided = [Path(path) if path else None for path in known.folders.values()] if known else []
        return model_folders([model, None, *decided], shelf)

    encoders = Encoders(given, folders)
    if decision is not None:
        wanted = encoders.of(decision.wanted)
        if wanted is None:
            was_at = decision.folders.get(decision.wanted) or "the package"
            raise PreconditionFailed(
                f"tenants have, or are changed to, the encoder {decision.wanted}, which is not where it "
                f"was ({was_at}): bring it back, or decide for another by 'likewise serve --model'"
            )
        encoders.wanted = wanted
    return encoders


@contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    """A lock within; whether it was had."""
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise kind_of(error)(f"{path} cannot be locked: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _damaged(path: Path) -> StoreFault:
    return StoreFault(f"{path} is damaged: delete it, and the server decides by its settings")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
