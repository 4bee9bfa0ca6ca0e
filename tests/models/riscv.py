"""RV64IMAFDC in plain Python, one instruction at a time: the second opinion on the simulator's core.

Written from the ISA manual as tables of bit patterns, sharing nothing with the decoder under test. Machine mode only.
"""

from __future__ import annotations

from fractions import Fraction

from tests.models import ieee
from tests.models.ieee import DOUBLE, SINGLE

BASE = 0x8000_0000
MASK = (1 << 64) - 1

# Fields: d, s, t, u are rd, rs1, rs2, rs3; d', s', t' their three-bit forms; m a rounding mode; iN is bit N of the
# immediate, iN:M bits N down to M. The immediate is sign-extended from its highest bit unless the name is marked `*`.
_TABLE = """
lui        i31:12 d 0110111
auipc      i31:12 d 0010111
jal        i20 i10:1 i11 i19:12 d 1101111
jalr       i11:0 s 000 d 1100111
beq        i12 i10:5 t s 000 i4:1 i11 1100011
bne        i12 i10:5 t s 001 i4:1 i11 1100011
blt        i12 i10:5 t s 100 i4:1 i11 1100011
bge        i12 i10:5 t s 101 i4:1 i11 1100011
bltu       i12 i10:5 t s 110 i4:1 i11 1100011
bgeu       i12 i10:5 t s 111 i4:1 i11 1100011
lb         i11:0 s 000 d 0000011
lh         i11:0 s 001 d 0000011
lw         i11:0 s 010 d 0000011
ld         i11:0 s 011 d 0000011
lbu        i11:0 s 100 d 0000011
lhu        i11:0 s 101 d 0000011
lwu        i11:0 s 110 d 0000011
sb         i11:5 t s 000 i4:0 0100011
sh         i11:5 t s 001 i4:0 0100011
sw         i11:5 t s 010 i4:0 0100011
sd         i11:5 t s 011 i4:0 0100011
addi       i11:0 s 000 d 0010011
slti       i11:0 s 010 d 0010011
sltiu      i11:0 s 011 d 0010011
xori       i11:0 s 100 d 0010011
ori        i11:0 s 110 d 0010011
andi       i11:0 s 111 d 0010011
slli*      000000 i5:0 s 001 d 0010011
srli*      000000 i5:0 s 101 d 0010011
srai*      010000 i5:0 s 101 d 0010011
addiw      i11:0 s 000 d 0011011
slliw*     0000000 i4:0 s 001 d 0011011
srliw*     0000000 i4:0 s 101 d 0011011
sraiw*     0100000 i4:0 s 101 d 0011011
add        0000000 t s 000 d 0110011
sub        0100000 t s 000 d 0110011
sll        0000000 t s 001 d 0110011
slt        0000000 t s 010 d 0110011
sltu       0000000 t s 011 d 0110011
xor        0000000 t s 100 d 0110011
srl        0000000 t s 101 d 0110011
sra        0100000 t s 101 d 0110011
or         0000000 t s 110 d 0110011
and        0000000 t s 111 d 0110011
addw       0000000 t s 000 d 0111011
subw       0100000 t s 000 d 0111011
sllw       0000000 t s 001 d 0111011
srlw       0000000 t s 101 d 0111011
sraw       0100000 t s 101 d 0111011
mul        0000001 t s 000 d 0110011
mulh       0000001 t s 001 d 0110011
mulhsu     0000001 t s 010 d 0110011
mulhu      0000001 t s 011 d 0110011
div        0000001 t s 100 d 0110011
divu       0000001 t s 101 d 0110011
rem        0000001 t s 110 d 0110011
remu       0000001 t s 111 d 0110011
mulw       0000001 t s 000 d 0111011
divw       0000001 t s 100 d 0111011
divuw      0000001 t s 101 d 0111011
remw       0000001 t s 110 d 0111011
remuw      0000001 t s 111 d 0111011
fence      ............ ..... 000 ..... 0001111
fence.i    ............ ..... 001 ..... 0001111
ecall      000000000000 00000 000 00000 1110011
ebreak     000000000001 00000 000 00000 1110011
wfi        000100000101 00000 000 00000 1110011
csrrw*     i11:0 s 001 d 1110011
csrrs*     i11:0 s 010 d 1110011
csrrc*     i11:0 s 011 d 1110011
csrrwi*    i11:0 s 101 d 1110011
csrrsi*    i11:0 s 110 d 1110011
csrrci*    i11:0 s 111 d 1110011
lr.w       00010 .. 00000 s 010 d 0101111
lr.d       00010 .. 00000 s 011 d 0101111
sc.w       00011 .. t s 010 d 0101111
sc.d       00011 .. t s 011 d 0101111
amoswap.w  00001 .. t s 010 d 0101111
amoadd.w   00000 .. t s 010 d 0101111
amoxor.w   00100 .. t s 010 d 0101111
amoand.w   01100 .. t s 010 d 0101111
amoor.w    01000 .. t s 010 d 0101111
amomin.w   10000 .. t s 010 d 0101111
amomax.w   10100 .. t s 010 d 0101111
amominu.w  11000 .. t s 010 d 0101111
amomaxu.w  11100 .. t s 010 d 0101111
amoswap.d  00001 .. t s 011 d 0101111
amoadd.d   00000 .. t s 011 d 0101111
amoxor.d   00100 .. t s 011 d 0101111
amoand.d   01100 .. t s 011 d 0101111
amoor.d    01000 .. t s 011 d 0101111
amomin.d   10000 .. t s 011 d 0101111
amomax.d   10100 .. t s 011 d 0101111
amominu.d  11000 .. t s 011 d 0101111
amomaxu.d  11100 .. t s 011 d 0101111
flw        i11:0 s 010 d 0000111
fld        i11:0 s 011 d 0000111
fsw        i11:5 t s 010 i4:0 0100111
fsd        i11:5 t s 011 i4:0 0100111
c.addi4spn* 000 i5:4 i9:6 i2 i3 d' 00
c.fld*     001 i5:3 s' i7:6 d' 00
c.lw*      010 i5:3 s' i2 i6 d' 00
c.ld*      011 i5:3 s' i7:6 d' 00
c.fsd*     101 i5:3 s' i7:6 t' 00
c.sw*      110 i5:3 s' i2 i6 t' 00
c.sd*      111 i5:3 s' i7:6 t' 00
c.addi     000 i5 d i4:0 01
c.addiw    001 i5 d i4:0 01
c.li       010 i5 d i4:0 01
c.addi16sp 011 i9 00010 i4 i6 i8:7 i5 01
c.lui      011 i17 d i16:12 01
c.srli*    100 i5 00 d' i4:0 01
c.srai*    100 i5 01 d' i4:0 01
c.andi     100 i5 10 d' i4:0 01
c.sub      100 0 11 d' 00 t' 01
c.xor      100 0 11 d' 01 t' 01
c.or       100 0 11 d' 10 t' 01
c.and      100 0 11 d' 11 t' 01
c.subw     100 1 11 d' 00 t' 01
c.addw     100 1 11 d' 01 t' 01
c.j        101 i11 i4 i9:8 i10 i6 i7 i3:1 i5 01
c.beqz     110 i8 i4:3 s' i7:6 i2:1 i5 01
c.bnez     111 i8 i4:3 s' i7:6 i2:1 i5 01
c.slli*    000 i5 d i4:0 10
c.fldsp*   001 i5 d i4:3 i8:6 10
c.lwsp*    010 i5 d i4:2 i7:6 10
c.ldsp*    011 i5 d i4:3 i8:6 10
c.jr       100 0 s 00000 10
c.mv       100 0 d t 10
c.ebreak   100 1 00000 00000 10
c.jalr     100 1 s 00000 10
c.add      100 1 d t 10
c.fsdsp*   101 i5:3 i8:6 t 10
c.swsp*    110 i5:2 i7:6 t 10
c.sdsp*    111 i5:3 i8:6 t 10
"""

_FLOAT_TABLE = """
fmadd.F    u 0W t s m d 1000011
fmsub.F    u 0W t s m d 1000111
fnmsub.F   u 0W t s m d 1001011
fnmadd.F   u 0W t s m d 1001111
fadd.F     000000W t s m d 1010011
fsub.F     000010W t s m d 1010011
fmul.F     000100W t s m d 1010011
fdiv.F     000110W t s m d 1010011
fsqrt.F    010110W 00000 s m d 1010011
fsgnj.F    001000W t s 000 d 1010011
fsgnjn.F   001000W t s 001 d 1010011
fsgnjx.F   001000W t s 010 d 1010011
fmin.F     001010W t s 000 d 1010011
fmax.F     001010W t s 001 d 1010011
fle.F      101000W t s 000 d 1010011
flt.F      101000W t s 001 d 1010011
feq.F      101000W t s 010 d 1010011
fclass.F   111000W 00000 s 001 d 1010011
fmv.x.F    111000W 00000 s 000 d 1010011
fmv.F.x    111100W 00000 s 000 d 1010011
fcvt.w.F   110000W 00000 s m d 1010011
fcvt.wu.F  110000W 00001 s m d 1010011
fcvt.l.F   110000W 00010 s m d 1010011
fcvt.lu.F  110000W 00011 s m d 1010011
fcvt.F.w   110100W 00000 s m d 1010011
fcvt.F.wu  110100W 00001 s m d 1010011
fcvt.F.l   110100W 00010 s m d 1010011
fcvt.F.lu  110100W 00011 s m d 1010011
"""


def _rows():
    for line in _TABLE.strip().splitlines():
        name, *fields = line.split()
        yield name, fields
    for line in _FLOAT_TABLE.strip().splitlines():
        name, *fields = line.split()
        for letter, bit in (("s", "0"), ("d", "1")):
            yield name.replace("F", letter), [field.replace("W", bit) for field in fields]
    yield "fcvt.s.d", ["0100000", "00001", "s", "m", "d", "1010011"]
    yield "fcvt.d.s", ["0100001", "00000", "s", "m", "d", "1010011"]


_WIDTHS = {"d": 5, "s": 5, "t": 5, "u": 5, "m": 3, "d'": 3, "s'": 3, "t'": 3}


class Pattern:
    """One instruction's encoding: fixed bits and fields."""

    def __init__(self, name, fields):
        self.name = name.rstrip("*")
        self.signed = not name.endswith("*")
        self.width = sum(self._bits(field) for field in fields)
        self.mask = self.match = 0
        self.fields = []  # (kind, lowest bit in the word, bits, lowest bit in the immediate)
        position = self.width
        for field in fields:
            bits = self._bits(field)
            position -= bits
            if field[0] in "01.":
                for i, digit in enumerate(reversed(field)):
                    if digit != ".":
                        self.mask |= 1 << (position + i)
                        self.match |= int(digit) << (position + i)
            elif field[0] == "i":
                self.fields.append(("i", position, bits, int(field[1:].split(":")[-1])))
            else:
                self.fields.append((field, position, bits, 0))
        self.top = max((low + bits for kind, _, bits, low in self.fields if kind == "i"), default=0)

    @staticmethod
    def _bits(field):
        if field[0] in "01.":
            return len(field)
        if field[0] == "i":
            high, _, low = field[1:].partition(":")
            return int(high) - int(low or high) + 1
        return _WIDTHS[field]

    def operands(self, word):
        found = {"i": 0}
        for kind, position, bits, low in self.fields:
            number = word >> position & (1 << bits) - 1
            if kind == "i":
                found["i"] |= number << low
            else:
                found[kind[0]] = number + 8 if kind.endswith("'") else number
        if self.signed and self.top and found["i"] >> (self.top - 1) & 1:
            found["i"] -= 1 << self.top
        return found


PATTERNS = [Pattern(name, fields) for name, fields in _rows()]
PATTERNS.sort(key=lambda pattern: -pattern.mask.bit_count())


def find(word):
    """Return the pattern of the instruction that a word of memory begins with, ``None`` for an illegal one."""
    width = 32 if word & 3 == 3 else 16
    word &= (1 << width) - 1
    for pattern in PATTERNS:
        if pattern.width == width and word & pattern.mask == pattern.match:
            return pattern if _defined(pattern, pattern.operands(word)) else None
    return None


def _defined(pattern, o):
    """Tell whether the operands are none of the reserved ones."""
    name = pattern.name
    if name in {"c.addi4spn", "c.addi16sp", "c.lui"}:
        return o["i"] != 0
    if name in {"c.addiw", "c.lwsp", "c.ldsp"}:
        return o["d"] != 0
    if name == "c.jr":
        return o["s"] != 0
    return True


class Trap(Exception):  # noqa: N818 - the architecture's word
    def __init__(self, cause, value):
        super().__init__(cause, value)
        self.cause, self.value = cause, value


def signed(number, bits=64):
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def sext(number, bits):
    return signed(number, bits) & MASK


class Model:
    """The state of one hart: ``x``, ``f`` as unsigned 64-bit numbers, ``memory`` a bytearray at address BASE."""

    def __init__(self, pc, *, x, f, memory, frm=0, fflags=0):
        self.pc, self.x, self.f, self.memory = pc, list(x), list(f), bytearray(memory)
        self.frm, self.fflags = frm, fflags

    def step(self):
        """Execute one instruction; raise Trap and change nothing else if it does not retire."""
        word = int.from_bytes(self.memory[self.pc - BASE : self.pc - BASE + 4], "little")
        pattern = find(word)
        if pattern is None:
            raise Trap(2, word & (0xFFFFFFFF if word & 3 == 3 else 0xFFFF))
        self.word = word & (1 << pattern.width) - 1
        self.next = self.pc + pattern.width // 8
        o = pattern.operands(self.word)
        name = pattern.name
        if name.startswith("c."):
            name, o = _expand(name[2:], o)
        self._execute(name, o)
        self.x[0] = 0
        self.pc = self.next & MASK

    # -- memory

    def _offset(self, address, width, store):
        address &= MASK
        if address % width:
            raise Trap(6 if store else 4, address)
        if not 0 <= address - BASE <= len(self.memory) - width:
            raise Trap(7 if store else 5, address)
        return address - BASE

    def load(self, address, width):
        offset = self._offset(address, width, store=False)
        return int.from_bytes(self.memory[offset : offset + width], "little")

    def store(self, address, width, value):
        offset = self._offset(address, width, store=True)
        self.memory[offset : offset + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")

    # -- one instruction

    def _execute(self, name, o):
        s, t = self.x[o.get("s", 0)], self.x[o.get("t", 0)]
        i = o["i"]
        base, _, suffix = name.partition(".")
        if name in {"fence", "fence.i", "wfi"}:
            return
        if name == "ecall":
            raise Trap(11, 0)
        if name == "ebreak":
            raise Trap(3, self.pc)
        if name in _INTEGER:
            self.x[o["d"]] = _INTEGER[name](s, t) & MASK
        elif name in _IMMEDIATE:
            self.x[o["d"]] = _INTEGER[_IMMEDIATE[name]](s, i & MASK) & MASK
        elif name == "lui":
            self.x[o["d"]] = i & MASK
        elif name == "auipc":
            self.x[o["d"]] = self.pc + i & MASK
        elif name == "jal":
            self.x[o["d"]], self.next = self.next, self.pc + i
        elif name == "jalr":
            self.x[o["d"]], self.next = self.next, s + i & ~1
        elif name in _BRANCHES:
            if _BRANCHES[name](s, t):
                self.next = self.pc + i
        elif name in _LOADS:
            width, is_signed = _LOADS[name]
            number = self.load(s + i, width)
            self.x[o["d"]] = sext(number, 8 * width) if is_signed else number
        elif name in _STORES:
            self.store(s + i, _STORES[name], t)
        elif name == "flw":
            self.f[o["d"]] = self.load(s + i, 4) | 0xFFFFFFFF << 32
        elif name == "fld":
            self.f[o["d"]] = self.load(s + i, 8)
        elif name in {"fsw", "fsd"}:
            self.store(s + i, 4 if name == "fsw" else 8, self.f[o["t"]])
        elif base in {"lr", "sc"} or base.startswith("amo"):
            self._atomic(base, 4 if suffix == "w" else 8, s, t, o["d"])
        elif name.startswith("csr"):
            self._csr(name, o)
        else:
            self._float(name, o)

    def _atomic(self, base, width, address, operand, d):
        bits = 8 * width
        if base == "lr":
            self.x[d] = sext(self.load(address, width), bits)
        elif base == "sc":  # without a reservation
            if address % width:
                raise Trap(6, address)
            self.x[d] = 1
        else:
            offset = self._offset(address, width, store=True)
            old = int.from_bytes(self.memory[offset : offset + width], "little")
            operand &= (1 << bits) - 1
            self.store(address, width, _AMO[base[3:]](old, operand, bits))
            self.x[d] = sext(old, bits)

    def _csr(self, name, o):
        if o["i"] not in {1, 2, 3}:
            raise Trap(2, self.word)
        old = {1: self.fflags, 2: self.frm, 3: self.frm << 5 | self.fflags}[o["i"]]
        operand = o["s"] if name.endswith("i") else self.x[o["s"]]
        new = {"w": operand, "s": old | operand, "c": old & ~operand}[name[4]]
        if o["i"] == 1:
            self.fflags = new & 31
        elif o["i"] == 2:
            self.frm = new & 7
        else:
            self.fflags, self.frm = new & 31, new >> 5 & 7
        self.x[o["d"]] = old

    # -- floating point

    def _unboxed(self, register, fmt):
        bits = self.f[register]
        if fmt is DOUBLE:
            return bits
        return bits & 0xFFFFFFFF if bits >> 32 == 0xFFFFFFFF else fmt.nan

    def _float(self, name, o):
        base, _, rest = name.partition(".")
        mode = o.get("m", 0)
        if mode == 7:
            mode = self.frm
        if mode > 4:
            raise Trap(2, self.word)
        fmt = DOUBLE if rest.split(".")[-1] == "d" else SINGLE
        if name == "fmv.x.s":
            self.x[o["d"]] = sext(self.f[o["s"]], 32)
        elif name == "fmv.x.d":
            self.x[o["d"]] = self.f[o["s"]]
        elif base == "fmv":
            self._put(o["d"], self.x[o["s"]], DOUBLE if rest == "d.x" else SINGLE)
        elif base == "fcvt":
            self._convert(rest, o, mode)
        elif base == "fclass":
            self.x[o["d"]] = ieee.classify(self._unboxed(o["s"], fmt), fmt)
        elif base in {"fle", "flt", "feq"}:
            a, b = self._unboxed(o["s"], fmt), self._unboxed(o["t"], fmt)
            self.x[o["d"]], flags = ieee.compare(a, b, fmt, base[1:])
            self.fflags |= flags
        else:
            operands = [self._unboxed(o[r], fmt) for r in "stu" if r in o]
            bits, flags = _FLOAT[base](*operands, fmt, mode)
            self._put(o["d"], bits, fmt)
            self.fflags |= flags

    def _put(self, register, bits, fmt):
        self.f[register] = bits if fmt is DOUBLE else bits & 0xFFFFFFFF | 0xFFFFFFFF << 32

    def _convert(self, rest, o, mode):
        target, source = rest.split(".")
        formats = {"s": SINGLE, "d": DOUBLE}
        ranges = {
            "w": (-(2**31), 2**31 - 1),
            "wu": (0, 2**32 - 1),
            "l": (-(2**63), 2**63 - 1),
            "lu": (0, 2**64 - 1),
        }
        if target in ranges:
            fmt = formats[source]
            number, flags = ieee.to_integer(self._unboxed(o["s"], fmt), fmt, mode, *ranges[target])
            self.x[o["d"]] = sext(number, 32) if target in {"w", "wu"} else number & MASK
        elif source in ranges:
            bits = 32 if source in {"w", "wu"} else 64
            number = self.x[o["s"]] & (1 << bits) - 1
            if source in {"w", "l"}:
                number = signed(number, bits)
            result, flags = ieee.encode(Fraction(number), formats[target], mode)
            self._put(o["d"], result, formats[target])
        else:
            fmt = formats[source]
            result, flags = ieee.convert(self._unboxed(o["s"], fmt), fmt, formats[target], mode)
            self._put(o["d"], result, formats[target])
        self.fflags |= flags


def _expand(name, o):
    """Return the full instruction that a compressed one stands for."""
    o = dict(o)
    if name == "addi4spn":
        return "addi", {**o, "s": 2}
    if name == "addi16sp":
        return "addi", {**o, "s": 2, "d": 2}
    if name == "li":
        return "addi", {**o, "s": 0}
    if name == "mv":
        return "add", {**o, "s": 0}
    if name == "j":
        return "jal", {**o, "d": 0}
    if name in {"jr", "jalr"}:
        return "jalr", {**o, "d": int(name == "jalr")}
    if name in {"beqz", "bnez"}:
        return name[:3], {**o, "t": 0}
    if name.endswith("sp"):
        return name[:-2], {**o, "s": 2}
    if name not in {"lui", "ebreak", "fld", "lw", "ld", "fsd", "sw", "sd"}:
        o["s"] = o["d"]
    return name, o


def _divide(a, b):
    if b == 0:
        return -1
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _remainder(a, b):
    return a if b == 0 else a - _divide(a, b) * b


def _w(operation):
    return lambda s, t: sext(operation(s, t), 32)


def _low(number):
    return number & 0xFFFFFFFF


_INTEGER = {
    "add": lambda s, t: s + t,
    "sub": lambda s, t: s - t,
    "sll": lambda s, t: s << (t & 63),
    "slt": lambda s, t: int(signed(s) < signed(t)),
    "sltu": lambda s, t: int(s < t),
    "xor": lambda s, t: s ^ t,
    "srl": lambda s, t: s >> (t & 63),
    "sra": lambda s, t: signed(s) >> (t & 63),
    "or": lambda s, t: s | t,
    "and": lambda s, t: s & t,
    "addw": _w(lambda s, t: s + t),
    "subw": _w(lambda s, t: s - t),
    "sllw": _w(lambda s, t: s << (t & 31)),
    "srlw": _w(lambda s, t: _low(s) >> (t & 31)),
    "sraw": _w(lambda s, t: signed(s, 32) >> (t & 31)),
    "mul": lambda s, t: s * t,
    "mulh": lambda s, t: signed(s) * signed(t) >> 64,
    "mulhsu": lambda s, t: signed(s) * t >> 64,
    "mulhu": lambda s, t: s * t >> 64,
    "div": lambda s, t: _divide(signed(s), signed(t)),
    "divu": _divide,
    "rem": lambda s, t: _remainder(signed(s), signed(t)),
    "remu": _remainder,
    "mulw": _w(lambda s, t: s * t),
    "divw": _w(lambda s, t: _divide(signed(s, 32), signed(t, 32))),
    "divuw": _w(lambda s, t: _divide(_low(s), _low(t))),
    "remw": _w(lambda s, t: _remainder(signed(s, 32), signed(t, 32))),
    "remuw": _w(lambda s, t: _remainder(_low(s), _low(t))),
}
_IMMEDIATE = {
    **{name + "i": name for name in ("add", "slt", "xor", "or", "and", "sll", "srl", "sra")},
    **{name[:-1] + "iw": name for name in ("addw", "sllw", "srlw", "sraw")},
    "sltiu": "sltu",
}
_BRANCHES = {
    "beq": lambda s, t: s == t,
    "bne": lambda s, t: s != t,
    "blt": lambda s, t: signed(s) < signed(t),
    "bge": lambda s, t: signed(s) >= signed(t),
    "bltu": lambda s, t: s < t,
    "bgeu": lambda s, t: s >= t,
}
_LOADS = {
    "lb": (1, True),
    "lh": (2, True),
    "lw": (4, True),
    "ld": (8, True),
    "lbu": (1, False),
    "lhu": (2, False),
    "lwu": (4, False),
}
_STORES = {"sb": 1, "sh": 2, "sw": 4, "sd": 8}
_AMO = {
    "swap": lambda _, b, __: b,
    "add": lambda a, b, _: a + b,
    "xor": lambda a, b, _: a ^ b,
    "and": lambda a, b, _: a & b,
    "or": lambda a, b, _: a | b,
    "min": lambda a, b, bits: min(a, b, key=lambda n: signed(n, bits)),
    "max": lambda a, b, bits: max(a, b, key=lambda n: signed(n, bits)),
    "minu": lambda a, b, _: min(a, b),
    "maxu": lambda a, b, _: max(a, b),
}


def _sign_injection(change):
    def inject(a, b, fmt, _):
        top = 1 << (fmt.width - 1)
        return a & ~top | change(a, b) & top, 0

    return inject


_FLOAT = {
    "fmadd": ieee.fma,
    "fmsub": lambda a, b, c, fmt, mode: ieee.fma(a, b, ieee.negate(c, fmt), fmt, mode),
    "fnmsub": lambda a, b, c, fmt, mode: ieee.fma(ieee.negate(a, fmt), b, c, fmt, mode),
    "fnmadd": lambda a, b, c, fmt, mode: ieee.fma(ieee.negate(a, fmt), b, ieee.negate(c, fmt), fmt, mode),
    "fadd": ieee.add,
    "fsub": lambda a, b, fmt, mode: ieee.add(a, ieee.negate(b, fmt), fmt, mode),
    "fmul": ieee.multiply,
    "fdiv": ieee.divide,
    "fsqrt": ieee.square_root,
    "fsgnj": _sign_injection(lambda _, b: b),
    "fsgnjn": _sign_injection(lambda _, b: ~b),
    "fsgnjx": _sign_injection(lambda a, b: a ^ b),
    "fmin": lambda a, b, fmt, _: ieee.extremum(a, b, fmt, "min"),
    "fmax": lambda a, b, fmt, _: ieee.extremum(a, b, fmt, "max"),
}
