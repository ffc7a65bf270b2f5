"""`deskswarm bench osworld`."""

from __future__ import annotations

from pathlib import Path

from runner.agent_file import read_agent
from runner.cli.bench import run_trials
from runner.cli.osworld import check_installed
from runner.osworld.environment import find_python
from runner.osworld.tasks import read_suite
from runner.spec import AgentSpec
from runner.suites.trials import NULL, ORACLE, make_trials
from sandboxes.backend import load_backend
from sandboxes.errors import InputError
from sandboxes.home import find_home
from sandboxes.host import DEFAULT_BACKEND


def run_osworld(
    tasks: Path,
    domain: str | None,
    name: str | None,
    agent: str,
    repeats: int,
    parallel: int | None,
    backend: str | None,
    as_json: bool,
) -> int:
    """The exit code. Raises InputError, and BackendUnavailable where OSWorld's own code is not installed."""
    check_installed()
    find_python(find_home())
    root = load_backend(backend or DEFAULT_BACKEND, find_home()).capabilities.root
    if Path(agent).is_dir():
        suite = read_suite(tasks, domain, name, root, lambda task: _oracle(Path(agent), task))
        return run_trials(make_trials(suite, ORACLE, repeats), Path(agent), parallel, backend, as_json)
    if agent != NULL and not Path(agent).is_file():
        raise InputError(f"--agent: {agent!r} is neither `null` nor a file or folder")
    trials = make_trials(read_suite(tasks, domain, name, root), agent, repeats)
    return run_trials(trials, Path(agent).parent, parallel, backend, as_json)


def _oracle(folder: Path, task: str) -> AgentSpec:
    path = folder / f"{task}.yaml"
    if not path.is_file():
        raise InputError(f"--agent: {path}: no such file; choose tasks that have one by --domain and --id")
    return read_agent(path)
