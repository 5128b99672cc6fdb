#include "oracle.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

namespace boxel::test {
namespace {

using Wide = long double;

constexpr double rounding = 0x1p-52;

Expected integer(Int128 value) { return {false, true, value, 0, 0}; }
Expected real(double value, double tolerance = 0) { return {false, false, 0, value, tolerance}; }
Expected no_number() { return real(std::numeric_limits<double>::quiet_NaN()); }

// Sums over a box, in wide types.
struct Totals {
  Wide weight = 0;
  Wide weight_squares = 0;
  Wide nonzero_weight = 0;
  Wide sum = 0;
  Wide magnitude = 0;
  Int128 integer = 0;
  std::int64_t nonzero = 0;
  bool nan = false;
  bool positive_infinity = false;
  bool negative_infinity = false;
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();

  bool finite() const { return !nan && !positive_infinity && !negative_infinity; }
};

Totals totals_of(const Box& box) {
  Totals totals;
  for (std::size_t k = 0; k < box.samples.size(); ++k) {
    const double x = box.samples[k].real;
    const Wide w = box.weights[k];
    totals.weight += w;
    totals.weight_squares += w * w;
    totals.integer += box.samples[k].integer;
    if (x != 0) {
      totals.nonzero += 1;
      totals.nonzero_weight += w;
    }
    totals.nan |= std::isnan(x);
    totals.positive_infinity |= x == INFINITY;
    totals.negative_infinity |= x == -INFINITY;
    if (!std::isfinite(x)) continue;
    totals.sum += w * x;
    totals.magnitude += w * std::fabs(x);
    totals.least = std::min(totals.least, x);
    totals.greatest = std::max(totals.greatest, x);
  }
  return totals;
}

// What sums and means of infinities and NaN are.
double not_finite(const Totals& totals) {
  if (totals.nan || (totals.positive_infinity && totals.negative_infinity)) return NAN;
  return totals.positive_infinity ? INFINITY : -INFINITY;
}

Expected sum_of(const Box& box, const Rules& rules) {
  const Totals totals = totals_of(box);
  if (!is_floating(rules.dtype) && !rules.weighted) return integer(totals.integer);
  if (!totals.finite()) return real(not_finite(totals));
  const auto count = static_cast<Wide>(box.count());
  return real(static_cast<double>(totals.sum),
              static_cast<double>(totals.magnitude * (count + 2) * rounding));
}

Expected mean_of(const Box& box, const Rules& rules) {
  const Totals totals = totals_of(box);
  if (!is_floating(rules.dtype) && !rules.weighted) {
    return real(nearest_quotient(totals.integer, box.count()));
  }
  if (!totals.finite()) return real(not_finite(totals));
  const double largest = std::max(std::fabs(totals.least), std::fabs(totals.greatest));
  const double spread = totals.greatest - totals.least;
  const auto count = static_cast<double>(box.count());
  return real(static_cast<double>(totals.sum / totals.weight),
              (largest + count * spread) * rounding);
}

// Whether the squares around the first sample, summed and multiplied by the count, fit 128 bits,
// and leave so much room that the variance is rounded only once.
bool exact_squares(const Box& box) {
  const Int128 first = box.samples.front().integer;
  return box.count() < (1 << 16) && std::ranges::all_of(
                                        box.samples,
                                        [=](const Number& sample) {
                                          const Int128 difference = sample.integer - first;
                                          return -(Int128{1} << 38) < difference &&
                                                 difference < (Int128{1} << 38);
                                        });
}

Expected integer_variance(const Box& box, const Rules& rules) {
  const Int128 first = box.samples.front().integer;
  Int128 sum = 0;
  Int128 squares = 0;
  for (const Number& sample : box.samples) {
    const Int128 difference = sample.integer - first;
    sum += difference;
    squares += difference * difference;
  }
  const Int128 count = box.count();
  const Int128 scaled = count * squares - sum * sum;
  if (rules.ddof == std::floor(rules.ddof)) {
    return real(nearest_quotient(scaled, count * (count - static_cast<Int128>(rules.ddof))));
  }
  const auto n = static_cast<Wide>(count);
  const auto variance = static_cast<double>(static_cast<Wide>(scaled) / (n * (n - rules.ddof)));
  return real(variance, 4 * rounding * variance);
}

// Two passes around the first sample, from which differences of integers are exact; with weights
// integers are taken as the doubles nearest to them.
Expected two_pass_variance(const Box& box, const Rules& rules, Wide freedom) {
  const bool floating = is_floating(rules.dtype) || rules.weighted;
  const Number first = box.samples.front();
  const auto difference = [&](const Number& sample) {
    return floating ? static_cast<Wide>(sample.real) - first.real
                    : static_cast<Wide>(sample.integer - first.integer);
  };
  Wide weight = 0;
  Wide sum = 0;
  for (std::size_t k = 0; k < box.samples.size(); ++k) {
    weight += box.weights[k];
    sum += box.weights[k] * difference(box.samples[k]);
  }
  const Wide mean = sum / weight;
  Wide m2 = 0;
  for (std::size_t k = 0; k < box.samples.size(); ++k) {
    const Wide d = difference(box.samples[k]) - mean;
    m2 += box.weights[k] * d * d;
  }
  const auto variance = static_cast<double>(m2 / freedom);
  const auto count = static_cast<double>(box.count());
  return real(variance, (1e-13 + 8 * count * rounding) * variance);
}

Expected variance_of(const Box& box, const Rules& rules) {
  const auto count = static_cast<Wide>(box.count());
  if (count - rules.ddof <= 0) return no_number();
  const Totals totals = totals_of(box);
  if (!totals.finite()) return no_number();
  if (rules.weighted) {
    const Wide freedom = totals.weight - rules.ddof * totals.weight_squares / totals.weight;
    return two_pass_variance(box, rules, freedom);
  }
  if (!is_floating(rules.dtype) && exact_squares(box)) return integer_variance(box, rules);
  return two_pass_variance(box, rules, count - rules.ddof);
}

Expected deviation_of(const Box& box, const Rules& rules) {
  const Expected variance = variance_of(box, rules);
  if (!(variance.real > 0)) return variance;
  const double root = std::sqrt(variance.real);
  return real(root, variance.tolerance / root);
}

Expected value(const Number& sample, const Rules& rules) {
  return is_floating(rules.dtype) ? real(sample.real) : integer(sample.integer);
}

bool less(const Number& a, const Number& b, bool floating) {
  return floating ? a.real < b.real : a.integer < b.integer;
}

std::vector<Number> sorted(const Box& box, const Rules& rules) {
  std::vector<Number> samples = box.samples;
  std::ranges::sort(samples, [&](const Number& a, const Number& b) {
    return less(a, b, is_floating(rules.dtype));
  });
  return samples;
}

Expected extreme_of(Statistic statistic, const Box& box, const Rules& rules) {
  if (totals_of(box).nan) return no_number();
  const std::vector<Number> samples = sorted(box, rules);
  return value(statistic == Statistic::min ? samples.front() : samples.back(), rules);
}

Expected median_of(const Box& box, const Rules& rules) {
  if (totals_of(box).nan) return no_number();
  const std::vector<Number> samples = sorted(box, rules);
  const Number& lower = samples[(samples.size() - 1) / 2];
  const Number& upper = samples[samples.size() / 2];
  if (is_floating(rules.dtype)) {
    if (lower.real == upper.real) return real(lower.real);
    return real(lower.real / 2 + upper.real / 2);
  }
  const Int128 sum = lower.integer + upper.integer;
  if (!rules.integral_midpoint) return real(nearest_quotient(sum, 2));
  Int128 half = sum / 2;
  if (sum % 2 != 0 && half % 2 != 0) half += sum > 0 ? 1 : -1;
  return integer(half);
}

Expected mode_of(const Box& box, const Rules& rules) {
  if (totals_of(box).nan) return no_number();
  const bool floating = is_floating(rules.dtype);
  const std::vector<Number> samples = sorted(box, rules);
  Number best = samples.front();
  std::int64_t most = 0;
  std::int64_t run = 0;
  for (std::size_t k = 0; k < samples.size(); ++k) {
    run = k > 0 && !less(samples[k - 1], samples[k], floating) ? run + 1 : 1;
    if (run > most) {
      most = run;
      best = samples[k];
    }
  }
  return value(best, rules);
}

Expected density_of(const Box& box, const Rules& rules) {
  const Totals totals = totals_of(box);
  if (!rules.weighted) return real(nearest_quotient(totals.nonzero, box.count()));
  return real(static_cast<double>(totals.nonzero_weight / totals.weight), 1e-12);
}

double rounded_to_integer(DType dtype, double value) {
  return visit(dtype, [=]<class T>(std::type_identity<T>) -> double {
    if constexpr (std::is_integral_v<T>) {
      using L = std::numeric_limits<T>;
      return std::clamp(half_even(value), static_cast<double>(L::min()),
                        static_cast<double>(L::max()));
    } else {
      return value != 0 ? 1 : 0;
    }
  });
}

// What a cast to the dtype makes of a value.
double rounded_to(DType dtype, double value) {
  if (!is_floating(dtype)) return rounded_to_integer(dtype, value);
  std::array<std::byte, 8> place;
  write_number(place.data(), dtype, false, {0, value});
  return read_number(place.data(), dtype, false).real;
}

// How far the values of a dtype lie apart around one of them, at most.
double spacing(DType dtype, double value) {
  if (!is_floating(dtype)) return 1;
  if (dtype == DType::float64) return 0;
  return std::fabs(value) * (dtype == DType::float32 ? 0x1p-23 : 0x1p-10);
}

}  // namespace

Expected expected_of(Statistic statistic, const Box& box, const Rules& rules) {
  const StatisticInfo& info = info_of(statistic);
  const std::int64_t least = std::max<std::int64_t>(rules.min_count, info.empty_has_value ? 0 : 1);
  if (info.needs_samples && box.count() < least) return {true};
  switch (statistic) {
    case Statistic::sum:
      return sum_of(box, rules);
    case Statistic::mean:
      return mean_of(box, rules);
    case Statistic::min:
    case Statistic::max:
      return extreme_of(statistic, box, rules);
    case Statistic::count:
      return integer(box.count());
    case Statistic::count_nonzero:
      return integer(totals_of(box).nonzero);
    case Statistic::density:
      return density_of(box, rules);
    case Statistic::any:
      return integer(totals_of(box).nonzero > 0 ? 1 : 0);
    case Statistic::all:
      return integer(totals_of(box).nonzero == box.count() ? 1 : 0);
    case Statistic::var:
      return variance_of(box, rules);
    case Statistic::std:
      return deviation_of(box, rules);
    case Statistic::median:
      return median_of(box, rules);
    case Statistic::mode:
      return mode_of(box, rules);
  }
  return no_number();
}

bool agrees(Number found, DType dtype, const Expected& expected) {
  if (expected.integral) {
    return !is_floating(dtype) && static_cast<std::uint64_t>(found.integer) ==
                                      static_cast<std::uint64_t>(expected.integer);
  }
  if (std::isnan(expected.real)) return is_floating(dtype) && std::isnan(found.real);
  const double rounded = rounded_to(dtype, expected.real);
  if (expected.tolerance == 0 || std::isinf(rounded)) return found.real == rounded;
  return std::fabs(found.real - rounded) <= expected.tolerance + spacing(dtype, rounded);
}

}  // namespace boxel::test
