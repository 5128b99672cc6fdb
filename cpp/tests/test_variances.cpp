// Variances of integers, which are rounded once, through the finish of every kernel set.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "exact.hpp"
#include "finisher.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

struct SquareSums {
  Int128 sum = 0;
  Int128 squares = 0;
  std::int64_t count = 0;

  // Of samples of up to so many bits; squares up to 2^62.
  static SquareSums random(Random& random, std::int64_t count, int bits, bool negative) {
    int fitting = 0;
    while (fitting < bits && count << (2 * fitting + 2) < std::int64_t{1} << 60) ++fitting;
    const std::int64_t largest = (std::int64_t{1} << random.between(1, fitting)) - 1;
    const std::int64_t sum = random.between(0, count * largest);
    const auto squared = static_cast<Int128>(sum) * sum;
    const auto least = static_cast<std::int64_t>((squared + count - 1) / count);
    const std::int64_t more = (std::int64_t{1} << random.between(0, 60)) - 1;
    const std::int64_t spread = std::min(more, count * largest * largest - least);
    const bool below_zero = negative && random.between(0, 1) == 1;
    return {below_zero ? -sum : sum, least + random.between(0, spread), count};
  }
  void add(std::int64_t sample, std::int64_t times) {
    sum += static_cast<Int128>(sample) * times;
    squares += static_cast<Int128>(sample) * sample * times;
    count += times;
  }
  double variance(std::int64_t ddof) const {
    if (count <= ddof) return std::numeric_limits<double>::quiet_NaN();
    return nearest_quotient(squares * count - sum * sum,
                            static_cast<Int128>(count) * (count - ddof));
  }
  // Halves need not be carried: the high one may lack some.
  void put(const Finisher& finisher, std::size_t lane, std::int64_t lacking = 0) const {
    const auto high = static_cast<std::int64_t>(squares >> 32);
    const std::int64_t carried = std::min(high, lacking);
    finisher.row<std::int64_t>(0)[lane] = static_cast<std::int64_t>(sum);
    finisher.row<std::int64_t>(1)[lane] = high - carried;
    finisher.row<std::int64_t>(2)[lane] =
        static_cast<std::int64_t>(squares & 0xffffffff) + (carried << 32);
  }
};

double found_variance(const KernelSet& kernels, const SquareSums& sums, double ddof) {
  Finisher finisher(kernels, request_of(StateKind::squares, Sample::int32, 1e12), 1);
  sums.put(finisher, 0);
  const Counts counts{static_cast<double>(sums.count), nullptr};
  return finisher.finish(Statistic::var, 1, counts, ddof)[0];
}

void check_variances(Sample sample, const std::vector<SquareSums>& cases, bool per_lane,
                     std::int64_t ddof) {
  const auto lanes = static_cast<std::int64_t>(cases.size());
  for (const KernelSet* kernels : available_kernel_sets()) {
    Finisher finisher(*kernels, request_of(StateKind::squares, sample, 1e6), lanes);
    std::vector<std::int64_t> counts;
    for (std::size_t l = 0; l < cases.size(); ++l) {
      cases[l].put(finisher, l, l % 3 == 0 ? 5 : 0);
      counts.push_back(cases[l].count);
    }
    const Counts held{static_cast<double>(counts.front()), per_lane ? counts.data() : nullptr};
    const auto freedom_lost = static_cast<double>(ddof);
    const Doubles variances = finisher.finish(Statistic::var, lanes, held, freedom_lost);
    const Doubles deviations = finisher.finish(Statistic::std, lanes, held, freedom_lost);
    for (std::size_t l = 0; l < cases.size(); ++l) {
      const double expected = cases[l].variance(ddof);
      // Whichever way is taken, NaN has the same bits.
      const bool same = std::isnan(expected)
                            ? std::isnan(variances[l]) && !std::signbit(variances[l])
                            : variances[l] == expected;
      CHECK(same, kernels->name, "found", variances[l], "expected", expected, "lane", l, "count",
            cases[l].count, "ddof", ddof);
      CHECK(std::isnan(expected) || deviations[l] == std::sqrt(expected), kernels->name);
    }
  }
}

}  // namespace

TEST(variances_of_integers_are_rounded_once) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    Random random(106);
    for (int k = 0; k < 2000; ++k) {
      const std::int64_t offset = random.between(-1'000'000'000, 1'000'000'000);
      const std::int64_t range = 1ll << random.between(0, 29);
      SquareSums sums;
      const std::int64_t samples = random.between(2, 30);
      for (std::int64_t sample = 0; sample < samples; ++sample) {
        sums.add(offset + random.between(0, range), random.between(1, 1 << 20));
      }
      CHECK_EQ(found_variance(*kernels, sums, 0), sums.variance(0), kernels->name, k);
      CHECK_EQ(found_variance(*kernels, sums, 1), sums.variance(1), kernels->name, k);
    }
  }
}

TEST(variances_know_when_no_freedom_is_left) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    SquareSums sums;
    sums.add(3, 1);
    sums.add(4, 1);
    CHECK_EQ(found_variance(*kernels, sums, 0), 0.25, kernels->name);
    CHECK_EQ(found_variance(*kernels, sums, 1), 0.5, kernels->name);
    CHECK_EQ(found_variance(*kernels, sums, 0.5), 0.5 / 1.5, kernels->name);
    for (const double ddof : {2.0, 2.5, 3.0, 1e300}) {
      CHECK(std::isnan(found_variance(*kernels, sums, ddof)), kernels->name, ddof);
    }
  }
}

TEST(variances_of_constants_are_zero_for_any_count) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t count :
         {1ll, 100ll, 100'000'000ll, (1ll << 31) - 1, 1ll << 31, 3'000'000'019ll}) {
      for (const std::int64_t sample : {0ll, 255ll, 1'000'000'007ll, -2'147'483'648ll}) {
        SquareSums sums;
        sums.add(sample, count);
        CHECK_EQ(found_variance(*kernels, sums, 0), 0.0, kernels->name, sample, count);
      }
    }
  }
}

TEST(variances_of_very_many_integers_at_a_large_offset) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    SquareSums sums;
    sums.add(1'000'000'000, 1ll << 31);
    sums.add(1'000'000'001, 1ll << 31);
    const double found = found_variance(*kernels, sums, 0);
    CHECK(std::fabs(found - 0.25) <= 1e-12, kernels->name, "found", found, "expected", 0.25);
  }
}

TEST(variances_of_very_many_integers_just_below_another_one) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t low : {0, -1, 1000}) {
      for (const std::int64_t others : {1, 70, 30'000'000}) {
        SquareSums sums;
        sums.add(low + 1, 2'148'366'990);
        sums.add(low, others);
        const double found = found_variance(*kernels, sums, 0);
        const double exact = sums.variance(0);
        CHECK(std::fabs(found - exact) <= 1e-15 * exact, kernels->name, found, exact);
      }
    }
  }
}

TEST(variances_of_up_to_millions_of_integers_are_rounded_once) {
  Random random(104);
  constexpr std::int64_t limit = std::int64_t{1} << 22;
  for (const std::int64_t ddof : {0, 1, 2, -3}) {
    for (const std::int64_t count :
         {std::int64_t{2}, std::int64_t{729}, std::int64_t{29791}, std::int64_t{1030301},
          std::int64_t{2146689}, limit - 1, limit, limit + 1, limit * 100}) {
      std::vector<SquareSums> cases;
      for (int k = 0; k < 101; ++k) cases.push_back(SquareSums::random(random, count, 15, true));
      check_variances(Sample::int16, cases, false, ddof);
      for (int k = 0; k < 101; ++k) cases.push_back(SquareSums::random(random, count, 31, true));
      check_variances(Sample::int32, cases, false, ddof);
    }
    std::vector<SquareSums> cases;
    for (int k = 0; k < 301; ++k) {
      const std::int64_t most = std::int64_t{1} << random.between(1, 22);
      cases.push_back(SquareSums::random(random, random.between(1, most - 1), 16, false));
    }
    check_variances(Sample::uint16, cases, true, ddof);
  }
}

TEST(variances_of_integers_of_32_bits_are_rounded_once) {
  Random random(107);
  for (const std::int64_t most_times : {1, 100, 1 << 14, 1 << 17}) {
    for (const std::int64_t ddof : {0, 1}) {
      std::vector<SquareSums> signed_cases;
      std::vector<SquareSums> unsigned_cases;
      for (int k = 0; k < 200; ++k) {
        const std::int64_t times = random.between(1, most_times);
        SquareSums with_sign;
        SquareSums without;
        for (int sample = 0; sample < 30; ++sample) {
          with_sign.add(random.between(-(1ll << 31), (1ll << 31) - 1), times);
          without.add(random.between(0, (1ll << 32) - 1), times);
        }
        signed_cases.push_back(with_sign);
        unsigned_cases.push_back(without);
      }
      check_variances(Sample::int32, signed_cases, true, ddof);
      check_variances(Sample::uint32, unsigned_cases, true, ddof);
    }
  }
}

// Of two samples the variance is half of a square; an odd one of 54 bits lies half way between two
// doubles then.
TEST(variances_of_two_integers_half_way_between_doubles_are_rounded_to_even) {
  Random random(108);
  std::vector<SquareSums> cases;
  for (int k = 0; k < 400; ++k) {
    const std::int64_t difference = 2 * random.between(47'500'000, 67'000'000) + 1;
    const std::int64_t low = random.between(-1'000'000'000, 1'000'000'000);
    SquareSums sums;
    sums.add(low, 1);
    sums.add(low + difference, 1);
    cases.push_back(sums);
  }
  check_variances(Sample::int32, cases, false, 1);
}

// An odd sum of 2^21 samples has a variance of 42 bits behind the point, so that one between 2^11
// and 2^12 lies half way between two doubles.
TEST(variances_of_integers_half_way_between_doubles_are_rounded_to_even) {
  Random random(105);
  constexpr std::int64_t count = std::int64_t{1} << 21;
  std::vector<SquareSums> cases;
  for (int k = 0; k < 400; ++k) {
    const std::int64_t sum = 2 * random.between(0, count * 30'000) + 1;
    const Int128 squared = static_cast<Int128>(sum) * sum;
    const auto least = static_cast<std::int64_t>(squared / count);
    cases.push_back({sum, least + count * random.between(2049, 4094), count});
  }
  check_variances(Sample::uint16, cases, false, 0);
}

}  // namespace boxel::test
