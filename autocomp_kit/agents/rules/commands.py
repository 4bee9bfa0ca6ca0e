"""The dialect's commands: which function does what, and what its arguments mean.

Gemmini's public names and Autocomp's short forms share argument orders, so both map to one description.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALL_ONES", "COMMANDS", "GARBAGE", "HOST", "NAMED_CONSTANTS", "CommandKind", "is_command"]

ALL_ONES = 0xFFFFFFFF
GARBAGE = ALL_ONES
HOST = "="
"""The function of the pseudo-command by which the host computes: ``target = value``, elements of arrays."""


@dataclass(frozen=True, slots=True)
class CommandKind:
    """What one dialect function is.

    ``kind`` is one of ``config_ex``, ``config_ld``, ``config_st``, ``mvin``, ``preload``, ``compute``, ``mvout``,
    ``fence`` and ``host``. ``fields`` names the arguments in order. ``load_id`` is the load configuration that an mvin
    uses; ``new_weights`` tells compute_preloaded from compute_accumulated.
    """

    kind: str
    fields: tuple[str, ...]
    load_id: int = 0
    new_weights: bool = True

    def position(self, field: str) -> int:
        """Return the index of an argument."""
        return self.fields.index(field)


_MOVE = ("dram", "local", "cols", "rows")
_PRELOAD = ("weights", "result", "weights_cols", "weights_rows", "result_cols", "result_rows")
_COMPUTE = ("input", "bias", "input_cols", "input_rows", "bias_cols", "bias_rows")

COMMANDS: dict[str, CommandKind] = {
    "config_ex": CommandKind(
        "config_ex", ("dataflow", "activation", "input_stride", "input_transpose", "weights_transpose")
    ),
    "gemmini_extended_config_ex": CommandKind(
        "config_ex", ("dataflow", "activation", "shift", "input_stride", "input_transpose", "weights_transpose")
    ),
    "config_ld": CommandKind("config_ld", ("stride", "scale", "block_stride", "load_id")),
    "gemmini_extended4_config_ld": CommandKind("config_ld", ("stride", "scale", "shrunk", "block_stride", "load_id")),
    "gemmini_extended3_config_ld": CommandKind("config_ld", ("stride", "scale", "shrunk", "load_id")),
    "config_st": CommandKind("config_st", ("stride", "scale")),
    "gemmini_config_st": CommandKind("config_st", ("stride",)),
    "gemmini_extended_config_st": CommandKind("config_st", ("stride", "activation", "scale")),
    "fence": CommandKind("fence", ()),
    "gemmini_fence": CommandKind("fence", ()),
    HOST: CommandKind("host", ("target", "value")),
}
for _short, _long, _id in (
    ("mvin", "gemmini_extended_mvin", 0),
    ("mvin2", "gemmini_extended_mvin2", 1),
    ("mvin3", "gemmini_extended_mvin3", 2),
):
    COMMANDS[_short] = COMMANDS[_long] = CommandKind("mvin", _MOVE, load_id=_id)
COMMANDS["mvout"] = COMMANDS["gemmini_extended_mvout"] = CommandKind("mvout", _MOVE)
COMMANDS["preload"] = COMMANDS["gemmini_extended_preload"] = CommandKind("preload", _PRELOAD)
COMMANDS["compute_preloaded"] = COMMANDS["gemmini_extended_compute_preloaded"] = CommandKind("compute", _COMPUTE)
COMMANDS["compute_accumulated"] = COMMANDS["gemmini_extended_compute_accumulated"] = CommandKind(
    "compute", _COMPUTE, new_weights=False
)

NAMED_CONSTANTS: dict[str, int] = {
    "OUTPUT_STATIONARY": 0,
    "WEIGHT_STATIONARY": 1,
    "NO_ACTIVATION": 0,
    "RELU": 1,
    "true": 1,
    "false": 0,
    "NULL": 0,
    "GARBAGE_ADDR": GARBAGE,
}


def is_command(function: str) -> bool:
    """Return whether a function is a command that the analysis knows."""
    return function in COMMANDS and function != HOST
