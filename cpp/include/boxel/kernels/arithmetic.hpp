// Scalar arithmetic that several accumulators share.

namespace boxel::BOXEL_KERNELS {

// Of integers of type T.
template <class T>
constexpr double largest_magnitude() {
  // -128 is one more than 127.
  return std::is_signed_v<T> ? -static_cast<double>(std::numeric_limits<T>::min())
                             : static_cast<double>(std::numeric_limits<T>::max());
}

// n samples of a sum can be divided by multiplying where 1/n is exact: for powers of two, whose
// mantissa is empty.
BOXEL_INLINE bool exact_reciprocal(double count) {
  return count > 0 && std::bit_cast<std::uint64_t>(count) << 12 == 0;
}

// The quotient rounded once, for sums that a double does not hold exactly.
inline double exact_quotient(Int128 sum, std::int64_t count) {
  if (count == 0) return std::numeric_limits<double>::quiet_NaN();
  if (sum == 0) return 0;
  const bool negative = sum < 0;
  UInt128 magnitude = negative ? -static_cast<UInt128>(sum) : static_cast<UInt128>(sum);
  if (magnitude <= (std::uint64_t{1} << 53) && count <= (std::int64_t{1} << 53)) {
    return static_cast<double>(static_cast<std::int64_t>(sum)) / static_cast<double>(count);
  }
  // With 126 bits in the dividend the quotient has at least 63; a sticky last bit then stands for
  // the remainder, so that the conversion rounds as the exact quotient would.
  int shift = 0;
  while (!(magnitude >> 125)) {
    magnitude <<= 1;
    ++shift;
  }
  const auto divisor = static_cast<UInt128>(count);
  const UInt128 quotient = magnitude / divisor;
  const UInt128 sticky = magnitude % divisor ? 1 : 0;
  const double rounded = std::ldexp(static_cast<double>(quotient | sticky), -shift);
  return negative ? -rounded : rounded;
}

// A sum of floats with 0.0 for -0.0, which is the sum of zeros whatever their signs: those of
// partial sums depend on their order, and on which samples were given up again.
template <class S>
BOXEL_INLINE double plain_zero(S sum) {
  if constexpr (std::is_floating_point_v<S>) return sum + 0.0;
  return static_cast<double>(sum);
}

template <class S>
BOXEL_INLINE double quotient_of(S sum, double count) {
  if constexpr (sizeof(S) == 8 && std::is_integral_v<S>) {
    const bool exact = sum <= (S{1} << 53) &&
                       (std::is_unsigned_v<S> || sum >= static_cast<S>(-(std::int64_t{1} << 53)));
    if (!exact) return exact_quotient(static_cast<Int128>(sum), static_cast<std::int64_t>(count));
  }
  return plain_zero(sum) / count;
}

BOXEL_INLINE double not_a_number() { return std::numeric_limits<double>::quiet_NaN(); }

// A number of samples, rounded as a cast is: AVX2 casts no integers of 64 bits, which would keep
// compilers from vectorising. Halves become mantissas: 2^52 + low, 2^84 + 2^32 * high.
BOXEL_INLINE double as_double(std::int64_t count) {
  constexpr double low_one = 0x1p52;
  constexpr double high_one = 0x1p84;
  const auto bits = static_cast<std::uint64_t>(count);
  const auto low =
      std::bit_cast<double>((bits & 0xffffffffU) | std::bit_cast<std::uint64_t>(low_one));
  const auto high = std::bit_cast<double>(bits >> 32 | std::bit_cast<std::uint64_t>(high_one));
  return (high - (high_one + low_one)) + low;
}

// Integers between -2^51 and 2^51 as doubles, which AVX2 does not convert: by the low bits of one.
BOXEL_INLINE double small_to_double(std::int64_t x) {
  constexpr double shifter = 0x1.8p52;
  return std::bit_cast<double>(x + std::bit_cast<std::int64_t>(shifter)) - shifter;
}

// Integers between 0 and 2^52.
BOXEL_INLINE double natural_to_double(std::uint64_t x) {
  constexpr double one = 0x1p52;
  return std::bit_cast<double>(x | std::bit_cast<std::uint64_t>(one)) - one;
}

// Whether all lie between -2^51 and 2^51.
template <class S>
inline bool all_small(const S* values, std::int64_t count) {
  constexpr std::uint64_t limit = std::uint64_t{1} << 51;
  std::uint64_t bits = 0;
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < count; ++l) bits |= static_cast<std::uint64_t>(values[l]) + limit;
  return bits < 2 * limit;
}

template <class S>
BOXEL_INLINE double integer_to_double(S value) {
  if constexpr (sizeof(S) == 8) return small_to_double(static_cast<std::int64_t>(value));
  return static_cast<double>(value);
}

// Calls body(lane, count) for each lane.
template <class Body>
BOXEL_INLINE void with_counts(std::int64_t lanes, Counts counts, Body&& body) {
  if (counts.per_lane) {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) body(l, as_double(counts.per_lane[l]));
  } else {
    const double count = counts.uniform;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) body(l, count);
  }
}

// x / divisor where the processor fuses multiply and add: by 1 / divisor in two parts, off by
// 2^-104 before it is rounded. So it is rounded as a division of integers of at most 2^53 by one
// below 2^50 is (see ExactDivisor), or of what is a double when divided. Zeros may lose their sign.
struct FusedQuotient {
#if defined(BOXEL_HAS_FMA)
  double reciprocal;
  double rest;

  explicit BOXEL_INLINE FusedQuotient(double divisor)
      : reciprocal(1.0 / divisor), rest(__builtin_fma(-reciprocal, divisor, 1.0) * reciprocal) {}

  BOXEL_INLINE double operator()(double x) const { return __builtin_fma(x, reciprocal, x * rest); }
#else
  double divisor;

  explicit BOXEL_INLINE FusedQuotient(double number) : divisor(number) {}

  BOXEL_INLINE double operator()(double x) const { return x / divisor; }
#endif
};

// Calls put(lane, sum / count) for each lane, of integers that a double holds.
template <class S, class Put>
BOXEL_INLINE void divide_small_lanes(const S* sums, std::int64_t lanes, Counts counts, Put put) {
  if (!counts.per_lane && exact_reciprocal(counts.uniform)) {
    const double reciprocal = 1.0 / counts.uniform;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) put(l, integer_to_double(sums[l]) * reciprocal);
    return;
  }
  if (!counts.per_lane && counts.uniform > 0 && counts.uniform < 0x1p50) {
    const FusedQuotient quotient(counts.uniform);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) put(l, quotient(integer_to_double(sums[l])));
    return;
  }
  with_counts(lanes, counts, [=](std::int64_t l, double count) BOXEL_INLINED {
    put(l, integer_to_double(sums[l]) / count);
  });
}

// sum / count for each lane, rounded once.
template <class S>
inline void divide_lanes(double* out, const S* sums, std::int64_t lanes, Counts counts) {
  constexpr bool always_exact = !(sizeof(S) == 8 && std::is_integral_v<S>);
  if constexpr (std::is_integral_v<S>) {
    if (always_exact || all_small(sums, lanes)) {
      return divide_small_lanes(sums, lanes, counts,
                                [out](std::int64_t l, double quotient)
                                    BOXEL_INLINED { out[l] = quotient; });
    }
  }
  if (always_exact && !counts.per_lane && exact_reciprocal(counts.uniform)) {
    const double reciprocal = 1.0 / counts.uniform;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) out[l] = plain_zero(sums[l]) * reciprocal;
    return;
  }
  with_counts(lanes, counts,
              [=](std::int64_t l, double count) { out[l] = quotient_of(sums[l], count); });
}

// The same for a sum of float32 samples, rounded to float32 after that. Where the processor fuses
// multiply and add, one correction of sum * (1 / count) gives the quotient that a division rounds
// to (Markstein, 1990): unless it is not finite, the sum is far from overflow and underflow. Of a
// sum of -0.0 the rest is 0.0, and so is what is corrected by it.
struct FloatQuotient {
  double count;
  double reciprocal;
  explicit FloatQuotient(double number) : count(number), reciprocal(1.0 / number) {}
  BOXEL_INLINE float operator()(double sum) const {
#if defined(BOXEL_HAS_FMA)
    const double near = sum * reciprocal;
    const double rest = __builtin_fma(-near, count, sum);
    const double quotient = __builtin_fma(rest, reciprocal, near);
    return static_cast<float>(rest == rest ? quotient : near);
#else
    return static_cast<float>(plain_zero(sum) / count);
#endif
  }
};

// The same for exact sums.
struct ExactFloatQuotient {
  ExactDivisor divisor;
  BOXEL_INLINE float operator()(double sum) const {
#if defined(BOXEL_HAS_FMA)
    return static_cast<float>(__builtin_fma(sum, divisor.reciprocal, sum * divisor.rest));
#else
    return static_cast<float>(plain_zero(sum) / divisor.count);
#endif
  }
};

// Where the reciprocal is exact.
struct FloatProduct {
  double reciprocal;
  BOXEL_INLINE float operator()(double sum) const {
    return static_cast<float>(plain_zero(sum) * reciprocal);
  }
};

// Calls body(from a sum of `count` samples to their mean in float32).
template <class Body>
BOXEL_INLINE void with_float_mean(double count, bool exact_sums, Body&& body) {
  if (exact_reciprocal(count)) {
    body(FloatProduct{1.0 / count});
  } else if (exact_sums) {
    body(ExactFloatQuotient{ExactDivisor::of(count)});
  } else {
    body(FloatQuotient(count));
  }
}

inline void divide_to_float(float* out, const double* sums, std::int64_t lanes, double count) {
  with_float_mean(count, false, [=](auto mean) BOXEL_INLINED {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) out[l] = mean(sums[l]);
  });
}

// M2 / (n - ddof), or its root; NaN where no degree of freedom is left.
template <bool Root>
BOXEL_INLINE double spread(double m2, double freedom) {
  const double variance = freedom > 0 ? m2 / freedom : not_a_number();
  return Root ? std::sqrt(variance) : variance;
}

}  // namespace boxel::BOXEL_KERNELS
