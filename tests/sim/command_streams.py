"""Random legal command streams for the accelerator.

Anything with the methods of :class:`random.Random` can drive a stream, Hypothesis's ``randoms`` included, so that a
failing stream shrinks. Few rows and few addresses are used, so that commands meet each other's data.
"""

import struct

BASE = 0x8000_0000
GARBAGE = 0xFFFF_FFFF
SCALES = (1.0, 0.5, 1 / 3, -1.0, 0.0, 2.0**-10, 117.3, 3e38, float("inf"), float("nan"), 0.99999994)


def float_bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def operand(address, rows, cols):
    return rows << 48 | cols << 32 | address


class CommandStream:
    """Generates ``(funct, rs1, rs2)``; remembers the configuration that decides what is legal next."""

    def __init__(self, random, *, dim, scratchpad_rows, accumulator_rows, memory_bytes, floating):
        self.random = random
        self.dim = dim
        self.scratchpad_rows = scratchpad_rows
        self.accumulator_rows = accumulator_rows
        self.memory_bytes = memory_bytes
        self.element = 4 if floating else 1
        self.floating = floating
        self.loads = [[0, 0, 0, 1] for _ in range(3)]  # stride, block stride, shrunk, pixels
        self.store_stride = 0
        self.pool = None
        self.a_stride = self.c_stride = 0
        self.ws = self.a_transpose = 0
        self.softmax = False

    def commands(self, count):
        """Return ``count`` commands or a few more, after a configuration of everything."""
        result = [self.config_ex(), *(self.config_ld(which) for which in range(3)), self.config_st()]
        makers = [self.mvin] * 5 + [self.pair] * 6 + [self.mvout] * 4 + [self.loop] * 2
        makers += [self.config_ex, self.config_st, self.config_norm]
        makers += [lambda: self.config_ld(self.random.randrange(3)), lambda: (7, 0, 0), lambda: (127, 0, 0)]
        while len(result) < count:
            made = self.random.choice(makers)()
            result.extend(made if isinstance(made, list) else [made])
        return result

    # --- places ---------------------------------------------------------------------------------------------------

    def row(self, rows, span):
        """Return a first row so that ``span`` rows exist: mostly near the start, sometimes at the very end."""
        last = rows - span
        return last if self.random.randrange(8) == 0 else self.random.randrange(min(4 * self.dim, last + 1))

    def address(self, rows, stride, row_bytes):
        """Return a DRAM address for rows that all lie in memory, or None if there is none."""
        reach = (rows - 1) * stride
        low, high = max(0, -reach), self.memory_bytes - row_bytes - max(0, reach)
        if low > high:
            return None
        step = 4 if self.floating else 1
        first = -(-low // step)
        return BASE + self.random.randrange(first, high // step + 1) * step if high // step >= first else None

    def stride(self):
        small = self.random.choice((0, self.dim, 4 * self.dim, self.random.randrange(100)))
        return self.random.choice((1, 1, 1, -1)) * small * self.element

    def extent(self):
        return self.dim if self.random.randrange(2) else self.random.randrange(1, self.dim + 1)

    # --- configuration --------------------------------------------------------------------------------------------

    def config_ex(self):
        self.ws = self.random.randrange(4) != 0
        at, bt = self.random.choice(((0, 0), (0, 0), (1, 0), (0, 1) if self.ws else (1, 1)))
        self.a_stride, self.c_stride = (self.random.choice((1, 1, 1, 0, 2, 3)) for _ in range(2))
        shift = self.random.choice((0, 0, 1, 2, 7, 31))
        relu = self.random.randrange(4)
        only = self.random.randrange(6) == 0
        rs1 = self.ws << 2 | relu << 3 | only << 7 | at << 8 | bt << 9 | self.a_stride << 16
        return 0, rs1, self.c_stride << 48 | shift

    def config_ld(self, which):
        pixels = self.random.choice((0, 1, 1, 1, 2, 3))
        block = self.random.choice((self.dim, self.dim, 1, 0, 2 * self.dim + 1))
        shrunk = self.random.randrange(2)
        stride = self.stride()
        self.loads[which] = [stride, block, shrunk, max(pixels, 1)]
        scale = float_bits(self.random.choice(SCALES[:4] if self.floating else SCALES))
        return 0, scale << 32 | block << 16 | pixels << 8 | which << 3 | shrunk << 2 | 1, stride & (2**64 - 1)

    def config_st(self):
        self.store_stride = abs(self.stride())
        activation = self.random.choice((0, 0, 1, 1, 2, 3))
        self.softmax = self.softmax and activation == 0
        self.activation = 4 if self.softmax else activation
        rs1 = activation << 2 | 2
        self.pool = None
        if self.random.randrange(5) == 0:
            rows, cols = self.random.randrange(1, 5), self.random.randrange(1, 5)
            out_rows, out_cols = self.random.randrange(3), self.random.randrange(1, 3)
            out_dim = self.random.randrange(4)
            self.pool = rows * cols, out_rows, out_cols, out_dim
            pads = self.random.randrange(4) << 8 | self.random.randrange(4) << 10
            rs1 |= self.random.randrange(1, 4) << 4 | self.random.randrange(4) << 6 | pads
            rs1 |= out_dim << 24 | out_rows << 32 | out_cols << 40 | rows << 48 | cols << 56
        scale = float_bits(self.random.choice(SCALES[:4] if self.floating else SCALES))
        return 0, rs1, scale << 32 | self.store_stride

    def config_norm(self):
        which = self.random.randrange(4)
        if self.random.randrange(2):
            return 0, 1 << 17 | which << 8 | 3, 0
        most_significant = self.activation in {0, 4} and self.random.randrange(3) == 0
        if most_significant:
            self.softmax = True
            self.activation = 4
        constants = [self.random.choice((self.random.getrandbits(32), self.random.randrange(4000))) for _ in range(3)]
        rs1 = constants[0] << 32 | self.random.randrange(2) << 18 | most_significant << 16 | which << 8 | 3
        return 0, rs1, constants[1] << 32 | constants[2]

    # --- moves and computes ---------------------------------------------------------------------------------------

    def mvin(self):
        which = self.random.randrange(3)
        stride, block, shrunk, pixels = self.loads[which]
        rows, cols = self.extent(), self.random.choice((self.extent(), self.random.randrange(1, 4 * self.dim + 1)))
        into_accumulator = self.random.randrange(2)
        if pixels > 1:
            cols = self.random.randrange(1, self.dim // pixels + 1) if pixels <= self.dim else 1
        span = rows + (cols - 1) // self.dim * block
        limit = self.accumulator_rows if into_accumulator else self.scratchpad_rows
        row_bytes = cols * (4 if into_accumulator and not shrunk else self.element)
        address = self.address(rows, stride, row_bytes)
        if address is None or self.random.randrange(8) == 0:
            address = 0
        flags = into_accumulator << 31 | self.random.randrange(2) << 30 | self.random.randrange(2) << 29
        target = operand(self.row(limit, span) | flags, rows, cols)
        return {0: 2, 1: 1, 2: 14}[which], address, target

    def mvout(self):
        from_accumulator = self.random.randrange(3) != 0
        limit = self.accumulator_rows if from_accumulator else self.scratchpad_rows
        full = self.random.randrange(3) == 0
        flags = from_accumulator << 31 | self.random.randrange(2) << 30 | full << 29
        if self.pool:
            pixels, out_rows, out_cols, out_dim = self.pool
            channels = self.extent()
            reach = max(0, (out_rows - 1) * out_dim + out_cols - 1)
            address = self.address(reach + 1, self.store_stride, channels * self.element)
            if address is None:
                return self.config_st()
            return 3, address, operand(self.row(limit, pixels) | flags, self.extent(), channels)
        command = self.random.randrange(8) if self.random.randrange(4) == 0 else 0
        rows, cols = self.extent(), self.random.choice((self.extent(), self.random.randrange(1, 3 * self.dim + 1)))
        span = rows + (cols - 1) // self.dim * self.dim
        row_bytes = cols * (4 if from_accumulator and full else self.element)
        address = self.address(rows, self.store_stride, row_bytes)
        if address is None:
            return self.config_st()
        return 3, address, operand(self.row(limit, span) | command << 26 | flags, rows, cols)

    def scratchpad_operand(self, stride=1):
        """Return a local operand that lies in the scratchpad, whichever way it is transposed, or is garbage."""
        rows, cols = self.random.choice((self.extent(), 0, self.dim + 3)), self.extent()
        if self.random.randrange(5) == 0:
            return operand(GARBAGE, rows, cols)
        return operand(self.row(self.scratchpad_rows, (self.dim - 1) * stride + 1), rows, cols)

    def pair(self):
        """Return a preload and a compute, or two computes after one preload."""
        rows, cols = self.extent(), self.extent()
        into_accumulator = self.random.randrange(3) != 0
        limit = self.accumulator_rows if into_accumulator else self.scratchpad_rows
        output = self.row(limit, (rows - 1) * self.c_stride + 1)
        output |= into_accumulator << 31 | self.random.randrange(2) << 30
        if self.random.randrange(8) == 0:
            output = GARBAGE
        commands = [(6, self.scratchpad_operand(), operand(output, rows, cols))]
        for _ in range(self.random.choice((1, 1, 2))):
            left = self.scratchpad_operand(self.a_stride)
            if left & GARBAGE == GARBAGE:
                left = 0  # what a garbage A means is not defined
            commands.append((self.random.choice((4, 4, 5)), left, self.scratchpad_operand()))
        return commands

    # --- hardware loops -------------------------------------------------------------------------------------------

    def loop(self):
        """Return a LOOP_WS with its configuration, including loads, stores and strides of the array that suit it."""
        sizes = [self.random.randrange(1, 4) for _ in range(3)]
        tiles = self.accumulator_rows // self.dim // 2, self.scratchpad_rows // self.dim // 2
        size_i, size_j, size_k = sizes
        if size_i * size_j > tiles[0] or (size_i + size_j) * size_k > tiles[1]:
            sizes = size_i, size_j, size_k = 1, 1, 1
        pads = [self.random.choice((0, self.random.randrange(self.dim))) for _ in range(3)]
        full, low_d, accumulate, residual = (self.random.randrange(3) == 0 for _ in range(4))
        at, bt = self.random.choice(((0, 0), (0, 0), (1, 0), (0, 1)))
        activation = self.random.choice((0, 1, 2, 3, 4))
        spad_ids = self.random.choice((0, 0, 2)) << 18 | self.random.choice((0, 0, 2)) << 16

        side = 3 * self.dim
        strides = [self.dim * self.random.choice((0, 1, 3)) for _ in range(4)]  # of A, B, D, C, in elements
        bytes_each = [self.element, self.element, self.element if low_d else 4, 4 if full else self.element]
        addresses = []
        for stride, size in zip(strides, bytes_each, strict=True):
            address = self.address(side, stride * size, side * size)
            nothing = address is None or (self.random.randrange(5) == 0 and (len(addresses) > 1 or not residual))
            addresses.append(0 if nothing else address)
        commands = [(0, 1 << 2 | 1 << 16 | at << 8 | bt << 9, 1 << 48)]
        self.ws, self.a_stride, self.c_stride = 1, 1, 1
        for which, operand_index in ((0, 0), (1, 1), (2, 2)):
            stride = strides[operand_index] * bytes_each[operand_index]
            shrunk = int(residual or low_d)
            self.loads[which] = [stride, self.dim, shrunk, 1]
            rs1 = float_bits(1.0) << 32 | self.dim << 16 | 1 << 8 | which << 3 | shrunk << 2 | 1
            commands.append((0, rs1, stride))
        self.store_stride = strides[3] * bytes_each[3]
        self.pool = None
        wanted = activation & 3
        self.softmax = self.softmax and wanted == 0
        self.activation = 4 if self.softmax else wanted
        commands.append((0, wanted << 2 | 2, float_bits(0.25) << 32 | self.store_stride))
        pack = [values[0] | values[1] << 16 | values[2] << 32 for values in (pads, sizes)]
        commands += [
            (9, *pack),
            (10, addresses[0], addresses[1]),
            (11, addresses[2], addresses[3]),
            (12, strides[0], strides[1]),
            (13, strides[2], strides[3]),
            (8, accumulate | full << 1 | low_d << 2 | activation << 8 | spad_ids, at | bt << 1 | residual << 2),
        ]
        return commands
