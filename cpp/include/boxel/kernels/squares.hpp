// Exact sums of x and x^2 of integers of at most 32 bits: their variance is rounded once. Squares
// are summed in two halves of 32 bits, so that 2^31 rows and more fit.

namespace boxel::BOXEL_KERNELS {

// M2 of many samples: with sum = q n + r it is (sum(x^2) - q^2 n - 2 q r) - r^2 / n, whose bracket
// is exact in 128 bits. For the q next to the mean |r| is n / 2 at most; the bracket, a sum of
// squares of integers that add up to r, is |r| or more: hardly anything cancels.
inline double large_m2(Int128 sum, UInt128 squares, std::int64_t count) {
  Int128 quotient = sum / count;
  Int128 remainder = sum % count;
  const int step = 2 * remainder > count ? 1 : 2 * remainder < -count ? -1 : 0;
  quotient += step;
  remainder -= step * static_cast<Int128>(count);
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

// A state in three rows: sums, and sums of squares in two halves.
struct SquareRows {
  const std::int64_t* sums;
  const std::int64_t* highs;
  const std::int64_t* lows;
  explicit SquareRows(Lanes state)
      : sums(state.row<std::int64_t>(0)),
        highs(state.row<std::int64_t>(1)),
        lows(state.row<std::int64_t>(2)) {}

  BOXEL_INLINE std::int64_t sum(std::int64_t l) const { return sums[l]; }
  // Of squares. Low halves are not always carried.
  BOXEL_INLINE std::int64_t high(std::int64_t l) const { return highs[l]; }
  BOXEL_INLINE std::int64_t low(std::int64_t l) const { return lows[l]; }
  // As far as 64 bits hold them.
  BOXEL_INLINE std::uint64_t squares(std::int64_t l) const {
    return static_cast<std::uint64_t>((highs[l] << 32) + lows[l]);
  }
};

// Fewer samples than so many have their variance from parts, if they lose fewer degrees of freedom.
inline constexpr double counted_limit = 0x1p22;

// Whether n sum(x^2) and sum(x)^2 of n samples T stay so small.
template <class T>
BOXEL_INLINE bool small_moments(double count) {
  const double largest = largest_magnitude<T>() * count;
  return largest * largest < 0x1p51;
}

// The same quotient as by exact_variance(), where dividend and divisor are exact doubles.
template <bool Root, class Rows>
inline void finish_small_squares(const Rows& rows, std::int64_t lanes, double count, double freedom,
                                 double* out) {
  const FusedQuotient quotient(count * freedom);
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const double sum = small_to_double(rows.sum(l));
    const double squares = natural_to_double(rows.squares(l));
    const double variance = quotient(count * squares - sum * sum);
    out[l] = Root ? std::sqrt(variance) : variance;
  }
}

// Whether a double holds sum(x^2) of n samples T as natural_to_double() makes it, and n sum(x^2)
// and the divisor are small as in moments_fit_parts().
template <class T>
BOXEL_INLINE bool squares_fit_doubles(double count, double ddof) {
  const double largest = largest_magnitude<T>();
  return count < counted_limit && std::fabs(ddof) < counted_limit &&
         largest * largest * count < 0x1p52;
}

// n sum(x^2) - sum(x)^2, exactly.
BOXEL_INLINE Parts2 exact_scaled_m2(double sum, double squares, double count) {
  const Parts2 scaled = two_product(count, squares);
  const Parts2 square = two_product(sum, sum);
  // The first is never the smaller one, not when both are rounded either. Their difference is 0 or
  // at least the last digit of the smaller one, and what is left over has no larger exponent.
  const Parts2 difference = fast_two_sum(scaled.high, -square.high);
  return fast_two_sum(difference.high, (scaled.low - square.low) + difference.low);
}

// NaN without a sign where there is one: the processor's own has a sign.
BOXEL_INLINE double plain_nan(double variance) {
  return variance == variance ? variance : not_a_number();
}

// The same quotient as by exact_variance(), without a division. The first quotient is off by less
// than three of its last digits, and so is the correction by less than 2^-51 of one; a whole number
// over one below 2^46 is 2^-47 or more away from what is half way between two doubles, or just
// there, where the correction is exact.
template <bool Root, class Rows>
inline void finish_squares_by_products(const Rows& rows, std::int64_t lanes, double count,
                                       double freedom, double* out) {
  // Without any freedom, x / 0 becomes NaN by its correction.
  const PartsQuotient quotient(count * std::max(freedom, 0.0));
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const Parts2 m2 =
        exact_scaled_m2(small_to_double(rows.sum(l)), natural_to_double(rows.squares(l)), count);
    const double variance = plain_nan(quotient(m2));
    out[l] = Root ? std::sqrt(variance) : variance;
  }
}

// Whether n sum(x^2) lies below 2^102 in all lanes, and the divisor below 2^46: what parts hold.
template <class Rows>
inline bool moments_fit_parts(const Rows& rows, std::int64_t lanes, Counts counts, double ddof) {
  if (!(ddof == std::floor(ddof) && std::fabs(ddof) < counted_limit)) return false;
  if (!counts.per_lane && !(counts.uniform < counted_limit)) return false;
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    high |= static_cast<std::uint64_t>(rows.high(l));
    low |= static_cast<std::uint64_t>(rows.low(l));
  }
  auto count = counts.per_lane ? 0 : static_cast<std::uint64_t>(counts.uniform);
  if (counts.per_lane) {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      count |= static_cast<std::uint64_t>(counts.per_lane[l]);
    }
  }
  // small_to_double() takes so much, of sums too, whose squares are no larger.
  constexpr std::uint64_t most = std::uint64_t{1} << 51;
  if (low >= most || high >= most || count >= static_cast<std::uint64_t>(counted_limit))
    return false;
  const auto carried = static_cast<double>(high + (most >> 32));
  return static_cast<double>(count) * carried < 0x1p70;
}

// n sum(x^2) - sum(x)^2, exactly: what rounding leaves over are whole numbers below 2^53.
BOXEL_INLINE Parts2 exact_scaled_m2(double sum, double high, double low, double count) {
  const Parts2 squares = two_sum(high * 0x1p32, low);
  const Parts2 scaled = two_product(count, squares.high);
  const Parts2 square = two_product(sum, sum);
  const Parts2 difference = two_sum(scaled.high, -square.high);
  const double rest = (scaled.low - square.low) + (count * squares.low + difference.low);
  return two_sum(difference.high, rest);
}

// The quotient rounded once. The first one is off by less than two of its last digits, and so is
// the correction by less than 2^-52 of one. A whole number below 2^103 over one below 2^46 is 2^-51
// or more away from what is half way between two doubles, or just there, where the correction is
// exact.
BOXEL_INLINE double quotient_of_parts(Parts2 dividend, double divisor) {
  const double near = dividend.high / divisor;
  return near + left_over(dividend, near, divisor) / divisor;
}

// The same quotient as by exact_variance(), at a tenth of its time.
template <bool Root, class Rows>
inline void finish_squares_in_parts(const Rows& rows, std::int64_t lanes, Counts counts,
                                    double ddof, double* out) {
  with_counts(lanes, counts, [=](std::int64_t l, double count) BOXEL_INLINED {
    const Parts2 m2 = exact_scaled_m2(small_to_double(rows.sum(l)), small_to_double(rows.high(l)),
                                      small_to_double(rows.low(l)), count);
    const double freedom = count - ddof;
    // Without any, x / 0 becomes NaN by its correction: to choose by it would keep loops from
    // vectorising.
    const double variance = plain_nan(quotient_of_parts(m2, count * (freedom > 0 ? freedom : 0.0)));
    out[l] = Root ? std::sqrt(variance) : variance;
  });
}

// T: the samples' type.
template <class T, bool Root, class Rows>
inline void finish_squares(const Rows& rows, std::int64_t lanes, Counts counts, double ddof,
                           double* out) {
  using S = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
  const double freedom = counts.uniform - ddof;
  const double count = counts.uniform;
  if (!counts.per_lane && ddof == std::floor(ddof)) {
    if (freedom > 0 && small_moments<T>(count) && count * freedom < 0x1p50) {
      return finish_small_squares<Root>(rows, lanes, count, freedom, out);
    }
    if (squares_fit_doubles<T>(count, ddof)) {
      return finish_squares_by_products<Root>(rows, lanes, count, freedom, out);
    }
  }
  if (moments_fit_parts(rows, lanes, counts, ddof)) {
    return finish_squares_in_parts<Root>(rows, lanes, counts, ddof, out);
  }
  for (std::int64_t l = 0; l < lanes; ++l) {
    const std::int64_t samples =
        counts.per_lane ? counts.per_lane[l] : static_cast<std::int64_t>(count);
    const UInt128 squares = (static_cast<UInt128>(static_cast<std::uint64_t>(rows.high(l))) << 32) +
                            static_cast<UInt128>(rows.low(l));
    const double variance =
        exact_variance(static_cast<Int128>(static_cast<S>(rows.sum(l))), squares, samples, ddof);
    out[l] = Root ? std::sqrt(variance) : variance;
  }
}

template <class T, class Rows>
inline void finish_variances(Statistic statistic, const Rows& rows, std::int64_t lanes,
                             Counts counts, double ddof, double* out) {
  if (statistic == Statistic::std) return finish_squares<T, true>(rows, lanes, counts, ddof, out);
  finish_squares<T, false>(rows, lanes, counts, ddof, out);
}

// T: 8 to 32 bits.
template <class T>
class Squares : public SlotTaker<Squares<T>, T, std::int64_t, AddedRows<std::int64_t, 3>> {
 public:
  template <int R>
  BOXEL_SHARED static void take_rows(Lanes state, const RowPointers<T, R>& rows, std::int64_t lanes,
                                     std::int64_t before, std::int64_t ahead) {
    if (before == 0) {
      std::fill_n(state.row<std::int64_t>(1), lanes, 0);
      add<R, true>(state, rows, lanes, ahead);
    } else {
      add<R, false>(state, rows, lanes, ahead);
    }
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
    if (statistic == Statistic::mean) {
      using S = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
      divide_lanes(values, state.row<S>(0), lanes, counts);
    } else {
      finish_variances<T>(statistic, SquareRows(state), lanes, counts, ddof, values);
    }
  }

 private:
  static BOXEL_INLINE std::uint64_t square(T sample) {
    const auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(sample));
    return wide * wide;
  }

  // Squares of 8 bits are added in 32 bits; two of 15 bits and a sign fit, too.
  template <int A, int B>
  static BOXEL_INLINE std::uint64_t sum_squares(const T* const* rows, std::int64_t lane) {
    constexpr int together = sizeof(T) == 1 ? max_group : std::is_signed_v<T> ? 2 : 1;
    if constexpr (B - A <= together) {
      return sum_rows<std::uint32_t, A, B>(rows, lane, [](T x) {
        return static_cast<std::uint32_t>(x) * static_cast<std::uint32_t>(x);
      });
    } else {
      constexpr int middle = A + (B - A + 1) / 2;
      return sum_squares<A, middle>(rows, lane) + sum_squares<middle, B>(rows, lane);
    }
  }

  // A group's sums of at most 16 bits are added in the next wider type, its squares need no halves.
  template <int R, bool First>
  static BOXEL_INLINE void add(Lanes state, const RowPointers<T, R>& rows, std::int64_t lanes,
                               std::int64_t ahead) {
    using G = typename Wider<T>::type;
    std::int64_t* sums = state.row<std::int64_t>(0);
    std::int64_t* high = state.row<std::int64_t>(1);
    std::int64_t* low = state.row<std::int64_t>(2);
    for_lines(rows, lanes, ahead, [=](std::int64_t l, std::int64_t) BOXEL_INLINED {
      const auto sum = static_cast<std::int64_t>(
          sum_rows<G, 0, R>(rows.rows, l, [](T x) { return static_cast<G>(x); }));
      sums[l] = First ? sum : sums[l] + sum;
      std::int64_t lower;
      if constexpr (sizeof(T) <= 2) {
        lower = static_cast<std::int64_t>(sum_squares<0, R>(rows.rows, l));
      } else {
        high[l] += static_cast<std::int64_t>(
            sum_rows<std::uint64_t, 0, R>(rows.rows, l, [](T x) { return square(x) >> 32; }));
        lower = static_cast<std::int64_t>(sum_rows<std::uint64_t, 0, R>(
            rows.rows, l, [](T x) { return square(x) & 0xffffffffu; }));
      }
      low[l] = First ? lower : low[l] + lower;
    });
  }
};

}  // namespace boxel::BOXEL_KERNELS
