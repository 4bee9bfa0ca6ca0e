"""Writes the naive GEMM kernel: a plain loop nest that a search starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autocomp_kit.workloads._gemm import Gemm

__all__ = ["naive_gemm"]

_ACTIVATION = {False: "NO_ACTIVATION", True: "RELU"}


def naive_gemm(gemm: Gemm, *, dim: int, wide: int) -> str:
    """Return C text that computes one ``dim`` x ``wide * dim`` block of C after the other, reloading A and B each time.

    Parameters
    ----------
    gemm : Gemm
        The problem; sizes that are no multiple of ``dim`` get a shorter last tile.
    dim : int
        Rows and columns of the array.
    wide : int
        Most tiles that one mvin moves side by side.
    """
    m, n, k = gemm.m, gemm.n, gemm.k
    j_tiles, k_tiles = _tiles_per_block(n, dim, wide), _tiles_per_block(k, dim, wide)
    j_step, k_step = j_tiles * dim, k_tiles * dim
    j_blocks, k_blocks = -(-n // j_step), -(-k // k_step)

    # A short last tile is one tile wide by the choice of *_tiles, so one variable names its size.
    rows = str(dim) if m % dim == 0 else "rows"
    columns = str(dim) if n % dim == 0 else "columns"
    depth = str(dim) if k % dim == 0 else "depth"
    j_width = str(j_step) if n % dim == 0 else columns
    k_width = str(k_step) if k % dim == 0 else depth

    a_rows, b_rows = k_tiles * dim, k_tiles * j_tiles * dim
    # Every k block has its own place in the scratchpad while they fit; a very deep product uses one place again.
    places = k_blocks if k_blocks * (a_rows + b_rows) <= 8192 else 1
    a_place, b_place = (f" + {a_rows} * ko", f" + {b_rows} * ko") if places > 1 else ("", "")

    b_address, c_address = f"b{b_place} + {j_step} * kk", f"(c + {dim} * jj) | 0x40000000"

    lines = [
        f"// C[{m}][{n}] = A[{m}][{k}] x B[{k}][{n}], one {dim}x{j_step} block of C after the other;",
        "// A and B are loaded again for every block. mvin fills the accumulator, mvin2 moves A, mvin3 moves B.",
        gemm.signature + " {",
        "  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);",
        f"  config_ld({_bias_stride(gemm)}, 1.0f, {dim}, 0);",
        f"  config_ld({k}, 1.0f, {dim}, 1);",
        f"  config_ld({n}, 1.0f, {dim}, 2);",
        _config_st(gemm),
        "",
        "  const uint32_t a = 0;           // scratchpad rows of A",
        f"  const uint32_t b = {f'{places * a_rows};':<12} // scratchpad rows of B",
        "  const uint32_t c = 0x80000000;  // accumulator rows of C",
        "",
        f"  for (int i = 0; i < {-(-m // dim)}; i++) {{",
        *_short_tile("    ", rows, m, "i", dim),
        f"    for (int j = 0; j < {j_blocks}; j++) {{",
        *_short_tile("      ", columns, n, "j", dim),
        f"      for (int jj = 0; jj < {j_tiles}; jj++) {{",
        f"        mvin({_bias_address(gemm, dim, j_step)}, c + {dim} * jj, {columns}, {rows});",
        "      }",
        f"      for (int ko = 0; ko < {k_blocks}; ko++) {{",
        *_short_tile("        ", depth, k, "ko", dim),
        f"        mvin2(&A[{dim} * i][{k_step} * ko], a{a_place}, {k_width}, {rows});",
        f"        for (int kk = 0; kk < {k_tiles}; kk++) {{",
        f"          mvin3(&B[{k_step} * ko + {dim} * kk][{j_step} * j], {b_address}, {j_width}, {depth});",
        "        }",
        f"        for (int kk = 0; kk < {k_tiles}; kk++) {{",
        f"          for (int jj = 0; jj < {j_tiles}; jj++) {{",
        f"            preload({b_address} + {dim} * jj, {c_address}, {columns}, {depth}, {columns}, {rows});",
        f"            compute_preloaded(a{a_place} + {dim} * kk, 0xffffffff, {depth}, {rows}, {dim}, {dim});",
        "          }",
        "        }",
        "      }",
        f"      for (int jj = 0; jj < {j_tiles}; jj++) {{",
        f"        mvout(&C[{dim} * i][{j_step} * j + {dim} * jj], c + {dim} * jj, {columns}, {rows});",
        "      }",
        "    }",
        "  }",
        "  fence();",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _tiles_per_block(size: int, dim: int, wide: int) -> int:
    """Return the widest block of whole tiles that divides the size, or one tile if the last tile is short."""
    if size % dim:
        return 1
    return max(tiles for tiles in range(1, wide + 1) if size // dim % tiles == 0)


def _short_tile(indent: str, name: str, size: int, index: str, dim: int) -> list[str]:
    """Return the declaration of a tile's size if the last tile is shorter than the others."""
    if size % dim == 0:
        return []
    rest = f"{size} - {dim} * {index}"
    return [f"{indent}const int {name} = {rest} < {dim} ? {rest} : {dim};"]


def _bias_stride(gemm: Gemm) -> int:
    return 4 * gemm.n if gemm.bias == "matrix" else 0


def _bias_address(gemm: Gemm, dim: int, j_step: int) -> str:
    column = f"[{j_step} * j + {dim} * jj]"
    return {"none": "0", "row": f"&D[0]{column}", "matrix": f"&D[{dim} * i]{column}"}[gemm.bias]


def _config_st(gemm: Gemm) -> str:
    if gemm.scale == 1.0 and not gemm.relu:
        return f"  config_st({gemm.n});"
    return f"  gemmini_extended_config_st({gemm.n}, {_ACTIVATION[gemm.relu]}, {gemm.scale!r}f);"
