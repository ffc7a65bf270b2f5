"""Controllers in processes of their own, which are killed: forked from one that has all modules loaded."""

from __future__ import annotations

import multiprocessing
from functools import partial
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import anyio

from runner.controller import run_swarm
from runner.resume import resume_run
from runner.spec import Swarm


def context() -> ForkServerContext:
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload([__name__])
    return forking


def begin(forking: ForkServerContext, home: Path, swarm: Swarm, backend: str) -> ForkServerProcess:
    process = forking.Process(target=_run, args=(home, swarm.model_dump_json(by_alias=True), backend))
    process.start()
    return process


def resume(forking: ForkServerContext, home: Path, run: str) -> ForkServerProcess:
    process = forking.Process(target=_resume, args=(home, run))
    process.start()
    return process


def _run(home: Path, swarm: str, backend: str) -> None:
    anyio.run(partial(run_swarm, Swarm.model_validate_json(swarm), home, home, backend=backend))


def _resume(home: Path, run: str) -> None:
    anyio.run(resume_run, run, home)
