"""How the naive kernels cut a size into tiles of the array."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOTHING", "Tiles", "store_configuration", "without_nothing"]

NOTHING = "@"
"""Stands in a template for a line that this kernel does not need."""


@dataclass(frozen=True)
class Tiles:
    """One dimension of a problem, cut into blocks of ``per_block`` tiles of at most ``dim`` elements.

    A size that is no multiple of ``dim`` has blocks of one tile, the last of which is shorter; in C the variable
    ``name`` then holds the size of the present tile.
    """

    name: str
    index: str
    size: int
    dim: int
    wide: int = 1

    @property
    def exact(self) -> bool:
        """Whether all tiles are full."""
        return self.size % self.dim == 0

    @property
    def per_block(self) -> int:
        """Tiles side by side in one block: as many as ``wide`` allows and the size divides into."""
        if not self.exact:
            return 1
        return max(tiles for tiles in range(1, self.wide + 1) if self.size // self.dim % tiles == 0)

    @property
    def step(self) -> int:
        """Elements of a full block."""
        return self.per_block * self.dim

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.size // self.step)

    @property
    def tile(self) -> str:
        """C expression for the size of one tile."""
        return str(self.dim) if self.exact else self.name

    @property
    def block(self) -> str:
        """C expression for the size of one block."""
        return str(self.step) if self.exact else self.name

    @property
    def declaration(self) -> str:
        """C declaration of the size of the present tile, or :data:`NOTHING` if it never varies."""
        if self.exact:
            return NOTHING
        if self.blocks == 1:
            return f"const int {self.name} = {self.size};"
        rest = f"{self.size} - {self.dim} * {self.index}"
        return f"const int {self.name} = {rest} < {self.dim} ? {rest} : {self.dim};"


def without_nothing(text: str) -> str:
    """Return a text without the lines that hold only :data:`NOTHING`."""
    return "".join(line for line in text.splitlines(keepends=True) if line.strip() != NOTHING)


def store_configuration(stride: int, *, scale: float, relu: bool) -> str:
    """Return the C statement that configures mvout: rows ``stride`` bytes apart, scaled, maybe cut off below zero."""
    if scale == 1.0 and not relu:
        return f"config_st({stride});"
    return f"gemmini_extended_config_st({stride}, {'RELU' if relu else 'NO_ACTIVATION'}, {scale!r}f);"
