"""A disk that is full when a file is finished leaves what was there, and nothing beside it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from magnetite.cli import main
from magnetite.exchange import ExchangeModel
from magnetite.exchange.formats import FORMATS, write
from magnetite.orderings.order import MagneticOrder
from magnetite.pictures import new_figure, save_picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is refused when it is to be on the disk."""

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("magnetite.whole.os.fsync", refuse)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def model() -> ExchangeModel:
    return ExchangeModel.from_bonds(3 * np.eye(3), np.zeros((1, 3)), [[0, 0, 1, 0, 0]], [1.0])


def order() -> MagneticOrder:
    unit = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    return MagneticOrder(
        "FM", 1.0, (3 * np.eye(3)).tolist(), ("Fe",), [[0, 0, 0]], [2.0], unit, ("0", "0", "0"), ("0", "0", "0")
    )


@pytest.mark.parametrize("fmt", FORMATS)
def test_exchange_constants_are_replaced_whole(fmt: str, tmp_path: Path, full_disk: None) -> None:  # noqa: ARG001
    target = tmp_path / "J"
    names = ("posfile", "momfile", "jfile", "inpsd.dat") if fmt == "uppasd" else ("J",)
    if fmt == "uppasd":
        target.mkdir()
    for name in names:
        (target / name if fmt == "uppasd" else target).write_text("before")
    before = contents(tmp_path)
    with pytest.raises(OSError, match="No space"):
        write(model(), target, fmt)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("fmt", ["mcif", "vasp", "extxyz"])
def test_orders_are_replaced_whole(fmt: str, tmp_path: Path, full_disk: None) -> None:  # noqa: ARG001
    (tmp_path / "order").write_text("before")
    with pytest.raises(OSError, match="No space"):
        order().write(tmp_path / "order", fmt)
    assert contents(tmp_path) == {"order": "before"}


def test_pictures_are_replaced_whole(tmp_path: Path, full_disk: None) -> None:  # noqa: ARG001
    pytest.importorskip("matplotlib")
    (tmp_path / "x.svg").write_text("before")
    with pytest.raises(OSError, match="No space"):
        save_picture(new_figure(1, 1), tmp_path / "x.svg")
    assert contents(tmp_path) == {"x.svg": "before"}


def test_links_pipes_and_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "link.json").symlink_to("real.json")
    write(model(), tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert "bonds" in (tmp_path / "real.json").read_text()
    write(model(), tmp_path / "J.csv")
    capsys.readouterr()
    assert main(["exchange", str(tmp_path / "J.csv"), "--to", os.devnull, "--to-format", "csv"]) == 0
    (tmp_path / "folder.csv").mkdir()
    assert main(["exchange", str(tmp_path / "J.csv"), "--to", str(tmp_path / "folder.csv")]) == 2
    assert "folder.csv: Is a directory" in capsys.readouterr().err  # not a name that nobody gave
