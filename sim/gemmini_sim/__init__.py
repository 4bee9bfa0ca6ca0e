"""gemmini_sim: a simulator of the function and the cycles of Rocket + Gemmini programs, jitted by Numba."""

from gemmini_sim.config import ConfigError, MachineConfig, load_config, preset_names
from gemmini_sim.findings import Finding, Place
from gemmini_sim.result import Fault, Region, SimulationError, SimulationResult
from gemmini_sim.simulate import simulate
from gemmini_sim.toolchain import CompileError, CompileResult, Diagnostic, ToolchainError, compile_c

__all__ = [
    "CompileError",
    "CompileResult",
    "ConfigError",
    "Diagnostic",
    "Fault",
    "Finding",
    "MachineConfig",
    "Place",
    "Region",
    "SimulationError",
    "SimulationResult",
    "ToolchainError",
    "__version__",
    "compile_c",
    "load_config",
    "preset_names",
    "simulate",
]

__version__ = "0.1.0"
