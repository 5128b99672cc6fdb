// Exact sums of x and x^2 of 64-bit integers: their variance is rounded at the end. The sum is kept
// in two halves, as in WideSum, and the sum of squares in limbs of 32 bits, so that 2^31 rows fit.

namespace boxel::BOXEL_KERNELS {

// 192 bits, the lowest first.
struct Wide {
  std::uint64_t low;
  std::uint64_t middle;
  std::uint64_t high;
};

inline Wide product(std::uint64_t a, UInt128 b) {
  const UInt128 low = static_cast<UInt128>(a) * static_cast<std::uint64_t>(b);
  const UInt128 upper = static_cast<UInt128>(a) * static_cast<std::uint64_t>(b >> 64) + (low >> 64);
  return {static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(upper),
          static_cast<std::uint64_t>(upper >> 64)};
}

// a - b, which is not negative.
inline Wide difference(Wide a, Wide b) {
  const UInt128 upper_a = (static_cast<UInt128>(a.high) << 64) | a.middle;
  const UInt128 upper_b = (static_cast<UInt128>(b.high) << 64) | b.middle;
  const UInt128 upper = upper_a - upper_b - (a.low < b.low ? 1 : 0);
  return {a.low - b.low, static_cast<std::uint64_t>(upper),
          static_cast<std::uint64_t>(upper >> 64)};
}

// The variance of integers with these sums. With the integer c next to their mean and the rest
// r = sum - c n, the squares around c are sum(x^2) - c (sum + r), and exact.
inline double wide_variance(Int128 sum, Wide squares, std::int64_t count, double ddof) {
  if (!(static_cast<double>(count) - ddof > 0)) return not_a_number();
  Int128 center = sum / count;
  Int128 rest = sum % count;
  if (2 * rest > count) ++center, rest -= count;
  if (2 * rest < -count) --center, rest += count;
  const bool negative = center < 0;
  const auto magnitude = static_cast<std::uint64_t>(negative ? -center : center);
  const auto moved = static_cast<UInt128>(negative ? -(sum + rest) : sum + rest);
  const Wide around = difference(squares, product(magnitude, moved));
  const UInt128 low = (static_cast<UInt128>(around.middle) << 64) | around.low;
  if (around.high == 0 && low >> 96 == 0) return exact_variance(rest, low, count, ddof);
  const double m2 = static_cast<double>(around.high) * 0x1p128 + static_cast<double>(low);
  const auto shift = static_cast<double>(rest);
  return (m2 - shift * (shift / static_cast<double>(count))) / (static_cast<double>(count) - ddof);
}

template <class T>
class WideSquares : public AddedRows<std::int64_t, 6> {
  using Base = AddedRows<std::int64_t, 6>;
  enum Row { high_row, low_row, limbs_row };
  static constexpr int limbs = 4;

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    take_rows(state, group, lanes, taken, false);
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    Base::merge(out, a, b, lanes, na, nb);
    carry(out, lanes);
  }
  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                   double held) override {
    Base::merge_ahead(out, in, lanes, step, terms, held);
    carry(out, lanes);
  }
  void fold_adjacent(Lanes out, Lanes in, std::int64_t count, int size, double held) override {
    Base::fold_adjacent(out, in, count, size, held);
    carry(out, count);
  }

  Subtraction subtraction() const override { return Subtraction::always; }
  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t) override {
    add(state, static_cast<const T*>(added), nullptr, lanes, 1);
    add(state, static_cast<const T*>(removed), nullptr, lanes, -1);
    carry(state, lanes);
  }
  void exchange_states(Lanes out, Lanes from, Lanes added, Lanes removed,
                       std::int64_t lanes) override {
    Base::exchange_states(out, from, added, removed, lanes);
    carry(out, lanes);
  }
  void exchange_windows(Lanes out, Lanes in, std::int64_t lanes, std::int64_t size) override {
    Base::exchange_windows(out, in, lanes, size);
    carry(out, lanes);
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    const auto sample = static_cast<T>(value.integer);
    const auto copies = static_cast<std::int64_t>(times);
    for (std::int64_t l = 0; l < lanes; ++l) add_sample(state, l, sample, copies);
    carry(state, lanes);
  }

  Natural natural(Statistic) const override { return Natural::float64; }
  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    if (statistic == Statistic::mean) {
      return WideSum<T>::template finish_halves<T>(statistic, state.row<std::int64_t>(high_row),
                                                   state.row<std::int64_t>(low_row), lanes, counts,
                                                   out);
    }
    auto* values = static_cast<double*>(out);
    for (std::int64_t l = 0; l < lanes; ++l) {
      const std::int64_t count =
          counts.per_lane ? counts.per_lane[l] : static_cast<std::int64_t>(counts.uniform);
      const Int128 sum = (static_cast<Int128>(state.row<std::int64_t>(high_row)[l]) << 32) +
                         state.row<std::int64_t>(low_row)[l];
      const auto limb = [&](int k) {
        return static_cast<std::uint64_t>(state.row<std::int64_t>(limbs_row + k)[l]);
      };
      const Wide squares{limb(0) | (limb(1) << 32), limb(2) | (limb(3) << 32), limb(3) >> 32};
      const double variance = wide_variance(sum, squares, count, ddof);
      values[l] = statistic == Statistic::std ? std::sqrt(variance) : variance;
    }
  }

 protected:
  void take_rows(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken,
                 bool masked) {
    if (taken == 0) this->clear(state, lanes);
    for (int k = 0; k < group.count; ++k) {
      const auto row = static_cast<std::size_t>(k);
      add(state, static_cast<const T*>(group.samples[row]), masked ? group.include[row] : nullptr,
          lanes, 1);
    }
    carry(state, lanes);
  }

 private:
  static BOXEL_INLINE void add_sample(Lanes state, std::int64_t l, T sample, std::int64_t times) {
    const auto low = static_cast<std::int64_t>(static_cast<std::uint64_t>(sample) & 0xffffffffu);
    state.row<std::int64_t>(high_row)[l] += static_cast<std::int64_t>(sample >> 32) * times;
    state.row<std::int64_t>(low_row)[l] += low * times;
    auto magnitude = static_cast<std::uint64_t>(sample);
    if constexpr (std::is_signed_v<T>) magnitude = sample < 0 ? 0 - magnitude : magnitude;
    const UInt128 square = static_cast<UInt128>(magnitude) * magnitude;
    for (int k = 0; k < limbs; ++k) {
      const auto limb = static_cast<std::int64_t>((square >> (32 * k)) & 0xffffffffu);
      state.row<std::int64_t>(limbs_row + k)[l] += limb * times;
    }
  }

  // `include` null: all samples count.
  static void add(Lanes state, const T* samples, const std::uint8_t* include, std::int64_t lanes,
                  std::int64_t times) {
    for (std::int64_t l = 0; l < lanes; ++l) {
      if (!include || include[l]) add_sample(state, l, samples[l], times);
    }
  }

  // Keeps all but the highest limbs below 2^32, so that any number of rows can follow.
  static void carry(Lanes state, std::int64_t lanes) {
    WideSum<T>::carry(state.row<std::int64_t>(high_row), state.row<std::int64_t>(low_row), lanes);
    for (int k = 0; k + 1 < limbs; ++k) {
      WideSum<T>::carry(state.row<std::int64_t>(limbs_row + k + 1),
                        state.row<std::int64_t>(limbs_row + k), lanes);
    }
  }
};

template <class X>
class MaskedWideSquares final : public WideSquares<X> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    this->take_rows(state, group, lanes, taken, true);
  }
  // A row of samples does not tell which of them count.
  Subtraction subtraction() const override { return Subtraction::never; }
};

}  // namespace boxel::BOXEL_KERNELS
