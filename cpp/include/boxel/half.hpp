// IEEE 754 binary16 from and to wider types, in integer arithmetic so that it needs no
// instruction set, vectorises, and gives the same bits everywhere.
#pragma once

#include <bit>
#include <cstdint>

#include "boxel/dtype.hpp"

namespace boxel {

inline float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t magnitude = half & 0x7fffu;
  // Rebiasing by a product also turns subnormal halves into the right normal floats.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  const std::uint32_t special = 0x7f800000u | (magnitude << 13);
  const std::uint32_t bits = magnitude >= 0x7c00u ? special : std::bit_cast<std::uint32_t>(scaled);
  return std::bit_cast<float>(sign | bits);
}

// Rounds once, half to even, straight from double: a detour over float would round twice.
inline std::uint16_t double_to_half(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 48) & 0x8000u);
  const std::uint64_t magnitude = bits & 0x7fffffffffffffffull;
  if (magnitude > 0x7ff0000000000000ull) return static_cast<std::uint16_t>(sign | 0x7e00u);
  const auto exponent = static_cast<int>(magnitude >> 52) - 1023;
  if (exponent > 15) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (exponent < -25) return sign;
  const std::uint64_t significand = (magnitude & 0x000fffffffffffffull) | 0x0010000000000000ull;
  // Normal halves keep 10 bits below the leading one; subnormal ones lose more.
  const int dropped = exponent >= -14 ? 42 : 42 + (-14 - exponent);
  const std::uint64_t kept = significand >> dropped;
  const std::uint64_t rest = significand & ((1ull << dropped) - 1);
  const std::uint64_t halfway = 1ull << (dropped - 1);
  const std::uint64_t rounded =
      kept + ((rest > halfway || (rest == halfway && (kept & 1))) ? 1 : 0);
  // A carry out of the significand moves into the exponent, up to infinity: that is right.
  const std::uint64_t biased =
      exponent >= -14 ? static_cast<std::uint64_t>(exponent + 14) << 10 : 0;
  return static_cast<std::uint16_t>(sign | (biased + rounded));
}

}  // namespace boxel
