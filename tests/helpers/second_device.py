"""A device beside the CPU on a machine that has none: tensors there compute on the CPU and meet no others.

What is forgotten on one of two devices raises the error that a GPU raises. torch's own names are experimental here.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Self

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "away"
_COPIES = {"_copy_from", "copy_"}
_INDEXED = {"_index_put_impl_", "index", "index_put", "index_put_"}
"""Operations that take indices on the CPU for a tensor that is elsewhere."""

_setup_privateuseone_for_python_backend(NAME)


class Away(torch.Tensor):
    """A tensor that says it is on the second device."""

    raw: torch.Tensor

    @staticmethod
    def __new__(cls, raw: torch.Tensor) -> Self:
        with torch.inference_mode(mode=False):
            found = torch.Tensor._make_wrapper_subclass(
                cls, raw.shape, raw.stride(), raw.storage_offset(), dtype=raw.dtype, device=f"{NAME}:0"
            )
        found.raw = raw
        return found

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})

    def tolist(self) -> Any:
        """As of a GPU's tensor, which torch refuses of others than its own."""
        return self.raw.tolist()

    def __format__(self, how: str) -> str:
        """The same."""
        return format(self.raw, how)


class SecondDevice(TorchDispatchMode):
    """Context in which tensors can be made on the second device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})


def _compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    if func._can_decompose():  # under inference_mode torch has not taken it apart yet
        with SecondDevice():
            return func.decompose(*args, **kwargs)
    tensors = _tensors([*args, *kwargs.values()])
    left = [x for x in tensors if not isinstance(x, Away)]
    there = len(left) < len(tensors)
    if there and left and not _may_meet(func, args, left):
        raise RuntimeError(f"{func}: tensors are on two devices")
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]).type == NAME
        kwargs = {**kwargs, "device": torch.device("cpu")}
    out = func(*_changed(Away, _raw, args), **{name: _changed(Away, _raw, value) for name, value in kwargs.items()})
    if not there or out is None:
        return out
    return kwargs.get("out", args[0]) if _is_mutable(func) else _changed(torch.Tensor, Away, out)


def _raw(x: Away) -> torch.Tensor:
    return x.raw


def _tensors(values: Any) -> list[torch.Tensor]:
    """All that are in lists and in lists of lists."""
    nested = [y for x in values if isinstance(x, list | tuple) for y in _tensors(x)]
    return [x for x in values if isinstance(x, torch.Tensor)] + nested


def _changed(kind: type, change: Any, value: Any) -> Any:
    """The same lists with what is of a kind changed."""
    if isinstance(value, kind):
        return change(value)
    return type(value)(_changed(kind, change, x) for x in value) if type(value) in (list, tuple) else value


def _may_meet(func: Any, args: Any, left: list[torch.Tensor]) -> bool:
    """Whether a GPU takes this together with what was left on the CPU: numbers, element by element, and little else."""
    name = func._schema.name.removeprefix("aten::")
    if name in _INDEXED:
        return isinstance(args[0], Away)
    return name in _COPIES or (torch.Tag.pointwise in func.tags and not any(x.dim() for x in left))


@cache
def _is_mutable(func: Any) -> bool:
    return bool(func._schema.is_mutable)


def _empty_strided(size: Any, stride: Any, dtype: Any = None, **_: Any) -> Away:
    return Away(torch.empty_strided(size, stride, dtype=dtype))


def _copy_from(source: torch.Tensor, target: Away, non_blocking: bool = False) -> Away:  # noqa: ARG001
    target.raw.copy_(source)
    return target


# Indices that Python lists become inside torch, out of sight of dispatching.
_LIBRARY = torch.library.Library("aten", "IMPL")
_LIBRARY.impl("empty_strided", _empty_strided, "PrivateUse1")
_LIBRARY.impl("_copy_from", _copy_from, "PrivateUse1")
