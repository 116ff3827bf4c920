"""The Materials Project builder against a client that answers as mp-api does, without a network."""

import importlib.util
import inspect
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from pymatgen.analysis.magnetism import Ordering
from pymatgen.core import Lattice, Structure

from magnetite.cli import main
from magnetite.datasets import materials_project
from magnetite.datasets.magnetic import MagneticData, hash_fold
from magnetite.datasets.materials_project import FIELDS, LISTING_FIELDS, connect, fetch, is_ggau
from magnetite.datasets.order_set import build_order_set
from magnetite.datasets.records import read_records, write_records
from magnetite.errors import DataError
from magnetite.order.train import read_examples

MNO = Structure.from_spacegroup(
    "Fm-3m", Lattice.cubic(4.44), ["Mn", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]
).get_primitive_structure()


def oxide(metal, magmom, *, double=False, anion="O"):
    structure = MNO.copy()
    structure.replace_species({"Mn": metal, "O": anion})
    if double:
        structure.make_supercell([1, 1, 2])
    signs = iter([1, -1] if double else [1])
    moments = [magmom * next(signs) if site.specie.symbol == metal else 0.0 for site in structure]
    structure.add_site_property("magmom", moments)
    return structure


def document(identity, structure, ordering, total=0.0):
    return SimpleNamespace(
        material_id=identity,
        formula_pretty=structure.composition.reduced_formula,
        structure=structure,
        ordering=ordering,
        total_magnetization=total,
    )


def bare(structure):
    structure.remove_site_property("magmom")
    return structure


def disordered():
    structure = bare(oxide("Fe", 1.0))
    structure.replace(0, {"Fe": 0.5, "Mn": 0.5})
    structure.add_site_property("magmom", [1.0, 0.0])
    return structure


DOCUMENTS = [
    document("mp-1", oxide("Mn", 4.4, double=True), "AFM"),
    document("mp-2", oxide("Ni", 1.7, double=True), Ordering.AFM),
    document("mp-3", oxide("Fe", 3.6), "FM", 4.0),
    document("mp-4", oxide("Co", 2.6), "FiM", 3.0),
    document("mp-5", oxide("V", 1.1), "FM", 1.0),
    document("mp-6", oxide("Mo", 0.0), "NM"),
    document("mp-7", oxide("Gd", 7.0, anion="N"), "FM", 7.0),  # magnetic, but no GGA+U
    document("mp-8", oxide("Ca", 0.0), "NM"),  # not magnetic chemistry
    document("mp-9", oxide("Cr", 3.0), "Unknown"),
    document("mp-10", bare(oxide("Mo", 0.0)), "NM"),  # no moments at all
    document("mp-11", disordered(), "FM"),
]


class Client:
    """Answers like ``MPRester``, keeps what was asked and can break."""

    def __init__(self, documents=DOCUMENTS, break_at=None, *, version="2025.09.25", unlisted=()):
        self.documents = {str(d.material_id): d for d in documents}
        self.asked, self.break_at, self.version, self.unlisted = [], break_at, version, unlisted
        self.materials = SimpleNamespace(summary=SimpleNamespace(search=self.search))

    def get_database_version(self):
        return self.version

    def search(self, *, all_fields, fields, material_ids=None, **criteria):
        assert all_fields is False
        if material_ids is None:
            assert fields == LISTING_FIELDS
            assert criteria == {"deprecated": False, "include_gnome": False, "num_sites": (1, 250)}
            return [SimpleNamespace(**{f: getattr(d, f) for f in fields}) for d in self.documents.values()]
        assert not criteria
        if self.break_at is not None and len(self.asked) == self.break_at:
            raise ConnectionError("503 Service Unavailable, key SECRET")
        self.asked.append(material_ids)
        wanted = [self.documents[i] for i in material_ids if i not in self.unlisted]
        return [SimpleNamespace(**{f: getattr(d, f) for f in fields}) for d in reversed(wanted)]


def test_rows(tmp_path):
    out = tmp_path / "mp.jsonl.gz"
    client = Client()
    count, failures = fetch(client, out, chunk=3)
    rows = {row["id"]: row for row in read_records(out)}
    assert sorted(rows) == ["mp-1", "mp-10", "mp-2", "mp-3", "mp-4", "mp-5", "mp-6"]
    assert (count, failures) == (7, {"mp-11": "has no ordered structure"})
    assert [len(ids) for ids in client.asked] == [3, 3, 2]
    row = rows["mp-1"]
    assert row["magmoms"] == [4.4, -4.4, 0.0, 0.0]
    assert (row["ordering_mp"], row["is_GGA_U"], row["nsites"], row["max_abs_magmom"]) == ("AFM", True, 4, 4.4)
    assert row["source"] == "Materials Project 2025.09.25"
    assert np.allclose(row["lattice"], DOCUMENTS[0].structure.lattice.matrix, atol=1e-6)
    assert rows["mp-2"]["ordering_mp"] == "AFM"  # given as pymatgen's enumeration
    assert rows["mp-10"]["magmoms"] is None
    assert rows["mp-4"]["total_magnetization"] == 3.0


@pytest.mark.parametrize(("chemistry", "extra"), [("magnetic", {"mp-7"}), ("all", {"mp-7", "mp-8"})])
def test_wider_chemistry(chemistry, extra, tmp_path):
    found = {}
    for name in ("ggau", chemistry):
        fetch(Client(), tmp_path / f"{name}.jsonl", chemistry=name)
        found[name] = {row["id"] for row in read_records(tmp_path / f"{name}.jsonl")}
    assert found[chemistry] - found["ggau"] == extra


def test_hubbard_u_chemistry():
    assert is_ggau({"Fe", "O"})
    assert is_ggau({"Li", "Mn", "F"})
    assert not is_ggau({"Cu", "O"})
    assert not is_ggau({"Fe", "S"})


def test_broken_connection_keeps_what_arrived(tmp_path, monkeypatch):
    monkeypatch.setenv("MP_API_KEY", "SECRET")
    out = tmp_path / "mp.jsonl.gz"
    with pytest.raises(DataError, match=r"Materials Project: .*same command continues.*503") as caught:
        fetch(Client(break_at=2), out, chunk=2)
    assert "SECRET" not in str(caught.value)
    assert not out.exists()
    client = Client()
    count, _ = fetch(client, out, chunk=2)
    assert count == 7
    asked = [i for ids in client.asked for i in ids]
    assert len(asked) == 8 - 3  # of the four asked before, mp-11 failed and is tried again
    assert "mp-11" in asked
    rows = [row["id"] for row in read_records(out)]
    assert len(rows) == len(set(rows)) == 7


def test_releases_do_not_mix(tmp_path):
    out = tmp_path / "mp.jsonl"
    with pytest.raises(DataError, match="503"):
        fetch(Client(break_at=1), out, chunk=2)
    with pytest.raises(DataError, match="unfinished build of something else"):
        fetch(Client(version="2026.01.01"), out)


def test_material_that_does_not_come_is_named(tmp_path):
    count, failures = fetch(Client(unlisted={"mp-3"}), tmp_path / "mp.jsonl")
    assert count == 6
    assert failures["mp-3"] == "was listed, but not delivered"


def test_bad_requests(tmp_path):
    with pytest.raises(DataError, match="unknown chemistry 'oxides'"):
        fetch(Client(), tmp_path / "mp.jsonl", chemistry="oxides")
    with pytest.raises(DataError, match="list of materials is empty"):
        fetch(Client([]), tmp_path / "mp.jsonl")


def test_connect_needs_client_and_key(monkeypatch):
    monkeypatch.setitem(sys.modules, "mp_api", None)
    monkeypatch.setitem(sys.modules, "mp_api.client", None)
    with pytest.raises(DataError, match=r"pip install 'magnetite\[mp\]'"):
        connect()
    made = []
    client = SimpleNamespace(MPRester=lambda key, **options: made.append((key, options)) or "client")
    monkeypatch.setitem(sys.modules, "mp_api.client", client)
    monkeypatch.delenv("MP_API_KEY", raising=False)
    with pytest.raises(DataError, match="MP_API_KEY"):
        connect()
    monkeypatch.setenv("MP_API_KEY", "abc")
    assert connect() == "client"
    assert made == [("abc", {"mute_progress_bars": True})]


def test_order_set(tmp_path):
    fetch(Client(), tmp_path / "mp.jsonl", chemistry="all")
    records = list(read_records(tmp_path / "mp.jsonl"))
    rows, left_out = build_order_set(records)
    labels = {row["id"]: (row["label"], row["ordering4"], len(row["species"]), row["nsites_original"]) for row in rows}
    assert labels == {
        "mp-1": ("AFM", "AFM", 2, 4),  # back from the magnetic supercell
        "mp-2": ("AFM", "AFM", 2, 4),
        "mp-3": ("FM", "FM", 2, 2),
        "mp-4": ("FM", "FiM", 2, 2),
        "mp-5": ("FM", "FM", 2, 2),
        "mp-6": ("NM", "NM", 2, 2),
    }
    assert left_out == {"other chemistry": 2, "no moments": 1}
    assert all(row["fold"] == hash_fold(row["formula"]) for row in rows)
    balanced = {row["id"] for row in rows if row["balanced"]}
    assert {"mp-1", "mp-2", "mp-6"} <= balanced
    assert len(balanced) == 5  # FM is drawn down to the size of AFM
    reordered = build_order_set(reversed(records)).rows
    assert {row["id"] for row in reordered if row["balanced"]} == balanced


def test_training_reads_what_was_built(tmp_path):
    folder = tmp_path / "dft_magnetic"
    folder.mkdir()
    fetch(Client(), folder / "mp_magmoms_kitchin.jsonl.gz", chemistry="magnetic")
    rows = build_order_set(read_records(folder / "mp_magmoms_kitchin.jsonl.gz")).rows
    write_records(folder / "TRAIN_merker_like_ggau.jsonl.gz", rows)
    examples = {example.identity: example for example in MagneticData(tmp_path).ggau()}
    assert {i: example.order for i, example in examples.items()} == {
        "mp-1": 1, "mp-2": 1, "mp-3": 2, "mp-4": 2, "mp-5": 2, "mp-6": 0,
    }  # fmt: skip
    assert sorted(examples["mp-1"].moments.tolist()) == pytest.approx([0.0, 4.4])
    assert all(example.fold == hash_fold(example.formula) for example in examples.values())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fold": None}, "mp-1: fold must be a number from 0 to 9, not None"),
        ({"fold": "a"}, "mp-1: fold must be a number from 0 to 9, not 'a'"),
        ({"species": []}, "mp-1: has no species"),
        ({"label": ...}, "TRAIN_merker_like_ggau.jsonl.gz: line 6 lacks label"),
        ({"magmoms": [1.0]}, "mp-1: magmoms must be a number for each atom"),
        ({"magmoms": ["up", "down"]}, "mp-1: magmoms must be a number for each atom"),
    ],
)
def test_broken_rows_are_named(change, reason, tmp_path):
    folder = tmp_path / "dft_magnetic"
    folder.mkdir()
    fetch(Client(), folder / "mp_magmoms_kitchin.jsonl.gz", chemistry="magnetic")
    records = list(read_records(folder / "mp_magmoms_kitchin.jsonl.gz"))
    rows = build_order_set(records).rows
    for row in (*rows, *records) if "magmoms" in change else rows:
        if row["id"] == "mp-1":
            row.update(change)
    write_records(folder / "mp_magmoms_kitchin.jsonl.gz", records)
    rows = [{key: value for key, value in row.items() if value is not ...} for row in rows]
    write_records(folder / "TRAIN_merker_like_ggau.jsonl.gz", rows)
    with pytest.raises(DataError, match=reason):
        list(MagneticData(tmp_path).ggau())


def test_rows_that_are_no_crystals_are_counted(tmp_path, capsys):
    folder = tmp_path / "dft_magnetic"
    folder.mkdir()
    fetch(Client(), folder / "mp_magmoms_kitchin.jsonl.gz", chemistry="magnetic")
    rows = build_order_set(list(read_records(folder / "mp_magmoms_kitchin.jsonl.gz"))).rows
    rows[0]["lattice"] = np.zeros((3, 3)).tolist()
    write_records(folder / "TRAIN_merker_like_ggau.jsonl.gz", rows)
    assert len(read_examples(tmp_path, sets=("ggau",))) == len(rows) - 1
    assert f"! left out, since they are no usable crystals: 1; the first: {rows[0]['id']}: " in capsys.readouterr().out


def traced():
    """NiO as its antiferromagnetic calculation leaves it: in layers along [111], and sheared along it."""
    cell = oxide("Ni", 1.7)
    cell.make_supercell([2, 2, 2])
    cell = cell.get_sorted_structure()
    layer = np.rint(cell.frac_coords[:8].sum(axis=1) * 2).astype(int) % 2
    cell.add_site_property("magmom", [*np.where(layer, 1.7, -1.5), *[0.0] * 8])
    strained = Lattice(cell.lattice.matrix @ (np.eye(3) - 0.004 * (np.ones((3, 3)) - np.eye(3))))
    return Structure(strained, cell.species, cell.frac_coords, site_properties=cell.site_properties)


def test_cells_do_not_tell_in_which_order_they_were_relaxed(tmp_path):
    records = [materials_project.as_record(document("mp-1", traced(), "AFM"), "1")]
    (row,) = build_order_set(records).rows
    lattice = np.array(row["lattice"])
    angles = lattice @ lattice.T / (lattice[0] @ lattice[0])
    assert angles == pytest.approx(0.5 + 0.5 * np.eye(3), abs=1e-5)  # of the fcc lattice; the calculation's is rhombic

    folder = tmp_path / "dft_magnetic"
    folder.mkdir()
    write_records(folder / "mp_magmoms_kitchin.jsonl.gz", records)
    write_records(folder / "TRAIN_merker_like_ggau.jsonl.gz", [row])
    (example,) = MagneticData(tmp_path).ggau()
    assert example.volume_per_atom == pytest.approx(abs(np.linalg.det(lattice)) / 2, rel=1e-6)
    assert example.moments.tolist() == pytest.approx([1.6, 0.0])  # of the calculation, on the atoms of the row


def test_frozen_4f_electrons_are_no_evidence_of_nm():
    structure = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.9), ["Dy", "W", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]]
    )
    structure.add_site_property("magmom", [0.0] * len(structure))
    record = materials_project.as_record(document("mp-1", structure, "NM"), "1")
    assert build_order_set([record]) == ([], {"frozen 4f electrons": 1})
    assert build_order_set([]) == ([], {})


def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(materials_project, "connect", Client)
    out, train = tmp_path / "mp.jsonl.gz", tmp_path / "TRAIN.jsonl.gz"
    assert main(["data", "mp", "--out", str(out), "--order-set", str(train), "--quiet"]) == 0
    said = capsys.readouterr()
    assert "wrote 7 rows" in said.out
    assert "wrote 6 labelled cells" in said.out
    assert "mp-11: has no ordered structure" in said.err
    assert len(list(read_records(train))) == 6


def test_the_command_asks_for_the_chemistry(tmp_path, monkeypatch):
    monkeypatch.setattr(materials_project, "connect", Client)
    counts = []
    for chemistry in ("ggau", "all"):
        out = tmp_path / f"{chemistry}.jsonl"
        assert main(["data", "mp", "--out", str(out), "--chemistry", chemistry, "--quiet"]) == 0
        counts.append(len(list(read_records(out))))
    assert counts[0] < counts[1]


def test_the_command_refuses_before_it_fetches(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(materials_project, "connect", lambda: pytest.fail("asked the database"))
    with pytest.raises(SystemExit):
        main(["data", "mp", "--out", str(tmp_path / "mp.jsonl"), "--order-set", str(tmp_path / "none" / "TRAIN.jsonl")])
    assert "no such folder" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("mp_api") is None, reason="mp-api is not installed")
@pytest.mark.filterwarnings("ignore")
def test_the_real_client_knows_what_is_asked():
    from emmet.core.summary import SummaryDoc
    from mp_api.client import MPRester
    from mp_api.client.routes.materials.summary import SummaryRester

    parameters = inspect.signature(SummaryRester.search).parameters
    asked = {"deprecated", "include_gnome", "num_sites", "all_fields", "fields", "material_ids"}
    assert asked <= set(parameters)
    assert {*FIELDS, *LISTING_FIELDS} <= set(SummaryDoc.model_fields)
    assert "mute_progress_bars" in inspect.signature(MPRester.__init__).parameters
    assert callable(MPRester.get_database_version)
