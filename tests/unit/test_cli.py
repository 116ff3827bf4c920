"""The command line as a whole: help, exit codes, one line for every error."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import magnetite
from magnetite import cli
from magnetite.cli import main, models, parsers
from magnetite.zoo import DEFAULT_MODEL, find_card
from magnetite.zoo.registry import available


@pytest.mark.parametrize("command", ["", *(name.replace("_", "-") for name in cli.COMMANDS)])
def test_help_is_worth_reading(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command.split(), "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert f"magnetite {command}".strip() in text
    assert len(text.splitlines()) > 10


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from magnetite.cli import build_parser; build_parser().format_help();"
        "print([m for m in ('torch', 'e3nn', 'spglib', 'ase', 'pyarrow', 'pandas', 'matminer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"magnetite {magnetite.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["forecast"], ["predict"], ["screen", "x.jsonl"], ["predict", "x", "--format", "xml"]]
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: magnetite" in capsys.readouterr().err


def test_warnings_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # which is put back after the test
    assert main(["models"]) == 0
    assert warnings.formatwarning("no place\nfor S", UserWarning, "a.py", 3) == "magnetite: warning: no place for S\n"


def test_our_errors_are_one_line_unless_debugging(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["models", f"{DEFAULT_MODEL}x"]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"magnetite: no model is called '{DEFAULT_MODEL}x'; did you mean '{DEFAULT_MODEL}'?\n"
    for debugging in (["--debug", *arguments], [*arguments, "--debug"]):
        with pytest.raises(magnetite.MagnetiteError):
            main(debugging)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (RuntimeError("boom\nbang"), 1, "unexpected RuntimeError: boom bang (run with --debug for the traceback)"),
        (PermissionError(13, "Permission denied", "x.csv"), 2, "x.csv: Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_no_tracebacks(
    error: BaseException, code: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(models, "run", fail)
    assert main(["models"]) == code
    assert capsys.readouterr().err == f"magnetite: {text}\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_greek_letters(encoding: str) -> None:
    command = [sys.executable, "-c", "from magnetite.cli import main; raise SystemExit(main())", "models"]
    done = subprocess.run(
        command, capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    )
    assert rb"\u03bc" in done.stdout


def test_a_reader_that_has_had_enough(tmp_path: Path) -> None:
    command = (
        f"{sys.executable} -c 'from magnetite.cli import main; raise SystemExit(main())' models --json | head -c 1"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("[", "")


# files to write


def test_a_target_is_refused_at_once_if_it_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, stray, pipe = tmp_path / "link", tmp_path / "stray", tmp_path / "pipe"
    link.symlink_to(tmp_path / "file")
    stray.symlink_to(tmp_path / "no" / "file")
    os.mkfifo(pipe)
    assert parsers.target(str(link)) == link
    for path, reason in (
        (stray, "no such folder"),
        (tmp_path / "no" / "file", "no such folder"),
        (tmp_path, "a folder"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=reason):
            parsers.target(str(path))

    def denied(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(parsers, "TemporaryFile", denied)
    with pytest.raises(argparse.ArgumentTypeError, match=r"link: cannot be written \(Permission denied\)"):
        parsers.target(str(link))
    assert parsers.target(str(pipe)) == pipe  # the folders of devices take no files


# help


def options(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, subparser in action.choices.items():
                yield from options(subparser, f"{name} {command}")
        elif action.help != argparse.SUPPRESS:
            yield name, action


def test_help_says_what_each_default_is() -> None:
    for command, action in options(cli.build_parser(), "magnetite"):
        assert action.help, (command, action.dest)
        if action.default in (None, False, argparse.SUPPRESS, []):
            continue
        value = action.default if not isinstance(action.default, list) else action.default[0]
        text = action.help % vars(action)
        said = re.search(r"default: (?:the model's, )?([^)]+)\)", text)
        assert said is not None, (command, action.dest)
        assert said[1] in {str(value), f"{value:g}" if isinstance(value, float) else str(value)}, (command, action.dest)


def test_help_of_training_says_how_long_it_takes() -> None:
    from magnetite.order.train import BODY
    from magnetite.potential import train as potential
    from magnetite.prototypes import extend, train

    epochs = next(action for _, action in options(cli.build_parser(), "") if action.dest == "epochs")
    of_order, of_classifier, of_more, of_potential = (
        schedule.epochs for schedule in (BODY, train.SCHEDULE, extend.FINE_TUNING, potential.SCHEDULE)
    )
    assert f"order {of_order}, prototypes {of_classifier}, --add {of_more}, potential {of_potential}" in epochs.help


# models


def test_models_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "version", "family", "size", "elements", "metrics"]
    card = find_card(DEFAULT_MODEL)
    row = next(line for line in lines if line.split()[0] == card.name)
    assert row.split()[:3] == [card.name, card.version, card.family]
    assert f" {len(card.elements)} " in row
    assert card.content["metrics"][0]["name"] in row


def test_models_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert [card["name"] for card in cards] == [find_card(name).name for name in available()]
    assert all(card["size"] > 0 for card in cards)


def test_one_card_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", DEFAULT_MODEL]) == 0
    text = " ".join(capsys.readouterr().out.split())
    content = find_card(DEFAULT_MODEL).content
    for expected in (content["description"], content["sha256"], *content["limits"], content["metrics"][-1]["protocol"]):
        assert " ".join(expected.split()) in text
    for metric in content["metrics"]:
        assert f"{metric['name']} {metric['value']:.4g} " in text, "as evaluate and the documents have it"
    assert main(["models", DEFAULT_MODEL, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == content["sha256"]


def test_a_card_by_its_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = find_card(DEFAULT_MODEL).content | {"name": "mine", "weights": "elsewhere.safetensors"}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content))
    assert main(["models", str(path)]) == 0
    assert "elsewhere.safetensors (missing)" in " ".join(capsys.readouterr().out.split())  # long paths are wrapped


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_closed_streams_are_read_by_nobody(tmp_path: Path) -> None:
    code = "from magnetite.cli import main; raise SystemExit(main())"
    for arguments, closed, expected in (
        ("models", ">&-", 0), ("models nothing", ">&- 2>&-", 2), ("models", ">&- 2>&-", 0),
    ):  # fmt: skip
        command = f"{sys.executable} -c '{code}' {arguments} {closed}"
        assert subprocess.run(["sh", "-c", command], check=False, cwd=tmp_path).returncode == expected


def test_a_broken_card_is_named_beside_the_good_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("magnetite.zoo.registry.available", lambda: {DEFAULT_MODEL: "", "gone": ""})
    assert main(["models"]) == 2
    captured = capsys.readouterr()
    assert DEFAULT_MODEL in captured.out
    assert captured.err.startswith("magnetite: no model is called 'gone'")


def test_models_are_listed_by_the_name_that_loads_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = find_card(DEFAULT_MODEL)
    monkeypatch.setattr("magnetite.zoo.registry.available", lambda: {"theirs": "a package"})
    monkeypatch.setattr("magnetite.zoo.registry.find_card", lambda _: card)
    assert main(["models"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("theirs ")
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "theirs"


@pytest.mark.parametrize("command", [["train", "potential", "--run", "r"], ["tc", "x.csv"]])
@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_seeds_that_cannot_be_drawn_from_are_refused(
    command: list[str], seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command, "--seed", seed])
    assert "must be a whole number from 0 to 4294967295" in capsys.readouterr().err
