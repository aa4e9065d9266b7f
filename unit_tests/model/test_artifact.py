"""A saved model is data with checked hashes; nothing is parsed before they agree."""

import hashlib
import json
import pickle
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from unit_tests.helpers import tiny
from vehicle_price.features import encoder
from vehicle_price.model import artifact
from vehicle_price.model.artifact import ArtifactError, check_hashes, load, save
from vehicle_price.names import FAMILY_NAMES


@pytest.fixture(name="saved", scope="module")
def _saved(tmp_path_factory):
    """The tiny model on disk; nobody changes it."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    save(tiny.valuation("xgboost"), folder)
    return folder


@pytest.fixture(name="folder")
def _folder(saved, tmp_path):
    """A copy of the saved model, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.fixture(name="nothing_is_parsed")
def _nothing_is_parsed(monkeypatch):
    """Fails the test when a file is read as anything but bytes."""

    def parsed(*_, **__):
        pytest.fail("parsed before the hashes were checked")

    monkeypatch.setattr(artifact.trees, "load", parsed)
    monkeypatch.setattr(artifact.np, "load", parsed)
    monkeypatch.setattr(artifact, "Tables", parsed)


def rebuild_manifest(folder: Path) -> None:
    """Write a manifest that agrees with the changed files."""
    hashes = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in artifact.FILES}
    (folder / "manifest.json").write_text(json.dumps({"format": artifact.FORMAT, "sha256": hashes}))


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_a_loaded_model_answers_as_the_saved_one(family, tmp_path):
    valuation, cars = tiny.valuation(family), tiny.halves().test
    sha256 = save(valuation, tmp_path / "model")
    loaded = load(tmp_path / "model", sha256)
    assert loaded.price_frame(cars).equals(valuation.price_frame(cars))
    listings = tiny.as_sent(cars.head(50))
    assert loaded.price_many(listings) == valuation.price_many(listings)
    assert loaded.facts == json.loads(json.dumps(valuation.facts))
    assert (loaded.seen_cars == valuation.seen_cars).all()
    assert loaded.seen_cars.dtype == valuation.seen_cars.dtype


def test_saving_twice_gives_equal_files_and_never_overwrites(saved, tmp_path):
    save(tiny.valuation("xgboost"), tmp_path / "again")
    for name in (*artifact.FILES, artifact.MANIFEST):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()
    with pytest.raises(FileExistsError):
        save(tiny.valuation("xgboost"), saved)


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    """Lose the last byte."""
    path.write_bytes(path.read_bytes()[:-1])


def append(path: Path) -> None:
    """Gain one byte."""
    path.write_bytes(path.read_bytes() + b"\n")


def empty(path: Path) -> None:
    """Lose everything."""
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flip, truncate, append, empty, Path.unlink])
@pytest.mark.parametrize("name", artifact.FILES)
@pytest.mark.usefixtures("nothing_is_parsed")
def test_a_damaged_file_is_refused_by_name_before_it_is_parsed(folder, name, damage):
    damage(folder / name)
    with pytest.raises(ArtifactError, match=name):
        load(folder)


MANIFESTS = [
    "",
    "[" * 100_000,
    "[]",
    "7",
    "null",
    '{"format": 2}',
    '{"format": 2, "sha256": {}}',
    '{"format": 2, "sha256": 7}',
    '{"format": 2, "sha256": null}',
    json.dumps({"format": 2, "sha256": list(artifact.FILES)}),
    json.dumps({"format": 3, "sha256": dict.fromkeys(artifact.FILES, "0")}),
    json.dumps({"format": 2, "sha256": dict.fromkeys(artifact.FILES)}),
    json.dumps({"format": 2, "sha256": dict.fromkeys(artifact.FILES[1:], "0")}),
    json.dumps({"format": 2, "sha256": dict.fromkeys((*artifact.FILES, "code.pkl"), "0")}),
]


@pytest.mark.parametrize("text", MANIFESTS, ids=lambda text: text[:40])
@pytest.mark.usefixtures("nothing_is_parsed")
def test_a_manifest_that_is_none_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match="manifest|json"):
        load(folder)


@pytest.mark.usefixtures("nothing_is_parsed")
def test_bytes_for_a_manifest_and_no_manifest_are_refused(folder):
    (folder / "manifest.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ArtifactError, match="damaged"):
        load(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match="not a saved model"):
        load(folder)
    with pytest.raises(ArtifactError, match="not a saved model"):
        load(folder / "absent")


@pytest.mark.usefixtures("nothing_is_parsed")
def test_a_manifest_rebuilt_after_a_change_is_not_the_registered_one(folder):
    registered = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    flip(folder / "price.ubj")
    rebuild_manifest(folder)
    with pytest.raises(ArtifactError, match="not the manifest that was registered"):
        load(folder, registered)
    check_hashes(folder, None)  # it is right in itself: only the registry's hash gives it away


def test_a_model_of_other_inputs_is_refused(folder):
    facts = json.loads((folder / "facts.json").read_text())
    facts["features"].append("colour_of_the_sky")
    (folder / "facts.json").write_text(json.dumps(facts))
    rebuild_manifest(folder)
    with pytest.raises(ArtifactError, match="train again"):
        load(folder)


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_a_pickle_in_the_folder_or_in_a_files_place_is_never_unpickled(folder, tmp_path):
    fuse = tmp_path / "exploded"
    pickle.loads(pickle.dumps(Bomb(fuse)))
    assert fuse.exists()  # it would
    fuse.unlink()
    (folder / "python_model.pkl").write_bytes(pickle.dumps(Bomb(fuse)))
    load(folder)
    for name in artifact.FILES:
        shutil.copytree(folder, tmp_path / name)
        (tmp_path / name / name).write_bytes(pickle.dumps(Bomb(fuse)))
        rebuild_manifest(tmp_path / name)
        reads = nullcontext() if name in artifact.BOOSTERS else pytest.raises(ArtifactError)
        with reads:  # prices are made without the boosters
            load(tmp_path / name)
    assert not fuse.exists()


NO_TREES = [
    ({"nodes": lambda n: n[:-1]}, "do not add up"),
    ({"sizes": lambda n: n[::-1]}, "leads out of its tree"),
    ({"counts": lambda n: n + 1}, "do not add up"),
    ({"inputs": lambda n: n - 1}, "leads out of its tree"),
    ({"nodes": lambda n: pointing(n, 2**22)}, "leads out of its tree"),
    ({"nodes": lambda n: pointing(n, -1)}, "leads out of its tree"),
    ({"base": lambda n: n.astype(float)}, "base is float64"),
    ({"nodes": lambda n: n.view(np.int32)}, "nodes is int32"),
]


def pointing(nodes: np.ndarray, child: int) -> np.ndarray:
    """Nodes whose root has this left child."""
    changed = nodes.copy()
    changed["link"][0] = (child << 8) | (changed["link"][0] & 255)
    return changed


@pytest.mark.parametrize(("change", "message"), NO_TREES)
def test_trees_that_lead_nowhere_are_refused_though_the_hashes_agree(folder, change, message):
    arrays = dict(np.load(folder / "trees.npz"))
    np.savez(folder / "trees.npz", **{n: change.get(n, lambda a: a)(a) for n, a in arrays.items()})
    rebuild_manifest(folder)
    with pytest.raises(ArtifactError, match=message):
        load(folder)


def test_a_model_of_the_release_before_can_still_be_loaded(saved, folder):
    (folder / artifact.GOLDEN).unlink()
    files = artifact.FILES_OF_FORMAT[2]
    hashes = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in files}
    (folder / "manifest.json").write_text(json.dumps({"format": 2, "sha256": hashes}))
    cars = tiny.halves().test
    assert load(folder).price_frame(cars).equals(load(saved).price_frame(cars))


def test_other_feature_code_under_the_same_names_is_found(folder, monkeypatch):
    """Miles become kilometres in the encoder; tables, trees and names are the same."""
    encode = encoder.Encoder.encode

    def in_kilometres(self, listing):
        return encode(self, listing | {"odometer": listing["odometer"] * 1.609})

    monkeypatch.setattr(encoder.Encoder, "encode", in_kilometres)
    with pytest.raises(ArtifactError, match="civic lx sedan: odometer are not what they were"):
        load(folder)


def test_prices_that_are_not_the_recorded_ones_are_found(folder):
    kept = json.loads((folder / artifact.GOLDEN).read_text())
    kept["prices"][3][1] += 2
    (folder / artifact.GOLDEN).write_text(json.dumps(kept))
    rebuild_manifest(folder)
    with pytest.raises(ArtifactError, match="rav4 xle awd: .* when the model was saved"):
        load(folder)


def test_a_model_of_an_older_format_says_what_to_do(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 1}))
    with pytest.raises(ArtifactError, match="format 1, need 3; train again"):
        load(folder)
