"""What the documents name is there: files, pictures, commands with their options, modules, scripts."""

from __future__ import annotations

import argparse
import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import magnetite
from magnetite.cli import build_parser, main
from magnetite.zoo import DEFAULT_MODEL, find_card

ROOT = Path(__file__).resolve().parents[2]
NIO = ROOT / "examples" / "structures" / "NiO.cif"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
PLACES = ("", "src/magnetite", "docs")
"""Folders that paths in documents start from."""
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def links(document: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    return [link for link in found if not link.startswith("http")]


def commands(document: Path, beginning: str) -> list[str]:
    """What follows the beginning, to the end of the line or of the code; continued lines are one."""
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"{beginning}([^`\n#]*)", text)


def options(command: str) -> list[str]:
    return re.findall(r"(?<=\s)--?[a-z][a-z-]*", command)


@each_document
def test_links_and_named_files_exist(document: Path) -> None:
    for link in links(document):
        assert "#" not in link, "sections are not linked to: nothing here would notice that one was renamed"
        assert (document.parent / link).exists(), link
    for code in re.findall(r"`([\w./-]+/[\w-]+\.(?:py|md))`", document.read_text(encoding="utf-8")):
        assert any((ROOT / place / code).exists() for place in PLACES), code


def test_every_picture_is_shown() -> None:
    shown = {(path.parent / link).resolve() for path in DOCUMENTS for link in links(path)}
    assert set((ROOT / "docs" / "images").iterdir()) <= shown


@each_document
def test_commands_have_the_options_that_are_named(document: Path) -> None:
    for name, parser in subcommands(build_parser()).items():
        for command in commands(document, rf"(?<!\w)magnetite {name}\b"):
            known = set(parser._option_string_actions)
            for inner, subparser in subcommands(parser).items():
                if command.strip().startswith(inner):
                    known |= set(subparser._option_string_actions)
            assert set(options(command)) <= known, f"magnetite {name}{command}"


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


@each_document
def test_benchmarks_have_the_options_that_are_named(document: Path) -> None:
    for name in {path.stem for path in (ROOT / "benchmarks").glob("*.py")}:
        script = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
        for command in commands(document, rf"benchmarks/{name}\.py"):
            missing = [option for option in options(command) if f'"{option}"' not in script]
            assert not missing, f"{name}.py{command}"


@each_document
def test_benchmarks_are_given_the_data_that_they_ask_for(document: Path) -> None:
    for name, data in re.findall(r"benchmarks/(\w+)\.py (DATA[\w/]*)", document.read_text(encoding="utf-8")):
        script = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
        assert re.search(rf"{name}\.py {data}(?![\w/])", script), f"{name}.py {data}"


def test_architecture_has_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "src" / "magnetite"
    rooms = [path.name for path in package.glob("[a-z]*.py")]
    rooms += [f"{path.parent.name}/" for path in package.glob("*/__init__.py")]
    named = re.findall(r"`([\w./]+)`", " ".join(re.findall(r"^\| (.*?) \|", text, flags=re.MULTILINE)))
    assert sorted(named) == sorted([*rooms, "plugins/"])


def test_every_benchmark_is_listed() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert not [path.name for path in (ROOT / "benchmarks").glob("*.py") if f"`{path.name}`" not in text]


def test_constants_of_a_potential_as_the_document_asks_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(NIO, tmp_path)
    wanted = [
        line.split("#")[0].split()[1:]
        for line in (ROOT / "docs" / "exchange.md").read_text(encoding="utf-8").splitlines()
        if re.match("magnetite (moments|spin-relax|tc .*--potential)", line)
    ]
    for arguments in wanted:
        quick = ["--effort", "quick", "--quiet"] if arguments[0] == "tc" else []
        assert main([*arguments, *quick]) == 0
    said = capsys.readouterr().out
    assert "leaves the trained range" not in said
    assert 250 < float(re.search(r"random phase +([\d.]+) K", said)[1]) < 350  # 290 K by constants of neutrons


def test_the_first_order_of_nio_is_printed_as_in_the_document() -> None:
    first = magnetite.propose_orders(NIO, limit=1)[0]
    text = (ROOT / "docs" / "initial-moments.md").read_text(encoding="utf-8")
    assert re.findall(r"order(?:.vasp_magmom\(\))?\)  # (.*)", text) == [str(first), first.vasp_magmom()]


def test_the_readme_has_the_figures_of_cards_and_documents() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for model in ("magnetism", "magnetism-best"):
        figures = {metric["name"]: metric["value"] for metric in find_card(model).content["metrics"]}
        order = f"accuracy {figures['order accuracy']:.3f}, macro-F1 {figures['order macro-F1']:.3f}"
        assert order in readme
    exchange = (ROOT / "docs" / "exchange.md").read_text(encoding="utf-8")
    ours, stored = re.findall(r"corrected against experiment: mean \|error\| ([\d.]+)%", exchange)[:2]
    assert f"mean error {ours} %⁵ | 49 compounds | stored with the constants {stored} %" in readme


def test_the_changelog_has_the_model_that_ships() -> None:
    card = find_card(DEFAULT_MODEL)
    assert f"Model `{card.name}` {card.version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("analyze_magnetism", {"structure": "no.cif"}),
        ("analyze_magnetism", {"structure": NIO, "model": "prototypes"}),
        ("classify_structure", {"structure": NIO, "passes": 0}),
        ("classify_many", {"structures": [NIO], "passes": 0}),
        ("match_patterns", {"structure": NIO, "device": "nowhere"}),
        ("match_patterns", {"structure": NIO, "passes": 0}),
        ("propose_orders", {"structure": NIO, "limit": -1}),
        ("rank_wave_vectors", {"structure": NIO, "zero_k_probability": 2.0}),
        ("rank_wave_vectors", {"structure": NIO, "limit": -1}),
        ("represent", {"source": NIO, "name": "nothing"}),
    ],
)
def test_errors_are_of_the_types_that_the_docstring_names(function: str, arguments: dict[str, Any]) -> None:
    called = getattr(magnetite, function)
    with pytest.raises(magnetite.MagnetiteError) as caught:
        called(**arguments)
    assert f"{type(caught.value).__name__}: " in inspect.getdoc(called)
