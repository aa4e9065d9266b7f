"""The download from Kaggle: lines that break, files that are there, disks that are full."""

import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from integration_tests.kaggle.stand_in import DATASET
from integration_tests.kaggle.zips import AT_ONCE, OTHER, SMALL, archive, got
from vehicle_price.sources.base import SourceError
from vehicle_price.sources.kaggle import client as kaggle_download
from vehicle_price.sources.kaggle import download
from vehicle_price.sources.kaggle.client import fetch

pytest_plugins = ("integration_tests.kaggle.fixtures",)


def test_a_broken_line_goes_on_where_it_broke(kaggle, tmp_path):
    kaggle.breaks = [150_000]
    assert got(tmp_path / "downloads") == SMALL
    first, second = kaggle.downloads
    start = int(second.range.removeprefix("bytes=").removesuffix("-"))
    assert 150_000 - (1 << 16) <= start <= first.sent == 150_000
    assert (second.status, second.sent) == (206, len(SMALL) - start)


def test_a_line_may_break_often_while_bytes_arrive(kaggle, tmp_path):
    kaggle.breaks = [70_000] * 20
    kaggle.content = archive(random.Random(3).randbytes(1_200_000))
    assert got(tmp_path / "downloads", pauses=(0,)) == kaggle.content
    assert len(kaggle.downloads) > 10


def test_a_server_without_ranges_sends_everything_again(kaggle, tmp_path):
    kaggle.breaks, kaggle.knows_ranges = [150_000, 200_000], False
    assert got(tmp_path / "downloads") == SMALL
    assert [seen.status for seen in kaggle.downloads] == [200, 200, 200]


def test_a_line_that_always_breaks_at_the_same_place_comes_to_an_end(kaggle, tmp_path):
    kaggle.breaks, kaggle.knows_ranges = [150_000, 70_000] * 50, False
    with pytest.raises(SourceError, match="are kept, the next run goes on"):
        fetch(DATASET, tmp_path, AT_ONCE)
    assert len(kaggle.downloads) < 10


@pytest.mark.parametrize("heeds", [True, False], ids=["If-Range heeded", "If-Range ignored"])
def test_content_that_changes_while_the_line_is_broken_is_not_mixed(
    kaggle, tmp_path, heeds, caplog
):
    kaggle.breaks, kaggle.heeds_if_range = [150_000], heeds
    with pytest.raises(SourceError):
        fetch(DATASET, tmp_path / "downloads", ())
    kaggle.content, kaggle.etag = OTHER, '"second"'
    assert got(tmp_path / "downloads") == OTHER
    assert [seen.status for seen in kaggle.downloads] == ([200, 200] if heeds else [200, 206, 200])
    assert ("went on with something else" in caplog.text) is not heeds


def test_what_is_longer_than_the_server_has_begins_anew(kaggle, tmp_path):
    kaggle.breaks = [150_000]
    with pytest.raises(SourceError):
        fetch(DATASET, tmp_path / "downloads", ())
    kaggle.content = archive(b"shorter, under the same ETag")
    assert got(tmp_path / "downloads") == kaggle.content
    assert [seen.status for seen in kaggle.downloads] == [200, 416, 200]


def test_a_server_that_names_no_version_is_downloaded_from_the_start_each_time(kaggle, tmp_path):
    kaggle.etag = kaggle.modified = ""
    kaggle.breaks = [150_000]
    assert got(tmp_path / "downloads") == SMALL
    assert got(tmp_path / "downloads") == SMALL
    assert [seen.range for seen in kaggle.downloads] == ["", "", ""]


def test_without_a_length_the_end_is_known_by_the_zip(kaggle, tmp_path):
    kaggle.tells_length, kaggle.breaks = False, [150_000]
    assert got(tmp_path / "downloads") == SMALL


def test_nobody_there_is_said_after_a_few_tries(kaggle, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    with pytest.raises(SourceError, match="ProxyError.*refused.*network.*HTTPS_PROXY"):
        fetch(DATASET, tmp_path, AT_ONCE)
    assert not kaggle.seen


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(kaggle, tmp_path, monkeypatch):
    monkeypatch.setattr(kaggle_download, "PATIENCE", (0.3, 0.3))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(SourceError, match="ReadTimeout"):
            fetch(DATASET, tmp_path, (0,))
    assert not kaggle.seen


def test_progress_is_shown_in_megabytes_and_per_cent_but_not_for_each_chunk(
    kaggle, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr(download, "PROGRESS_EVERY", 0.1)
    kaggle.content, kaggle.pause = archive(random.Random(6).randbytes(1_000_000)), 0.01
    with caplog.at_level("INFO"):
        begun = time.monotonic()
        got(tmp_path / "downloads")
        most = (time.monotonic() - begun) / 0.1
    shares = [int(s) for s in re.findall(r"downloaded .* MB of 1.0 MB, (\d+)%", caplog.text)]
    assert shares == sorted(shares) and 2 <= len(shares) <= most
    assert "downloaded 1.0 MB in" in caplog.text


# What is there already -----------------------------------------------------------------------


def test_what_is_unchanged_is_not_downloaded_again(kaggle, tmp_path, caplog):
    got(tmp_path / "downloads")
    kaggle.forget()
    kaggle.pause = 0.5
    with caplog.at_level("INFO"):
        assert got(tmp_path / "downloads") == SMALL
    assert "unchanged since" in caplog.text
    assert len(kaggle.downloads) == 1 and kaggle.sent < len(SMALL) / 2


@pytest.mark.parametrize(
    "change", [{"etag": '"second"'}, {"modified": "Fri, 07 May 2021 12:00:00 GMT"}]
)
def test_what_has_changed_is_downloaded_again(kaggle, tmp_path, change):
    got(tmp_path / "downloads")
    kaggle.content = OTHER
    for name, value in change.items():
        setattr(kaggle, name, value)
    assert got(tmp_path / "downloads") == OTHER


def test_a_version_that_was_withdrawn_half_way_leaves_nothing(kaggle, tmp_path):
    got(tmp_path / "downloads")
    kaggle.content, kaggle.etag, kaggle.breaks = OTHER, '"withdrawn"', [150_000]
    with pytest.raises(SourceError):
        fetch(DATASET, tmp_path / "downloads", ())
    kaggle.content, kaggle.etag = SMALL, '"first"'
    assert got(tmp_path / "downloads") == SMALL


def test_a_file_that_somebody_cut_is_downloaded_again(kaggle, tmp_path):
    path = fetch(DATASET, tmp_path / "downloads", AT_ONCE)
    path.write_bytes(SMALL[:1000])
    assert got(tmp_path / "downloads") == SMALL
    assert kaggle.downloads


def test_two_at_once_download_once(kaggle, tmp_path):
    kaggle.pause = 0.01
    both = [threading.Thread(target=fetch, args=(DATASET, tmp_path / "downloads")) for _ in "ab"]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert got(tmp_path / "downloads") == SMALL
    assert sum(seen.sent == len(SMALL) for seen in kaggle.downloads) == 1


def test_a_killed_download_goes_on_in_the_next_run(kaggle, tmp_path):
    kaggle.content, kaggle.pause = archive(random.Random(4).randbytes(3_000_000)), 0.002
    folder, chance = tmp_path / "downloads", random.Random(5)
    code = "import sys, pathlib; from vehicle_price.sources.kaggle.client import fetch; "
    code += "fetch(sys.argv[1], pathlib.Path(sys.argv[2]))"
    for _ in range(2):
        before = len(kaggle.downloads)
        with subprocess.Popen([sys.executable, "-c", code, DATASET, str(folder)]) as process:
            while len(kaggle.downloads) == before and process.poll() is None:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
    kaggle.pause = 0
    assert got(folder) == kaggle.content
    assert kaggle.downloads[-1].status == 206


# The zip and the disk ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        SMALL[:-1000],
        SMALL[:1000],
        b"<html>Sign in</html>",
        b"",
        SMALL[:9000] + b"\0" + SMALL[9001:],
    ],
    ids=["truncated", "cut short", "a web page", "empty", "one byte wrong"],
)
def test_a_damaged_zip_is_tried_once_more_and_then_refused(kaggle, tmp_path, content):
    earlier = fetch(DATASET, tmp_path, AT_ONCE)
    kaggle.content, kaggle.etag = content, '"damaged"'
    kaggle.forget()
    with pytest.raises(SourceError, match="failed twice.*earlier download with SOURCE=file"):
        fetch(DATASET, tmp_path, AT_ONCE)
    assert len(kaggle.downloads) == 2
    assert earlier.read_bytes() == SMALL, "the earlier download is still there"
    assert not list(tmp_path.glob("*.part*"))


def test_a_full_disk_is_foreseen(kaggle, tmp_path):
    kaggle.claims = 10**16
    with pytest.raises(SourceError, match="too full.*10,000,000,000.0 MB are needed.*DOWNLOAD_DIR"):
        fetch(DATASET, tmp_path, AT_ONCE)


def test_a_write_that_fails_is_not_tried_again(kaggle, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(SourceError, match="File too large.*Make room.*is kept"):
            fetch(DATASET, tmp_path / "downloads", AT_ONCE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(kaggle.downloads) == 1
    assert got(tmp_path / "downloads") == SMALL
    assert kaggle.downloads[-1].status == 206


def test_a_folder_that_cannot_be_made_is_named(kaggle, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="file/downloads.*DOWNLOAD_DIR"):
        fetch(DATASET, tmp_path / "file" / "downloads")
    assert not kaggle.seen


# Everything at once --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_to_the_line_the_file_is_the_one_the_server_has(kaggle, tmp_path, seed):
    chance = random.Random(seed)
    for version in range(4):
        kaggle.content = archive(chance.randbytes(chance.randrange(1, 400_000)))
        kaggle.etag = chance.choice([f'"{version}"', f'W/"{version}"', f'"{version}"'])
        kaggle.modified = chance.choice(["", f"Thu, 06 May 2021 12:00:0{version} GMT"])
        kaggle.knows_ranges, kaggle.redirects = chance.random() < 0.8, chance.random() < 0.5
        kaggle.heeds_if_range = chance.random() < 0.8
        kaggle.breaks = [chance.randrange(1, 300_000) for _ in range(chance.randrange(4))]
        kaggle.refusals = [(503, "busy")] * chance.randrange(2)
        try:
            fetch(DATASET, tmp_path / "downloads", pauses=(0,) * chance.choice([0, 1, 8]))
        except SourceError:
            continue  # given up: the next version, or the end, goes on from there
    kaggle.breaks = kaggle.refusals = []
    assert got(tmp_path / "downloads") == kaggle.content
