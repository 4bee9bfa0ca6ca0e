"""Everything that Numba compiles: the RV64 core, the accelerator and the clock.

The rest of gemmini_sim calls one jitted entry per run and reads the state records back.
"""
