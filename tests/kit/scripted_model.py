"""A stand-in for a model: answers plan prompts with an offered option and code prompts with a real rewrite.

It reads nothing but the prompt, as a model does. Its rewrites know the naive GEMM kernels of data/kernels.
"""

from __future__ import annotations

import json
import re

from tests.kit.messages_server import Incoming, Reply, Text

REWRITES: dict[str, tuple[tuple[str, str], ...]] = {
    "overwrite on the first k": (
        (r" *for \(int jj = 0; jj < \d+; jj\+\+\) \{\n *mvin\(0, [^\n]*\n *\}\n", ""),
        (r"\(c([^)]*)\) \| 0x40000000", r"(c\1) | (ko + kk > 0 ? 0x40000000 : 0)"),
    ),
    "put B into another bank": ((r"const uint32_t b = \d{1,3}; ", "const uint32_t b = 8192;"),),
    "rotate the places of A": (
        (r"\ba((?: \+ 64 \* ko)?(?: \+ 16 \* kk)?), (64|0xffffffff), 16", r"a + 128 * (i % 8)\1, \2, 16"),
    ),
    "alternate the accumulator banks": ((r"\bc \+ 16 \* jj", "c + 512 * (i & 1) + 16 * jj"),),
    "forget a row": ((r"for \(int i = 0", "for (int i = 1"),),  # wrong on purpose
}


def scripted_model(incoming: Incoming) -> Reply:
    """Answer a prompt; which rewrite is planned depends on how many requests came before."""
    code = re.search(r"^```c\n(.*?)^```$", incoming.text, re.MULTILINE | re.DOTALL)[1]
    if incoming.wants_plan:
        names = list(REWRITES)
        name = names[incoming.number % len(names)]
        options = len(re.findall(r"^\d+\. ", incoming.text.split("# Options")[1], re.MULTILINE))
        return Text(json.dumps({"option": 1 + incoming.number % options, "plan": f"I will {name}."}))
    plan = incoming.text.split("# The plan to carry out")[1]
    for name, steps in REWRITES.items():
        if name in plan:
            for pattern, replacement in steps:
                code = re.sub(pattern, replacement, code)
    return Text(f"I carried out the plan.\n\n```c\n{code}```\n", output_tokens=800)
