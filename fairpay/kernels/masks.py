"""Sixty-four bytes at a time: which of them are a given one, as the bits of a word.

| intrinsic     | takes                  | gives                                                                    |
|---------------|------------------------|--------------------------------------------------------------------------|
| `match64`     | int64 address, byte    | uint64: bit i says whether the byte i places on is the given one         |
| `high64`      | int64 address          | uint64: bit i says whether the byte i places on is 128 or more           |
| `below64`     | int64 address, byte    | uint64: bit i says whether the byte i places on is less than it           |
| `lowest`      | uint64                 | int64, the number of its lowest set bit; 64 where none is                |
| `population`  | uint64                 | int64, how many bits are set                                             |
| `inside`      | uint64                 | uint64: bit i is the parity of bits 0 to i: spans from one to the next   |
| `copy32`      | int64 to, from address | nothing; 32 bytes are copied                                             |
| `store8`      | int64 address, uint64  | nothing; the low byte is written                                         |

Addresses are not checked: 64 bytes can be read, and 32 written, from those given. The processor compares as many bytes
at once as it can; LLVM chooses the instructions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["below64", "copy32", "high64", "inside", "lowest", "match64", "population", "store8"]

BYTE = ir.IntType(8)
INDEX = ir.IntType(32)
WORD = ir.IntType(64)
LANES = ir.VectorType(BYTE, 64)
HALF_LANES = ir.VectorType(BYTE, 32)
SAME = ir.Constant(ir.VectorType(INDEX, 64), [0] * 64)


def at(builder: Any, address: Any, kind: Any) -> Any:  # noqa: ANN401 - llvmlite objects
    """Turn an integer into a pointer."""
    return builder.inttoptr(address, kind.as_pointer())


def everywhere(builder: Any, byte: Any) -> Any:  # noqa: ANN401 - llvmlite objects
    """Put one byte into every lane."""
    none = ir.Constant(LANES, ir.Undefined)
    return builder.shuffle_vector(builder.insert_element(none, byte, INDEX(0)), none, SAME)


if TYPE_CHECKING:
    import numpy as np

    def match64(address: int, byte: int) -> np.uint64:
        """Compare 64 bytes with one."""
        raise NotImplementedError

    def high64(address: int) -> np.uint64:
        """Find bytes that are not ASCII."""
        raise NotImplementedError

    def below64(address: int, byte: int) -> np.uint64:
        """Find bytes less than one."""
        raise NotImplementedError

    def lowest(word: np.uint64) -> int:
        """Find the lowest set bit."""
        raise NotImplementedError

    def population(word: np.uint64) -> int:
        """Count bits."""
        raise NotImplementedError

    def inside(word: np.uint64) -> np.uint64:
        """Fill the spans between pairs of bits."""
        raise NotImplementedError

    def copy32(to: int, source: int) -> None:
        """Copy 32 bytes."""
        raise NotImplementedError

    def store8(address: int, byte: np.uint64) -> None:
        """Write one byte."""
        raise NotImplementedError

else:

    @intrinsic
    def match64(typing: Any, address: Any, byte: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Compare 64 bytes with one."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            found = builder.load(at(builder, args[0], LANES), align=1)
            same = builder.icmp_unsigned("==", found, everywhere(builder, builder.trunc(args[1], BYTE)))
            return builder.bitcast(same, WORD)

        return types.uint64(types.int64, types.int64), generate

    @intrinsic
    def high64(typing: Any, address: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Find bytes that are not ASCII."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            found = builder.load(at(builder, args[0], LANES), align=1)
            return builder.bitcast(builder.icmp_signed("<", found, everywhere(builder, BYTE(0))), WORD)

        return types.uint64(types.int64), generate

    @intrinsic
    def below64(typing: Any, address: Any, byte: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Find bytes less than one."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            found = builder.load(at(builder, args[0], LANES), align=1)
            less = builder.icmp_unsigned("<", found, everywhere(builder, builder.trunc(args[1], BYTE)))
            return builder.bitcast(less, WORD)

        return types.uint64(types.int64, types.int64), generate

    @intrinsic
    def lowest(typing: Any, word: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Find the lowest set bit."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            return builder.cttz(args[0], ir.IntType(1)(0))

        return types.int64(types.uint64), generate

    @intrinsic
    def population(typing: Any, word: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Count bits."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            return builder.ctpop(args[0])

        return types.int64(types.uint64), generate

    @intrinsic
    def inside(typing: Any, word: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Fill the spans between pairs of bits, the first bit of each pair included."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            found = args[0]
            for shift in (1, 2, 4, 8, 16, 32):
                found = builder.xor(found, builder.shl(found, WORD(shift)))
            return found

        return types.uint64(types.uint64), generate

    @intrinsic
    def copy32(typing: Any, to: Any, source: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Copy 32 bytes."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            found = builder.load(at(builder, args[1], HALF_LANES), align=1)
            builder.store(found, at(builder, args[0], HALF_LANES), align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    @intrinsic
    def store8(typing: Any, address: Any, byte: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
        """Write one byte."""

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's protocol
            builder.store(builder.trunc(args[1], BYTE), at(builder, args[0], BYTE), align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.uint64), generate
