// The same statistics where some samples do not count. Samples arrive as int64, uint64 or double;
// what is left out contributes the identity, by selection and never by a product (NaN * 0 is NaN).

namespace boxel::BOXEL_KERNELS {

template <class X>
struct MaskedRow {
  const X* samples;
  const std::uint8_t* include;
  MaskedRow(const RowGroup& group, int k)
      : samples(static_cast<const X*>(group.samples[static_cast<std::size_t>(k)])),
        include(group.include[static_cast<std::size_t>(k)]) {}
};

// Samples that count.
class MaskedCount final : public AddedRows<std::int64_t, 1> {
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
class MaskedNonzero final : public AddedRows<std::int64_t, 1> {
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
class MaskedFloatSum final : public AddedRows<double, 1> {
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
class MaskedWideSum final : public WideSum<X> {
 public:
  // A row of samples does not tell which of them count.
  Subtraction subtraction() const override { return Subtraction::never; }

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
};

template <class X, bool Largest>
class MaskedExtremum final : public Extremum<X, Largest> {
 public:
  bool takes_slots(int) const override { return false; }

  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    X* extremes = state.template row<X>(0);
    if (taken == 0) this->clear(state, lanes);
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const X sample = row.include[l] ? row.samples[l] : losing_value<Largest, X>();
        extremes[l] = extreme<Largest>(extremes[l], sample);
      }
    }
  }
};

// Moments of lanes with counts of their own, or weights in their place. A lane without samples is
// all zeros.
class CountedMoments {
 public:
  enum Row { n, origin, offset, m2 };

  static void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes) {
    double* out_n = out.row<double>(n);
    double* out_origin = out.row<double>(origin);
    double* out_offset = out.row<double>(offset);
    double* out_m2 = out.row<double>(m2);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const double na = a.row<double>(n)[l];
      const double nb = b.row<double>(n)[l];
      const Mean mean_a{a.row<double>(origin)[l], a.row<double>(offset)[l]};
      const Mean mean_b{b.row<double>(origin)[l], b.row<double>(offset)[l]};
      const double total = na + nb;
      const double share = nb > 0 ? nb / total : 0.0;
      double delta = 0;
      const Mean merged = anchored_mean(mean_a, mean_b, na / total, share, delta);
      const bool both = (na > 0) & (nb > 0);
      const double spread = both ? delta * delta * (na * share) : 0.0;
      const Mean mean = select(both, merged, select(na > 0, mean_a, mean_b));
      out_m2[l] = (a.row<double>(m2)[l] + b.row<double>(m2)[l]) + spread;
      out_offset[l] = mean.offset;
      out_origin[l] = mean.origin;
      out_n[l] = total;
    }
  }

  // Takes one sample into a lane (West, 1979): `w` is its weight, 1 without weights.
  static BOXEL_INLINE void add(double x, double w, bool counts, double& lane_n, double& lane_origin,
                               double& lane_offset, double& lane_m2) {
    const double held = lane_n;
    const double total = held + w;
    const bool first = !(held > 0);
    const Mean sample{origin_of(x), x - origin_of(x)};
    const double share = w / total;
    double delta = 0;
    const Mean merged =
        anchored_mean({lane_origin, lane_offset}, sample, held / total, share, delta);
    const Mean mean = select(first, sample, merged);
    // x - x makes M2 NaN from the first infinity on.
    const double spread = (first ? 0.0 : delta * delta * (held * share)) + (x - x);
    lane_m2 = counts ? lane_m2 + spread : lane_m2;
    lane_offset = counts ? mean.offset : lane_offset;
    lane_origin = counts ? mean.origin : lane_origin;
    lane_n = counts ? total : held;
  }

  // Merges nb samples of mean b into a lane that holds some.
  static BOXEL_INLINE void merge_lane(double& lane_n, double& lane_origin, double& lane_offset,
                                      double& lane_m2, double nb, Mean b, double m2_b) {
    const double total = lane_n + nb;
    const double share = nb / total;
    double delta = 0;
    const Mean mean = anchored_mean({lane_origin, lane_offset}, b, lane_n / total, share, delta);
    lane_m2 = (lane_m2 + m2_b) + delta * delta * (lane_n * share);
    lane_offset = mean.offset;
    lane_origin = mean.origin;
    lane_n = total;
  }
};

// Lanes with counts (or weights) of their own do not fold as equals: they are merged pairwise.
template <int Rows>
class CountedRows : public RowsOf<double, Rows> {
 public:
  bool folds_adjacent(int) const override { return false; }
  void fold_adjacent(Lanes, Lanes, std::int64_t, int, double) override {
    throw std::logic_error("lanes with counts of their own are merged pairwise");
  }
};

template <class X>
class MaskedMoments final : public CountedRows<4> {
  using Rows = CountedMoments;

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    double* n = state.row<double>(Rows::n);
    double* origin = state.row<double>(Rows::origin);
    double* offset = state.row<double>(Rows::offset);
    double* m2 = state.row<double>(Rows::m2);
    if (taken == 0) {
      for (double* row : {n, origin, offset, m2}) std::fill_n(row, lanes, 0.0);
    }
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        Rows::add(static_cast<double>(row.samples[l]), 1.0, row.include[l] != 0, n[l], origin[l],
                  offset[l], m2[l]);
      }
    }
  }
  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    Rows::merge(out, a, b, lanes);
  }
  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    const double x = value.floating;
    for (std::int64_t l = 0; l < lanes; ++l) {
      double constant[4] = {times, origin_of(x), x - origin_of(x), x - x};
      const Lanes added(constant, 1);
      Rows::merge(state.from(l), state.from(l), added, 1);
    }
  }
  Natural natural(Statistic) const override { return Natural::float64; }
  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts, double ddof,
              void* out) override {
    const double* n = state.row<double>(Rows::n);
    const double* m2 = state.row<double>(Rows::m2);
    auto* values = static_cast<double*>(out);
    for (std::int64_t l = 0; l < lanes; ++l) {
      if (statistic == Statistic::mean) {
        const double mean = state.row<double>(Rows::origin)[l] + state.row<double>(Rows::offset)[l];
        values[l] = n[l] > 0 ? mean : not_a_number();
      } else if (statistic == Statistic::std) {
        values[l] = spread<true>(m2[l], n[l] - ddof);
      } else {
        values[l] = spread<false>(m2[l], n[l] - ddof);
      }
    }
  }
};

// As Squares, for samples that came from integers of at most 32 bits.
template <class X>
using NarrowSquares = Squares<std::conditional_t<std::is_signed_v<X>, std::int32_t, std::uint32_t>>;

template <class X>
class MaskedSquares final : public NarrowSquares<X> {
 public:
  bool takes_slots(int) const override { return false; }

  Subtraction subtraction() const override { return Subtraction::never; }

  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    std::int64_t* sums = state.row<std::int64_t>(0);
    std::int64_t* high = state.row<std::int64_t>(1);
    std::int64_t* low = state.row<std::int64_t>(2);
    if (taken == 0) {
      for (std::int64_t* row : {sums, high, low}) std::fill_n(row, lanes, 0);
    }
    for (int k = 0; k < group.count; ++k) {
      const MaskedRow<X> row(group, k);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const std::int64_t sample = row.include[l] ? static_cast<std::int64_t>(row.samples[l]) : 0;
        const auto square = static_cast<std::uint64_t>(sample) * static_cast<std::uint64_t>(sample);
        sums[l] += sample;
        high[l] += static_cast<std::int64_t>(square >> 32);
        low[l] += static_cast<std::int64_t>(square & 0xffffffffu);
      }
    }
    NarrowSquares<X>::carry(state, lanes);
  }
};

}  // namespace boxel::BOXEL_KERNELS
