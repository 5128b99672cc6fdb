#include "exact.hpp"

#include <cmath>

namespace boxel::test {

double nearest_quotient(Int128 numerator, Int128 denominator) {
  if (numerator == 0) return 0;
  const UInt128 magnitude =
      numerator < 0 ? -static_cast<UInt128>(numerator) : static_cast<UInt128>(numerator);
  const auto divisor = static_cast<UInt128>(denominator);
  constexpr auto one = static_cast<UInt128>(1);
  UInt128 significand = magnitude / divisor;
  UInt128 rest = magnitude % divisor;
  bool dropped = false;
  int exponent = 0;
  for (; significand >= one << 54; ++exponent) {
    dropped |= (significand & 1) != 0;
    significand >>= 1;
  }
  for (; significand < one << 53; --exponent) {
    rest *= 2;
    const bool bit = rest >= divisor;
    if (bit) rest -= divisor;
    significand = significand * 2 + (bit ? 1 : 0);
  }
  const bool half = (significand & 1) != 0;
  significand >>= 1;
  if (half && (dropped || rest != 0 || (significand & 1) != 0)) ++significand;
  const double quotient = std::ldexp(static_cast<double>(significand), exponent + 1);
  return numerator < 0 ? -quotient : quotient;
}

double half_even(double x) {
  const double floor = std::floor(x);
  const double above = x - floor;
  const bool up = above > 0.5 || (above == 0.5 && std::fmod(floor, 2.0) != 0);
  return up ? floor + 1 : floor;
}

}  // namespace boxel::test
