// Disjoint sets, each named by its smallest member.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

namespace boxel {

class UnionFind {
 public:
  explicit UnionFind(std::vector<std::int32_t>& parents) : parents_(parents) {
    std::iota(parents_.begin(), parents_.end(), 0);
  }
  std::int32_t name_of(std::int32_t member) {
    while (parent(member) != member) {
      parent(member) = parent(parent(member));
      member = parent(member);
    }
    return member;
  }
  // Takes two different names.
  void unite(std::int32_t a, std::int32_t b) {
    if (a < b) {
      parent(b) = a;
    } else {
      parent(a) = b;
    }
  }

 private:
  std::int32_t& parent(std::int32_t member) { return parents_[static_cast<std::size_t>(member)]; }
  std::vector<std::int32_t>& parents_;
};

}  // namespace boxel
