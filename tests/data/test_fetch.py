"""KILT's sets by name: what is fetched, joined, left alone and refused."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from file_server import Site, serving

from glimmer.cli.main import main
from glimmer.data.fetch import Fetcher
from glimmer.data.kilt import read_records
from glimmer.data.kilt_sets import KILT_SETS
from glimmer.errors import DataError


def lines(*items: dict[str, Any]) -> bytes:
    return "".join(json.dumps(item) + "\n" for item in items).encode()


def archive(**members: Any) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in members.items():
            data = json.dumps(content).encode()
            info = tarfile.TarInfo(f"qa/wikipedia-{name.replace('_', '-')}.json")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def questions(**texts: str) -> dict[str, Any]:
    return {"Data": [{"QuestionId": name, "Question": text, "Answer": {}} for name, text in texts.items()]}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        for kilt in KILT_SETS.values():
            for split in kilt.rows:
                made.files[f"KILT/{kilt.published(split)}"] = lines({"id": f"{kilt.stem} {split}", "output": []})
        for split in ("train", "dev"):
            made.files[f"KILT/triviaqa-{split}_id-kilt.jsonl"] = lines({"id": split, "input": "", "output": []})
        made.files["KILT/triviaqa-test_id_without_answers-kilt.jsonl"] = lines({"id": "t", "input": ""})
        made.files["KILT/kilt_knowledgesource.json"] = b"{}"
        made.files["rc.tar.gz"] = archive(
            train=questions(train="Where?"), dev=questions(dev="Who?"), test_without_answers=questions(t="When?")
        )
        yield made


def fetcher(site: Site, folder: Path) -> Fetcher:
    return Fetcher(folder, f"{site.url}/KILT/", f"{site.url}/rc.tar.gz")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_splits_are_fetched_and_recorded_and_left_alone_later(tmp_path: Path, site: Site) -> None:
    first = list(fetcher(site, tmp_path).fetch(["zsre", "wned_wiki"]))
    assert [(path.name, fetched) for path, fetched in first] == [
        ("structured_zeroshot-train-kilt.jsonl", True),
        ("structured_zeroshot-dev-kilt.jsonl", True),
        ("structured_zeroshot-test_without_answers-kilt.jsonl", True),
        ("wned-dev-kilt.jsonl", True),
        ("wned-test_without_answers-kilt.jsonl", True),
    ]
    known = json.loads((tmp_path / "fetched.json").read_text())
    assert set(known) == {path.name for path, _ in first}
    assert known["wned-dev-kilt.jsonl"]["url"] == f"{site.url}/KILT/wned-dev-kilt.jsonl"
    asked = len(site.asked)
    again = list(fetcher(site, tmp_path).fetch(["zsre", "wned_wiki"]))
    assert again == [(path, False) for path, _ in first]
    assert len(site.asked) == asked


def test_questions_are_joined_by_id(tmp_path: Path, site: Site) -> None:
    found = list(fetcher(site, tmp_path).fetch(["triviaqa"]))
    assert [path.name for path, _ in found] == [KILT_SETS["triviaqa"].file(split) for split in ("train", "dev", "test")]
    assert [read_records(path)[0].input for path, _ in found] == ["Where?", "Who?", "When?"]
    assert sum(name == "rc.tar.gz" for name, _ in site.asked) == 1
    for name in ("rc.tar.gz", "triviaqa-dev_id-kilt.jsonl"):
        (tmp_path / name).unlink()
    assert list(fetcher(site, tmp_path).fetch(["triviaqa"])) == [(path, False) for path, _ in found]


def test_what_was_fetched_first_is_held_to(tmp_path: Path, site: Site) -> None:
    (path, _), *_ = fetcher(site, tmp_path).fetch(["nq"], ["dev"])
    content = path.read_bytes()
    path.write_bytes(content.replace(b"nq", b"qn"))
    with pytest.raises(DataError, match=r"nq-dev-kilt\.jsonl: was changed since it was fetched; remove it"):
        list(fetcher(site, tmp_path).fetch(["nq"], ["dev"]))
    path.unlink()
    site.files["KILT/nq-dev-kilt.jsonl"] = lines({"id": "another"})
    with pytest.raises(DataError, match="is not the file that was fetched first"):
        list(fetcher(site, tmp_path).fetch(["nq"], ["dev"]))
    assert names(tmp_path) == ["fetched.json"]
    site.files["KILT/nq-dev-kilt.jsonl"] = content
    assert list(fetcher(site, tmp_path).fetch(["nq"], ["dev"])) == [(path, True)]


def test_a_file_that_was_not_fetched_is_not_overwritten(tmp_path: Path, site: Site) -> None:
    (tmp_path / "nq-dev-kilt.jsonl").write_text("mine")
    with pytest.raises(DataError, match=r"nq-dev-kilt\.jsonl: exists already, and .*fetched\.json does not know it"):
        list(fetcher(site, tmp_path).fetch(["nq"]))
    assert (tmp_path / "nq-dev-kilt.jsonl").read_text() == "mine"


def test_what_is_no_record_is_not_kept(tmp_path: Path, site: Site) -> None:
    site.files["KILT/nq-dev-kilt.jsonl"] = b"<html>please log in</html>"
    with pytest.raises(DataError, match=r"/KILT/nq-dev-kilt\.jsonl:1: not JSON: .*expected a KILT record"):
        list(fetcher(site, tmp_path).fetch(["nq"], ["dev"]))
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", r"rc\.tar\.gz: cannot be read as TriviaQA's archive: "),
        (archive(train=questions()), r"rc\.tar\.gz: has no wikipedia-dev\.json; expected"),
        (archive(train=[]), r"rc\.tar\.gz: cannot be read as TriviaQA's archive: "),
        (
            archive(train=questions(), dev=questions(), test_without_answers=questions()),
            r"triviaqa-dev_id-kilt\.jsonl:1: .*rc\.tar\.gz has no question of the id 'dev'",
        ),
    ],
)
def test_a_broken_archive_is_named(tmp_path: Path, site: Site, content: bytes, message: str) -> None:
    site.files["rc.tar.gz"] = content
    with pytest.raises(DataError, match=message) as caught:
        list(fetcher(site, tmp_path).fetch(["triviaqa"], ["dev"]))
    assert "\n" not in str(caught.value)
    assert "triviaqa-dev-kilt.jsonl" not in names(tmp_path)


@pytest.mark.parametrize(
    ("sets", "splits", "message"),
    [
        (["nq", "hotpot"], ["dev"], "KILT has no set 'hotpot'; did you mean 'hotpotqa'"),
        (["nq"], ["devel"], "KILT has no split 'devel'; did you mean 'dev'"),
        (["nq", "wned_wiki"], ["train"], "WNED-WIKI has no split train; it has dev, test"),
    ],
)
def test_a_wrong_name_is_refused_before_anything_is_fetched(
    tmp_path: Path, site: Site, sets: list[str], splits: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        list(fetcher(site, tmp_path).fetch(sets, splits))
    assert site.asked == []


def test_a_broken_manifest_is_named(tmp_path: Path, site: Site) -> None:
    (tmp_path / "fetched.json").write_text('{"nq-dev-kilt.jsonl": {"size": 3}}')
    with pytest.raises(DataError, match=r"fetched\.json: is broken; expected"):
        fetcher(site, tmp_path)


def test_the_command_tells_what_it_fetched(tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--dir", str(tmp_path), "--kilt-url", f"{site.url}/KILT", "--splits", "dev"]
    assert main(["fetch", "kilt", "nq", "knowledge_source", *options]) == 0
    assert main(["fetch", "kilt", "nq", *options]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/nq-dev-kilt.jsonl: fetched (0.0 MB)",
        f"{tmp_path}/kilt_knowledgesource.json: fetched (0.0 MB)",
        f"{tmp_path}/nq-dev-kilt.jsonl: already there, unchanged (0.0 MB)",
    ]
    site.files.clear()
    assert main(["fetch", "kilt", "fever", *options]) == 1
    assert capsys.readouterr().err == (
        f"glimmer: error: {site.url}/KILT/fever-dev-kilt.jsonl: the server answers 404 Not Found\n"
    )
    with pytest.raises(SystemExit):
        main(["fetch", "kilt", "--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in KILT_SETS)
