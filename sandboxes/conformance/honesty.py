"""A backend does what it declares, and declares what it does."""

from __future__ import annotations

from sandboxes.backend import Backend, Forking, Snapshotting
from sandboxes.conformance.subject import Subject, expect, needs, raises, shell
from sandboxes.errors import InputError


async def it_is_a_backend(subject: Subject) -> str:
    backend = subject.load()
    expect(
        isinstance(backend, Backend), f"{type(backend).__name__} lacks methods of sandboxes.backend.Backend"
    )
    expect(backend.name == subject.backend, f"{subject.backend} calls itself {backend.name}")
    expect(backend.capabilities == backend.capabilities, "its capabilities change from look to look")
    return f"{await backend.check()}; {backend.capabilities}"


async def it_can_save_and_copy_if_it_says_so(subject: Subject) -> str:
    backend, declared = subject.load(), subject.capabilities
    saves, copies = isinstance(backend, Snapshotting), isinstance(backend, Forking)
    expect(saves or declared.snapshots == "none", f"declares {declared.snapshots} snapshots, and cannot save")
    expect(copies or not declared.live_fork, "declares live_fork, and cannot fork")
    return f"snapshots: {declared.snapshots}; live fork: {declared.live_fork}"


@needs("root")
async def sudo_works_where_it_was_asked_for(subject: Subject) -> str:
    desktop = await subject.fresh(root=True)
    user = await shell(desktop, "echo password | sudo -S id -u")
    expect(user == "0", user)
    return "user 0"


async def root_is_refused_by_who_cannot_give_it(subject: Subject) -> str:
    if subject.capabilities.root:
        return "it can give it"
    return await raises(InputError, subject.fresh(root=True))


async def to_outlive_its_controller_is_refused_where_none_does(subject: Subject) -> str:
    if subject.capabilities.survives_controller:
        return "they do"
    start = subject.host.start(subject.spec(), holder="conformance", backend=subject.backend, outlive_s=60)
    return await raises(InputError, start)


async def a_desktop_is_listed_as_it_was_asked_for(subject: Subject) -> str:
    desktop = await subject.fresh(labels={"of": "conformance"})
    [record] = [one for one in await subject.host.desktops() if one.id == desktop.id]
    expect((record.backend, record.image) == (subject.backend, subject.image), record)
    expect(record.labels == {"of": "conformance"}, record.labels)
    expect(record.owner.is_alive(), f"its owner is {record.owner}")
    expect(isinstance(await subject.host.log(desktop.id), str), "no log")
    return f"{record.id}: image, labels and owner"
