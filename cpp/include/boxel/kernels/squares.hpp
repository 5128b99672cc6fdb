// Exact sums of x and x^2 of integers of at most 32 bits: their variance is rounded once. Squares
// are summed in two halves of 32 bits, so that 2^31 rows and more fit.

namespace boxel::BOXEL_KERNELS {

// M2 of many samples: with sum = q n + r it is (sum(x^2) - q^2 n - 2 q r) - r^2 / n, whose bracket
// is exact in 128 bits.
inline double large_m2(Int128 sum, UInt128 squares, std::int64_t count) {
  Int128 quotient = sum / count;
  Int128 remainder = sum % count;
  if (remainder < 0) {
    remainder += count;
    --quotient;
  }
  const Int128 bracket =
      static_cast<Int128>(squares) - quotient * quotient * count - 2 * quotient * remainder;
  const auto rest = static_cast<double>(remainder);
  const double m2 = static_cast<double>(bracket) - rest * (rest / static_cast<double>(count));
  return m2 > 0 ? m2 : 0.0;
}

// n sum(x^2) - sum(x)^2 = n M2 over n (n - ddof). In 128 bits this is exact for fewer than 2^31
// samples; more of them, or a fractional ddof, cost a rounding or two.
inline double exact_variance(Int128 sum, UInt128 squares, std::int64_t count, double ddof) {
  const double freedom = static_cast<double>(count) - ddof;
  if (!(freedom > 0)) return not_a_number();
  if (count >= std::int64_t{1} << 31) return large_m2(sum, squares, count) / freedom;
  const auto n = static_cast<UInt128>(count);
  const auto magnitude = static_cast<UInt128>(sum < 0 ? -sum : sum);
  const UInt128 scaled = n * squares - magnitude * magnitude;
  if (ddof == std::floor(ddof)) {
    return exact_quotient(static_cast<Int128>(scaled),
                          count * (count - static_cast<std::int64_t>(ddof)));
  }
  return static_cast<double>(scaled) / static_cast<double>(count) / freedom;
}

template <class T, bool Root>
inline void finish_squares(Lanes state, std::int64_t lanes, Counts counts, double ddof,
                           double* out) {
  using S = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
  const std::int64_t* sums = state.row<std::int64_t>(0);
  const std::int64_t* high = state.row<std::int64_t>(1);
  const std::int64_t* low = state.row<std::int64_t>(2);
  for (std::int64_t l = 0; l < lanes; ++l) {
    const std::int64_t count =
        counts.per_lane ? counts.per_lane[l] : static_cast<std::int64_t>(counts.uniform);
    const UInt128 squares = (static_cast<UInt128>(static_cast<std::uint64_t>(high[l])) << 32) +
                            static_cast<UInt128>(low[l]);
    const double variance =
        exact_variance(static_cast<Int128>(static_cast<S>(sums[l])), squares, count, ddof);
    out[l] = Root ? std::sqrt(variance) : variance;
  }
}

// T: 8 to 32 bits, or int64 and uint64 samples that came from these (masked work).
template <class T>
class Squares : public AddedRows<std::int64_t, 3> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    if (taken == 0) {
      for (int row = 0; row < 3; ++row) std::fill_n(state.row<std::int64_t>(row), lanes, 0);
    }
    for_row_runs(group.count,
                 [&]<int R>(int start) { add<R>(state, RowPointers<T, R>(group, start), lanes); });
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    AddedRows<std::int64_t, 3>::merge(out, a, b, lanes, na, nb);
    carry(out, lanes);
  }

  Subtraction subtraction() const override { return Subtraction::always; }

  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t) override {
    std::int64_t* sums = state.row<std::int64_t>(0);
    std::int64_t* high = state.row<std::int64_t>(1);
    std::int64_t* low = state.row<std::int64_t>(2);
    const T* a = static_cast<const T*>(added);
    const T* r = static_cast<const T*>(removed);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      sums[l] += static_cast<std::int64_t>(a[l]) - static_cast<std::int64_t>(r[l]);
      const std::uint64_t in = square(a[l]);
      const std::uint64_t gone = square(r[l]);
      high[l] += static_cast<std::int64_t>(in >> 32) - static_cast<std::int64_t>(gone >> 32);
      low[l] += static_cast<std::int64_t>(in & 0xffffffffu) -
                static_cast<std::int64_t>(gone & 0xffffffffu);
    }
    carry(state, lanes);
  }

  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                   double held) override {
    AddedRows<std::int64_t, 3>::merge_ahead(out, in, lanes, step, terms, held);
    carry(out, lanes);
  }

  void exchange_windows(Lanes out, Lanes in, std::int64_t lanes, std::int64_t size) override {
    AddedRows<std::int64_t, 3>::exchange_windows(out, in, lanes, size);
    carry(out, lanes);
  }

  void exchange_states(Lanes out, Lanes from, Lanes added, Lanes removed,
                       std::int64_t lanes) override {
    AddedRows<std::int64_t, 3>::exchange_states(out, from, added, removed, lanes);
    carry(out, lanes);
  }

  // Keeps the low halves below 2^32, so that any number of rows can follow.
  static void carry(Lanes state, std::int64_t lanes) {
    WideSum<std::int64_t>::carry(state.row<std::int64_t>(1), state.row<std::int64_t>(2), lanes);
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    const auto copies = static_cast<std::int64_t>(times);
    const auto square = static_cast<std::uint64_t>(value.integer * value.integer);
    for (std::int64_t l = 0; l < lanes; ++l) {
      state.row<std::int64_t>(0)[l] += value.integer * copies;
      state.row<std::int64_t>(1)[l] += static_cast<std::int64_t>(square >> 32) * copies;
      state.row<std::int64_t>(2)[l] += static_cast<std::int64_t>(square & 0xffffffffu) * copies;
    }
    carry(state, lanes);
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    if (statistic == Statistic::std) {
      finish_squares<T, true>(state, lanes, counts, ddof, values);
    } else {
      finish_squares<T, false>(state, lanes, counts, ddof, values);
    }
  }

 private:
  static BOXEL_INLINE std::uint64_t square(T sample) {
    const auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(sample));
    return wide * wide;
  }

  // A group's squares of at most 16 bits fit 64 bits and need no halves.
  template <int R>
  static void add(Lanes state, RowPointers<T, R> pointers, std::int64_t lanes) {
    std::int64_t* sums = state.row<std::int64_t>(0);
    std::int64_t* high = state.row<std::int64_t>(1);
    std::int64_t* low = state.row<std::int64_t>(2);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      sums[l] += sum_rows<std::int64_t, 0, R>(pointers.rows, l,
                                              [](T x) { return static_cast<std::int64_t>(x); });
      if constexpr (sizeof(T) <= 2) {
        low[l] +=
            static_cast<std::int64_t>(sum_rows<std::uint64_t, 0, R>(pointers.rows, l, square));
      } else {
        high[l] += static_cast<std::int64_t>(
            sum_rows<std::uint64_t, 0, R>(pointers.rows, l, [](T x) { return square(x) >> 32; }));
        low[l] += static_cast<std::int64_t>(sum_rows<std::uint64_t, 0, R>(
            pointers.rows, l, [](T x) { return square(x) & 0xffffffffu; }));
      }
    }
  }
};

}  // namespace boxel::BOXEL_KERNELS
