// binary16 from and to wider types.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "boxel/half.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

constexpr std::uint16_t infinity_bits = 0x7c00;

// The value of a finite, positive half by the definition of the format.
double value_of(std::uint16_t half) {
  const int exponent = half >> 10;
  const int fraction = half & 0x3ff;
  return exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
}

// The nearest half of a non-negative number, ties to even, by bisection of all halves.
std::uint16_t nearest_half(double value) {
  std::uint16_t low = 0;
  std::uint16_t high = infinity_bits;
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (value_of(middle) <= value ? low : high) = middle;
  }
  const double below = value - value_of(low);
  const double above = value_of(high) - value;
  if (below == above) return low % 2 == 0 ? low : high;
  return below < above ? low : high;
}

void check_rounding(double value) {
  const std::uint16_t expected = nearest_half(value);
  CHECK_EQ(double_to_half(value), expected, "value", value);
  CHECK_EQ(double_to_half(-value), expected | 0x8000, "value", -value);
}

}  // namespace

TEST(half_every_value_round_trips) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = half_to_float(half);
    if ((half & 0x7fff) > infinity_bits) {
      CHECK(std::isnan(value), "half", half);
      CHECK(std::isnan(half_to_float(double_to_half(value))), "half", half);
      continue;
    }
    if ((half & 0x7fff) == infinity_bits) {
      CHECK(std::isinf(value), "half", half);
    } else {
      CHECK_EQ(std::fabs(value), value_of(half & 0x7fff), "half", half);
    }
    CHECK_EQ(std::signbit(value), half >= 0x8000, "half", half);
    CHECK_EQ(double_to_half(value), half);
  }
}

TEST(half_rounds_to_nearest_even_around_every_value_and_midpoint) {
  for (std::uint16_t half = 0; half < infinity_bits; ++half) {
    const double value = value_of(half);
    const double midpoint = (value + value_of(static_cast<std::uint16_t>(half + 1))) / 2;
    for (const double near : {value, midpoint}) {
      check_rounding(near);
      check_rounding(std::nextafter(near, INFINITY));
      if (near > 0) check_rounding(std::nextafter(near, 0.0));
    }
  }
}

TEST(half_rounds_random_doubles) {
  Random random(1);
  for (int k = 0; k < 300'000; ++k) {
    check_rounding(std::ldexp(random.uniform(1, 2), static_cast<int>(random.between(-30, 18))));
    const double any = std::bit_cast<double>(random.bits() >> 1);
    if (any <= std::numeric_limits<double>::max()) check_rounding(any);
  }
}

TEST(half_rounds_once) {
  // Through float this becomes a tie first and then the wrong even neighbour.
  const double above_tie = value_of(0x3c00) + 0x1p-11 + 0x1p-40;
  CHECK_EQ(double_to_half(above_tie), 0x3c01);
  CHECK_EQ(double_to_half(static_cast<double>(static_cast<float>(above_tie))), 0x3c00);
}

TEST(half_limits) {
  CHECK_EQ(double_to_half(INFINITY), infinity_bits);
  CHECK_EQ(double_to_half(-INFINITY), infinity_bits | 0x8000);
  CHECK_EQ(double_to_half(65504), 0x7bff);
  CHECK_EQ(double_to_half(std::nextafter(65520.0, 0.0)), 0x7bff);
  CHECK_EQ(double_to_half(65520), infinity_bits);
  CHECK_EQ(double_to_half(std::numeric_limits<double>::max()), infinity_bits);
  CHECK_EQ(double_to_half(0x1p-24), 1);
  CHECK_EQ(double_to_half(0x1p-25), 0);
  CHECK_EQ(double_to_half(std::numeric_limits<double>::denorm_min()), 0);
  CHECK_EQ(double_to_half(-0.0), 0x8000);
  CHECK(std::isnan(half_to_float(double_to_half(NAN))));
}

}  // namespace boxel::test
