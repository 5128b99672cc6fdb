#include "boxel/unit_sums.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace boxel {
namespace {

float rounded_down(double value) {
  const auto near = static_cast<float>(value);
  return static_cast<double>(near) > value ? std::nextafter(near, 0.0F) : near;
}

}  // namespace

std::optional<Units> Units::of(const Grid& grid, double summed, double volume) {
  const double unit = std::min(grid.finest, 1.0);
  if (unit < static_cast<double>(std::numeric_limits<float>::min())) return {};
  // Differences of sums with signs need a bit more.
  const double limit = grid.negative ? 0x1p30 - 1 : 0x1p31 - 1;
  const float most = rounded_down(std::floor(std::min(limit / summed, 0x1p52 / volume)));
  if (!(grid.largest <= static_cast<double>(most) * unit)) return {};
  return Units{unit, static_cast<float>(1 / unit), grid.negative ? -most : 0.0F, most};
}

ExactDivisor ExactDivisor::of(double count) {
  double reciprocal = 1 / count;
  if (std::fma(-reciprocal, count, 1.0) > 0) {
    reciprocal = std::nextafter(reciprocal, std::numeric_limits<double>::infinity());
  }
  return {count, reciprocal, -(std::fma(reciprocal, count, -1.0) / count)};
}

}  // namespace boxel
