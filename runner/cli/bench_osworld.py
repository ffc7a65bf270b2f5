"""`deskswarm bench osworld`."""

from __future__ import annotations

from pathlib import Path

from runner.agent_file import read_agent
from runner.cli.bench import Options, run_trials
from runner.cli.osworld import check_installed
from runner.osworld.environment import find_python
from runner.osworld.tasks import read_suite
from runner.spec import AgentSpec
from runner.suites.trials import NULL, ORACLE, make_trials
from sandboxes.backend import load_backend
from sandboxes.errors import InputError
from sandboxes.home import find_home
from sandboxes.host import DEFAULT_BACKEND


def run_osworld(tasks: Path, domain: str | None, name: str | None, options: Options) -> int:
    """The exit code. Raises InputError, and BackendUnavailable where OSWorld's own code is not installed."""
    check_installed()
    find_python(find_home())
    root = load_backend(options.backend or DEFAULT_BACKEND, find_home()).capabilities.root
    agent = Path(options.agent)
    if agent.is_dir():
        suite = read_suite(tasks, domain, name, root, lambda task: _oracle(agent, task))
        return run_trials(make_trials(suite, ORACLE, options.repeats), agent, options)
    if options.agent != NULL and not agent.is_file():
        raise InputError(f"--agent: {options.agent!r} is neither `null` nor a file or folder")
    trials = make_trials(read_suite(tasks, domain, name, root), options.agent, options.repeats)
    return run_trials(trials, agent.parent, options)


def _oracle(folder: Path, task: str) -> AgentSpec:
    path = folder / f"{task}.yaml"
    if not path.is_file():
        raise InputError(f"--agent: {path}: no such file; choose tasks that have one by --domain and --id")
    return read_agent(path)
