// The rules of method.hpp as functions of x and y, the distances of clusters of `size` members to
// the two that merge: doubles or vectors of them. Reducible rules are kept within their bounds, so
// that rounding makes no inversion: the merged cluster is never nearer than the nearer of its
// parts.

namespace boxel::BOXEL_KERNELS {

template <class V>
BOXEL_ALWAYS_INLINE V smaller(V x, V y) {
  return x < y ? x : y;
}
template <class V>
BOXEL_ALWAYS_INLINE V larger(V x, V y) {
  return x > y ? x : y;
}

struct Largest {
  template <class V>
  BOXEL_ALWAYS_INLINE static V merged(V x, V y, V, const Update&) {
    return larger(x, y);
  }
};

struct Mean {
  template <class V>
  BOXEL_ALWAYS_INLINE static V merged(V x, V y, V, const Update& update) {
    const V mean = y + (x - y) * update.first;
    return smaller(larger(mean, smaller(x, y)), larger(x, y));
  }
};

struct Ward {
  template <class V>
  BOXEL_ALWAYS_INLINE static V merged(V x, V y, V size, const Update& update) {
    const double a = update.first;
    const double b = update.second;
    const V sum = (a + size) * x + (b + size) * y - size * update.third;
    return larger(sum / (a + b + size), smaller(x, y));
  }
};

struct Centre {
  template <class V>
  BOXEL_ALWAYS_INLINE static V merged(V x, V y, V, const Update& update) {
    return larger(update.first * x + update.second * y - update.third, V{});
  }
};

// Calls body with the rule as a type.
template <class Body>
BOXEL_ALWAYS_INLINE void with_rule(Rule rule, Body&& body) {
  switch (rule) {
    case Rule::smallest:
      return;  // has no update
    case Rule::largest:
      return body(Largest{});
    case Rule::mean:
      return body(Mean{});
    case Rule::ward:
      return body(Ward{});
    case Rule::centre:
      return body(Centre{});
  }
}

}  // namespace boxel::BOXEL_KERNELS
