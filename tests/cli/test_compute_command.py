"""``glimmer compute``: a reader's cost, or a table of experiments', without its weights."""

from pathlib import Path

import pytest

from glimmer.cli.main import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where neither data nor weights are."""
    monkeypatch.chdir(tmp_path)


def test_it_tells_parameters_and_stored_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compute", "experiment=paper/lumen_base", "--passage", "100", "--collection", "2000"]) == 0
    printed = capsys.readouterr().out
    # 768 numbers a token, two bytes each.
    assert "1536 bytes a token, 153,600 bytes a passage, 307 MB for 2,000 passages\n" in printed
    assert "parameters: 247,578,240, 990 MB in fp32 and 495 MB in bf16\n" in printed
    assert "56,635,776 memory layers, 28,318,848 live layers, 137,949,312 decoder\n" in printed


def test_a_reader_whose_layers_are_all_live_stores_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compute", "experiment=paper/fid_base"]) == 0
    printed = capsys.readouterr().out
    assert "stored memory: none" in printed
    assert "bytes a passage" not in printed


def test_a_table_has_a_row_for_every_experiment_that_matches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compute", "--experiments", "paper/*_base", "data.retrieved=40", "--collection", "10"]) == 0
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert header.split(" | ")[-1].strip(" |") == "10 passages"
    cells = {row.split("|")[1].strip(): [cell.strip() for cell in row.split("|")[2:-1]] for row in rows}
    assert list(cells) == ["paper/fid_base", "paper/glimmer_base", "paper/lumen_base"]
    # The overrides hold for all; FiD and LUMEN read 5 and 10 of however many there are.
    assert [row[4] for row in cells.values()] == ["70", "65", "60"]
    assert cells["paper/fid_base"][-2:] == ["–", "–"]
    assert cells["paper/lumen_base"][-2:] == ["466,944", "4.67 MB"]


def test_a_pattern_that_nothing_matches_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compute", "--experiments", "papers/fid_base"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(
        "glimmer: error: --experiments papers/fid_base: no experiment matches; did you mean 'paper/"
    )
    assert error.count("\n") == 1
