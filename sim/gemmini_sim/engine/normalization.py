"""Statistics of accumulator rows, and the activations that need more than the value itself.

layernorm, softmax and iGELU are the integer formulas of I-BERT (Kim et al., 2021) as Gemmini's hardware has them.
An mvout whose local address carries a statistics command stores nothing; it adds a row to sums, or ends them.
All integer arithmetic wraps at 32 bits.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine._numbers import by_number
from gemmini_sim.engine.arithmetic import added, scaled, wrap32

__all__ = ["IGELU", "LAYERNORM", "NO_ACTIVATION", "RELU", "SOFTMAX", "activated", "gather", "unfinished"]

NO_ACTIVATION, RELU, LAYERNORM, IGELU, SOFTMAX = 0, 1, 2, 3, 4

RESET, SUM, MEAN, VARIANCE, INVERSE_DEVIATION, MAXIMUM, SUM_EXP, INVERSE_SUM_EXP = 0, 1, 2, 3, 4, 5, 6, 7

_LOWEST = -0x8000_0000


@jit
def unfinished(command):
    """Return the command for a block of a row that is not its last: it gathers but does not end."""
    if command in (MEAN, INVERSE_DEVIATION, INVERSE_SUM_EXP):
        return command - 1
    return command


@jit
def _to_int32(value):
    """Convert as x86 does: truncate; what does not fit, and NaN, gives the smallest int32."""
    if -2147483648.0 <= value < 2147483648.0:
        return np.int64(value)
    return np.int64(_LOWEST)


@jit
def _quotient(dividend, divisor):
    """Divide int32 values as C does; a divisor of zero, on which the reference stops, gives zero."""
    if divisor == 0:
        return np.int64(0)
    quotient = abs(np.int64(dividend)) // abs(np.int64(divisor))
    return wrap32(-quotient if (dividend < 0) != (divisor < 0) else quotient)


def _exp_integer(q, qb, qc, qln2, qln2_inverse):
    z = wrap32(wrap32(-q) * wrap32(qln2_inverse)) >> 16
    base = wrap32(wrap32(q + z * wrap32(qln2)) + qb)
    return wrap32(wrap32(base * base) + qc) >> (z & 31)  # the shift count of x86 is taken modulo 32


def _exp_float(q, qb, qc, qln2, qln2_inverse):
    z = -q * np.float32(qln2_inverse) / np.float32(65536.0)
    base = q + z * np.float32(qln2) + np.float32(qb)
    value = base * base + np.float32(qc)
    return np.float32(np.float64(value) / 2.0 ** np.float64(z))


def _gelu_integer(q, qb, qc):
    q = np.int64(q)
    magnitude = wrap32(abs(q))
    limit = wrap32(-qb)
    clipped = min(magnitude, limit)
    base = wrap32(clipped + qb)
    polynomial = wrap32(wrap32(base * base) + qc)
    if q < 0:
        polynomial = wrap32(-polynomial)
    return wrap32(q * wrap32(polynomial + qc))


def _gelu_float(q, qb, qc):
    qb = np.float32(qb)
    qc = np.float32(qc)
    magnitude = abs(q)
    clipped = -qb if magnitude > -qb else magnitude  # noqa: FURB136 - min would answer differently for NaN
    base = clipped + qb
    polynomial = base * base + qc
    if q < 0:
        polynomial = -polynomial
    return q * (polynomial + qc)


def _subtract_integers(first, second):
    return wrap32(np.int64(first) - np.int64(second))


def _subtract_floats(first, second):
    return first - second


def _square_integer(value):
    return wrap32(np.int64(value) * np.int64(value))


def _square_float(value):
    return value * value


def _divide_integers(total, count):
    return _quotient(np.int64(total), np.int64(count))


def _divide_floats(total, count):
    return total / count


def _root_integer(variance):
    return _to_int32(np.sqrt(np.float64(variance)))


def _root_float(variance):
    return np.sqrt(np.float64(variance))


def _normalize_integer(distance, inverse):
    return _to_int32(np.float32(distance) * inverse)


def _normalize_float(distance, inverse):
    return distance * inverse


_difference = by_number(_subtract_integers, _subtract_floats)
_square = by_number(_square_integer, _square_float)
_mean = by_number(_divide_integers, _divide_floats)
_root = by_number(_root_integer, _root_float)
_normalized = by_number(_normalize_integer, _normalize_float)
_exp = by_number(_exp_integer, _exp_float)
_gelu = by_number(_gelu_integer, _gelu_float)


@jit
def gather(registers, accumulator, row, length, command):
    """Add the first ``length`` values of an accumulator row to the statistics, and end them if the command says so.

    Parameters
    ----------
    command : int
        0 (reset) to 7, bits 28:26 of an mvout's local address.
    """
    which = registers["statistic"]
    sums = registers["sums"]
    counts = registers["counts"]
    running = registers["running_maxima"]
    if registers["statistic_reset"][which]:
        sums[which] = 0
        counts[which] = 0
        running[which] = _LOWEST
    registers["statistic_reset"][which] = command in (RESET, MEAN, INVERSE_DEVIATION)

    if command in (SUM, MEAN):
        for i in range(length):
            sums[which] = added(sums[which], accumulator[row, i])
        counts[which] = added(counts[which], np.int32(length))
    elif command in (VARIANCE, INVERSE_DEVIATION):
        for i in range(length):
            distance = _difference(accumulator[row, i], registers["means"][which])
            sums[which] = added(sums[which], _square(distance))
        counts[which] = added(counts[which], np.int32(length))
    elif command == MAXIMUM:
        for i in range(length):
            if accumulator[row, i] > running[which]:  # noqa: PLR1730 - max would answer differently for NaN
                running[which] = accumulator[row, i]
    elif command in (SUM_EXP, INVERSE_SUM_EXP):
        registers["maxima"][which] = running[which]
        for i in range(length):
            sums[which] = added(sums[which], _exp_of(registers, accumulator[row, i]))

    if command == MEAN:
        registers["means"][which] = _mean(sums[which], counts[which])
    elif command == INVERSE_DEVIATION:
        variance = _mean(sums[which], counts[which])
        deviation = np.float32(1.0) if variance == 0 else np.float32(_root(variance))
        registers["inverse_deviations"][which] = np.float32(1.0) / deviation
    elif command == INVERSE_SUM_EXP:
        running[which] = _LOWEST
        registers["inverse_sums"][which] = np.float32(127.0) / np.float32(sums[which])


@jit
def _exp_of(registers, value):
    distance = _difference(value, registers["maxima"][registers["statistic"]])
    return _exp(
        distance, registers["gelu_qb"], registers["gelu_qc"], registers["exp_qln2"], registers["exp_qln2_inverse"]
    )


@jit
def activated(registers, value):
    """Return an accumulator value after layernorm, iGELU or softmax, whichever is in force, before scaling."""
    activation = registers["activation"]
    which = registers["statistic"]
    if activation == IGELU:
        return _gelu(value, registers["gelu_qb"], registers["gelu_qc"])
    if activation == LAYERNORM:
        distance = _difference(value, registers["means"][which])
        return _normalized(distance, registers["inverse_deviations"][which])
    return scaled(_exp_of(registers, value), registers["inverse_sums"][which])
