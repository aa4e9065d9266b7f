"""The download from Kaggle: broken connections, files that exist already, full disks."""

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

from integration_tests.kaggle.archives import CHANGED, NO_PAUSES, SMALL, downloaded, zip_archive
from integration_tests.kaggle.fake_kaggle import DATASET
from vehicle_price.sources.base import SourceError, SourceUnavailable
from vehicle_price.sources.kaggle import client as kaggle_download
from vehicle_price.sources.kaggle import download
from vehicle_price.sources.kaggle.client import fetch


def test_a_broken_download_is_resumed_where_it_broke(kaggle, tmp_path):
    kaggle.breaks = [150_000]
    assert downloaded(tmp_path / "downloads") == SMALL
    first, second = kaggle.downloads
    start = int(second.range.removeprefix("bytes=").removesuffix("-"))
    assert 150_000 - (1 << 16) <= start <= first.sent == 150_000
    assert (second.status, second.sent) == (206, len(SMALL) - start)


def test_a_connection_may_break_often_while_bytes_arrive(kaggle, tmp_path):
    kaggle.breaks = [70_000] * 20
    kaggle.content = zip_archive(random.Random(3).randbytes(1_200_000))
    assert downloaded(tmp_path / "downloads", pauses=(0,)) == kaggle.content
    assert len(kaggle.downloads) > 10


def test_a_server_without_ranges_sends_everything_again(kaggle, tmp_path):
    kaggle.breaks, kaggle.supports_ranges = [150_000, 200_000], False
    assert downloaded(tmp_path / "downloads") == SMALL
    assert [request.status for request in kaggle.downloads] == [200, 200, 200]


def test_a_connection_that_always_breaks_at_the_same_byte_is_given_up(kaggle, tmp_path):
    kaggle.breaks, kaggle.supports_ranges = [150_000, 70_000] * 50, False
    with pytest.raises(SourceError, match="are kept, the next run goes on"):
        fetch(DATASET, tmp_path, NO_PAUSES)
    assert len(kaggle.downloads) < 10


@pytest.mark.parametrize("honoured", [True, False], ids=["If-Range honoured", "If-Range ignored"])
def test_content_that_changes_while_the_connection_is_broken_is_not_mixed(
    kaggle, tmp_path, honoured, caplog
):
    kaggle.breaks, kaggle.honours_if_range = [150_000], honoured
    with pytest.raises(SourceError):
        fetch(DATASET, tmp_path / "downloads", ())
    kaggle.content, kaggle.etag = CHANGED, '"second"'
    assert downloaded(tmp_path / "downloads") == CHANGED
    statuses = [200, 200] if honoured else [200, 206, 200]
    assert [request.status for request in kaggle.downloads] == statuses
    assert ("went on with something else" in caplog.text) is not honoured


def test_a_partial_file_longer_than_the_servers_is_downloaded_from_the_start(kaggle, tmp_path):
    kaggle.breaks = [150_000]
    with pytest.raises(SourceError):
        fetch(DATASET, tmp_path / "downloads", ())
    kaggle.content = zip_archive(b"shorter, under the same ETag")
    assert downloaded(tmp_path / "downloads") == kaggle.content
    assert [request.status for request in kaggle.downloads] == [200, 416, 200]


def test_a_server_that_names_no_version_is_downloaded_from_the_start_each_time(kaggle, tmp_path):
    kaggle.etag = kaggle.modified = ""
    kaggle.breaks = [150_000]
    assert downloaded(tmp_path / "downloads") == SMALL
    assert downloaded(tmp_path / "downloads") == SMALL
    assert [request.range for request in kaggle.downloads] == ["", "", ""]


def test_without_a_length_the_end_is_known_by_the_zip(kaggle, tmp_path):
    kaggle.sends_length, kaggle.breaks = False, [150_000]
    assert downloaded(tmp_path / "downloads") == SMALL


def test_an_unreachable_server_is_reported_after_a_few_tries(kaggle, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    with pytest.raises(SourceUnavailable, match="ProxyError.*refused.*network.*HTTPS_PROXY"):
        fetch(DATASET, tmp_path, NO_PAUSES)
    assert not kaggle.requests


def test_a_silent_server_times_out(kaggle, tmp_path, monkeypatch):
    monkeypatch.setattr(kaggle_download, "TIMEOUT_SECONDS", (0.3, 0.3))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(SourceError, match="ReadTimeout"):
            fetch(DATASET, tmp_path, (0,))
    assert not kaggle.requests


def test_progress_is_shown_in_megabytes_and_per_cent_but_not_for_each_chunk(
    kaggle, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr(download, "PROGRESS_SECONDS", 0.1)
    kaggle.content, kaggle.pause = zip_archive(random.Random(6).randbytes(1_000_000)), 0.01
    with caplog.at_level("INFO"):
        started = time.monotonic()
        downloaded(tmp_path / "downloads")
        most_lines = (time.monotonic() - started) / 0.1
    shares = [int(s) for s in re.findall(r"downloaded .* MB of 1.0 MB, (\d+)%", caplog.text)]
    assert shares == sorted(shares) and 2 <= len(shares) <= most_lines
    assert "downloaded 1.0 MB in" in caplog.text


# Files that exist already --------------------------------------------------------------------


def test_an_unchanged_file_is_not_downloaded_again(kaggle, tmp_path, caplog):
    downloaded(tmp_path / "downloads")
    kaggle.forget_requests()
    kaggle.pause = 0.5
    with caplog.at_level("INFO"):
        assert downloaded(tmp_path / "downloads") == SMALL
    assert "unchanged since" in caplog.text
    assert len(kaggle.downloads) == 1 and kaggle.sent < len(SMALL) / 2


@pytest.mark.parametrize(
    "change", [{"etag": '"second"'}, {"modified": "Fri, 07 May 2021 12:00:00 GMT"}]
)
def test_a_changed_file_is_downloaded_again(kaggle, tmp_path, change):
    downloaded(tmp_path / "downloads")
    kaggle.content = CHANGED
    for name, value in change.items():
        setattr(kaggle, name, value)
    assert downloaded(tmp_path / "downloads") == CHANGED


def test_a_version_withdrawn_during_its_download_leaves_nothing(kaggle, tmp_path):
    downloaded(tmp_path / "downloads")
    kaggle.content, kaggle.etag, kaggle.breaks = CHANGED, '"withdrawn"', [150_000]
    with pytest.raises(SourceError):
        fetch(DATASET, tmp_path / "downloads", ())
    kaggle.content, kaggle.etag = SMALL, '"first"'
    assert downloaded(tmp_path / "downloads") == SMALL


def test_a_truncated_file_is_downloaded_again(kaggle, tmp_path):
    path = fetch(DATASET, tmp_path / "downloads", NO_PAUSES)
    path.write_bytes(SMALL[:1000])
    assert downloaded(tmp_path / "downloads") == SMALL
    assert kaggle.downloads


def test_two_at_once_download_once(kaggle, tmp_path):
    kaggle.pause = 0.01
    folder = tmp_path / "downloads"
    threads = [threading.Thread(target=fetch, args=(DATASET, folder)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert downloaded(tmp_path / "downloads") == SMALL
    assert sum(request.sent == len(SMALL) for request in kaggle.downloads) == 1


def test_a_killed_download_goes_on_in_the_next_run(kaggle, tmp_path):
    kaggle.content, kaggle.pause = zip_archive(random.Random(4).randbytes(3_000_000)), 0.002
    folder, generator = tmp_path / "downloads", random.Random(5)
    code = "import sys, pathlib; from vehicle_price.sources.kaggle.client import fetch; "
    code += "fetch(sys.argv[1], pathlib.Path(sys.argv[2]))"
    for _ in range(2):
        before = len(kaggle.downloads)
        with subprocess.Popen([sys.executable, "-c", code, DATASET, str(folder)]) as process:
            while len(kaggle.downloads) == before and process.poll() is None:
                time.sleep(0.005)
            time.sleep(generator.uniform(0, 0.2))  # a random moment of the download
            process.send_signal(signal.SIGKILL)
    kaggle.pause = 0
    assert downloaded(folder) == kaggle.content
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
    earlier = fetch(DATASET, tmp_path, NO_PAUSES)
    kaggle.content, kaggle.etag = content, '"damaged"'
    kaggle.forget_requests()
    with pytest.raises(SourceError, match="failed twice.*earlier download with SOURCE=file"):
        fetch(DATASET, tmp_path, NO_PAUSES)
    assert len(kaggle.downloads) == 2
    assert earlier.read_bytes() == SMALL, "the earlier download is still there"
    assert not list(tmp_path.glob("*.part*"))


def test_a_full_disk_is_foreseen(kaggle, tmp_path):
    kaggle.wrong_length = 10**16
    with pytest.raises(SourceError, match="too full.*10,000,000,000.0 MB are needed.*DOWNLOAD_DIR"):
        fetch(DATASET, tmp_path, NO_PAUSES)


def test_a_write_that_fails_is_not_tried_again(kaggle, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(SourceError, match="File too large.*Make room.*is kept"):
            fetch(DATASET, tmp_path / "downloads", NO_PAUSES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(kaggle.downloads) == 1
    assert downloaded(tmp_path / "downloads") == SMALL
    assert kaggle.downloads[-1].status == 206


def test_a_folder_that_cannot_be_made_is_named(kaggle, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="file/downloads.*DOWNLOAD_DIR"):
        fetch(DATASET, tmp_path / "file" / "downloads")
    assert not kaggle.requests


# Everything at once --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_whatever_breaks_the_file_is_the_servers(kaggle, tmp_path, seed):
    generator = random.Random(seed)
    for version in range(4):
        kaggle.content = zip_archive(generator.randbytes(generator.randrange(1, 400_000)))
        kaggle.etag = generator.choice([f'"{version}"', f'W/"{version}"', f'"{version}"'])
        kaggle.modified = generator.choice(["", f"Thu, 06 May 2021 12:00:0{version} GMT"])
        kaggle.supports_ranges, kaggle.redirects = (
            generator.random() < 0.8,
            generator.random() < 0.5,
        )
        kaggle.honours_if_range = generator.random() < 0.8
        kaggle.breaks = [generator.randrange(1, 300_000) for _ in range(generator.randrange(4))]
        kaggle.refusals = [(503, "busy")] * generator.randrange(2)
        try:
            fetch(DATASET, tmp_path / "downloads", pauses=(0,) * generator.choice([0, 1, 8]))
        except SourceError:
            continue  # given up: the next download resumes it
    kaggle.breaks = kaggle.refusals = []
    assert downloaded(tmp_path / "downloads") == kaggle.content
