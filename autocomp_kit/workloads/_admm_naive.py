"""Writes the naive kernels of the controller's steps: products on the accelerator, all else on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autocomp_kit.workloads._admm import Admm

__all__ = ["naive_admm"]

_MULTIPLY = """\
static inline int smaller(int a, int b) { return a < b ? a : b; }

// y = M x, or y = M' x, one tile of M after the other; y has rows elements and x has columns.
static void multiply(const float *M, bool transposed, int rows, int columns, const float *x, float *y) {
  const uint32_t m = 0, v = DIM, sum = 0x80000000;
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, transposed, false);
  config_ld(4 * (transposed ? rows : columns), 1.0f, DIM, 0);
  config_ld(4, 1.0f, DIM, 1);
  config_st(4);
  for (int i = 0; i < rows; i += DIM) {
    const int tall = smaller(DIM, rows - i);
    for (int k = 0; k < columns; k += DIM) {
      const int wide = smaller(DIM, columns - k);
      if (transposed) {
        mvin(M + k * rows + i, m, tall, wide);
      } else {
        mvin(M + i * columns + k, m, wide, tall);
      }
      mvin2(x + k, v, 1, wide);
      preload(v, k == 0 ? sum : sum | 0x40000000, 1, wide, 1, tall);
      compute_preloaded(m, 0xffffffff, wide, tall, DIM, DIM);
    }
    mvout(y + i, sum, 1, tall);
  }
  fence();
}

"""

_INPUT = """\
  static float Kx[{m}];
  multiply(&Kinf[0][0], true, {m}, {n}, &x_i[0][0], Kx);
  for (int j = 0; j < {m}; j++) {{
    u_i[j][0] = -Kx[j] - d_i[j][0];
  }}
"""

_FORWARD = """\
  static float Kx[{m}], Ax[{n}], Bu[{n}];
  for (int i = 0; i < {steps}; i++) {{
    multiply(&Kinf[0][0], false, {m}, {n}, &x[i][0][0], Kx);
    for (int j = 0; j < {m}; j++) {{
      u[i][j][0] = -Kx[j] - d[i][j][0];
    }}
    multiply(&Adyn[0][0], false, {n}, {n}, &x[i][0][0], Ax);
    multiply(&Bdyn[0][0], false, {n}, {m}, &u[i][0][0], Bu);
    for (int j = 0; j < {n}; j++) {{
      x[i + 1][j][0] = Ax[j] + Bu[j];
    }}
  }}
"""

_BACKWARD = """\
  static float Bp[{m}], Kr[{n}], Ap[{n}];
  for (int i = {last}; i >= 0; i--) {{
    multiply(&Bdyn[0][0], true, {m}, {n}, &p[i + 1][0][0], Bp);
    for (int j = 0; j < {m}; j++) {{
      Bp[j] += r[i][j][0];
    }}
    multiply(&Quu_inv[0][0], true, {m}, {m}, Bp, &d[i][0][0]);
    multiply(&Kinf[0][0], true, {n}, {m}, &r[i][0][0], Kr);
    multiply(&AmBKt[0][0], false, {n}, {n}, &p[i + 1][0][0], Ap);
    for (int j = 0; j < {n}; j++) {{
      p[i][j][0] = q[i][j][0] + Ap[j] - Kr[j];
    }}
  }}
"""


def naive_admm(admm: Admm) -> str:
    """Return C text for a step, for a machine of any DIM."""
    body = {"input": _INPUT, "forward": _FORWARD, "backward": _BACKWARD}[admm.step].format(
        n=admm.states, m=admm.inputs_count, steps=admm.horizon, last=admm.horizon - 2
    )
    return f"{_MULTIPLY}{admm.signature} {{\n{body}}}\n"
