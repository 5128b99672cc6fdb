// Exact sums of x and x^2 of integers of at most 16 bits: their variance is rounded only at the end.
// x^2 < 2^32, so 2^31 samples and more fit 64 bits.

namespace boxel::BOXEL_KERNELS {

// n sum(x^2) - sum(x)^2 = n M2, exactly.
inline double exact_m2(std::int64_t sum, std::uint64_t squares, std::int64_t count) {
  if (count == 0) return 0;
  const auto n = static_cast<UInt128>(count);
  const auto magnitude = static_cast<UInt128>(sum < 0 ? -sum : sum);
  const UInt128 scaled = n * squares - magnitude * magnitude;
  return static_cast<double>(scaled) / static_cast<double>(count);
}

template <bool Root>
inline void finish_squares(const std::int64_t* sums, const std::int64_t* squares,
                           std::int64_t lanes, Counts counts, double ddof, double* out) {
  for (std::int64_t l = 0; l < lanes; ++l) {
    const std::int64_t count =
        counts.per_lane ? counts.per_lane[l] : static_cast<std::int64_t>(counts.uniform);
    const double m2 = exact_m2(sums[l], static_cast<std::uint64_t>(squares[l]), count);
    out[l] = spread<Root>(m2, static_cast<double>(count) - ddof);
  }
}

template <class T>
class Squares final : public RowsOf<std::int64_t, 2> {
  using G = std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>;

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    std::int64_t* sums = state.row<std::int64_t>(0);
    std::int64_t* squares = state.row<std::int64_t>(1);
    for_row_runs(group.count, [&]<int R>(int start) {
      const RowPointers<T, R> pointers(group, start);
      if (taken + start == 0) {
        std::fill_n(sums, lanes, 0);
        std::fill_n(squares, lanes, 0);
      }
      add<R>(sums, squares, pointers, lanes);
    });
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    for (int row = 0; row < 2; ++row) {
      std::int64_t* o = out.row<std::int64_t>(row);
      const std::int64_t* x = a.row<std::int64_t>(row);
      const std::int64_t* y = b.row<std::int64_t>(row);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) o[l] = x[l] + y[l];
    }
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    const auto copies = static_cast<std::int64_t>(times);
    for (std::int64_t l = 0; l < lanes; ++l) {
      state.row<std::int64_t>(0)[l] += value.integer * copies;
      state.row<std::int64_t>(1)[l] += value.integer * value.integer * copies;
    }
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    if (statistic == Statistic::std) {
      finish_squares<true>(state.row<std::int64_t>(0), state.row<std::int64_t>(1), lanes, counts,
                           ddof, values);
    } else {
      finish_squares<false>(state.row<std::int64_t>(0), state.row<std::int64_t>(1), lanes, counts,
                            ddof, values);
    }
  }

 private:
  template <int R>
  static void add(std::int64_t* sums, std::int64_t* squares, RowPointers<T, R> pointers,
                  std::int64_t lanes) {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      sums[l] += sum_rows<G, 0, R>(pointers.rows, l,
                                   [](T x) { return static_cast<G>(x); });
      squares[l] += static_cast<std::int64_t>(sum_rows<std::uint64_t, 0, R>(
          pointers.rows, l, [](T x) {
            return static_cast<std::uint64_t>(static_cast<std::uint32_t>(static_cast<G>(x) * static_cast<G>(x)));
          }));
    }
  }
};

}  // namespace boxel::BOXEL_KERNELS
