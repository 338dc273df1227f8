"""A file appears whole or not at all, goes on where it was cut off, and is never patched together from two versions."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import Site, serving

from glimmer.data.download import Fetched, download
from glimmer.errors import DataError

CONTENT = bytes(range(256)) * 400
OTHER = CONTENT[::-1]


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        made.files["file"], made.tags["file"] = CONTENT, '"1"'
        yield made


def fetch(site: Site, folder: Path, expected: Fetched | None = None) -> Fetched:
    return download(f"{site.url}/file", folder / "file", expected)


def broken(site: Site, folder: Path, cut: int) -> str:
    """The message of a transfer that is cut off after so many bytes."""
    site.cut = cut
    with pytest.raises(DataError) as caught:
        fetch(site, folder)
    site.cut = None
    assert not (folder / "file").exists()
    return str(caught.value)


def test_a_file_is_fetched_with_its_size_and_hash(tmp_path: Path, site: Site) -> None:
    found = fetch(site, tmp_path / "new")
    assert found == Fetched(f"{site.url}/file", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert (tmp_path / "new" / "file").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_an_empty_file_is_one_too(tmp_path: Path, site: Site) -> None:
    site.files["file"] = b""
    assert fetch(site, tmp_path).size == 0
    assert (tmp_path / "file").read_bytes() == b""


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"'])
def test_a_transfer_that_broke_off_goes_on(tmp_path: Path, site: Site, tag: str) -> None:
    site.tags["file"] = tag
    assert broken(site, tmp_path, 50_000) == (
        f"{site.url}/file: the transfer broke off after 50,000 of 102,400 bytes; the same command goes on from there"
    )
    broken(site, tmp_path, 20_000)
    found = fetch(site, tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert [asked for _, asked in site.asked] == [None, "bytes=50000-", "bytes=70000-"]
    assert site.sent == len(CONTENT), "no byte was sent twice"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("ranges", "tag"), [(False, '"1"'), (True, "")])
def test_a_server_without_ranges_or_versions_sends_all_of_it_again(
    tmp_path: Path, site: Site, ranges: bool, tag: str
) -> None:
    site.ranges, site.tags["file"] = ranges, tag
    broken(site, tmp_path, 50_000)
    fetch(site, tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("tag", ['"2"', ""])
@pytest.mark.parametrize("other", [OTHER, OTHER[:70_000], OTHER[:30_000]], ids=len)
def test_a_file_that_changed_meanwhile_begins_anew(tmp_path: Path, site: Site, other: bytes, tag: str) -> None:
    broken(site, tmp_path, 50_000)
    site.files["file"], site.tags["file"] = other, tag
    fetch(site, tmp_path)
    assert (tmp_path / "file").read_bytes() == other


def test_a_server_that_sends_a_part_of_another_version_is_caught(tmp_path: Path, site: Site) -> None:
    broken(site, tmp_path, 50_000)
    site.files["file"], site.tags["file"], site.honest = OTHER, '"2"', False
    assert "the file was changed while it was fetched; the same command begins anew" in broken(site, tmp_path, 50_000)
    fetch(site, tmp_path)
    assert (tmp_path / "file").read_bytes() == OTHER


def test_a_part_without_notes_or_of_another_address_is_not_gone_on_from(tmp_path: Path, site: Site) -> None:
    broken(site, tmp_path, 50_000)
    (tmp_path / ".file.part.json").write_text("{to")
    fetch(site, tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT
    (tmp_path / "file").unlink()
    broken(site, tmp_path, 50_000)
    site.files["other"] = OTHER
    download(f"{site.url}/other", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == OTHER


def test_a_part_that_is_whole_is_not_fetched_again(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("glimmer.data.download._install", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(site, tmp_path)
    fetch(site, tmp_path)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(site.asked) == 1


def interrupt(*args: object) -> None:
    raise KeyboardInterrupt


def test_another_file_than_the_first_one_is_refused_and_not_kept(tmp_path: Path, site: Site) -> None:
    first = fetch(site, tmp_path)
    (tmp_path / "file").unlink()
    site.files["file"] = OTHER
    with pytest.raises(DataError) as caught:
        fetch(site, tmp_path, first)
    assert "is not the file that was fetched first: 102,400 bytes with SHA-256" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    site.files["file"] = CONTENT
    assert fetch(site, tmp_path, first) == first


def test_what_the_check_refuses_is_not_kept(tmp_path: Path, site: Site) -> None:
    def check(path: Path) -> None:
        assert path.read_bytes() == CONTENT
        raise DataError(f"{path}:1: no record")

    with pytest.raises(DataError, match=r"/file:1: no record$"):
        download(f"{site.url}/file", tmp_path / "file", check=check)
    assert list(tmp_path.iterdir()) == []


def test_every_failure_is_one_line(tmp_path: Path, site: Site) -> None:
    (tmp_path / "plain").write_text("")
    with serving() as gone:
        pass
    for url, path, message in (
        (f"{site.url}/none", "x", f"{site.url}/none: the server answers 404 Not Found"),
        (f"{gone.url}/file", "x", f"{gone.url}/file: cannot be reached: "),
        ("file:///etc/hostname", "x", "file:///etc/hostname: expected an address that begins with http:// or https://"),
        (
            f"{site.url}/file",
            "plain/x",
            f"{tmp_path}/plain/x: cannot be written: {tmp_path}/plain is a file, not a fol",
        ),
    ):
        with pytest.raises(DataError) as caught:
            download(url, tmp_path / path)
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]
