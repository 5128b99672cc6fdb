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
  const double most = std::floor(std::min((0x1p30 - 1) / summed, 0x1p52 / volume));
  if (unit < static_cast<double>(std::numeric_limits<float>::min())) return {};
  const Units units{unit, static_cast<float>(1 / unit), rounded_down(most)};
  if (!(grid.largest <= static_cast<double>(units.most) * unit)) return {};
  return units;
}

}  // namespace boxel
