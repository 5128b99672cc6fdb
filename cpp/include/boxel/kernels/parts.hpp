// Numbers as the exact sum of two doubles, or three, of which each is small against the one before.

namespace boxel::BOXEL_KERNELS {

struct Parts2 {
  double high;
  double low;
};

struct Parts3 {
  double high;
  double middle;
  double low;
};

BOXEL_INLINE Parts2 two_sum(double a, double b) {
  const double sum = a + b;
  const double from_b = sum - a;
  return {sum, (a - (sum - from_b)) + (b - from_b)};
}

// Where |a| >= |b|, or a is 0.
BOXEL_INLINE Parts2 fast_two_sum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

BOXEL_INLINE Parts2 two_product(double a, double b) {
  const double product = a * b;
#if defined(BOXEL_HAS_FMA)
  return {product, __builtin_fma(a, b, -product)};
#else
  // Dekker (1971), in halves of 26 bits: the same error, as it is exact.
  constexpr double splitter = 0x1p27 + 1;
  const double a_scaled = a * splitter;
  const double b_scaled = b * splitter;
  const double a_high = a_scaled - (a_scaled - a);
  const double b_high = b_scaled - (b_scaled - b);
  const double a_low = a - a_high;
  const double b_low = b - b_high;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
#endif
}

// What a quotient leaves over, without an error but that of the last sum.
BOXEL_INLINE double left_over(Parts2 dividend, double quotient, double divisor) {
  const Parts2 product = two_product(quotient, divisor);
  return ((dividend.high - product.high) - product.low) + dividend.low;
}

// The quotient of a total and one divisor, rounded once unless it is closer than its 2^-100th to
// what is half way between two doubles: a first quotient, corrected by what it leaves over, which
// is exact (Markstein, 1990). For magnitudes that neither overflow nor lose digits on the way.
struct PartsQuotient {
  static constexpr double least = 0x1p-900;
  static constexpr double most = 0x1p990;

  double divisor;
  double reciprocal;
  FusedQuotient quotient;

  explicit BOXEL_INLINE PartsQuotient(double number)
      : divisor(number), reciprocal(1.0 / number), quotient(number) {}

  BOXEL_INLINE double operator()(Parts2 dividend) const {
    const double near = dividend.high * reciprocal;
    return near + quotient(left_over(dividend, near, divisor));
  }
};

BOXEL_INLINE Parts2 add_parts(Parts2 a, Parts2 b) {
  const Parts2 sum = two_sum(a.high, b.high);
  return fast_two_sum(sum.high, sum.low + (a.low + b.low));
}

BOXEL_INLINE Parts3 normalised(double high, double middle, double low) {
  const Parts2 upper = fast_two_sum(high, middle);
  const Parts2 lower = fast_two_sum(upper.low, low);
  return {upper.high, lower.high, lower.low};
}

// Off by some 2^-156 of the larger one.
BOXEL_INLINE Parts3 add_parts(Parts3 a, Parts3 b) {
  const Parts2 high = two_sum(a.high, b.high);
  const Parts2 middle = two_sum(a.middle, b.middle);
  const Parts2 carried = two_sum(middle.high, high.low);
  const double low = (middle.low + carried.low) + (a.low + b.low);
  return normalised(high.high, carried.high, low);
}

BOXEL_INLINE Parts3 add_parts(Parts3 a, double b) {
  const Parts2 high = two_sum(a.high, b);
  const Parts2 middle = two_sum(a.middle, high.low);
  return normalised(high.high, middle.high, middle.low + a.low);
}

BOXEL_INLINE Parts2 in_two(Parts3 sum) { return fast_two_sum(sum.high, sum.middle + sum.low); }

// The double next to all three, and the one next to what that leaves: whatever the three are, it is
// their total that decides. Where the first two lie half way between two doubles, the last one
// does.
BOXEL_INLINE Parts2 nearest_in_two(Parts3 sum) {
  const Parts2 lower = two_sum(sum.middle, sum.low);
  const Parts2 upper = fast_two_sum(sum.high, lower.high);
  const double step = 2 * upper.low;
  const double beyond = upper.high + step;
  // By signs: a product might vanish.
  const bool same_side = (step > 0) == (lower.low > 0) && step != 0 && lower.low != 0;
  const bool next = same_side && beyond - upper.high == step;
  return {next ? beyond : upper.high, (next ? -upper.low : upper.low) + lower.low};
}

}  // namespace boxel::BOXEL_KERNELS
