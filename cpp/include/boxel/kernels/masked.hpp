// The same statistics where some samples do not count. Samples arrive as int64, uint64 or double;
// what is left out contributes the identity, by selection and never by a product (NaN * 0 is NaN).

namespace boxel::BOXEL_KERNELS {

template <class S>
inline void add_row(S* out, const S* a, const S* b, std::int64_t lanes) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) out[l] = static_cast<S>(a[l] + b[l]);
}

template <class X>
struct MaskedRow {
  const X* samples;
  const std::uint8_t* include;
  MaskedRow(const RowGroup& group, int k)
      : samples(static_cast<const X*>(group.samples[static_cast<std::size_t>(k)])),
        include(group.include[static_cast<std::size_t>(k)]) {}
};

// Samples that count.
class MaskedCount final : public RowsOf<std::int64_t, 1> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    std::int64_t* counts = state.row<std::int64_t>(0);
    if (taken == 0) std::fill_n(counts, lanes, 0);
    for (int k = 0; k < group.count; ++k) {
      const std::uint8_t* include = group.include[static_cast<std::size_t>(k)];
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) counts[l] += include[l] ? 1 : 0;
    }
  }
  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    add_row(out.row<std::int64_t>(0), a.row<std::int64_t>(0), b.row<std::int64_t>(0), lanes);
  }
  void take_constant(Lanes state, std::int64_t lanes, Value, double times, double) override {
    for (std::int64_t l = 0; l < lanes; ++l) {
      state.row<std::int64_t>(0)[l] += static_cast<std::int64_t>(times);
    }
  }
  Natural natural(Statistic) const override { return Natural::int64; }
  void finish(Statistic, Lanes state, std::int64_t lanes, Counts, double, void* out) override {
    std::copy_n(state.row<std::int64_t>(0), lanes, static_cast<std::int64_t*>(out));
  }
};

template <class X>
class MaskedNonzero final : public RowsOf<std::int64_t, 1> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    std::int64_t* nonzero = state.row<std::int64_t>(0);
    if (taken == 0) std::fill_n(nonzero, lanes, 0);
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        nonzero[l] += (row.include[l] != 0) & (row.samples[l] != X{0}) ? 1 : 0;
      }
    }
  }
  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    add_row(out.row<std::int64_t>(0), a.row<std::int64_t>(0), b.row<std::int64_t>(0), lanes);
  }
  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    if (value.floating == 0) return;
    for (std::int64_t l = 0; l < lanes; ++l) {
      state.row<std::int64_t>(0)[l] += static_cast<std::int64_t>(times);
    }
  }
  Natural natural(Statistic statistic) const override { return natural_of_nonzero(statistic); }
  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double,
              void* out) override {
    finish_nonzero(statistic, state.row<std::int64_t>(0), lanes, counts, out);
  }
};

// Sums of doubles; integers go through MaskedWideSum.
class MaskedFloatSum final : public RowsOf<double, 1> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    double* sums = state.row<double>(0);
    if (taken == 0) std::fill_n(sums, lanes, 0.0);
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<double> row(group, k);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) sums[l] += row.include[l] ? row.samples[l] : 0.0;
    }
  }
  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    add_row(out.row<double>(0), a.row<double>(0), b.row<double>(0), lanes);
  }
  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    for (std::int64_t l = 0; l < lanes; ++l) state.row<double>(0)[l] += value.floating * times;
  }
  Natural natural(Statistic) const override { return Natural::float64; }
  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double,
              void* out) override {
    finish_sum(statistic, state.row<double>(0), lanes, counts, out);
  }
};

// As WideSum.
template <class X>
class MaskedWideSum final : public RowsOf<std::int64_t, 2> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    std::int64_t* high = state.row<std::int64_t>(0);
    std::int64_t* low = state.row<std::int64_t>(1);
    if (taken == 0) {
      std::fill_n(high, lanes, 0);
      std::fill_n(low, lanes, 0);
    }
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const X sample = row.include[l] ? row.samples[l] : X{0};
        high[l] += static_cast<std::int64_t>(sample >> 32);
        low[l] += static_cast<std::int64_t>(static_cast<std::uint64_t>(sample) & 0xffffffffu);
      }
    }
    WideSum<X>::carry(high, low, lanes);
  }
  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    wide_.merge(out, a, b, lanes, na, nb);
  }
  void take_constant(Lanes state, std::int64_t lanes, Value value, double times,
                     double held) override {
    wide_.take_constant(state, lanes, value, times, held);
  }
  Natural natural(Statistic statistic) const override { return wide_.natural(statistic); }
  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    wide_.finish(statistic, state, lanes, counts, ddof, out);
  }

 private:
  WideSum<X> wide_;
};

template <class X, bool Largest>
class MaskedExtremum final : public RowsOf<X, 1> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    X* extremes = state.template row<X>(0);
    if (taken == 0) std::fill_n(extremes, lanes, identity());
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const X sample = row.include[l] ? row.samples[l] : identity();
        extremes[l] = extreme<Largest>(extremes[l], sample);
      }
    }
  }
  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    dense_.merge(out, a, b, lanes, na, nb);
  }
  void take_constant(Lanes state, std::int64_t lanes, Value value, double times,
                     double held) override {
    dense_.take_constant(state, lanes, value, times, held);
  }
  Natural natural(Statistic statistic) const override { return dense_.natural(statistic); }
  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    dense_.finish(statistic, state, lanes, counts, ddof, out);
  }

 private:
  static constexpr X identity() {
    using L = std::numeric_limits<X>;
    if constexpr (std::is_floating_point_v<X>) return Largest ? -L::infinity() : L::infinity();
    return Largest ? L::lowest() : L::max();
  }
  Extremum<X, Largest> dense_;
};

// Lanes with counts of their own: rows n, mean, M2. A lane without samples holds mean 0, which
// `between` with share 1 replaces exactly.
inline void merge_counted(double* n, double* mean, double* m2, const Lanes& a, const Lanes& b,
                          std::int64_t lanes) {
  const double* an = a.row<double>(0);
  const double* bn = b.row<double>(0);
  const double* amean = a.row<double>(1);
  const double* bmean = b.row<double>(1);
  const double* am2 = a.row<double>(2);
  const double* bm2 = b.row<double>(2);
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const double na = an[l];
    const double nb = bn[l];
    const double total = na + nb;
    const double share = nb > 0 ? nb / total : 0.0;
    const double delta = bmean[l] - amean[l];
    const double spread = delta * delta * (na * share);
    m2[l] = (am2[l] + bm2[l]) + ((na > 0) & (nb > 0) ? spread : 0.0);
    mean[l] = na > 0 ? between(amean[l], bmean[l], share) : bmean[l];
    n[l] = total;
  }
}

template <class X>
class MaskedMoments final : public RowsOf<double, 3> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    double* n = state.row<double>(0);
    double* mean = state.row<double>(1);
    double* m2 = state.row<double>(2);
    if (taken == 0) {
      for (double* row : {n, mean, m2}) std::fill_n(row, lanes, 0.0);
    }
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const bool counts = row.include[l] != 0;
        const double held = n[l];
        const double total = held + 1.0;
        const auto sample = static_cast<double>(row.samples[l]);
        const double share = 1.0 / total;
        const double delta = sample - mean[l];
        // sample - sample makes M2 NaN from the first infinity on.
        const double new_m2 = m2[l] + delta * delta * (held * share) + (sample - sample);
        const double new_mean = held > 0 ? between(mean[l], sample, share) : sample;
        m2[l] = counts ? new_m2 : m2[l];
        mean[l] = counts ? new_mean : mean[l];
        n[l] = counts ? total : held;
      }
    }
  }
  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    merge_counted(out.row<double>(0), out.row<double>(1), out.row<double>(2), a, b, lanes);
  }
  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    const double spread = value.floating - value.floating;
    for (std::int64_t l = 0; l < lanes; ++l) {
      double constant[3] = {times, value.floating, spread};
      const Lanes b{reinterpret_cast<std::byte*>(constant), 1, 0};
      const Lanes lane = state.from(l);
      merge_counted(lane.row<double>(0), lane.row<double>(1), lane.row<double>(2), lane, b, 1);
    }
  }
  Natural natural(Statistic) const override { return Natural::float64; }
  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts, double ddof,
              void* out) override {
    const double* n = state.row<double>(0);
    const double* m2 = state.row<double>(2);
    auto* values = static_cast<double*>(out);
    if (statistic == Statistic::mean) {
      const double* mean = state.row<double>(1);
      for (std::int64_t l = 0; l < lanes; ++l) values[l] = n[l] > 0 ? mean[l] : not_a_number();
    } else if (statistic == Statistic::std) {
      for (std::int64_t l = 0; l < lanes; ++l) values[l] = spread<true>(m2[l], n[l] - ddof);
    } else {
      for (std::int64_t l = 0; l < lanes; ++l) values[l] = spread<false>(m2[l], n[l] - ddof);
    }
  }
};

// As Squares, for samples that came from integers of at most 16 bits.
template <class X>
class MaskedSquares final : public RowsOf<std::int64_t, 2> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    std::int64_t* sums = state.row<std::int64_t>(0);
    std::int64_t* squares = state.row<std::int64_t>(1);
    if (taken == 0) {
      std::fill_n(sums, lanes, 0);
      std::fill_n(squares, lanes, 0);
    }
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const std::int64_t sample = row.include[l] ? static_cast<std::int64_t>(row.samples[l]) : 0;
        sums[l] += sample;
        squares[l] += sample * sample;
      }
    }
  }
  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    dense_.merge(out, a, b, lanes, na, nb);
  }
  void take_constant(Lanes state, std::int64_t lanes, Value value, double times,
                     double held) override {
    dense_.take_constant(state, lanes, value, times, held);
  }
  Natural natural(Statistic statistic) const override { return dense_.natural(statistic); }
  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    dense_.finish(statistic, state, lanes, counts, ddof, out);
  }

 private:
  Squares<std::int16_t> dense_;
};

}  // namespace boxel::BOXEL_KERNELS
