// Mean and M2 (the sum of squared deviations) by differences from a group's first sample.
//
// Within a group of R <= 8 rows, d = x - (first row): mean = x0 + sum(d)/R and
// M2 = sum(d^2) - sum(d)^2/R. As d of the first row is 0, sum(d)^2 <= (R-1) sum(d^2): cancellation
// loses at most a factor R, M2 cannot be negative and a constant gives exactly 0. Groups and lanes
// merge by Chan, Golub and LeVeque (1979): M2 = Ma + Mb + delta^2 na nb / n.

namespace boxel::BOXEL_KERNELS {

// SecondMoment false keeps the mean alone (the same bits as with it).
template <class T, bool SecondMoment>
class Moments final : public RowsOf<double, SecondMoment ? 2 : 1> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    double* mean = state.row<double>(0);
    double* m2 = SecondMoment ? state.row<double>(1) : nullptr;
    for_row_runs(group.count, [&]<int R>(int start) {
      const RowPointers<T, R> pointers(group, start);
      const std::int64_t before = taken + start;
      if (before == 0) {
        add<R, true>(mean, m2, pointers, lanes, 0);
      } else {
        add<R, false>(mean, m2, pointers, lanes, static_cast<double>(before));
      }
    });
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    const double share = nb / (na + nb);
    const double weight = na * share;
    double* o = out.row<double>(0);
    const double* x = a.row<double>(0);
    const double* y = b.row<double>(0);
    if constexpr (SecondMoment) {
      double* om2 = out.row<double>(1);
      const double* xm2 = a.row<double>(1);
      const double* ym2 = b.row<double>(1);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const double delta = y[l] - x[l];
        om2[l] = (xm2[l] + ym2[l]) + delta * delta * weight;
        o[l] = between(x[l], y[l], share);
      }
    } else {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) o[l] = between(x[l], y[l], share);
    }
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times,
                     double held) override {
    double* mean = state.row<double>(0);
    const double share = times / (held + times);
    for (std::int64_t l = 0; l < lanes; ++l) {
      const double delta = value.floating - mean[l];
      mean[l] = between(mean[l], value.floating, share);
      if constexpr (SecondMoment) {
        // x - x is NaN for the infinite and for NaN: no spread is known there.
        state.row<double>(1)[l] +=
            delta * delta * (held * share) + (value.floating - value.floating);
      }
    }
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    if (statistic == Statistic::mean) {
      std::copy_n(state.row<double>(0), lanes, values);
      return;
    }
    if constexpr (SecondMoment) {
      const double* m2 = state.row<double>(1);
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
  template <int R, bool First>
  static void add(double* mean, double* m2, RowPointers<T, R> pointers, std::int64_t lanes,
                  double before) {
    constexpr double reciprocal = 1.0 / R;
    constexpr double largest = std::numeric_limits<double>::max();
    const double share = R / (before + R);
    const double weight = before * share;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const auto first = static_cast<double>(pointers.rows[0][l]);
      double differences = 0;
      double squares = 0;
      double plain = first;
      for (int k = 1; k < R; ++k) {
        const auto sample = static_cast<double>(pointers.rows[k][l]);
        const double d = sample - first;
        differences += d;
        plain += sample;
        if constexpr (SecondMoment) squares += d * d;
      }
      const double near = first + differences * reciprocal;
      const double group_mean = std::fabs(differences) <= largest ? near : plain * reciprocal;
      if constexpr (SecondMoment) {
        // Where the squares overflow, plain - plain tells the infinite (NaN) from the large (0).
        const double spread = squares - differences * (differences * reciprocal);
        const double group_m2 = (squares <= largest ? spread : squares) + (plain - plain);
        if constexpr (First) {
          m2[l] = group_m2;
        } else {
          const double delta = group_mean - mean[l];
          m2[l] = (m2[l] + group_m2) + delta * delta * weight;
        }
      }
      mean[l] = First ? group_mean : between(mean[l], group_mean, share);
    }
  }
};

}  // namespace boxel::BOXEL_KERNELS
