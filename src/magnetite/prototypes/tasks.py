"""What the training loop is given: batches of rows, the loss, and the validation that picks the best epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

from magnetite.prototypes.ensemble import Ensemble
from magnetite.prototypes.table import Table
from magnetite.whole import whole

SPLIT_SEED = 42
VALIDATION_SHARE = 0.2
"""The paper's split: stratified by class (scikit-learn), 80 % to learn from and 20 % to choose by."""
BEST = "best.safetensors"


def split(table: Table) -> tuple[Tensor, Tensor]:
    """Rows to learn from and rows to choose by, as in the paper."""
    rows = np.arange(len(table))
    train, held_out = train_test_split(
        rows, test_size=VALIDATION_SHARE, stratify=table.labels.numpy(), random_state=SPLIT_SEED
    )
    return torch.from_numpy(np.sort(train)), torch.from_numpy(np.sort(held_out))


class ClassifyTask:
    """Cross-entropy on the rows of the table; keeps the epoch that validates best.

    Args:
        table: all rows.
        device: where the network is; the table goes there whole (50 MB).
        folder: of the run; the best epoch's weights go there.
        batch: rows in a batch.
        seed: of the order of the rows.
        smoothing: label smoothing of the loss.
        whole: learn from the held-out rows as well; validation then says nothing of unseen rows.
    """

    def __init__(
        self,
        table: Table,
        device: torch.device,
        folder: Path,
        *,
        batch: int = 64,
        seed: int = 0,
        smoothing: float = 0.0,
        whole: bool = False,
    ) -> None:
        self.train, self.held_out = split(table)
        if whole:
            self.train = torch.arange(len(table))
        self.x, self.labels = table.x.to(device), table.labels.to(device)
        self.path, self.batch, self.seed, self.smoothing = folder / BEST, batch, seed, smoothing

    def batches(self, epoch: int) -> list[list[Tensor]]:
        """Rows of the epoch's batches; each batch is one tensor of places in the table."""
        generator = torch.Generator().manual_seed(self.seed * 10_000 + epoch)
        shuffled = self.train[torch.randperm(len(self.train), generator=generator)]
        return [[rows.to(self.x.device)] for rows in torch.split(shuffled, self.batch)]

    def loss(self, model: nn.Module, batch: list[Tensor]) -> Tensor:
        """Mean cross-entropy of a batch."""
        rows = batch[0]
        return functional.cross_entropy(model(self.x[rows]), self.labels[rows], label_smoothing=self.smoothing)

    @torch.inference_mode()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Accuracy and cross-entropy on the rows held out; the score breaks ties of the first by the second."""
        logits = logits_of(model, self.x[self.held_out])
        labels = self.labels[self.held_out.to(self.labels.device)]
        accuracy = float((logits.argmax(1) == labels).float().mean())
        loss = float(functional.cross_entropy(logits, labels))
        score = accuracy - 1e-6 * min(loss, 1.0)
        if score > self.best_score():
            state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
            with whole(self.path) as file:
                file.write(save(state | {"score": torch.tensor(score, dtype=torch.float64)}))
        return {"score": score, "accuracy": accuracy, "cross_entropy": loss}

    def restore_best(self, model: nn.Module) -> nn.Module:
        """Give a network the weights of the best epoch."""
        state = load_file(self.path)
        state.pop("score")
        model.load_state_dict(state)
        return model.eval()

    def best_score(self) -> float:
        """Validation score of the best epoch so far, -1 before the first."""
        return float(load_file(self.path)["score"]) if self.path.is_file() else -1.0


@torch.inference_mode()
def logits_of(model: nn.Module, x: Tensor, rows: int = 8192) -> Tensor:
    """Logits without dropout of descriptors (n, inputs), in pieces."""
    return torch.cat([model(part) for part in torch.split(x, rows)])


def accuracy(network: Ensemble, table: Table, device: torch.device) -> float:
    """Share of rows whose most probable class without dropout is the right one."""
    found = logits_of(network, table.x.to(device)).argmax(1).cpu()
    return float((found == table.labels).float().mean())
