"""An agent behind a model: shows it the screen, carries out what it calls for, and keeps what it said.

One decision is one answer of the model, or what is left to do of the answer before, so that budgets and
monitors see every step. What differs between providers is behind `Provider`.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from anyio import to_thread

from runner.agents.base import Act, Ask, Done, Failed, Reply, View
from runner.agents.models.answer import Answer, SafetyCheck
from runner.agents.models.history import Block, History
from runner.agents.models.patience import ProviderError, Trouble, wait_out
from runner.agents.models.prompts import first_words, not_done, persons_words, read_of, system_prompt
from runner.agents.models.scaling import Limits, Picture, Scale, fit, picture_of
from runner.agents.models.turn import Outcome, Turn
from runner.model_agents import ModelAgent as ModelSpec
from sandboxes.guest.protocol import Point

MAX_MALFORMED = 5  # answers in a row of which nothing can be carried out
LOG_BYTES = 64 << 10
PROCEED, STOP = "proceed", "stop"


class Provider(Protocol):
    """One provider's way to speak with its models."""

    @property
    def limits(self) -> Limits:
        """Of images."""
        ...

    @property
    def of_thousand(self) -> bool:
        """As in `Scale`."""
        ...

    @property
    def whole(self) -> bool:
        """As in `History`."""
        ...

    @property
    def manual(self) -> str:
        """How to act, for models that their provider has not taught it; else empty."""
        ...

    def session(self) -> AbstractAsyncContextManager[None]:
        """The client's connections. Raises InputError without its package or its key."""
        ...

    async def ask(self, system: str, history: History, scale: Scale, cursor: Point) -> Answer:
        """One request, tried once. A refusal is an answer. Raises Trouble, without the key in its text."""
        ...


class ModelAgent:
    """`log` tells what every answer cost, what was waited for, and what was left out of the context."""

    def __init__(self, spec: ModelSpec, provider: Provider) -> None:
        self.log = b""
        self._spec = spec
        self._provider = provider
        self._session = provider.session()
        self._history = History(spec.context, whole=provider.whole)
        self._scale: Scale | None = None
        self._end: Done | Failed | Ask | None = None
        self._turn: Turn | None = None
        self._results: list[Block] = []
        self._malformed = 0

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.__aexit__(kind, error, trace)

    async def decide(self, view: View) -> Reply:
        """Raises ProviderError where the provider cannot be waited for, or does not take the request."""
        if self._turn is None:
            return await self._converse(view, [await self._remark(view)])
        if view.answer is not None and self._awaits_consent:
            if view.answer.choice != PROCEED:
                return _forbidden(view.answer.by, self._turn)
            return Act(actions=self._turn.next())
        told = [await self._told(outcome, view) for outcome in self._turn.take(view.last)]
        self._results += told
        if not self._turn.over:
            return Act(actions=self._turn.next())
        if self._end is not None and not self._turn.failed:
            self._turn = None
            return _with_reading(self._end, view)
        return await self._converse(view, await self._complete(view))

    # --- what the model is told

    async def _remark(self, view: View) -> Block:
        """Words to it that answer no call: its task, a person's answer, or that it is not done."""
        screen = await self._screen(view)
        if not self._history.exchanges:
            return Block(first_words(view), picture=screen)
        text = persons_words(view.answer) if view.answer is not None else not_done(view.last)
        return Block(text, picture=screen)

    async def _told(self, outcome: Outcome, view: View) -> Block:
        """The result of one call, with what it is to show."""
        call, error = outcome.call, outcome.error
        block = Block(f"Error: {error}" if error else "Done.", call, bool(error))
        if error or call.shows == "nothing":
            return block
        if call.shows == "cursor":
            x, y = self._scaled(view).to_image(view.observation.cursor)
            return replace(block, text=f"X={x},Y={y}")
        if call.shows == "screen":
            return replace(block, picture=await self._screen(view))
        first, last = call.shows
        size = fit(last.x - first.x + 1, last.y - first.y + 1, self._limits, enlarge=True)
        picture = await to_thread.run_sync(picture_of, view.observation.screenshot.frame, size, call.shows)
        return replace(block, picture=picture)

    async def _complete(self, view: View) -> list[Block]:
        """All results of a turn; the last of them shows the screen as it is now, each where all must."""
        blocks, self._results = self._results, []
        for block in blocks if self._provider.whole else blocks[-1:]:
            block.picture = block.picture or await self._screen(view)
        return blocks

    async def _screen(self, view: View) -> Picture:
        size = self._scaled(view).image
        return await to_thread.run_sync(picture_of, view.observation.screenshot.frame, size)

    def _scaled(self, view: View) -> Scale:
        if self._scale is None:
            screen = (view.observation.screenshot.width, view.observation.screenshot.height)
            self._scale = Scale(screen, fit(*screen, self._limits), self._provider.of_thousand)
        return self._scale

    @property
    def _limits(self) -> Limits:
        limits = self._provider.limits
        return replace(limits, edge=min(limits.edge, self._spec.image_edge or limits.edge))

    # --- what it answers

    async def _converse(self, view: View, blocks: list[Block]) -> Reply:
        self._note(view, *self._history.tell(*blocks))
        answer = await self._ask(view)
        self._history.answered(answer)
        self._note(view, str(answer.tokens))
        usage = answer.tokens.usage(self._spec.prices)
        return _with_reading(self._follow(answer), view).model_copy(update={"usage": usage})

    async def _ask(self, view: View) -> Answer:
        system = system_prompt(self._provider.manual, self._spec.guidance)
        scale, cursor = self._scaled(view), view.observation.cursor

        async def ask() -> Answer:
            return await self._provider.ask(system, self._history, scale, cursor)

        try:
            return await wait_out(
                ask, self._spec.patience_s, lambda line: self._note(view, line), attempt_s=view.budget.wall_s
            )
        except Trouble as trouble:
            raise ProviderError(f"{self._spec.model}: {trouble}") from None

    def _follow(self, answer: Answer) -> Reply:
        """The decision an answer makes. Raises nothing: what cannot be carried out is told to the model."""
        self._end, self._turn, self._results = answer.end, None, []
        if not answer.calls and answer.end is not None:
            return answer.end
        self._turn = Turn(answer.calls)
        self._malformed = 0 if self._turn.acts else self._malformed + 1
        if self._malformed > MAX_MALFORMED:
            problem = answer.calls[0].problem if answer.calls else "no call"
            reason = f"{self._malformed} answers in a row make no sense; the last: {problem}"
            return Failed(reason=reason[:20_000], cause="malformed")
        if self._awaits_consent:
            return _question(self._turn)
        return Act(actions=self._turn.next(), note=answer.text[:20_000])

    @property
    def _awaits_consent(self) -> bool:
        return self._turn is not None and not self._turn.begun and bool(_checks(self._turn))

    def _note(self, view: View, *lines: str) -> None:
        added = "".join(f"step {view.step}: {line}\n" for line in lines)
        self.log = (self.log + added.encode())[-LOG_BYTES:]


def _with_reading(reply: Reply, view: View) -> Reply:
    """What the model says it has read, where it is done."""
    if not isinstance(reply, Done):
        return reply
    read = dict.fromkeys((*reply.read, *read_of(reply.note, view.inputs)))
    return reply.model_copy(update={"read": tuple(read)})


def _checks(turn: Turn) -> list[SafetyCheck]:
    return [check for call in turn.calls for check in call.checks]


def _question(turn: Turn) -> Ask:
    """Before anything of the turn is carried out."""
    told = "; ".join(check.message or check.code or check.id for check in _checks(turn))
    wants = "\n".join(call.does for call in turn.calls)
    return Ask(
        question=f"The model's provider asks for consent: {told}"[:20_000],
        context=f"The model wants to:\n{wants}"[:20_000],
        choices=(PROCEED, STOP),
        default=STOP,
    )


def _forbidden(by: str, turn: Turn) -> Failed:
    told = "; ".join(check.message or check.code or check.id for check in _checks(turn))
    return Failed(reason=f"no consent ({by}): {told}"[:20_000], cause="safety_check")
