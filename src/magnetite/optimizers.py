"""The optimizers of the training loop, and their state as tensors that a checkpoint can hold without pickles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

OptimizerName = Literal["adamw", "soap"]
_STEP = "step"


def make_optimizer(name: OptimizerName, parameters: Sequence[Tensor], weight_decay: float) -> Optimizer:
    """AdamW, or Adam in the eigenbasis of Shampoo's preconditioner (SOAP; Vyas et al., arXiv 2409.11321).

    The second costs little where matrices are small and batches dear, as with potentials, and takes far fewer steps.
    """
    if name == "soap":
        from pytorch_optimizer import SOAP

        return SOAP(parameters, weight_decay=weight_decay)
    return torch.optim.AdamW(parameters, weight_decay=weight_decay)


def state_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """All that the next step depends on, by name."""
    steps = torch.tensor([group.get(_STEP, 0) for group in optimizer.param_groups])
    return dict(_walk(optimizer)) | {_STEP: steps}


def restore(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `state_tensors` gave; the parameters themselves stay as they are."""
    known = {int(name.split(".")[0]) for name in tensors if name != _STEP}
    parameters = _parameters(optimizer)
    for index in known:
        parameters[index].grad = torch.zeros_like(parameters[index])
    for group in optimizer.param_groups:
        group["lr"] = 0.0  # until the loop sets it
    optimizer.step()  # makes room for the state and moves nothing
    optimizer.zero_grad()
    for name, place in _walk(optimizer):
        place.copy_(tensors[name])
    for group, step in zip(optimizer.param_groups, tensors.get(_STEP, torch.zeros(0)), strict=False):
        if _STEP in group:
            group[_STEP] = int(step)


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _walk(optimizer: Optimizer) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of the state; some of its entries are lists of tensors."""
    for index, parameter in enumerate(_parameters(optimizer)):
        for name, value in optimizer.state[parameter].items() if parameter in optimizer.state else ():
            if isinstance(value, Tensor):
                yield f"{index}.{name}", value
            elif isinstance(value, list):
                yield from ((f"{index}.{name}.{n}", v) for n, v in enumerate(value) if isinstance(v, Tensor))
