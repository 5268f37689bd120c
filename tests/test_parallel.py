"""Jobs in processes and on a real Ray, whose workers are killed for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import chores
import pytest

from talkinghead import parallel
from talkinghead.errors import InputError
from talkinghead.parallel import Failed

JOBS = [(str(i), i) for i in range(6)]


@pytest.fixture(params=["here", "processes", "ray"])
def how(request):
    if request.param == "ray":
        request.getfixturevalue("cluster")
    return {"here": {}, "processes": {"workers": 2}, "ray": {"workers": 2, "engine": "ray"}}[request.param]


def test_every_engine_gives_every_result(how):
    assert dict(parallel.run_jobs(chores.square, JOBS, **how)) == {str(i): i * i for i in range(6)}
    assert list(parallel.run_jobs(chores.square, [], **how)) == []


def test_bad_input_is_a_result_and_a_defect_is_not(how):
    found = dict(parallel.run_jobs(chores.refuse_odd, JOBS, **how))
    assert found == {str(i): Failed(f"{i}: {i} is odd") if i % 2 else i for i in range(6)}
    with pytest.raises(ZeroDivisionError, match="three") as raised:
        list(parallel.run_jobs(chores.fail, JOBS, **how))
    assert "in the job 3" in raised.value.__notes__


def test_the_handler_of_sigterm_stays_that_of_the_program(how):
    """Ray sets its own, and the program would end with status 15."""
    before = signal.getsignal(signal.SIGTERM)
    for _ in parallel.run_jobs(chores.square, JOBS[:2], **how):
        assert signal.getsignal(signal.SIGTERM) == before
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("how", ["processes", "ray"], indirect=True)
def test_a_killed_worker_loses_nothing(how, tmp_path):
    jobs = [(*job, tmp_path / "died") for job in JOBS]
    assert dict(parallel.run_jobs(chores.die_once, jobs, **how)) == {str(i): i * i for i in range(6)}
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize("how", ["processes", "ray"], indirect=True)
def test_a_job_that_always_kills_its_worker_fails_alone(how):
    found = dict(parallel.run_jobs(chores.die_always, JOBS, **how))
    failed = found.pop("3")
    assert isinstance(failed, Failed) and "worker was killed" in failed.reason
    assert found == {str(i): i * i for i in range(6) if i != 3}


def test_closing_the_iterator_ends_the_workers(tmp_path):
    jobs = [("quick", 0.0, tmp_path), *((str(i), 300.0, tmp_path) for i in range(3))]
    results = parallel.run_jobs(chores.sleep, jobs, workers=2)
    assert next(results) == ("quick", None)
    results.close()
    for path in tmp_path.iterdir():
        assert ended(int(path.name))


@pytest.mark.parametrize(
    ("engine", "how"), [("local", signal.SIGINT), ("local", signal.SIGKILL), ("ray", signal.SIGINT)], ids=str
)
def test_an_interrupted_run_leaves_nothing_running(engine, how, tmp_path):
    if engine == "ray":
        pytest.importorskip("ray")
    script = (
        "import pathlib, sys; import chores; from talkinghead import parallel\n"
        "if __name__ == '__main__':\n"
        "    jobs = [(str(i), 300.0, pathlib.Path(sys.argv[1])) for i in range(2)]\n"
        "    list(parallel.run_jobs(chores.sleep, jobs, workers=2, engine=sys.argv[2]))\n"
    )
    (tmp_path / "script.py").write_text(script)
    (tmp_path / "pids").mkdir()
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "script.py", tmp_path / "pids", engine],
        env=os.environ | {"PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=chores.heed_interruptions,
    )
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "pids").iterdir())) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does
    else:
        process.kill()
    _, err = process.communicate(timeout=60)
    assert how == signal.SIGKILL or b"KeyboardInterrupt" in err
    workers = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    assert len(workers) == 2 and all(ended(worker) for worker in workers)


def ended(pid: int) -> bool:
    """Whether a process ends within 10 seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with Path(f"/proc/{pid}/stat").open() as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def test_a_script_without_a_guard_is_told(tmp_path):
    script = "import chores, talkinghead.parallel as p\nprint(list(p.run_jobs(chores.square, [('a', 1)] * 2, workers=2)))"
    (tmp_path / "script.py").write_text(script)
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, env=env, timeout=60)
    assert done.returncode == 1 and "__name__ == '__main__'" in done.stderr


def test_what_cannot_be_run_is_told_at_once(monkeypatch):
    with pytest.raises(InputError, match="'spark' is not known: choose local or ray"):
        parallel.check_engine("spark", 1)
    with pytest.raises(InputError, match="workers is 0"):
        parallel.check_engine("local", 0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'talkinghead\[ray\]'"):
        parallel.check_engine("ray", 1)


def test_a_cluster_that_lacks_the_package_is_told(cluster, tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text("def task(name):\n    return name\n")
    monkeypatch.syspath_prepend(tmp_path)  # of this process only
    import elsewhere

    with pytest.raises(InputError, match="No module named 'elsewhere'; every node needs the same"):
        list(parallel.run_jobs(elsewhere.task, [("a",)], engine="ray"))
