"""An agent that types its instruction, saves it, and is done.

Use it as `agent: {kind: process, command: [python3, echo_agent.py]}`. It speaks the protocol of
docs/process-agents.md: a JSON line in, a JSON line out.
"""

import json
import sys

for line in sys.stdin:
    view = json.loads(line)
    if view["say"] != "view":
        continue  # the hello
    failed = [result["error"] for result in view["last"] if not result["ok"]]
    if failed:
        decision = {"say": "failed", "reason": failed[0]}
    elif view["step"] == 0:
        decision = {"say": "act", "actions": [{"type": view["instruction"]}, {"press": "ctrl+s"}]}
    else:
        decision = {"say": "done", "note": "typed and saved"}
    print(json.dumps(decision), flush=True)
