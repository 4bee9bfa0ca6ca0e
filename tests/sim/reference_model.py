"""A second opinion on what Gemmini commands do, in plain NumPy and Python, written from their description.

It shares no code and no structure with the engine: whole blocks are gathered by index arrays, integers are exact and
wrapped when they are stored, a hardware loop is a product of matrices, not a list of commands. Anything that
the accelerator would not do raises :class:`IllegalCommandError`.
"""

import math

import numpy as np

BASE = 0x8000_0000
GARBAGE = 0xFFFF_FFFF
STATISTICS = 4


class IllegalCommandError(Exception):
    """The command leaves a memory or is not one that the machine has."""


def field(word, low, width):
    return (int(word) >> low) & ((1 << width) - 1)


def wrap(values):
    """Wrap exact integers (any shape) to int32."""
    return np.asarray((np.asarray(values, object) + 2**31) % 2**32 - 2**31, np.int64)


def float_of(bits):
    return np.uint32(bits).view(np.float32)


def to_integer(value, bits=64):
    """Convert a float as an x86 processor does: towards zero; what does not fit becomes the smallest integer."""
    lowest = -(2 ** (bits - 1))
    if math.isnan(value) or math.isinf(value) or not lowest <= int(value) < -lowest:
        return lowest
    return int(value)


def scale_to_int8(value, scale):
    """Multiply, then round as Gemmini's header does, quirk included, then saturate."""
    with np.errstate(all="ignore"):
        product = np.float32(value) * scale
        above = np.float32(product - 1) if product < 0 else np.float32(product + 1)
    whole, following = to_integer(product), to_integer(above)
    rest = abs(float(product) - whole) if not math.isnan(product) else math.nan
    if rest < 0.5:
        result = whole
    elif rest > 0.5:
        result = following
    else:
        result = whole if whole % 2 == 0 else following
    return max(-128, min(127, result))


def shift_to_int8(value, shift):
    """Divide by a power of two, round half to even, saturate."""
    quotient, rest = divmod(int(value), 1 << shift)
    twice = 2 * rest
    if twice > 1 << shift or (twice == 1 << shift and quotient % 2):
        quotient += 1
    return max(-128, min(127, quotient))


def divide(dividend, divisor):
    """Divide integers towards zero."""
    quotient = abs(int(dividend)) // abs(int(divisor))
    return -quotient if (dividend < 0) != (divisor < 0) else quotient


def for_each(function, values, *arguments):
    values = np.asarray(values)
    flat = [function(value, *arguments) for value in values.reshape(-1)]
    return np.array(flat, np.int64).reshape(values.shape)


class Reference:
    """The accelerator with its memories; ``memory`` is uint8 and starts at BASE."""

    def __init__(self, *, dim, scratchpad_rows, accumulator_rows, floating, memory):
        self.dim = dim
        self.floating = floating
        self.element = np.dtype(np.float32 if floating else np.int8)
        self.wide = np.dtype(np.float32 if floating else np.int32)
        self.scratchpad = np.zeros((scratchpad_rows, dim), self.element)
        self.accumulator = np.zeros((accumulator_rows, dim), self.wide)
        self.memory = memory
        self.array = np.zeros((dim, dim), self.wide)
        one = float_of(0x3F80_0000)
        self.loads = [{"stride": 0, "block": 0, "shrunk": 0, "pixels": 1, "scale": one} for _ in range(3)]
        self.execute_config = {"ws": 0, "relu": 0, "at": 0, "bt": 0, "shift": 0}
        self.a_stride = self.c_stride = 0
        self.activation = 0
        self.store = {"stride": 0, "scale": one, "pool": 0}
        self.preloaded = self.output = 0
        self.norm = {"id": 0, "qb": 0, "qc": 0, "qln2": 0, "qln2_inv": 0}
        lowest = -(2.0**31) if floating else -(2**31)
        self.statistics = [
            {"reset": True, "sum": 0, "count": 0, "running": lowest, "max": 0, "mean": 0, "inv_dev": 0, "inv_sum": 0}
            for _ in range(STATISTICS)
        ]
        self.loop = {}

    # --- memories -----------------------------------------------------------------------------------------------

    def number(self, value):
        """Return a value as the accumulator keeps it between steps: exact wrapped int, or float32."""
        return np.float32(value) if self.floating else int(wrap(int(value)))

    def indices(self, address, rows, cols, stride, dtype):
        start = int(address) - BASE + np.arange(rows, dtype=object)[:, None] * int(stride)
        index = start[:, :, None] + (np.arange(cols)[:, None] * dtype.itemsize + np.arange(dtype.itemsize))
        if index.min() < 0 or index.max() >= self.memory.size:
            raise IllegalCommandError("memory")
        return index.astype(np.int64)

    def read(self, address, rows, cols, stride, dtype):
        return self.memory[self.indices(address, rows, cols, stride, dtype)].view(dtype)[:, :, 0]

    def write(self, address, values, stride):
        """Store rows one after the other, so that a later row wins where they overlap."""
        for row, line in enumerate(values):
            index = self.indices(address + row * stride, 1, line.size, 0, values.dtype)
            self.memory[index[0]] = line[:, None].view(np.uint8)

    def local(self, memory, rows):
        rows = np.asarray(rows)
        if rows.size and (rows.min() < 0 or rows.max() >= len(memory)):
            raise IllegalCommandError("local row")
        return rows

    def put(self, memory, row, columns, values, *, accumulate=False):
        self.local(memory, [row])
        old = memory[row, columns]
        if self.floating:
            memory[row, columns] = old + values if accumulate else values
        else:
            total = old.astype(object) + values if accumulate else np.asarray(values)
            memory[row, columns] = wrap(total) if memory.dtype == np.int32 else total

    # --- commands -----------------------------------------------------------------------------------------------

    def command(self, funct, rs1, rs2):
        rs1, rs2 = int(rs1) & (2**64 - 1), int(rs2) & (2**64 - 1)
        with np.errstate(all="ignore"):
            if funct == 0:
                (self.config_ex, self.config_ld, self.config_st, self.config_norm)[rs1 & 3](rs1, rs2)
            elif funct in {2, 1, 14}:
                self.mvin({2: 0, 1: 1, 14: 2}[funct], rs1, rs2)
            elif funct == 3:
                self.mvout(rs1, rs2)
            elif funct == 6:
                self.preloaded, self.output = rs1, rs2
            elif funct in {4, 5}:
                self.compute(rs1, rs2, fresh=funct == 4)
            elif funct == 8:
                self.loop_matmul(rs1, rs2)
            elif funct in range(9, 14):
                self.loop[funct] = (rs1, rs2)
            elif funct not in {7, 127}:
                raise IllegalCommandError("function")

    def config_ex(self, rs1, rs2):
        ws, at, bt = field(rs1, 2, 1), field(rs1, 8, 1), field(rs1, 9, 1)
        shift = field(rs2, 0, 32)
        if shift >= 32 or (ws and at and bt) or (not ws and not at and bt):
            raise IllegalCommandError("config_ex")
        self.a_stride, self.c_stride = field(rs1, 16, 16), field(rs2, 48, 16)
        if not field(rs1, 7, 1):
            self.execute_config = {"ws": ws, "relu": field(rs1, 3, 2) == 1, "at": at, "bt": bt, "shift": shift}

    def config_ld(self, rs1, rs2):
        which = field(rs1, 3, 2)
        if which == 3:
            raise IllegalCommandError("config_ld")
        stride = rs2 - 2**64 if rs2 >> 63 else rs2
        self.loads[which] = {
            "stride": stride,
            "block": field(rs1, 16, 16),
            "shrunk": field(rs1, 2, 1),
            "pixels": max(1, field(rs1, 8, 8)),
            "scale": float_of(field(rs1, 32, 32)),
        }

    def config_st(self, rs1, rs2):
        wanted = field(rs1, 2, 2)
        if wanted or self.activation != 4:
            self.activation = wanted
        names = ("pool", 4, 2), ("size", 6, 2), ("upper", 8, 2), ("left", 10, 2), ("out_dim", 24, 8)
        extents = ("porows", 32, 8), ("pocols", 40, 8), ("orows", 48, 8), ("ocols", 56, 8)
        self.store = {name: field(rs1, low, width) for name, low, width in (*names, *extents)}
        self.store |= {"stride": field(rs2, 0, 32), "scale": float_of(field(rs2, 32, 32))}

    def config_norm(self, rs1, rs2):
        which = field(rs1, 8, 8)
        activation = self.activation | field(rs1, 16, 1) << 2
        if which >= STATISTICS or (not field(rs1, 17, 1) and activation > 4):
            raise IllegalCommandError("config_norm")
        self.norm["id"] = which
        if not field(rs1, 17, 1):
            self.activation = activation
            self.norm["qb"], self.norm["qc"] = self.constant(field(rs2, 0, 32)), self.constant(field(rs2, 32, 32))
            self.norm["qln2_inv" if field(rs1, 18, 1) else "qln2"] = self.constant(field(rs1, 32, 32))

    def constant(self, bits):
        return np.float32(bits) if self.floating else int(wrap(bits))

    def mvin(self, which, address, target):
        load = self.loads[which]
        rows, cols = field(target, 48, 16), field(target, 32, 16)
        into_accumulator, accumulate = field(target, 31, 1), field(target, 30, 1) and field(target, 31, 1)
        memory = self.accumulator if into_accumulator else self.scratchpad
        if rows == 0 or cols == 0:
            return
        dtype = self.wide if into_accumulator and not load["shrunk"] else self.element
        if address == 0:
            block = np.zeros((rows, cols), dtype)
        else:
            block = self.read(address, rows, cols, load["stride"], dtype)
            if self.floating:
                block = block * load["scale"]
            elif dtype == np.int8:
                block = for_each(scale_to_int8, block, load["scale"])
        row_of = field(target, 0, 29) + np.arange(rows)[:, None] + np.arange(cols)[None, :] // self.dim * load["block"]
        self.local(memory, row_of)
        for row in range(rows):
            for first in range(0, cols, self.dim):
                line = block[row, first : first + self.dim]
                for pixel in range(min(load["pixels"], row_of[row, first] + 1)):
                    columns = np.arange(line.size) + pixel * cols
                    if columns[-1] >= self.dim:
                        raise IllegalCommandError("pixel repeat")
                    self.put(memory, row_of[row, first] - pixel, columns, line, accumulate=accumulate)

    def operand(self, word, stride, *, transposed):
        """Return a [dim, dim] operand with zeros around it."""
        rows, cols = min(field(word, 48, 16), self.dim), min(field(word, 32, 16), self.dim)
        block = np.zeros((self.dim, self.dim), self.wide)
        address = field(word, 0, 32)
        if address == GARBAGE or rows == 0 or cols == 0:
            return block
        row, col = np.arange(rows)[:, None], np.arange(cols)[None, :]
        if transposed:
            row, col = col, row
        block[:rows, :cols] = self.scratchpad[self.local(self.scratchpad, address + stride * row), col]
        return block

    def product(self, total, left, right):
        if not self.floating:
            return wrap(total.astype(object) + left.astype(np.int64) @ right.astype(np.int64))
        total = total.copy()
        for k in range(self.dim):
            total += left[:, k : k + 1] * right[k]
        return total

    def compute(self, left, right, *, fresh):
        config = self.execute_config
        if fresh:
            self.array = self.operand(self.preloaded, 1, transposed=config["ws"] and config["bt"])
        a = self.operand(left, self.a_stride, transposed=config["at"])
        other = self.operand(right, 1, transposed=config["bt"] and not config["ws"])
        if config["ws"]:
            results = self.product(other, a, self.array)
        else:
            results = self.array = self.product(self.array, a, other)
        address = field(self.output, 0, 32)
        rows, cols = field(self.output, 48, 16), field(self.output, 32, 16)
        if address == GARBAGE or rows == 0 or cols == 0:
            return
        if max(rows, cols) > self.dim:
            raise IllegalCommandError("output size")
        results = results[:rows, :cols]
        into_accumulator = field(address, 31, 1)
        if not into_accumulator:
            shift = 0 if config["ws"] else config["shift"]
            if self.floating:
                results = results / np.float32(1 << shift if shift < 31 else -(2**31))
            else:
                results = for_each(shift_to_int8, results, shift)
            if config["relu"]:
                results = np.where(results > 0, results, 0)
        memory = self.accumulator if into_accumulator else self.scratchpad
        where = field(address, 0, 29) + self.c_stride * np.arange(rows)
        self.local(memory, where)
        for row, line in zip(where, results, strict=True):
            self.put(memory, row, np.arange(cols), line, accumulate=into_accumulator and field(address, 30, 1))

    # --- stores -------------------------------------------------------------------------------------------------

    def mvout(self, address, source):
        if self.store["pool"]:
            self.pool(address, source)
            return
        rows, cols = field(source, 48, 16), field(source, 32, 16)
        if rows == 0 or cols == 0:
            return
        from_accumulator, full, command = field(source, 31, 1), field(source, 29, 1), field(source, 26, 3)
        memory = self.accumulator if from_accumulator else self.scratchpad
        column = np.arange(cols)
        where = field(source, 0, 26) + np.arange(rows)[:, None] + column // self.dim * self.dim
        values = memory[self.local(memory, where), column % self.dim]
        if from_accumulator:
            for row in range(rows):
                for first in range(0, cols, self.dim):
                    last = first + self.dim >= cols
                    self.gather(values[row, first : first + self.dim], command, last=last)
            if command:
                return
            values = self.activate(values)
            values = np.asarray(values, self.wide) if full else self.to_element(values)
        self.write(address, values, self.store["stride"])

    def to_element(self, values):
        scale = self.store["scale"]
        values = values * scale if self.floating else for_each(scale_to_int8, values, scale)
        if self.activation == 1:
            values = np.where(values > 0, values, 0)
        return values.astype(self.element)

    def pool(self, address, source):
        channels = field(source, 32, 16)
        if channels == 0:
            return
        if channels > self.dim:
            raise IllegalCommandError("channels")
        config = self.store
        memory = self.accumulator if field(source, 31, 1) else self.scratchpad
        lowest = np.float32(-3.4028235e38) if self.floating else -128
        for out_row in range(config["porows"]):
            for out_col in range(config["pocols"]):
                best = np.full(channels, lowest)
                for row in range(config["size"]):
                    for col in range(config["size"]):
                        y = out_row * config["pool"] + row - config["upper"]
                        x = out_col * config["pool"] + col - config["left"]
                        pixel = np.zeros(channels)
                        if 0 <= y < config["orows"] and 0 <= x < config["ocols"]:
                            where = field(source, 0, 26) + y * config["ocols"] + x
                            pixel = memory[self.local(memory, where), :channels]
                            if memory is self.accumulator:
                                pixel = self.to_element(pixel)
                        best = np.where(pixel > best, pixel, best)
                position = address + (out_row * config["out_dim"] + out_col) * config["stride"]
                self.write(position, best[None].astype(self.element), 0)

    # --- normalisation ------------------------------------------------------------------------------------------

    def iexp(self, q):
        norm = self.norm
        if self.floating:
            z = -q * norm["qln2_inv"] / np.float32(65536)
            base = q + z * norm["qln2"] + norm["qb"]
            return np.float32(float(base * base + norm["qc"]) / np.power(2.0, float(z)))
        z = self.number(-q * norm["qln2_inv"]) >> 16
        base = self.number(q + z * norm["qln2"] + norm["qb"])
        return self.number(base * base + norm["qc"]) >> (z & 31)

    def gather(self, values, command, *, last):  # noqa: C901 - one branch for each command
        """Add values to the statistics in force; commands 2, 4 and 7 end them, unless more of the row follows."""
        s = self.statistics[self.norm["id"]]
        ends = last and command in {2, 4, 7}
        if not last and command in {2, 4, 7}:
            command -= 1
        values = [np.float32(value) if self.floating else int(value) for value in values]
        if s["reset"]:
            lowest = -(2.0**31) if self.floating else -(2**31)
            s |= {"sum": self.number(0), "count": self.number(0), "running": lowest}
        s["reset"] = command in {0, 2, 4}
        for value in values:
            if command in {1, 2}:
                s["sum"] = self.number(s["sum"] + value)
            elif command in {3, 4}:
                distance = self.number(value - s["mean"])
                s["sum"] = self.number(s["sum"] + self.number(distance * distance))
            elif command == 5 and value > s["running"]:
                s["running"] = value
        if command in {1, 2, 3, 4}:
            s["count"] = self.number(s["count"] + len(values))
        if command in {6, 7}:
            s["max"] = s["running"]
            for value in values:
                s["sum"] = self.number(s["sum"] + self.iexp(self.number(value - s["max"])))
        if ends:
            self.end(s, command)

    def end(self, s, command):
        """Turn sums into a mean (2), an inverse standard deviation (4) or an inverse sum of exponentials (7)."""
        if command == 2:
            s["mean"] = s["sum"] / s["count"] if self.floating else divide(s["sum"], s["count"])
        elif command == 4:
            variance = s["sum"] / s["count"] if self.floating else divide(s["sum"], s["count"])
            deviation = np.sqrt(np.float64(variance))
            if not self.floating:
                deviation = to_integer(float(deviation), 32)
            s["inv_dev"] = np.float32(1) / np.float32(1 if variance == 0 else deviation)
        else:
            s["running"] = -(2.0**31) if self.floating else -(2**31)
            s["inv_sum"] = np.float32(127) / np.float32(s["sum"])

    def activate(self, values):
        """Return values after layernorm, igelu or softmax."""
        if self.activation <= 1:
            return values
        s = self.statistics[self.norm["id"]]
        result = np.zeros(values.shape, np.float32 if self.floating else np.int64)
        for index, raw in np.ndenumerate(values):
            value = np.float32(raw) if self.floating else int(raw)
            if self.activation == 3:
                result[index] = self.igelu(value)
            elif self.activation == 2:
                distance = self.number(value - s["mean"])
                scaled = np.float32(distance) * np.float32(s["inv_dev"])
                result[index] = scaled if self.floating else to_integer(float(scaled), 32)
            else:
                exponential = self.iexp(self.number(value - s["max"]))
                if self.floating:
                    result[index] = exponential * np.float32(s["inv_sum"])
                else:
                    result[index] = scale_to_int8(exponential, np.float32(s["inv_sum"]))
        return result

    def igelu(self, q):
        qb, qc = self.norm["qb"], self.norm["qc"]
        limit, magnitude = self.number(-qb), self.number(abs(q))
        magnitude = min(magnitude, limit)
        base = self.number(magnitude + qb)
        polynomial = self.number(self.number(base * base) + qc)
        if q < 0:
            polynomial = self.number(-polynomial)
        return self.number(q * self.number(polynomial + qc))

    # --- the hardware loop over a matrix product ----------------------------------------------------------------

    def loop_matmul(self, rs1, rs2):  # noqa: C901, PLR0912 - six operands, each with its own layout
        """``C = D + A B`` block by block, each operand in its place in local memory."""
        zero = (0, 0)
        pads, sizes = self.loop.get(9, zero)
        a_address, b_address = self.loop.get(10, zero)
        d_address, c_address = self.loop.get(11, zero)
        a_stride, b_stride = self.loop.get(12, zero)
        d_stride, c_stride = self.loop.get(13, zero)
        size_i, size_j, size_k = (field(sizes, low, 16) for low in (0, 16, 32))
        pad_i, pad_j, pad_k = (field(pads, low, 16) for low in (0, 16, 32))
        dim, half = self.dim, len(self.scratchpad) // 2
        if (size_i + size_j) * size_k * dim > half or size_i * size_j * dim * 2 > len(self.accumulator):
            raise IllegalCommandError("loop")

        def extent(block, size, pad):
            return dim - (pad if block == size - 1 else 0)

        def word(address, rows, cols):
            return rows << 48 | cols << 32 | address

        full, narrow_d, activation = field(rs1, 1, 1), field(rs1, 2, 1), field(rs1, 8, 3)
        at, bt, residual = field(rs2, 0, 1), field(rs2, 1, 1), field(rs2, 2, 1)
        element, wide = self.element.itemsize, self.wide.itemsize
        out_size = wide if full else element

        def result(i, j):
            return 0xC000_0000 | full << 29 | (i * size_j + j) * dim

        def store(i, j, row=0, rows=None, command=0):
            address = c_address + (i * c_stride + j) * dim * out_size + row * c_stride * out_size
            rows = extent(i, size_i, pad_i) if rows is None else rows
            self.mvout(address, word(result(i, j) + row | command << 26, rows, extent(j, size_j, pad_j)))

        blocks = [(i, j) for i in range(size_i) for j in range(size_j)]
        if residual:
            for i, j in blocks:
                shape = extent(i, size_i, pad_i), extent(j, size_j, pad_j)
                place = (i * size_j + j) * dim
                self.mvin(0, a_address + (i * a_stride + j) * dim * element, word(1 << 31 | place, *shape))
                self.mvin(1, b_address + (i * b_stride + j) * dim * element, word(3 << 30 | place, *shape))
                if c_address:
                    store(i, j)
            return

        a_start = half if field(rs1, 18, 2) == 2 else 0
        b_start = (2 * half if field(rs1, 16, 2) == 2 else half) - size_k * size_j * dim
        for i, j in blocks if d_address else ():
            address = d_address + (i * d_stride + j) * dim * (element if narrow_d else wide)
            target = word(1 << 31 | (i * size_j + j) * dim, extent(i, size_i, pad_i), extent(j, size_j, pad_j))
            self.mvin(2, address, target)
        for k in range(size_k):
            depth = extent(k, size_k, pad_k)
            for j in range(size_j):
                width = extent(j, size_j, pad_j)
                for i in range(size_i):
                    height = extent(i, size_i, pad_i)
                    a_place = a_start + (k * size_i + i if at else i * size_k + k) * dim
                    b_place = b_start + (j * size_k + k if bt else k * size_j + j) * dim
                    if j == 0 and a_address:
                        position = k * a_stride + i if at else i * a_stride + k
                        shape = (depth, height) if at else (height, depth)
                        self.mvin(0, a_address + position * dim * element, word(a_place, *shape))
                    if i == 0 and b_address:
                        position = j * b_stride + k if bt else k * b_stride + j
                        shape = (width, depth) if bt else (depth, width)
                        self.mvin(1, b_address + position * dim * element, word(b_place, *shape))
                    overwrite = k == 0 and not field(rs1, 0, 1)
                    self.preloaded = word(b_place if i == 0 else GARBAGE, depth, width)
                    self.output = word(result(i, j) & ~(1 << 30) if overwrite else result(i, j), height, width)
                    self.compute(word(a_place, height, depth), word(GARBAGE, dim, dim), fresh=i == 0)
                    if k < size_k - 1 or not c_address:
                        continue
                    if activation not in {2, 4}:
                        store(i, j)
                    elif j == size_j - 1:
                        self.store_normalized(size_j, height, store, i, softmax=activation == 4)

    def store_normalized(self, size_j, rows, store, i, *, softmax):
        """Gather statistics of whole rows, a few rows at a time, then store them."""
        passes = ((5, 5), (6, 7), (0, 0)) if softmax else ((1, 2), (3, 4), (0, 0))
        for first in range(0, rows, STATISTICS):
            for others, last in passes:
                for row in range(first, min(first + STATISTICS, rows)):
                    self.norm["id"] = row - first
                    for j in range(size_j):
                        store(i, j, row, 1, last if j == size_j - 1 else others)
