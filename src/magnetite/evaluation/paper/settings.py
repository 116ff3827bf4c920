"""How much of the study is done: the paper's numbers, or a quick look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Numbers of models and lengths of their training.

    Attributes:
        models: classifiers for the magnetic order, and for the propagation vector (the paper: 20).
        repeats: models for each row of the studies of size, threshold and leak.
        epochs: of a readout.
        boosting_rounds: of boosted trees.
        forest_trees: of a forest.
        composition_epochs: of the networks that see the composition alone.
        folds: of the data, test fold included.
    """

    models: int = 20
    repeats: int = 3
    epochs: int = 8
    boosting_rounds: int = 200
    forest_trees: int = 120
    composition_epochs: int = 30
    folds: tuple[int, ...] = tuple(range(10))

    @property
    def shared_name(self) -> str:
        """Tells results that do not depend on the zoo's model from those of another size of study."""
        folds = "".join(map(str, self.folds))
        return (
            f"m{self.models}r{self.repeats}b{self.boosting_rounds}t{self.forest_trees}"
            f"c{self.composition_epochs}f{folds}"
        )

    @property
    def name(self) -> str:
        """The same for results that do."""
        return f"{self.shared_name}e{self.epochs}"


FULL = Settings()
QUICK = Settings(models=4, repeats=1, epochs=3, boosting_rounds=60, forest_trees=40, composition_epochs=10)
"""The same tables from fewer and shorter trainings: for a look, not for quoting."""
