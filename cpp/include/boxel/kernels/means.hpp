// Means as an origin and an offset, and the arithmetic of merging them.

namespace boxel::BOXEL_KERNELS {

BOXEL_INLINE bool is_finite(double x) { return std::fabs(x) <= std::numeric_limits<double>::max(); }

// An origin must be finite: infinities go into the offset, where they come out as they should.
BOXEL_INLINE double origin_of(double sample) { return is_finite(sample) ? sample : 0.0; }

// A mean as a finite origin and an offset. V is double, or a pack of doubles: one for each lane.
template <class V>
struct MeanOf {
  V origin;
  V offset;
};
using Mean = MeanOf<double>;

BOXEL_INLINE Mean select(bool condition, Mean a, Mean b) {
  return {condition ? a.origin : b.origin, condition ? a.offset : b.offset};
}

// The mean of a and b, which has the share `share` of the samples and a `rest`. `delta` is how far
// b lies from a.
template <class V>
BOXEL_INLINE MeanOf<V> near_mean(MeanOf<V> a, MeanOf<V> b, double share, V& delta) {
  delta = (b.offset - a.offset) + (b.origin - a.origin);
  return {a.origin, a.offset + delta * share};
}

// The same; where the distance overflows or one is not finite, in the plain form from the origin 0.
BOXEL_INLINE Mean merged_mean(Mean a, Mean b, double rest, double share, double& delta) {
  const Mean near = near_mean(a, b, share, delta);
  const Mean plain{0.0, (a.origin + a.offset) * rest + (b.origin + b.offset) * share};
  return select(is_finite(delta), near, plain);
}

// Balanced sum of term(k), k in [A, B).
template <class V, int A, int B, class Term>
BOXEL_INLINE V sum_terms(Term term) {
  if constexpr (B <= A) {
    return V{};
  } else if constexpr (B - A == 1) {
    return term(A);
  } else {
    constexpr int middle = (A + B + 1) / 2;
    return sum_terms<V, A, middle>(term) + sum_terms<V, middle, B>(term);
  }
}

// The mean of R values and the sum of their squared deviations. The first value is given as a mean;
// difference_at(k) is another's distance from it, plain_at(k) a value itself. Careful takes the
// detour that values which are not finite, or whose differences overflow, need.
template <int R, bool SecondMoment, bool Careful, class V, class DifferenceAt, class PlainAt>
BOXEL_INLINE MeanOf<V> combine_values(MeanOf<V> first, DifferenceAt difference_at, PlainAt plain_at,
                                      V& m2) {
  constexpr double reciprocal = 1.0 / R;
  V d[R];
  for (int k = 1; k < R; ++k) d[k] = difference_at(k);
  const V differences = sum_terms<V, 1, R>([&](int k) BOXEL_INLINED { return d[k]; });
  const MeanOf<V> near{first.origin, first.offset + differences * reciprocal};
  V squares{};
  if constexpr (SecondMoment) {
    squares = sum_terms<V, 1, R>([&](int k) BOXEL_INLINED { return d[k] * d[k]; });
    m2 = squares - differences * (differences * reciprocal);
  }
  if constexpr (!Careful) {
    return near;
  } else {
    // Scaled first, so that it is finite where all values are.
    double plain = 0.0;
    for (int k = 0; k < R; ++k) plain += plain_at(k) * reciprocal;
    // Where the squares overflow, plain - plain tells the infinite (NaN) from the large (0).
    if constexpr (SecondMoment) m2 = (is_finite(squares) ? m2 : squares) + (plain - plain);
    return select(is_finite(near.offset), near, {0.0, plain});
  }
}

}  // namespace boxel::BOXEL_KERNELS
