"""Writes the naive GEMM kernel: a plain loop nest that a search starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autocomp_kit.workloads._tiles import Tiles, store_configuration, without_nothing

if TYPE_CHECKING:
    from autocomp_kit.workloads._gemm import Gemm

__all__ = ["naive_gemm"]

_MOST_ROWS = 8192


def naive_gemm(gemm: Gemm, *, dim: int, wide: int) -> str:
    """Return C text that computes one block of C after the other, loading A and B again each time.

    Parameters
    ----------
    gemm : Gemm
        The problem; sizes that are no multiple of ``dim`` get a shorter last tile.
    dim : int
        Rows and columns of the array.
    wide : int
        Most tiles that one mvin moves side by side.
    """
    rows = Tiles("rows", "i", gemm.m, dim)
    columns = Tiles("columns", "j", gemm.n, dim, wide)
    depth = Tiles("depth", "ko", gemm.k, dim, wide)
    a_rows, b_rows = depth.step, depth.per_block * columns.step
    # Every k block has its own place in the scratchpad while they fit; a very deep product uses one place again.
    spread = 1 < depth.blocks <= _MOST_ROWS // (a_rows + b_rows)
    a, b = (f"a + {a_rows} * ko", f"b + {b_rows} * ko") if spread else ("a", "b")
    b_tiles = f"{b} + {columns.step} * kk"
    column = f"[{columns.step} * j + {dim} * jj]"
    bias = {"none": "0", "row": f"&D[0]{column}", "matrix": f"&D[{dim} * i]{column}"}[gemm.bias]
    return without_nothing(f"""\
// C[{gemm.m}][{gemm.n}] = A[{gemm.m}][{gemm.k}] x B[{gemm.k}][{gemm.n}], one {dim}x{columns.step} block of C \
after the other;
// A and B are loaded again for every block. mvin fills the accumulator, mvin2 moves A, mvin3 moves B.
{gemm.signature} {{
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld({4 * gemm.n if gemm.bias == "matrix" else 0}, 1.0f, {dim}, 0);
  config_ld({gemm.k}, 1.0f, {dim}, 1);
  config_ld({gemm.n}, 1.0f, {dim}, 2);
  {store_configuration(gemm.n, scale=gemm.scale, relu=gemm.relu)}

  const uint32_t a = 0;           // scratchpad rows of A
  const uint32_t b = {f"{a_rows * (depth.blocks if spread else 1)};":<12} // scratchpad rows of B
  const uint32_t c = 0x80000000;  // accumulator rows of C

  for (int i = 0; i < {rows.blocks}; i++) {{
    {rows.declaration}
    for (int j = 0; j < {columns.blocks}; j++) {{
      {columns.declaration}
      for (int jj = 0; jj < {columns.per_block}; jj++) {{
        mvin({bias}, c + {dim} * jj, {columns.tile}, {rows.tile});
      }}
      for (int ko = 0; ko < {depth.blocks}; ko++) {{
        {depth.declaration}
        mvin2(&A[{dim} * i][{depth.step} * ko], {a}, {depth.block}, {rows.tile});
        for (int kk = 0; kk < {depth.per_block}; kk++) {{
          mvin3(&B[{depth.step} * ko + {dim} * kk][{columns.step} * j], {b_tiles}, {columns.block}, {depth.tile});
        }}
        for (int kk = 0; kk < {depth.per_block}; kk++) {{
          for (int jj = 0; jj < {columns.per_block}; jj++) {{
            preload({b_tiles} + {dim} * jj, (c + {dim} * jj) | 0x40000000, \
{columns.tile}, {depth.tile}, {columns.tile}, {rows.tile});
            compute_preloaded({a} + {dim} * kk, 0xffffffff, {depth.tile}, {rows.tile}, {dim}, {dim});
          }}
        }}
      }}
      for (int jj = 0; jj < {columns.per_block}; jj++) {{
        mvout(&C[{dim} * i][{columns.step} * j + {dim} * jj], c + {dim} * jj, {columns.tile}, {rows.tile});
      }}
    }}
  }}
  fence();
}}
""")
