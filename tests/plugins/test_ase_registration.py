"""How ASE finds the calculator; in new processes, since registering cannot be undone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

Run = Callable[[str], str]


def test_register_is_explicit_and_idempotent(in_new_process: Run) -> None:
    out = in_new_process("""
import sys
import magnetite_ase
from ase.calculators.calculator import external_calculators, get_calculator_class, names
assert "magnetite" not in external_calculators
magnetite_ase.register()
magnetite_ase.register()
assert get_calculator_class("magnetite") is magnetite_ase.MagnetismCalculator
assert names.count("magnetite") == 1
assert "torch" not in sys.modules

external_calculators["magnetite"] = dict
try:
    magnetite_ase.register()
except Exception as error:
    print(type(error).__name__, error)
assert external_calculators["magnetite"] is dict
""")
    assert out == "MagnetiteError magnetite: ASE already knows another calculator by this name (builtins)\n"


def test_ase_lists_the_plugin() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ase", "info", "--plugins"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    title = next(i for i, line in enumerate(lines) if line.startswith("magnetite "))
    assert "CalculatorPlugin" in lines[title:]
    assert lines[lines.index("CalculatorPlugin", title) + 2] == "magnetite"


@pytest.mark.parametrize("first", ["magnetite_ase", "ase._4.plugins"])
def test_the_plugin_is_found_whoever_is_imported_first(first: str, in_new_process: Run) -> None:
    out = in_new_process(f"""
import importlib, sys
importlib.import_module({first!r})
import magnetite_ase
ours = magnetite_ase.__ase_plugins__
assert "pymatgen" not in sys.modules, "listing plug-ins must stay light"
from ase._4.plugins import PluginCollection, plugins
assert PluginCollection.from_entry_points() == plugins
(plugin,) = (p for p in plugins.calculators if p.name == "magnetite")
assert ours == {{plugin}}
assert plugin.implementation is magnetite_ase.MagnetismCalculator
print(plugin.package, plugin.version)
""")
    import magnetite

    assert out == f"magnetite {magnetite.__version__}\n"
