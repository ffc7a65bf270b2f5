"""Much at once, through the desktop's one stream."""

from __future__ import annotations

import hashlib
import random

import anyio

from sandboxes.conformance.subject import WAIT_S, Subject, expect, run

_SIZE = 20 << 20


async def twenty_mebibytes_go_in_and_out(subject: Subject) -> str:
    desktop = await subject.desktop()
    data, began = random.Random(1).randbytes(_SIZE), anyio.current_time()
    await desktop.files.write("~/large", data)
    found = await desktop.files.read("~/large", max_bytes=_SIZE)
    expect(hashlib.sha256(found).digest() == hashlib.sha256(data).digest(), f"{len(found)} other bytes")
    return f"{2 * _SIZE / (anyio.current_time() - began) / 1e6:.0f} MB/s"


async def large_input_and_output_of_a_program(subject: Subject) -> str:
    desktop = await subject.desktop()
    data = random.Random(2).randbytes(_SIZE)
    result = await run(desktop, "cat", stdin=data)
    expect(result.stdout == data[: 1 << 20], f"{len(result.stdout)} bytes, or other ones")
    expect(result.truncated, "it does not say that the rest was dropped")
    expect(result.exit_code == 0, f"cat ended with {result.exit_code}")
    return "20 MiB in, the first MiB out, and it says so"


async def looks_are_answered_meanwhile(subject: Subject) -> str:
    desktop = await subject.desktop()
    looks = 0

    async with anyio.create_task_group() as tasks:

        async def carry(number: int) -> None:
            data = random.Random(number).randbytes(_SIZE // 4)
            await desktop.files.write(f"~/part-{number}", data)
            expect(await desktop.files.read(f"~/part-{number}") == data, f"part {number} differs")

        async def look() -> None:
            nonlocal looks
            for _ in range(5):
                await desktop.screenshot(timeout=WAIT_S)
                looks += 1

        for number in range(4):
            tasks.start_soon(carry, number)
        tasks.start_soon(look)
    return f"{looks} screenshots during four transfers"
