// The linkage methods, listed once; Python reads this list.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace boxel {

// How the distance of a merged cluster to a third one follows from those of its two parts.
enum class Rule : std::uint8_t {
  smallest,  // never updated: the minimum spanning tree says all
  largest,
  mean,    // y + (x - y) w, between x and y
  ward,    // ((a + c) x + (b + c) y - c d) / (a + b + c) of squares, at least the smaller
  centre,  // w x + (1 - w) y - w (1 - w) d of squares, at least 0
};

struct LinkageMethod {
  std::string_view name;
  Rule rule;
  bool by_size;  // weights are the clusters' sizes, else one half each
  bool squared;  // computes with squares of distances
};

inline constexpr std::array linkage_methods{
    LinkageMethod{"single", Rule::smallest, false, false},
    LinkageMethod{"complete", Rule::largest, false, false},
    LinkageMethod{"average", Rule::mean, true, false},
    LinkageMethod{"weighted", Rule::mean, false, false},
    LinkageMethod{"ward", Rule::ward, true, true},
    LinkageMethod{"centroid", Rule::centre, true, true},
    LinkageMethod{"median", Rule::centre, false, true},
};

}  // namespace boxel
