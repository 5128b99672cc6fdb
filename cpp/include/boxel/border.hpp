// What lies beyond the border of an axis: the only list of the modes of sliding boxes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace boxel {

enum class Border : std::uint8_t {
  reflect,   // d c b a | a b c d | d c b a
  mirror,    //   d c b | a b c d | c b a
  nearest,   //   a a a | a b c d | d d d
  wrap,      //   b c d | a b c d | a b c
  constant,  // samples of a given value, which count
  valid,     // never met: only boxes wholly inside
  shrink,    // no samples: boxes are cut
};

struct BorderInfo {
  Border border;
  std::string_view name;
  std::string_view aliases;  // SciPy's other names, space separated
};

inline constexpr std::array<BorderInfo, 7> borders{{
    {Border::reflect, "reflect", "grid-mirror"},
    {Border::mirror, "mirror", ""},
    {Border::nearest, "nearest", ""},
    {Border::wrap, "wrap", "grid-wrap"},
    {Border::constant, "constant", "grid-constant"},
    {Border::valid, "valid", ""},
    {Border::shrink, "shrink", ""},
}};

inline constexpr std::int64_t beyond = -1;

// The sample of an axis of `length` >= 1 that stands at `position`, or `beyond`.
constexpr std::int64_t source_of(std::int64_t position, std::int64_t length, Border border) {
  if (position >= 0 && position < length) return position;
  const auto modulo = [position](std::int64_t period) {
    const std::int64_t rest = position % period;
    return rest < 0 ? rest + period : rest;
  };
  switch (border) {
    case Border::reflect: {
      const std::int64_t place = modulo(2 * length);
      return place < length ? place : 2 * length - 1 - place;
    }
    case Border::mirror: {
      if (length == 1) return 0;
      const std::int64_t place = modulo(2 * length - 2);
      return place < length ? place : 2 * length - 2 - place;
    }
    case Border::nearest:
      return std::clamp<std::int64_t>(position, 0, length - 1);
    case Border::wrap:
      return modulo(length);
    case Border::constant:
    case Border::shrink:
    case Border::valid:
      return beyond;
  }
  return beyond;
}

}  // namespace boxel
