// Means as an origin and an offset, and the arithmetic of merging them.
//
// An origin far from the mean costs digits: after 1e10 and a million samples near 0.5 the mean is
// near 1e4, but an offset from 1e10 is rounded to 2e-6. The origin therefore becomes the mean so
// far at the latest when the number of samples reaches a power of eight: it is then at most a few
// times as large as the mean magnitude, and differences from it lose no more digits than sums do.

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

// Whether the origin is to be moved when `added` samples are merged into `before`.
constexpr bool merge_moves_origin(std::int64_t before, std::int64_t added) {
  constexpr auto power = [](std::int64_t samples) {
    return (std::bit_width(static_cast<std::uint64_t>(samples | 1)) - 1) / 3;
  };
  return power(before) < power(before + added);
}
BOXEL_INLINE bool merge_moves_origin(double before, double added) {
  return merge_moves_origin(static_cast<std::int64_t>(before), static_cast<std::int64_t>(added));
}

// The same for samples that are added: one by one, seven roundings at the size of the first sample
// are too many.
constexpr std::int64_t few = 4;
constexpr bool moves_origin(std::int64_t before, std::int64_t added) {
  return (before < few && before + added >= few) || merge_moves_origin(before, added);
}

// The same mean from the origin next to it, if that is finite. The difference that was added is
// exact unless it is the larger part; then it is rounded as it was before (Dekker's sum of two).
template <class V>
BOXEL_INLINE MeanOf<V> nearly_centred(MeanOf<V> mean) {
  const V sum = mean.origin + mean.offset;
  return {sum, mean.offset - (sum - mean.origin)};
}

BOXEL_INLINE Mean centred(Mean mean) {
  const Mean near = nearly_centred(mean);
  return select(is_finite(near.origin), near, mean);
}

inline void centre_lanes(double* origins, double* offsets, std::int64_t lanes) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const Mean mean = centred({origins[l], offsets[l]});
    origins[l] = mean.origin;
    offsets[l] = mean.offset;
  }
}

// The mean of a and b, which has the share `share` of the samples and a `rest`. `delta` is how far
// b lies from a.
template <class V>
BOXEL_INLINE MeanOf<V> nearly_merged_mean(MeanOf<V> a, MeanOf<V> b, double share, V& delta) {
  delta = (b.offset - a.offset) + (b.origin - a.origin);
  return {a.origin, a.offset + delta * share};
}

// Where that overflows or one is not finite, in the plain form from the origin 0.
BOXEL_INLINE Mean merged_mean(Mean a, Mean b, double rest, double share, double& delta) {
  const Mean near = nearly_merged_mean(a, b, share, delta);
  const Mean plain{0.0, (a.origin + a.offset) * rest + (b.origin + b.offset) * share};
  return select(is_finite(near.offset), near, plain);
}

// The same with the origin of the heavier side, next to the mean: that of a light and distant one
// would round away the digits of the other.
BOXEL_INLINE Mean anchored_mean(Mean a, Mean b, double rest, double share, double& delta) {
  const Mean merged = merged_mean(a, b, rest, share, delta);
  const Mean from_b{b.origin, b.offset - delta * rest};
  return centred(select((share > rest) & is_finite(from_b.offset), from_b, merged));
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
