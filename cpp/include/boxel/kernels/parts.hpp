// Numbers as the exact sum of two doubles, of which the second is small against the first.

namespace boxel::BOXEL_KERNELS {

struct Parts2 {
  double high;
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

BOXEL_INLINE Parts2 add_parts(Parts2 a, Parts2 b) {
  const Parts2 sum = two_sum(a.high, b.high);
  return fast_two_sum(sum.high, sum.low + (a.low + b.low));
}

}  // namespace boxel::BOXEL_KERNELS
