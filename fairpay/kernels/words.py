"""Machine words that Numba has no names for: unaligned loads, full products, prefetching.

| intrinsic      | takes                       | gives                                                   |
|----------------|-----------------------------|---------------------------------------------------------|
| `load64`       | int64 address               | uint64, the eight bytes there, lowest address lowest     |
| `load32`       | int64 address               | int64, the signed four bytes there                       |
| `load8`        | int64 address               | uint64, the byte there                                   |
| `product`      | uint64 a, b                 | uint64 low, high of a * b                                |
| `add_product`  | uint64 low, high, a, b      | uint64 low, high of (high, low) + a * b modulo 2^128     |
| `prefetch`     | int64 address               | nothing; asks for the cache line                         |

Addresses are not checked: the caller states why each lies inside its buffer. Little-endian machines only, like Arrow's
own compute functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["add_product", "load8", "load32", "load64", "prefetch", "product"]

WORD = ir.IntType(64)
DOUBLE = ir.IntType(128)
PAIR = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]
HALF = ir.Constant(DOUBLE, 64)


def pointer(builder: Any, address: Any, bits: int) -> Any:  # noqa: ANN401 - llvmlite objects
    """Turn an integer into a pointer."""
    return builder.inttoptr(address, ir.IntType(bits).as_pointer())


def split(context: Any, builder: Any, value: Any) -> Any:  # noqa: ANN401 - llvmlite objects
    """Return the low and the high word of a 128-bit value."""
    high = builder.trunc(builder.lshr(value, HALF), WORD)
    return context.make_tuple(builder, PAIR, [builder.trunc(value, WORD), high])


if TYPE_CHECKING:
    import numpy as np

    def load64(address: int) -> np.uint64:
        """Load eight bytes from any address."""
        raise NotImplementedError

    def load32(address: int) -> np.int64:
        """Load a signed 32-bit integer from any address."""
        raise NotImplementedError

    def load8(address: int) -> np.uint64:
        """Load one byte."""
        raise NotImplementedError

    def product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
        """Multiply two words into two words."""
        raise NotImplementedError

    def add_product(low: np.uint64, high: np.uint64, a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
        """Add a product of two words to two words."""
        raise NotImplementedError

    def prefetch(address: int) -> None:
        """Ask for the cache line of an address."""
        raise NotImplementedError

else:

    @intrinsic
    def load64(typing: Any, address: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Load eight bytes from any address."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            return builder.load(pointer(builder, args[0], 64), align=1)

        return types.uint64(types.int64), generate

    @intrinsic
    def load32(typing: Any, address: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Load a signed 32-bit integer from any address."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            return builder.sext(builder.load(pointer(builder, args[0], 32), align=1), WORD)

        return types.int64(types.int64), generate

    @intrinsic
    def load8(typing: Any, address: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Load one byte."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            return builder.zext(builder.load(pointer(builder, args[0], 8), align=1), WORD)

        return types.uint64(types.int64), generate

    @intrinsic
    def product(typing: Any, a: Any, b: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Multiply two words into two words: one instruction on today's processors."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            return split(context, builder, builder.mul(*(builder.zext(x, DOUBLE) for x in args)))

        return PAIR(types.uint64, types.uint64), generate

    @intrinsic
    def add_product(typing: Any, low: Any, high: Any, a: Any, b: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Add a product of two words to two words."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            lo, hi, a, b = (builder.zext(x, DOUBLE) for x in args)
            total = builder.or_(lo, builder.shl(hi, HALF))
            return split(context, builder, builder.add(total, builder.mul(a, b)))

        return PAIR(types.uint64, types.uint64, types.uint64, types.uint64), generate

    @intrinsic
    def prefetch(typing: Any, address: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Ask for the cache line of an address; harmless whatever the address."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            byte = ir.IntType(8).as_pointer()
            kind = ir.IntType(32)
            function = builder.module.declare_intrinsic(
                "llvm.prefetch", (byte,), ir.FunctionType(ir.VoidType(), [byte, kind, kind, kind])
            )
            builder.call(function, [builder.inttoptr(args[0], byte), kind(0), kind(3), kind(1)])
            return context.get_dummy_value()

        return types.void(types.int64), generate
