# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Machine words that Numba has no names for, and the 128-bit arithmetic that exact money needs.

| intrinsic, kernel | takes                         | gives                                    | bounds            |
|-------------------|-------------------------------|------------------------------------------|-------------------|
| `load64`          | int64 address                 | uint64, the eight bytes there            |                   |
| `load32`          | int64 address                 | int64, the signed four bytes there       |                   |
| `load8`           | int64 address                 | uint64, the byte there                   |                   |
| `product`         | uint64 a, b                   | uint64 low, high of a * b                | any               |
| `add_product`     | uint64 low, high, a, b        | low, high of (high, low) + a * b         | modulo 2^128      |
| `prefetch`        | int64 address                 | nothing; asks for the cache line         |                   |
| `divide`          | uint64 high, low, divisor     | uint64 quotient, remainder               | high < divisor    |
| `muldiv`          | uint64 a, b, c                | a * b // c, a * b % c                    | a * b // c < 2^64 |
| `apportion`       | int64[n] weights, total, pool | int64[n] quotients, uint64[n] remainders | all < 2^63        |

Addresses are not checked: the caller states why each lies inside its buffer. Little-endian machines only, like Arrow's
own compute functions: the lowest address is the lowest byte. `divide` is schoolbook long division in base 2^32 (Knuth,
TAOCP 2, 4.3.1, algorithm D; two quotient digits).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fairpay.kernels._jit import jit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["add_product", "apportion", "divide", "load8", "load32", "load64", "muldiv", "prefetch", "product"]

Pair: TypeAlias = "tuple[np.uint64, np.uint64]"
WORD, DOUBLE = ir.IntType(64), ir.IntType(128)
UINT, INT = types.uint64, types.int64
PAIR = types.UniTuple(UINT, 2)  # type: ignore[no-untyped-call]
WIDTH = ir.Constant(DOUBLE, 64)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
ONE = np.uint64(1)
TOP = np.uint64(1 << 63)
BASE = np.uint64(1 << 32)
ZERO = np.uint64(0)


def loading(bits: int, extend: str = "") -> Callable[..., Any]:
    """Return what builds the load of so many bits, from any address, made longer by `zext` or `sext`."""

    def build(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - llvmlite's objects
        value = builder.load(builder.inttoptr(args[0], ir.IntType(bits).as_pointer()), align=1)
        return getattr(builder, extend)(value, WORD) if extend else value

    return build


def multiplying(context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - llvmlite's objects
    """Build the product of the last two words, the first two added, if there are four: one instruction or two."""
    *start, a, b = (builder.zext(word, DOUBLE) for word in args)
    value = builder.mul(a, b)
    if start:
        value = builder.add(builder.or_(start[0], builder.shl(start[1], WIDTH)), value)
    return context.make_tuple(builder, PAIR, [builder.trunc(x, WORD) for x in (value, builder.lshr(value, WIDTH))])


def prefetching(context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - llvmlite's objects
    """Build the request for a cache line to read; harmless whatever the address."""
    byte, kind = ir.IntType(8).as_pointer(), ir.IntType(32)
    taken = ir.FunctionType(ir.VoidType(), [byte, kind, kind, kind])
    function = builder.module.declare_intrinsic("llvm.prefetch", (byte,), taken)
    builder.call(function, [builder.inttoptr(args[0], byte), kind(0), kind(3), kind(1)])
    return context.get_dummy_value()


load64: Callable[[int], np.uint64] = intrinsic(lambda _typing, _address: (UINT(INT), loading(64)))
load32: Callable[[int], np.int64] = intrinsic(lambda _typing, _address: (INT(INT), loading(32, "sext")))
load8: Callable[[int], np.uint64] = intrinsic(lambda _typing, _address: (UINT(INT), loading(8, "zext")))
prefetch: Callable[[int], None] = intrinsic(lambda _typing, _address: (types.void(INT), prefetching))
product: Callable[[np.uint64, np.uint64], Pair] = intrinsic(lambda _typing, _a, _b: (PAIR(UINT, UINT), multiplying))
add_product: Callable[[np.uint64, np.uint64, np.uint64, np.uint64], Pair] = intrinsic(
    lambda _typing, _low, _high, _a, _b: (PAIR(UINT, UINT, UINT, UINT), multiplying)
)


@jit
def digit(high: np.uint64, next_digit: np.uint64, d1: np.uint64, d0: np.uint64) -> np.uint64:
    """Estimate one base-2^32 quotient digit of a normalised division and correct it."""
    q = high // d1
    r = high - q * d1
    while q >= BASE or q * d0 > ((r << HALF) | next_digit):
        q -= ONE
        r += d1
        if r >= BASE:
            break
    return q


@jit
def divide(high: np.uint64, low: np.uint64, divisor: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Divide a 128-bit number by a 64-bit one; the quotient must fit 64 bits (high < divisor)."""
    if high == ZERO:
        return low // divisor, low % divisor
    shift = ZERO
    while divisor & TOP == ZERO:
        divisor <<= ONE
        shift += ONE
    if shift > ZERO:
        high = (high << shift) | (low >> (np.uint64(64) - shift))
        low <<= shift
    d1, d0 = divisor >> HALF, divisor & LOW
    q1 = digit(high, low >> HALF, d1, d0)
    rest = ((high << HALF) | (low >> HALF)) - q1 * divisor
    q0 = digit(rest, low & LOW, d1, d0)
    rest = ((rest << HALF) | (low & LOW)) - q0 * divisor
    return (q1 << HALF) + q0, rest >> shift


@jit
def muldiv(a: np.uint64, b: np.uint64, c: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return a * b // c and a * b % c through 128 bits."""
    low, high = product(a, b)
    return divide(high, low, c)


@jit
def apportion(
    weights: np.ndarray, total: np.uint64, pool: np.uint64, floors: np.ndarray, rests: np.ndarray
) -> np.uint64:
    """Write pool * weight // total and its remainder for each weight; return the sum of the floors."""
    paid = ZERO
    for i in range(len(weights)):
        quotient, rest = muldiv(np.uint64(weights[i]), pool, total)
        floors[i] = np.int64(quotient)
        rests[i] = rest
        paid += quotient
    return paid
