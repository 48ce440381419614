"""Figures of the node go from accounts into the committed file."""

import json
from pathlib import Path

import pytest
from benchmarks.record import record_node


def test_numbers_of_an_account_become_figures_with_their_run(tmp_path: Path) -> None:
    committed, account = tmp_path / "held_out.json", tmp_path / "kill_node" / "account.json"
    old = {"estimate": 1, "commit": "old"}
    figures = {"series/all/auroc": old, "node/kill_node/killed/kills": old}
    committed.write_text(json.dumps({"figures": figures}))
    account.parent.mkdir()
    said = {"kills": 200, "killed while": {"idle": 3}, "held": True, "ratios": [1, 2]}
    account.write_text(json.dumps({"killed": said, "run": {"command": "c", "commit": "new"}}))
    record_node([account], committed)
    now = json.loads(committed.read_text())["figures"]
    assert now.pop("series/all/auroc") == old
    assert {name: one["estimate"] for name, one in now.items()} == {
        "node/kill_node/killed/kills": 200,
        "node/kill_node/killed/killed while/idle": 3,
    }
    assert {one["commit"] for one in now.values()} == {"new"}


def test_an_account_that_says_that_a_bound_was_broken_is_not_recorded(tmp_path: Path) -> None:
    committed, account = tmp_path / "held_out.json", tmp_path / "account.json"
    committed.write_text(json.dumps({"figures": {}}))
    account.write_text(json.dumps({"killed": {"kills": 1}, "held": False, "run": {}}))
    with pytest.raises(SystemExit, match="a bound was broken"):
        record_node([account], committed)
    assert json.loads(committed.read_text())["figures"] == {}
