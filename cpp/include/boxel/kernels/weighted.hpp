// Weighted statistics: West's update (1979) of mean and M2, and the plain sums beside it.
// Variances take weights as reliabilities: M2 / (W - ddof W2 / W), W = sum w, W2 = sum w^2.

namespace boxel::BOXEL_KERNELS {

template <class X>
class Weighted final : public RowsOf<double, 7> {
  // n is the number of samples: it tells that no degree of freedom is left where rounding of the
  // weights would leave a trace of one.
  enum Row { weight, mean, m2, n, weight_squares, nonzero_weight, weighted_sum };

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    if (taken == 0) {
      for (int row = 0; row < 7; ++row) std::fill_n(state.row<double>(row), lanes, 0.0);
    }
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      add(state, row, group.weights[static_cast<std::size_t>(k)], lanes);
    }
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    merge_means(out, a, b, lanes);
    for (const Row row : {weight, n, weight_squares, nonzero_weight, weighted_sum}) {
      add_row(out.row<double>(row), a.row<double>(row), b.row<double>(row), lanes);
    }
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    const double x = value.floating;
    const double constant[7] = {times, x,     x - x, times, times, x != 0 ? times : 0.0, x * times};
    for (std::int64_t l = 0; l < lanes; ++l) {
      double copy[7];
      std::copy_n(constant, 7, copy);
      const Lanes b{reinterpret_cast<std::byte*>(copy), 1, 0};
      merge(state.from(l), state.from(l), b, 1, 0, 0);
    }
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    for (std::int64_t l = 0; l < lanes; ++l) values[l] = value_of(statistic, state.from(l), ddof);
  }

 private:
  static void add(Lanes state, MaskedRow<X> row, const double* weights, std::int64_t lanes) {
    double* total = state.row<double>(weight);
    double* means = state.row<double>(mean);
    double* m2s = state.row<double>(m2);
    double* ns = state.row<double>(n);
    double* squares = state.row<double>(weight_squares);
    double* nonzeros = state.row<double>(nonzero_weight);
    double* sums = state.row<double>(weighted_sum);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const bool counts = row.include[l] != 0;
      const double w = counts ? weights[l] : 0.0;
      const double x = counts ? static_cast<double>(row.samples[l]) : 0.0;
      const double held = total[l];
      const double now = held + w;
      const double share = counts ? w / now : 0.0;
      const double delta = x - means[l];
      const double new_m2 = m2s[l] + delta * delta * (held * share) + (x - x);
      const double new_mean = held > 0 ? between(means[l], x, share) : x;
      m2s[l] = counts ? new_m2 : m2s[l];
      means[l] = counts ? new_mean : means[l];
      total[l] = now;
      ns[l] += counts ? 1.0 : 0.0;
      squares[l] += w * w;
      nonzeros[l] += x != 0 ? w : 0.0;
      sums[l] += counts ? w * x : 0.0;
    }
  }

  static void merge_means(Lanes out, Lanes a, Lanes b, std::int64_t lanes) {
    for (std::int64_t l = 0; l < lanes; ++l) {
      const double wa = a.row<double>(weight)[l];
      const double wb = b.row<double>(weight)[l];
      const double am = a.row<double>(mean)[l];
      const double bm = b.row<double>(mean)[l];
      const double share = wb > 0 ? wb / (wa + wb) : 0.0;
      const double delta = bm - am;
      const double spread = wa > 0 && wb > 0 ? delta * delta * (wa * share) : 0.0;
      out.row<double>(m2)[l] = a.row<double>(m2)[l] + b.row<double>(m2)[l] + spread;
      out.row<double>(mean)[l] = wa > 0 ? between(am, bm, share) : bm;
    }
  }

  static double value_of(Statistic statistic, Lanes lane, double ddof) {
    const auto at = [lane](Row row) { return *lane.row<double>(row); };
    const double w = at(weight);
    if (statistic == Statistic::sum) return at(weighted_sum);
    if (!(w > 0)) return not_a_number();
    if (statistic == Statistic::mean) return at(mean);
    if (statistic == Statistic::density) return at(nonzero_weight) / w;
    const double freedom = at(n) - ddof > 0 ? w - ddof * (at(weight_squares) / w) : 0.0;
    return statistic == Statistic::std ? spread<true>(at(m2), freedom)
                                       : spread<false>(at(m2), freedom);
  }
};

}  // namespace boxel::BOXEL_KERNELS
