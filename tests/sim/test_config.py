import pytest
from gemmini_sim.config import ConfigError, MachineConfig, load_config, preset_names
from gemmini_sim.params_header import params_header
from hypothesis import given
from hypothesis import strategies as st


def test_presets_are_those_of_the_design_with_the_default_first():
    assert preset_names()[0] == "int8-16"
    assert set(preset_names()) == {"int8-16", "lean-rtl", "fp32-4", "int8-32", "int8-8"}
    assert load_config("int8-16") == MachineConfig(description=load_config("int8-16").description)


@pytest.mark.parametrize(
    ("preset", "dim", "bank_rows", "accumulator_rows", "accumulator_bank_rows"),
    [
        ("int8-16", 16, 4096, 1024, 512),
        ("lean-rtl", 16, 4096, 1024, 512),
        ("fp32-4", 4, 4096, 4096, 4096),
        ("int8-32", 32, 2048, 512, 256),
        ("int8-8", 8, 8192, 2048, 1024),
    ],
)
def test_preset_sizes(preset, dim, bank_rows, accumulator_rows, accumulator_bank_rows):
    config = load_config(preset)
    assert config.name == preset
    assert config.array.dim == dim
    assert config.scratchpad_bank_rows == bank_rows
    assert config.scratchpad_rows == 4 * bank_rows
    assert config.accumulator_rows == accumulator_rows
    assert config.accumulator_bank_rows == accumulator_bank_rows


def test_identity_ignores_names_and_sees_everything_else():
    config = load_config("int8-16")
    assert config.with_values({"name": "mine", "description": "x"}).identity == config.identity
    identities = {load_config(name).identity for name in preset_names()}
    assert len(identities) == len(preset_names())
    assert config.with_values({"memory.latency": 61}).identity != config.identity


def test_user_file_overrides_a_base_and_is_named_after_its_stem(tmp_path):
    (tmp_path / "small.toml").write_text('base = "lean-rtl"\n[scratchpad]\nkilobytes = 64\n')
    (tmp_path / "tiny.toml").write_text('base = "small.toml"\nname = "tiny one"\n[memory]\nlatency = 20\n')
    small = load_config(tmp_path / "small.toml")
    tiny = load_config(tmp_path / "tiny.toml")
    assert (small.name, small.scratchpad_rows, small.l2.kilobytes) == ("small", 4096, 128)
    assert (tiny.name, tiny.scratchpad_rows, tiny.memory.latency) == ("tiny one", 4096, 20)


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("[scratchpad]\nbankss = 3", "scratchpad.bankss", "did you mean 'banks'?"),
        ("[caches]\nl3 = 1", "caches", "known here"),
        ("[array]\ndim = 5", "array.dim", "2, 4, 8, 16, 32 or 64, not 5"),
        ('[array]\ndim = "16"', "array.dim", "not '16'"),
        ('[array]\nelement = "fp32"', "array", "int8 and int32, or both fp32"),
        ("array = 3", "array", "must be a table"),
        ("[memory]\nlatency = -1", "memory.latency", "greater than or equal to 0, not -1"),
        ("[scratchpad]\nkilobytes = 100", None, "scratchpad: its size gives 1600 rows per bank"),
        ("[l2]\nways = 3", None, "l2: 4096 KB in 3 ways"),
        ("[dma]\nrequest_bytes = 128", None, "longer than an L2 line"),
        ('base = "missing.toml"', "base", "a file beside this one, not 'missing.toml'"),
        ("base = 3", "base", "not 3"),
        ('base = "bad.toml"', "base", "circle"),
        ("dim = ", None, "not a TOML file"),
    ],
)
def test_bad_file_names_the_file_the_field_and_the_way_out(tmp_path, monkeypatch, text, field, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config("bad.toml")
    assert caught.value.source == "bad.toml"
    assert caught.value.field == field
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"bad.toml: {field}: " if field else "bad.toml: ")


def test_unknown_name_lists_the_presets(tmp_path):
    with pytest.raises(ConfigError, match=r"presets are int8-16, .*lean-rtl"):
        load_config("int8-17")
    with pytest.raises(ConfigError, match="neither a preset nor a readable file"):
        load_config(tmp_path)


def test_with_values_checks_names_and_values():
    config = load_config("lean-rtl")
    assert config.with_values({"memory.latency": 20, "array.dim": 8}).array.dim == 8
    with pytest.raises(ConfigError, match=r"--dram-latency: memory\.latency: .*not 'x'"):
        config.with_values({"memory.latency": "x"}, source="--dram-latency")
    with pytest.raises(ConfigError, match="did you mean 'latency'"):
        config.with_values({"memory.latancy": 2})
    with pytest.raises(ConfigError, match=r"memory\.latency"):
        config.with_values({"memory.latency.deep": 2})


@given(
    st.dictionaries(st.text(max_size=8), st.recursive(st.integers(), lambda x: st.dictionaries(st.text(max_size=4), x)))
)
def test_any_override_gives_a_machine_or_a_config_error(values):
    try:
        config = load_config("int8-16").with_values(values)
    except ConfigError:
        return
    assert isinstance(config, MachineConfig)


def test_params_header_has_the_public_names_and_values():
    lines = params_header(load_config("int8-32")).splitlines()
    for line in (
        "#define DIM 32",
        "#define BANK_NUM 4",
        "#define BANK_ROWS 2048",
        "#define ACC_ROWS 512",
        "#define MAX_BLOCK_LEN 2",
        "#define MAX_BLOCK_LEN_ACC 1",
        "typedef int8_t elem_t;",
        "#define HAS_MVIN_SCALE",
        "#define ACC_READ_FULL_WIDTH",
    ):
        assert line in lines
    assert "#define HAS_NORMALIZATIONS" not in lines
    floats = params_header(load_config("fp32-4").with_values({"features.normalizations": True})).splitlines()
    for line in (
        "typedef float elem_t;",
        "#define ELEM_T_IS_FLOAT",
        "#define MAX_BLOCK_LEN 4",
        "#define NORM_STAT_IDS 2",
    ):
        assert line in floats
