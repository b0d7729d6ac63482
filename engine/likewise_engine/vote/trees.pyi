import numpy as np
from numpy.typing import NDArray

from likewise_engine.vote.ensemble import Ensemble

class Trees:
    features: int
    def __init__(self, ensemble: Ensemble, features: int) -> None: ...
    def scores(self, rows: NDArray[np.float32]) -> NDArray[np.float32]: ...
