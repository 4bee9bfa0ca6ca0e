"""A second opinion on LOOP_CONV_WS: random convolutions, as commands and as sums over NumPy arrays.

The reference looks at tensors only, by their layouts in DRAM; it knows nothing of tiles or of local memory.
"""

from dataclasses import dataclass, field

import numpy as np

BASE = 0x8000_0000
INPUT, WEIGHTS, BIAS, OUTPUT = (BASE + offset for offset in (0x100, 0x8000, 0x18000, 0x1C000))
MEMORY_BYTES = 0x28000


@dataclass
class Convolution:
    """A whole convolution that one hardware loop does."""

    batches: int
    rows: int
    cols: int
    channels: int
    outputs: int
    kernel: int
    stride: int = 1
    pad: int = 0
    kernel_dilation: int = 1
    pool: tuple[int, int, int] | None = None  # size, stride, pad
    relu: bool = False
    bias: bool = True
    flags: set[str] = field(default_factory=set)

    def extent(self, size):
        """Return the pixels along a side as the kernel sees them, and of the result."""
        seen = 2 * size - 1 if "dilated" in self.flags else size
        return seen, (seen + 2 * self.pad - self.reach) // self.stride + 1

    @property
    def reach(self):
        return self.kernel_dilation * (self.kernel - 1) + 1

    def pooled(self, size):
        if self.pool is None:
            return size
        window, step, pad = self.pool
        return (size + 2 * pad - window) // step + 1

    def commands(self, *, dim):
        """Return the six commands that describe the loop, and the loop."""
        (seen_rows, out_rows), (seen_cols, out_cols) = self.extent(self.rows), self.extent(self.cols)
        lower, right = (
            max(0, out * self.stride + self.reach - 1 - self.pad - seen)
            for seen, out in ((seen_rows, out_rows), (seen_cols, out_cols))
        )
        window, step, pool_pad = self.pool or (0, 0, 0)
        pool_rows, pool_cols = self.pooled(out_rows), self.pooled(out_cols)
        pixels = min(dim // self.channels, self.kernel) if "pixels" in self.flags else 1
        names = ("rotated", "output_1203", "weight_1203", "weight_0132", "input_3120", "depthwise")
        flags = sum(1 << bit for bit, name in enumerate(names, start=1) if name in self.flags)
        dilated, downsample = "dilated" in self.flags, "downsample" in self.flags
        k, kd = self.kernel, self.kernel_dilation
        return [
            (
                16,
                self.outputs << 48 | self.channels << 32 | self.rows << 16 | self.batches,
                self.pad << 56 | self.stride << 48 | out_cols << 32 | pool_rows << 16 | out_rows,
            ),
            (
                17,
                k << 48 | pool_cols << 32 | window << 16 | step << 8 | pool_pad,
                self.batches << 48 | pool_rows << 32 | pool_cols << 16 | self.outputs,
            ),
            (
                18,
                k << 48 | k << 32 | self.channels << 16 | self.pad,
                right << 48 | self.pad << 32 | lower << 24 | pool_pad << 16 | self.cols,
            ),
            (
                19,
                out_rows << 48 | pool_pad << 32 | pool_pad << 21 | pool_pad << 10 | kd,
                self.channels << 48 | self.outputs << 32 | self.outputs << 16 | out_cols,
            ),
            (20, WEIGHTS, OUTPUT),
            (21, BIAS, INPUT),
            (
                15,
                pixels << 8 | flags | (not self.bias),
                self.relu << 3 | dilated << 2 | downsample << 1 | (self.pool is None),
            ),
        ]

    def result(self, memory, element, wide):
        """Return the sums, [batch, row, col, output] as float64 or exact int64, before scale and activation."""

        def tensor(address, dtype, *shape):
            count = int(np.prod(shape))
            first = address - BASE
            return memory[first : first + count * dtype.itemsize].view(dtype).reshape(shape).astype(exact)

        exact = np.float64 if element.kind == "f" else np.int64
        k, outputs, channels = self.kernel, self.outputs, self.channels
        if "input_3120" in self.flags:
            image = tensor(INPUT, element, channels, self.rows, self.cols, self.batches).transpose(3, 1, 2, 0)
        else:
            image = tensor(INPUT, element, self.batches, self.rows, self.cols, channels)
        if "weight_1203" in self.flags:
            weights = tensor(WEIGHTS, element, channels, k, k, outputs).transpose(1, 2, 0, 3)
        elif "weight_0132" in self.flags:
            weights = tensor(WEIGHTS, element, k, k, outputs, channels).transpose(0, 1, 3, 2)
        else:
            weights = tensor(WEIGHTS, element, k, k, channels, outputs)
        if "rotated" in self.flags:
            weights = weights[::-1, ::-1]
        if "dilated" in self.flags:
            holes = np.zeros((self.batches, 2 * self.rows - 1, 2 * self.cols - 1, channels), exact)
            holes[:, ::2, ::2] = image
            image = holes
        after = self.pad + self.stride + self.reach
        image = np.pad(image, ((0, 0), (self.pad, after), (self.pad, after), (0, 0)))
        out_rows, out_cols = self.extent(self.rows)[1], self.extent(self.cols)[1]
        sums = np.zeros((self.batches, out_rows, out_cols, outputs), exact)
        if self.bias:
            sums += tensor(BIAS, wide, outputs)
        for row in range(k):
            for col in range(k):
                top, left = row * self.kernel_dilation, col * self.kernel_dilation
                part = image[:, top : top + out_rows * self.stride, left : left + out_cols * self.stride]
                sums += part[:, :: self.stride, :: self.stride] @ weights[row, col]
        return sums

    def pool_of(self, elements):
        """Return the maxima of the windows, in which what lies outside the result counts as zero."""
        window, step, pad = self.pool
        padded = np.pad(elements, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        rows, cols = (self.pooled(size) for size in elements.shape[1:3])
        views = [
            padded[:, row : row + rows * step : step, col : col + cols * step : step][:, :rows, :cols]
            for row in range(window)
            for col in range(window)
        ]
        return np.max(views, axis=0)

    def output(self, elements):
        """Return the bytes that OUTPUT begins with."""
        if self.pool:
            elements = self.pool_of(elements)
        if "output_1203" in self.flags:
            elements = elements.transpose(1, 2, 0, 3)
        return np.ascontiguousarray(elements).reshape(-1).view(np.uint8)


def random_convolution(random, *, dim):
    """Return a convolution of a combination of features that software uses together."""
    kind = random.choice(("plain", "plain", "pool", "dilated", "transposed", "depthwise", "downsample", "pixels"))
    kernel = random.randrange(1, 4)
    made = Convolution(
        batches=random.randrange(1, 4),
        rows=random.randrange(3, 7),
        cols=random.randrange(3, 7),
        channels=random.randrange(1, 2 * dim + 2),
        outputs=random.randrange(1, 2 * dim + 2),
        kernel=kernel,
        stride=random.choice((1, 1, 2)),
        pad=random.randrange(min(kernel, 2)),
        kernel_dilation=1 if kernel == 3 else random.choice((1, 1, 2)),
        relu=random.randrange(2) == 0,
        bias=random.randrange(4) != 0,
    )
    flags = made.flags
    if random.randrange(4) == 0 and kind != "pixels":
        flags.add("rotated")
    if kind == "pool":
        made.pool = random.randrange(1, 3), random.randrange(1, 3), random.randrange(2)
    elif kind == "dilated":
        flags.add("dilated")
        made.stride = made.kernel_dilation = 1
    elif kind == "transposed":
        flags |= set(random.choice((("weight_1203",), ("weight_0132",), ("input_3120",), ("output_1203",))))
    elif kind == "depthwise":
        flags.add("depthwise")
        made.channels = made.outputs = 1
    elif kind == "downsample":
        flags.add("downsample")
        made.kernel, made.kernel_dilation, made.stride, made.pad = 1, 1, 2, 0
        made.rows, made.cols = random.choice((4, 6)), random.choice((4, 6))
    elif kind == "pixels":
        flags.add("pixels")
        made.channels = random.randrange(1, max(2, dim // 2 + 1))
        made.kernel_dilation = 1
    return made
