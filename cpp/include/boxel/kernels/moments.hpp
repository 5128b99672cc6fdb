// Mean and M2 (the sum of squared deviations), by differences.
//
// A lane's mean is kept as an origin (its first sample) and an offset from it: at an offset of 1e9
// the digits of the spread are not lost in the rounding of the mean. Within a group of R <= 8 rows,
// d = x - (first row of the group): mean = first + sum(d)/R and M2 = sum(d^2) - sum(d)^2/R. As d of
// the first row is 0, sum(d)^2 <= (R-1) sum(d^2): cancellation loses at most a factor R, M2 cannot be
// negative and a constant gives exactly 0. Groups and lanes merge by Chan, Golub and LeVeque (1979):
// M2 = Ma + Mb + delta^2 na nb / n.

namespace boxel::BOXEL_KERNELS {

BOXEL_INLINE bool is_finite(double x) {
  return std::fabs(x) <= std::numeric_limits<double>::max();
}

// An origin must be finite: infinities go into the offset, where they come out as they should.
BOXEL_INLINE double origin_of(double sample) { return is_finite(sample) ? sample : 0.0; }

// A mean as a finite origin and an offset.
struct Mean {
  double origin;
  double offset;
};

// The offset of the merged mean from a's origin, and how far b's mean lies from a's. The plain form
// where the difference overflows or one is not finite.
BOXEL_INLINE double merged_offset(Mean a, Mean b, double share, double& delta) {
  delta = (b.offset - a.offset) + (b.origin - a.origin);
  const double near = a.offset + delta * share;
  const double plain = (a.origin + a.offset) * (1.0 - share) + (b.origin + b.offset) * share;
  return is_finite(delta) ? near : plain - a.origin;
}

// The mean of R values, as an offset from `origin`, and the sum of their squared deviations.
// offset_at(k) is a value's offset from the origin, plain_at(k) the value itself.
template <int R, bool SecondMoment, class OffsetAt, class DifferenceAt, class PlainAt>
BOXEL_INLINE void combine_values(double origin, OffsetAt first_offset, DifferenceAt difference_at,
                                 PlainAt plain_at, double& offset, double& m2) {
  constexpr double reciprocal = 1.0 / R;
  double differences = 0;
  double squares = 0;
  double plain = plain_at(0);
  for (int k = 1; k < R; ++k) {
    const double d = difference_at(k);
    differences += d;
    plain += plain_at(k);
    if constexpr (SecondMoment) squares += d * d;
  }
  const double near = first_offset() + differences * reciprocal;
  offset = is_finite(near) ? near : plain * reciprocal - origin;
  if constexpr (SecondMoment) {
    // Where the squares overflow, plain - plain tells the infinite (NaN) from the large (0).
    const double spread = squares - differences * (differences * reciprocal);
    m2 = (is_finite(squares) ? spread : squares) + (plain - plain);
  }
}

// SecondMoment false keeps the mean alone (the same bits as with it).
template <class T, bool SecondMoment>
class Moments final : public RowsOf<double, SecondMoment ? 3 : 2> {
  enum Row { origin_row, offset_row, m2_row };

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    for_row_runs(group.count, [&]<int R>(int start) {
      const RowPointers<T, R> pointers(group, start);
      const std::int64_t before = taken + start;
      if (before == 0) {
        add<R, true>(state, pointers, lanes, 0);
      } else {
        add<R, false>(state, pointers, lanes, static_cast<double>(before));
      }
    });
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    const double share = nb / (na + nb);
    const double weight = na * share;
    double* origin = out.row<double>(origin_row);
    double* offset = out.row<double>(offset_row);
    const double* a_origin = a.row<double>(origin_row);
    const double* a_offset = a.row<double>(offset_row);
    const double* b_origin = b.row<double>(origin_row);
    const double* b_offset = b.row<double>(offset_row);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const Mean mean_a{a_origin[l], a_offset[l]};
      const Mean mean_b{b_origin[l], b_offset[l]};
      double delta = 0;
      const double merged = merged_offset(mean_a, mean_b, share, delta);
      if constexpr (SecondMoment) {
        const double m2 = a.row<double>(m2_row)[l] + b.row<double>(m2_row)[l];
        out.row<double>(m2_row)[l] = m2 + delta * delta * weight;
      }
      offset[l] = merged;
      origin[l] = mean_a.origin;
    }
  }

  void fold_adjacent(Lanes out, Lanes in, std::int64_t count, int size, double held) override {
    switch (size) {
      case 2:
        return fold_means<2>(out, in, count, held);
      case 3:
        return fold_means<3>(out, in, count, held);
      case 4:
        return fold_means<4>(out, in, count, held);
      case 5:
        return fold_means<5>(out, in, count, held);
      case 8:
        return fold_means<8>(out, in, count, held);
      default:
        throw std::logic_error("this number of adjacent lanes is not folded at once");
    }
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times,
                     double held) override {
    const double share = times / (held + times);
    const double x = value.floating;
    const Mean constant{origin_of(x), x - origin_of(x)};
    for (std::int64_t l = 0; l < lanes; ++l) {
      double& offset = state.row<double>(offset_row)[l];
      double delta = 0;
      offset = merged_offset({state.row<double>(origin_row)[l], offset}, constant, share, delta);
      if constexpr (SecondMoment) {
        // x - x is NaN for the infinite and for NaN: no spread is known there.
        state.row<double>(m2_row)[l] += delta * delta * (held * share) + (x - x);
      }
    }
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    if (statistic == Statistic::mean) {
      const double* origin = state.row<double>(origin_row);
      const double* offset = state.row<double>(offset_row);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) values[l] = origin[l] + offset[l];
      return;
    }
    if constexpr (SecondMoment) {
      const double* m2 = state.row<double>(m2_row);
      const double freedom = counts.uniform - ddof;
      if (statistic == Statistic::std) {
        BOXEL_EACH_LANE
        for (std::int64_t l = 0; l < lanes; ++l) values[l] = spread<true>(m2[l], freedom);
      } else {
        BOXEL_EACH_LANE
        for (std::int64_t l = 0; l < lanes; ++l) values[l] = spread<false>(m2[l], freedom);
      }
    }
  }

 private:
  // Adjacent lanes hold equally many samples, so that their means count alike.
  template <int B>
  static void fold_means(Lanes out, Lanes in, std::int64_t count, double held) {
    double* out_origin = out.row<double>(origin_row);
    double* out_offset = out.row<double>(offset_row);
    double* out_m2 = SecondMoment ? out.row<double>(m2_row) : nullptr;
    const double* in_m2 = SecondMoment ? in.row<double>(m2_row) : nullptr;
    BOXEL_EACH_LANE
    for (std::int64_t j = 0; j < count; ++j) {
      const double* origins = in.row<double>(origin_row) + j * B;
      const double* offsets = in.row<double>(offset_row) + j * B;
      double offset = 0;
      double spread = 0;
      combine_values<B, SecondMoment>(
          origins[0], [=] { return offsets[0]; },
          [=](int k) { return (offsets[k] - offsets[0]) + (origins[k] - origins[0]); },
          [=](int k) { return origins[k] + offsets[k]; }, offset, spread);
      if constexpr (SecondMoment) {
        out_m2[j] = merge_adjacent<0, B>(in_m2 + j * B, Add<double>{}) + held * spread;
      }
      out_origin[j] = origins[0];
      out_offset[j] = offset;
    }
  }

  template <int R, bool First>
  static void add(Lanes state, RowPointers<T, R> pointers, std::int64_t lanes, double before) {
    const double share = R / (before + R);
    const double weight = before * share;
    double* origins = state.row<double>(origin_row);
    double* offsets = state.row<double>(offset_row);
    double* m2s = SecondMoment ? state.row<double>(m2_row) : nullptr;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const auto sample = [&](int k) { return static_cast<double>(pointers.rows[k][l]); };
      const double first = sample(0);
      const double origin = First ? origin_of(first) : origins[l];
      double offset = 0;
      double m2 = 0;
      combine_values<R, SecondMoment>(
          origin, [=] { return first - origin; }, [&](int k) { return sample(k) - first; }, sample,
          offset, m2);
      if constexpr (First) {
        if constexpr (SecondMoment) m2s[l] = m2;
        offsets[l] = offset;
        origins[l] = origin;
      } else {
        double delta = 0;
        const double merged =
            merged_offset({origin, offsets[l]}, {origin, offset}, share, delta);
        if constexpr (SecondMoment) m2s[l] = (m2s[l] + m2) + delta * delta * weight;
        offsets[l] = merged;
      }
    }
  }
};

}  // namespace boxel::BOXEL_KERNELS
