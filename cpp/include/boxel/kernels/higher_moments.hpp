// Mean, M2, M3 and M4 (sums of powers of the deviations from the mean), and moments with weights,
// for statistics that stay open: these states take rows and merge, but do not tile.
//
// Merges are those of Pebay (Sandia report SAND2008-6212, 2008). A group of up to eight rows goes
// in two passes over registers, first the mean and then the deviations from it, so that nothing is
// lost to a difference of large powers.

namespace boxel::BOXEL_KERNELS {

// Some samples: their number, or the sum of their weights; mean; M2, M3 and M4.
struct Central {
  double n;
  Mean mean;
  double m2;
  double m3;
  double m4;
};

// One sample. x - x makes the powers NaN from the first infinity on.
BOXEL_INLINE Central single_sample(double x, double weight) {
  const double origin = origin_of(x);
  const double none = x - x;
  return {weight, {origin, x - origin}, none, none, none};
}

// Powers above `Order` are left alone.
template <int Order>
BOXEL_INLINE Central merged_powers(const Central& a, const Central& b) {
  const double total = a.n + b.n;
  const double rest = a.n / total;
  const double share = b.n / total;
  const double weight = a.n * share;
  double delta = 0;
  Central both{total, anchored_mean(a.mean, b.mean, rest, share, delta), 0, 0, 0};
  const double square = delta * delta;
  both.m2 = (a.m2 + b.m2) + square * weight;
  if constexpr (Order >= 3) {
    const double lopsided = delta * square * weight * (rest - share);
    both.m3 = (a.m3 + b.m3) + lopsided + 3.0 * delta * (rest * b.m2 - share * a.m2);
  }
  if constexpr (Order >= 4) {
    const double parts = rest * rest - rest * share + share * share;
    const double seconds = rest * rest * b.m2 + share * share * a.m2;
    both.m4 = (a.m4 + b.m4) + square * square * weight * parts + 6.0 * square * seconds +
              4.0 * delta * (rest * b.m3 - share * a.m3);
  }
  const auto pick = [&](double merged, double of_a, double of_b) {
    return b.n > 0 ? (a.n > 0 ? merged : of_b) : of_a;
  };
  return {pick(both.n, a.n, b.n),
          {pick(both.mean.origin, a.mean.origin, b.mean.origin),
           pick(both.mean.offset, a.mean.offset, b.mean.offset)},
          pick(both.m2, a.m2, b.m2),
          pick(both.m3, a.m3, b.m3),
          pick(both.m4, a.m4, b.m4)};
}

// The powers of R samples of one lane.
template <int R, int Order>
BOXEL_INLINE Central powers_of_rows(const RowPointers<double, R>& rows, std::int64_t lane) {
  const auto sample = [&](int k) { return rows.rows[k][lane]; };
  const double first = sample(0);
  const double origin = origin_of(first);
  double unused = 0;
  const Mean mean = combine_values<R, false, true>(
      {origin, first - origin}, [&](int k) { return sample(k) - first; }, sample, unused);
  Central group{R, mean, 0, 0, 0};
  for (int k = 0; k < R; ++k) {
    const double deviation = (sample(k) - mean.origin) - mean.offset;
    const double square = deviation * deviation;
    group.m2 += square;
    if constexpr (Order >= 3) group.m3 += square * deviation;
    if constexpr (Order >= 4) group.m4 += square * square;
  }
  return group;
}

// With one number of samples for all lanes. Order 3 has no M4.
template <int Order>
class HigherMoments final : public Untiled<RowsOf<double, Order + 1>> {
  enum Row { origin_row, offset_row, m2_row, m3_row, m4_row };

 public:
  bool has_empty() const override { return false; }
  void clear(Lanes, std::int64_t) override {
    throw std::logic_error("moments without counts have no empty state");
  }

  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    for_row_runs(group.count, [&]<int R>(int start) {
      const RowPointers<double, R> rows(group, start);
      const auto before = static_cast<double>(taken + start);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Central powers = powers_of_rows<R, Order>(rows, l);
        put(state, l, before > 0 ? merged_powers<Order>(get(state, l, before), powers) : powers);
      }
    });
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      put(out, l, merged_powers<Order>(get(a, l, na), get(b, l, nb)));
    }
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    const double freedom = counts.uniform - ddof;
    for (std::int64_t l = 0; l < lanes; ++l) {
      const Central held = get(state, l, counts.uniform);
      if (statistic == Statistic::mean) {
        values[l] = held.mean.origin + held.mean.offset;
      } else {
        values[l] = statistic == Statistic::std ? spread<true>(held.m2, freedom)
                                                : spread<false>(held.m2, freedom);
      }
    }
  }

 private:
  static BOXEL_INLINE Central get(Lanes state, std::int64_t l, double n) {
    const double m4 = Order >= 4 ? state.row<double>(m4_row)[l] : 0.0;
    return {n,
            {state.row<double>(origin_row)[l], state.row<double>(offset_row)[l]},
            state.row<double>(m2_row)[l],
            state.row<double>(m3_row)[l],
            m4};
  }
  static BOXEL_INLINE void put(Lanes state, std::int64_t l, const Central& powers) {
    state.row<double>(origin_row)[l] = powers.mean.origin;
    state.row<double>(offset_row)[l] = powers.mean.offset;
    state.row<double>(m2_row)[l] = powers.m2;
    state.row<double>(m3_row)[l] = powers.m3;
    if constexpr (Order >= 4) state.row<double>(m4_row)[l] = powers.m4;
  }
};

// With a number of samples, and weights, for each lane. Order 2 has neither M3 nor M4.
template <int Order, bool HasWeights>
class CountedPowers final : public Untiled<RowsOf<double, Order + 4>> {
  enum Row { n_row, origin_row, offset_row, m2_row, m3_row, m4_row };
  // Beside the sum of the weights: the number of samples tells that no degree of freedom is left
  // where rounding of the weights would leave a trace of one.
  static constexpr int samples_row = Order + 2;
  static constexpr int weight_squares_row = Order + 3;

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    if (taken == 0) this->clear(state, lanes);
    double* samples = state.row<double>(samples_row);
    double* squares = state.row<double>(weight_squares_row);
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<double> row(group, k);
      const double* weights = HasWeights ? group.weights[static_cast<std::size_t>(k)] : nullptr;
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const bool included = row.include[l] != 0;
        const double weight = included ? (HasWeights ? weights[l] : 1.0) : 0.0;
        const Central one = single_sample(included ? row.samples[l] : 0.0, weight);
        put(state, l, merged_powers<Order>(get(state, l), one));
        samples[l] += included ? 1.0 : 0.0;
        squares[l] += weight * weight;
      }
    }
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      put(out, l, merged_powers<Order>(get(a, l), get(b, l)));
    }
    for (const int row : {samples_row, weight_squares_row}) {
      add_row(out.row<double>(row), a.row<double>(row), b.row<double>(row), lanes);
    }
  }

  Natural natural(Statistic statistic) const override {
    return statistic == Statistic::count ? Natural::int64 : Natural::float64;
  }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts, double ddof,
              void* out) override {
    const double* samples = state.row<double>(samples_row);
    if (statistic == Statistic::count) {
      auto* counts = static_cast<std::int64_t*>(out);
      for (std::int64_t l = 0; l < lanes; ++l) counts[l] = static_cast<std::int64_t>(samples[l]);
      return;
    }
    const double* squares = state.row<double>(weight_squares_row);
    auto* values = static_cast<double*>(out);
    for (std::int64_t l = 0; l < lanes; ++l) {
      values[l] = value_of(statistic, get(state, l), samples[l], squares[l], ddof);
    }
  }

 private:
  static double value_of(Statistic statistic, const Central& held, double samples, double squares,
                         double ddof) {
    if (!(held.n > 0)) return not_a_number();
    if (statistic == Statistic::mean) return held.mean.origin + held.mean.offset;
    const double freedom = samples - ddof > 0 ? held.n - ddof * (squares / held.n) : 0.0;
    return statistic == Statistic::std ? spread<true>(held.m2, freedom)
                                       : spread<false>(held.m2, freedom);
  }

  static BOXEL_INLINE Central get(Lanes state, std::int64_t l) {
    const double m3 = Order >= 3 ? state.row<double>(m3_row)[l] : 0.0;
    const double m4 = Order >= 4 ? state.row<double>(m4_row)[l] : 0.0;
    return {state.row<double>(n_row)[l],
            {state.row<double>(origin_row)[l], state.row<double>(offset_row)[l]},
            state.row<double>(m2_row)[l],
            m3,
            m4};
  }
  static BOXEL_INLINE void put(Lanes state, std::int64_t l, const Central& powers) {
    state.row<double>(n_row)[l] = powers.n;
    state.row<double>(origin_row)[l] = powers.mean.origin;
    state.row<double>(offset_row)[l] = powers.mean.offset;
    state.row<double>(m2_row)[l] = powers.m2;
    if constexpr (Order >= 3) state.row<double>(m3_row)[l] = powers.m3;
    if constexpr (Order >= 4) state.row<double>(m4_row)[l] = powers.m4;
  }
};

}  // namespace boxel::BOXEL_KERNELS
