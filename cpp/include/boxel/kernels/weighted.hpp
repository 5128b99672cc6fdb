// Weighted statistics: mean and M2 with weights in the place of counts, and the plain sums beside
// them. Variances take weights as reliabilities: M2 / (W - ddof W2 / W), W = sum w, W2 = sum w^2.

namespace boxel::BOXEL_KERNELS {

template <class X>
class Weighted final : public CountedRows<8> {
  using Rows = CountedMoments;
  // `samples` tells that no degree of freedom is left where rounding of the weights would leave a
  // trace of one.
  enum Row { weight, origin, offset, m2, samples, weight_squares, nonzero_weight, weighted_sum };

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    if (taken == 0) {
      for (int row = 0; row < 8; ++row) std::fill_n(state.row<double>(row), lanes, 0.0);
    }
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      add_samples(state, row, group.weights[static_cast<std::size_t>(k)], lanes);
    }
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    Rows::merge(out, a, b, lanes);
    for (const Row row : {samples, weight_squares, nonzero_weight, weighted_sum}) {
      add_row(out.row<double>(row), a.row<double>(row), b.row<double>(row), lanes);
    }
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    const double x = value.floating;
    const double nonzero = x != 0 ? times : 0.0;
    for (std::int64_t l = 0; l < lanes; ++l) {
      double constant[8] = {times, origin_of(x), x - origin_of(x), x - x,
                            times, times,        nonzero,          x * times};
      const Lanes added(constant, 1);
      merge(state.from(l), state.from(l), added, 1, 0, 0);
    }
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    for (std::int64_t l = 0; l < lanes; ++l) values[l] = value_of(statistic, state.from(l), ddof);
  }

 private:
  static void add_samples(Lanes state, MaskedRow<X> row, const double* weights,
                          std::int64_t lanes) {
    double* total = state.row<double>(weight);
    double* origins = state.row<double>(origin);
    double* offsets = state.row<double>(offset);
    double* m2s = state.row<double>(m2);
    double* counts = state.row<double>(samples);
    double* squares = state.row<double>(weight_squares);
    double* nonzeros = state.row<double>(nonzero_weight);
    double* sums = state.row<double>(weighted_sum);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const bool included = row.include[l] != 0;
      const double w = included ? weights[l] : 0.0;
      const double x = included ? static_cast<double>(row.samples[l]) : 0.0;
      Rows::add(x, w, included, total[l], origins[l], offsets[l], m2s[l]);
      counts[l] += included ? 1.0 : 0.0;
      squares[l] += w * w;
      nonzeros[l] += x != 0 ? w : 0.0;
      sums[l] += included ? w * x : 0.0;
    }
  }

  static double value_of(Statistic statistic, Lanes lane, double ddof) {
    const auto at = [lane](Row row) { return *lane.row<double>(row); };
    const double w = at(weight);
    if (statistic == Statistic::sum) return at(weighted_sum);
    if (!(w > 0)) return not_a_number();
    if (statistic == Statistic::mean) return at(origin) + at(offset);
    if (statistic == Statistic::density) return at(nonzero_weight) / w;
    const double freedom = at(samples) - ddof > 0 ? w - ddof * (at(weight_squares) / w) : 0.0;
    return statistic == Statistic::std ? spread<true>(at(m2), freedom)
                                       : spread<false>(at(m2), freedom);
  }
};

}  // namespace boxel::BOXEL_KERNELS
