"""Writes the naive convolution kernel: a plain loop nest that a search starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autocomp_kit.workloads._tiles import Tiles, store_configuration, without_nothing

if TYPE_CHECKING:
    from autocomp_kit.workloads._conv import Conv

__all__ = ["naive_conv"]


def naive_conv(conv: Conv, *, dim: int, wide: int) -> str:
    """Return C text that computes a few neighbouring pixels of the output after the other.

    Parameters
    ----------
    conv : Conv
        The problem; sizes that are no multiple of ``dim`` get a shorter last tile.
    dim : int
        Rows and columns of the array, and most pixels at a time.
    wide : int
        Most tiles that one mvin moves side by side.
    """
    pixels = Tiles("pixels", "q", conv.columns, dim)
    outs = Tiles("outs", "k", conv.out_channels, dim, wide)
    ins = Tiles("ins", "c", conv.in_channels, dim, wide)
    stride = f"{conv.stride} * " if conv.stride > 1 else ""
    return without_nothing(f"""\
// A {conv.window}x{conv.window} convolution, {min(dim, conv.columns)} pixels and {outs.step} channels of the output \
at a time.
// Weights and pixels are loaded again for every block. mvin fills the accumulator, mvin2 moves weights, mvin3 pixels.
{conv.signature} {{
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(0, 1.0f, {dim}, 0);
  config_ld({conv.out_channels}, 1.0f, {dim}, 1);
  config_ld({conv.stride * conv.in_channels}, 1.0f, {dim}, 2);
  {store_configuration(conv.out_channels, scale=conv.scale, relu=conv.relu)}

  const uint32_t x = 0;           // scratchpad rows of pixels
  const uint32_t w = {f"{ins.step};":<12} // scratchpad rows of weights
  const uint32_t y = 0x80000000;  // accumulator rows of the output

  for (int n = 0; n < {conv.batch}; n++) {{
    for (int p = 0; p < {conv.rows}; p++) {{
      for (int q = 0; q < {pixels.blocks}; q++) {{
        {pixels.declaration}
        for (int k = 0; k < {outs.blocks}; k++) {{
          {outs.declaration}
          for (int kk = 0; kk < {outs.per_block}; kk++) {{
            mvin(&bias[0][{outs.step} * k + {dim} * kk], y + {dim} * kk, {outs.tile}, {pixels.tile});
          }}
          for (int r = 0; r < {conv.window}; r++) {{
            for (int s = 0; s < {conv.window}; s++) {{
              for (int c = 0; c < {ins.blocks}; c++) {{
                {ins.declaration}
                for (int cc = 0; cc < {ins.per_block}; cc++) {{
                  mvin2(&weights[r][s][{ins.step} * c + {dim} * cc][{outs.step} * k], w + {outs.step} * cc, \
{outs.block}, {ins.tile});
                }}
                mvin3(&inp[n][{stride}p + r][{stride}{dim} * q + s][{ins.step} * c], x, {ins.block}, {pixels.tile});
                for (int cc = 0; cc < {ins.per_block}; cc++) {{
                  for (int kk = 0; kk < {outs.per_block}; kk++) {{
                    preload(w + {outs.step} * cc + {dim} * kk, (y + {dim} * kk) | 0x40000000, \
{outs.tile}, {ins.tile}, {outs.tile}, {pixels.tile});
                    compute_preloaded(x + {dim} * cc, 0xffffffff, {ins.tile}, {pixels.tile}, {dim}, {dim});
                  }}
                }}
              }}
            }}
          }}
          for (int kk = 0; kk < {outs.per_block}; kk++) {{
            mvout(&output[n][p][{dim} * q][{outs.step} * k + {dim} * kk], y + {dim} * kk, {outs.tile}, {pixels.tile});
          }}
        }}
      }}
    }}
  }}
  fence();
}}
""")
