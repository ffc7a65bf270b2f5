"""`deskswarm dead-letters`: what failed for good, and the way back."""

from __future__ import annotations

from runner.cli.ask import who
from runner.cli.journals import find_run, open_journal, read_state
from runner.cli.output import clock, one_line, print_table, size
from runner.dead_letters import DeadLetter, dead_letters, find_letter, requeue
from runner.state import fold


def list_dead_letters(run: str | None, as_json: bool) -> None:
    """Of all runs, or of one."""
    with open_journal() as journal:
        ids = [find_run(journal, run)] if run else journal.runs()
        letters = [letter for one in ids for letter in dead_letters(fold(journal.read(one)))]
    if as_json:
        print("[" + ", ".join(letter.model_dump_json() for letter in letters) + "]")
        return
    rows = [
        (one.run, one.task, _kind(one), str(one.attempts), clock(one.at), one_line(one.reason, 80))
        for one in letters
    ]
    print_table(("RUN", "TASK", "KIND", "ATTEMPTS", "FAILED", ""), rows)


def show_dead_letter(run: str, task: str, as_json: bool) -> None:
    with open_journal() as journal:
        letter = find_letter(read_state(journal, run), task)
    if as_json:
        print(letter.model_dump_json())
        return
    print(f"{letter.task}  {_kind(letter)}  {letter.attempts} attempts  {clock(letter.at)}  {letter.run}")
    print(f"  {one_line(letter.instruction, 400)}")
    print(f"  {one_line(letter.reason, 400)}")
    for what, files in (("input", letter.inputs), ("output", letter.outputs)):
        for kept in files:
            print(f"  {what} {kept.name}  {kept.path}  {size(kept.bytes)}  sha256 {kept.sha256}")
    for finding in letter.findings:
        verdict = "passed" if finding.ok else "FAILED"
        print(f"  {verdict}  {finding.subject}: {one_line(finding.detail, 300)}")
    for point in letter.checkpoints:
        print(f"  step {point.step + 1}  {point.say or 'ended'}  checkpoint {point.sha256}")
    print(f"\ndeskswarm replay {letter.run} {letter.task} --html {letter.task}.html")
    print(f"deskswarm dead-letters requeue {letter.run} {letter.task}")


def requeue_dead_letter(run: str, task: str, reason: str) -> None:
    with open_journal() as journal:
        done = requeue(journal, find_run(journal, run), task, who(), reason)
    print(f"{done.task} waits again")
    if not done.running:
        print(f"deskswarm resume {done.run}")


def _kind(letter: DeadLetter) -> str:
    return ".".join(filter(None, (letter.kind or "-", letter.cause)))
