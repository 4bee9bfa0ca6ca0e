import io
import itertools
import struct

import pytest
from elftools.elf.elffile import ELFFile
from gemmini_sim.elf import ElfError, read_program
from gemmini_sim.toolchain import compile_c
from hypothesis import given
from hypothesis import strategies as st

MEMORY = 256 << 20
SOURCE = """\
#include <stdio.h>

int table[100];
static short small = 7;

__attribute__((noinline)) int twice(int x)
{
    return table[x] * 2;
}

int main(void)
{
    small++;
    return twice(3) + small;
}
"""


@pytest.fixture(scope="module")
def image():
    return compile_c(SOURCE, config="int8-16").elf


@pytest.fixture(scope="module")
def program(image):
    return read_program(image, memory_bytes=MEMORY)


def with_field(image, offset, form, value):
    changed = bytearray(image)
    struct.pack_into(form, changed, offset, value)
    return bytes(changed)


def test_segments_hold_what_pyelftools_reads(image, program):
    expected = [
        (s["p_paddr"], s.data(), s["p_memsz"], bool(s["p_flags"] & 1))
        for s in ELFFile(io.BytesIO(image)).iter_segments()
        if s["p_type"] == "PT_LOAD" and s["p_memsz"]
    ]
    assert list(program.segments) == expected
    assert program.entry == 0x8000_0000


def test_symbols_are_those_that_pyelftools_reads(image, program):
    for symbol in ELFFile(io.BytesIO(image)).get_section_by_name(".symtab").iter_symbols():
        if symbol["st_info"]["bind"] == "STB_GLOBAL" and symbol["st_shndx"] != "SHN_UNDEF":
            assert program.symbols[symbol.name] == (symbol["st_value"], symbol["st_size"])
    assert program.symbols["table"].size == 400
    assert program.symbols["small"].size == 2
    assert "undefined" not in program.symbols


def test_every_line_is_the_one_that_pyelftools_reads(image, program):
    dwarf = ELFFile(io.BytesIO(image)).get_dwarf_info()
    compared = 0
    for unit in dwarf.iter_CUs():
        lines = dwarf.line_program_for_CU(unit)
        states = [entry.state for entry in lines.get_entries() if entry.state is not None]
        for state, after in itertools.pairwise(states):
            if not state.end_sequence and state.address < after.address and state.line:
                name = lines["file_entry"][state.file].name.decode().rpartition("/")[2]
                file, line = program.line_of(state.address)
                assert (file.rpartition("/")[2], line) == (name, state.line)
                compared += 1
    assert compared > 100


def test_lines_name_the_callers_file(program):
    start, size = program.symbols["twice"]
    assert ("kernel.c", 8) in {program.line_of(pc) for pc in range(start, start + size, 2)}
    assert {program.line_of(pc)[0] for pc in range(start, start + size, 2)} == {"kernel.c"}
    assert program.line_of(0) is None
    assert program.line_of(1 << 63) is None


@pytest.mark.parametrize(
    ("offset", "form", "value", "message"),
    [
        (0, "4s", b"\x7fELG", "not an ELF file"),
        (4, "B", 1, "32-bit"),
        (5, "B", 2, "big-endian"),
        (16, "<H", 1, "relocatable object: link it first"),
        (16, "<H", 3, "position independent"),
        (18, "<H", 62, "another processor"),
        (24, "<Q", 0x8000_0001, "entry point 0x80000001"),
        (24, "<Q", 0x1000, "entry point 0x1000"),
        (32, "<Q", 1 << 63, "program headers lie beyond"),
        (54, "<H", 12, "program headers of 12 bytes"),
        (56, "<H", 0, "0 program headers"),
        (56, "<H", 0xFFFF, "65535 program headers"),
        (64 + 8, "<Q", 1 << 62, "beyond the end of the file"),
        (64 + 24, "<Q", 0x1000, "outside memory"),
        (64 + 32, "<Q", 1 << 40, "in the file for"),
        (64 + 40, "<Q", (1 << 64) - 1, "outside memory"),
    ],
)
def test_damaged_headers_say_what_is_wrong(image, offset, form, value, message):
    assert image[64:68] == b"\1\0\0\0"  # the first program header is the code
    with pytest.raises(ElfError, match=message):
        read_program(with_field(image, offset, form, value), memory_bytes=MEMORY)


def test_program_larger_than_memory_is_refused(image):
    with pytest.raises(ElfError, match=r"or give the machine more memory\.megabytes"):
        read_program(image, memory_bytes=4096)


@pytest.mark.parametrize("size", [0, 3, 16, 63, 64, 100, 300, 5000])
def test_truncated_file_is_refused(image, size):
    with pytest.raises(ElfError, match=r"not an ELF|truncated"):
        read_program(image[:size], memory_bytes=MEMORY)


def test_file_without_sections_runs_without_names(image):
    stripped = read_program(with_field(image, 40, "<Q", 0), memory_bytes=MEMORY)
    assert stripped.symbols == {}
    assert stripped.line_of(stripped.entry) is None


@given(data=st.data())
def test_any_damage_gives_a_program_or_an_elf_error(image, data):
    changed = bytearray(image)
    # Most bytes are code; aim at the headers and tables, at both ends of the file and in the debug sections.
    places = st.one_of(
        st.integers(0, 300), st.integers(0, len(image) - 1), st.integers(len(image) - 3000, len(image) - 1)
    )
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(places)] = data.draw(st.integers(0, 255))
    try:
        program = read_program(bytes(changed), memory_bytes=MEMORY)
        assert isinstance(program.symbols, dict)
    except ElfError:
        return
    program.line_of(program.entry)


@given(st.binary(max_size=400))
def test_any_line_section_can_be_read(noise):
    from gemmini_sim._dwarf import read_line_table  # noqa: PLC0415 - the one private name that hostile bytes reach

    header = struct.pack("<IH", len(noise) + 2, 5)
    read_line_table({".debug_line": header + noise, ".debug_line_str": noise}).line_of(0x8000_0000)
