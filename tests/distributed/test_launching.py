"""How many processes there are, and how they end; what they compute: test_collectives.py."""

import os
import sys

import pytest
from harness.running import ROOT

from textzoo.distributed import launching
from textzoo.distributed.launching import run_processes
from textzoo.distributed.nodes import Nodes
from textzoo.errors import UserError

CONFIG = ROOT / "models" / "tagspace" / "config.yaml"


def test_auto_is_a_process_per_core_for_more_than_a_little_work(monkeypatch, tmp_path):
    config = ROOT / "models" / "tagspace" / "config.yaml"
    monkeypatch.setattr(launching, "physical_cores", lambda: 6)
    text = tmp_path / "large.tsv"
    text.write_bytes(b"x" * (5 << 20))
    large = ["runner.processes=auto", f"runner.train_data_dir={text}"]
    assert launching.processes_to_start(config, large) == 6
    assert launching.processes_to_start(config, ["runner.processes=auto"]) == 1
    assert launching.processes_to_start(config, ["runner.processes=4"]) == 4
    # What the schema refuses is left to the command to refuse; so is what cannot be read.
    assert launching.processes_to_start(config, ["runner.processes=1025"]) == 1
    too_long = f"runner.train_data_dir={'x' * 300}"
    assert launching.processes_to_start(config, ["runner.processes=auto", too_long]) == 1
    assert launching.processes_to_start(config, []) == 1
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")  # a launcher has started this one
    assert launching.processes_to_start(config, large) == 1


@pytest.mark.parametrize("value", ["0", "-1", "true", "2.5", "some"])
def test_what_is_no_number_is_left_to_the_command_to_refuse(value):
    assert launching.processes_to_start(CONFIG, [f"runner.processes={value}"]) == 1
    with pytest.raises(UserError, match="no such config file"):
        launching.processes_to_start(CONFIG.parent / "none.yaml", [])


def test_several_nodes_need_the_address_of_one(monkeypatch):
    two = ["runner.nodes=2", "runner.master=10.0.0.1:6170"]
    assert launching.nodes_to_join(CONFIG, two) == (2, "10.0.0.1:6170")
    assert launching.nodes_to_join(CONFIG, ["runner.nodes=1", two[1]]) is None
    assert launching.nodes_to_join(CONFIG, two[1:]) is None  # left to the command, too
    for master in ("null", "10.0.0.1", "10.0.0.1:0", "http://a:1", "a:b", "6170", "[1]"):
        with pytest.raises(UserError, match=r"runner\.master: received .*expected ADDRESS:PORT"):
            launching.nodes_to_join(CONFIG, [two[0], f"runner.master={master}"])
    for n in ("0", "-1", "true", "2.5", "some"):  # left to the command to refuse
        assert launching.nodes_to_join(CONFIG, [f"runner.nodes={n}", two[1]]) is None
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")  # a launcher has started this one
    assert launching.nodes_to_join(CONFIG, two) is None


@pytest.fixture
def processes(monkeypatch, tmp_path):
    """A function that starts processes which run some code in place of a command."""

    def start(n, code, asked=None):
        program = tmp_path / "program.py"
        program.write_text(f"import os, sys, time, pathlib\n{code}\n", encoding="utf-8")
        popen = launching.subprocess.Popen

        def instead(arguments, **how):
            return popen([sys.executable, str(program)], cwd=tmp_path, **how)

        monkeypatch.setattr(launching.subprocess, "Popen", instead)
        return run_processes(n, "trainer", [], asked)

    return start


RANK = "rank = int(os.environ['PADDLE_TRAINER_ID'])"


def test_each_process_is_told_which_one_it_is(processes, tmp_path):
    told = ("PADDLE_TRAINER_ID", "PADDLE_TRAINERS_NUM", "PADDLE_LOCAL_SIZE", "PADDLE_MASTER")
    code = f"{RANK}\npathlib.Path(str(rank)).write_text(' '.join(os.environ[k] for k in {told}))"
    assert processes(3, code) == 0
    found = [(tmp_path / str(rank)).read_text(encoding="utf-8").split() for rank in range(3)]
    assert [words[:3] for words in found] == [[str(rank), "3", "3"] for rank in range(3)]
    assert len({words[3] for words in found}) == 1  # all meet at one address
    assert "PADDLE_TRAINER_ID" not in os.environ


@pytest.mark.parametrize(("ends", "status"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137)])
def test_when_one_fails_the_others_are_ended(processes, monkeypatch, capfd, ends, status):
    monkeypatch.setattr(launching, "_GRACE", 0.1)
    fails = f"if rank == 1:\n    print('out of luck', flush=True)\n    {ends}"
    assert processes(2, f"{RANK}\n{fails}\ntime.sleep(60)") == status
    said = capfd.readouterr().err
    assert f"process 1 of 2, status {7 if status == 7 else -9}:" in said
    assert "out of luck" in said


def test_a_mistake_that_all_make_is_said_by_the_first_alone(processes, capfd):
    assert processes(2, "print('a mistake', file=sys.stderr)\nsys.exit(2)") == 2
    assert capfd.readouterr().err.count("a mistake") == 1


class Others(Nodes):
    """A machine with the processes 1 and 2 of 4, beside others that fail when they are told to."""

    def __init__(self, status):
        super().__init__({}, 1, [f"10.0.0.{n}:1" for n in (1, 2, 2, 3)], "10.0.0.1:9")
        self.told, self._status = [], status

    def failed(self):
        self.failure = "10.0.0.3 is gone" if self._status else ""
        return self._status

    def tell(self, status):
        self.told.append(status)


@pytest.fixture
def others(monkeypatch):
    def make(status):
        found = Others(status)
        monkeypatch.setattr(launching, "meet", lambda n, master, ports: found)
        return found

    return make


def test_each_process_of_a_machine_is_told_which_one_of_all_it_is(processes, others, tmp_path):
    others(0)
    told = ("PADDLE_TRAINER_ID", "PADDLE_TRAINERS_NUM", "PADDLE_LOCAL_SIZE", "PADDLE_RANK_IN_NODE")
    told += ("PADDLE_CURRENT_ENDPOINT", "PADDLE_MASTER")
    code = f"{RANK}\npathlib.Path(str(rank)).write_text(' '.join(os.environ[k] for k in {told}))"
    assert processes(2, code, (3, "10.0.0.1:6170")) == 0
    for own in (0, 1):
        found = (tmp_path / str(own + 1)).read_text(encoding="utf-8")
        assert found == f"{own + 1} 4 2 {own} 10.0.0.2:1 10.0.0.1:9"


def test_other_machines_are_told_of_a_failure(processes, others):
    found = others(0)
    assert processes(1, "os.kill(os.getpid(), 9)", (2, "10.0.0.1:6170")) == 137
    assert found.told == [137]


def test_a_machine_that_fails_ends_the_processes_of_this_one(processes, others, monkeypatch, capfd):
    monkeypatch.setattr(launching, "_GRACE", 0.1)
    others(1)
    assert processes(1, "time.sleep(60)", (2, "10.0.0.1:6170")) == 1
    assert "machines: 10.0.0.3 is gone" in capfd.readouterr().err
