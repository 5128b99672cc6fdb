// Quotients and variances that are rounded once, through the finish of every kernel set.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "exact.hpp"
#include "finisher.hpp"
#include "random.hpp"
#include "state.hpp"

namespace boxel::test {
namespace {

// Sums first, first + 1, ... of `count` samples each: their means are what a division gives.
template <class S>
void check_quotients(Finisher& finisher, Statistic statistic, S first, std::int64_t lanes,
                     double count, std::string_view name) {
  CHECK_EQ(finisher.lane_size(), sizeof(S), name, "count", count);
  S* sums = finisher.row<S>(0);
  for (std::int64_t l = 0; l < lanes; ++l) sums[l] = static_cast<S>(first + static_cast<S>(l));
  const Doubles found = finisher.finish(statistic, lanes, {count, nullptr});
  std::int64_t wrong = 0;
  std::int64_t last = 0;
  for (std::int64_t l = 0; l < lanes; ++l) {
    const double expected = static_cast<double>(sums[l]) / count;
    if (std::bit_cast<std::uint64_t>(found[static_cast<std::size_t>(l)]) !=
        std::bit_cast<std::uint64_t>(expected)) {
      ++wrong;
      last = l;
    }
  }
  CHECK_EQ(wrong, 0, name, "count", count, "sum", sums[last]);
}

template <class S>
void check_random_quotients(Finisher& finisher, Random& random, double count,
                            std::string_view name) {
  constexpr std::int64_t lanes = 256;
  const auto first = static_cast<S>(random.bits());
  if (first > std::numeric_limits<S>::max() - static_cast<S>(lanes)) return;
  check_quotients<S>(finisher, Statistic::mean, first, lanes, count, name);
}

}  // namespace

TEST(nearest_quotient_agrees_with_divisions_that_are_exact_in_double) {
  Random random(100);
  for (int k = 0; k < 100'000; ++k) {
    const std::int64_t numerator = random.between(-(1ll << 53), 1ll << 53);
    const std::int64_t denominator = random.between(1, 1ll << random.between(1, 53));
    CHECK_EQ(nearest_quotient(numerator, denominator),
             static_cast<double>(numerator) / static_cast<double>(denominator));
  }
}

TEST(means_of_uint8_sums_equal_the_division) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (std::int64_t count = 1; count <= 300; ++count) {
      const auto samples = static_cast<double>(count);
      const std::int64_t lanes = 255 * count + 1;
      Finisher finisher(*kernels, request_of(StateKind::sum, Sample::uint8, samples), lanes);
      if (count <= 257) {
        check_quotients<std::uint16_t>(finisher, Statistic::mean, 0, lanes, samples, kernels->name);
      } else {
        check_quotients<std::uint32_t>(finisher, Statistic::mean, 0, lanes, samples, kernels->name);
      }
    }
  }
}

TEST(means_of_int8_sums_equal_the_division) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (std::int64_t count = 1; count <= 255; ++count) {
      const auto samples = static_cast<double>(count);
      const std::int64_t lanes = 255 * count + 1;
      Finisher finisher(*kernels, request_of(StateKind::sum, Sample::int8, samples), lanes);
      check_quotients<std::int16_t>(finisher, Statistic::mean,
                                    static_cast<std::int16_t>(-128 * count), lanes, samples,
                                    kernels->name);
    }
  }
}

TEST(densities_equal_the_division) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (std::int64_t count = 1; count <= 2000; ++count) {
      const auto samples = static_cast<double>(count);
      Finisher finisher(*kernels, request_of(StateKind::nonzero, Sample::uint8, samples),
                        count + 1);
      if (count <= 255) {
        check_quotients<std::uint8_t>(finisher, Statistic::density, 0, count + 1, samples,
                                      kernels->name);
      } else {
        check_quotients<std::uint16_t>(finisher, Statistic::density, 0, count + 1, samples,
                                       kernels->name);
      }
    }
  }
}

TEST(means_of_large_sums_equal_the_division) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    Random random(101);
    for (int k = 0; k < 3000; ++k) {
      const auto count = static_cast<double>(random.between(258, 65'000));
      Finisher sums(*kernels, request_of(StateKind::sum, Sample::uint16, count), 256);
      check_random_quotients<std::uint32_t>(sums, random, count, kernels->name);
      Finisher signed_sums(*kernels, request_of(StateKind::sum, Sample::int16, count), 256);
      check_random_quotients<std::int32_t>(signed_sums, random, count, kernels->name);
    }
  }
}

TEST(means_with_counts_of_their_own_are_rounded_once) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    constexpr std::int64_t lanes = 1000;
    Finisher finisher(*kernels, request_of(StateKind::nonzero, Sample::int64, 1, true), lanes);
    Random random(102);
    std::vector<std::int64_t> counts;
    std::int64_t* nonzeros = finisher.row<std::int64_t>(0);
    for (std::int64_t l = 0; l < lanes; ++l) {
      counts.push_back(random.between(1, 100'000));
      nonzeros[l] = random.between(0, counts.back());
    }
    const Doubles found = finisher.finish(Statistic::density, lanes, {0, counts.data()});
    for (std::size_t l = 0; l < counts.size(); ++l) {
      CHECK_EQ(found[l], nearest_quotient(nonzeros[l], counts[l]), kernels->name, counts[l]);
    }
  }
}

TEST(counts_of_any_size_are_rounded_as_casts_are) {
  std::vector<std::int64_t> counts;
  for (int bit = 0; bit < 63; ++bit) {
    const std::int64_t power = std::int64_t{1} << bit;
    for (const std::int64_t near : {power - 1, power, power + 1, power + power / 3}) {
      if (near > 0) counts.push_back(near);
    }
  }
  counts.push_back(std::numeric_limits<std::int64_t>::max());
  Random random(103);
  for (int k = 0; k < 1000; ++k) {
    counts.push_back(random.between(1, std::numeric_limits<std::int64_t>::max()));
  }
  const auto lanes = static_cast<std::int64_t>(counts.size());
  for (const KernelSet* kernels : available_kernel_sets()) {
    Finisher finisher(*kernels, request_of(StateKind::sum, Sample::float32, 1), lanes);
    std::fill_n(finisher.row<double>(0), lanes, 0.7);
    const Doubles found = finisher.finish(Statistic::mean, lanes, {0, counts.data()});
    for (std::size_t l = 0; l < counts.size(); ++l) {
      CHECK_EQ(found[l], 0.7 / static_cast<double>(counts[l]), kernels->name, counts[l]);
    }
  }
}

template <class T>
static void check_wide_means(Sample sample, std::uint64_t seed) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    Random random(seed);
    const auto accumulator = kernels->make_accumulator(request_of(StateKind::sum, sample, 1e6));
    for (int k = 0; k < 2000; ++k) {
      const std::int64_t count = random.between(1, max_group);
      const int shift = static_cast<int>(random.between(0, 60));
      Rows rows{1, count, sizeof(T), {}, {1, 1, 1, 1, 1, 1, 1, 1}, Doubles(max_group, 1.0)};
      rows.samples.resize(static_cast<std::size_t>(count) * sizeof(T));
      auto* samples = reinterpret_cast<T*>(rows.samples.data());
      Int128 sum = 0;
      for (std::int64_t row = 0; row < count; ++row) {
        samples[row] = random.one_in(10)   ? std::numeric_limits<T>::max()
                       : random.one_in(10) ? std::numeric_limits<T>::lowest()
                                           : static_cast<T>(static_cast<T>(random.bits()) >> shift);
        sum += samples[row];
      }
      State state(*accumulator, 1);
      accumulator->take(state.lanes(), rows.group(0, static_cast<int>(count)), 1, 0);
      double mean = 0;
      accumulator->finish(Statistic::mean, state.lanes(), 1, {static_cast<double>(count), nullptr},
                          0, &mean);
      CHECK_EQ(mean, nearest_quotient(sum, count), kernels->name, "count", count);
      std::uint64_t bits = 0;
      accumulator->finish(Statistic::sum, state.lanes(), 1, {static_cast<double>(count), nullptr},
                          0, &bits);
      CHECK_EQ(bits, static_cast<std::uint64_t>(sum), kernels->name, "count", count);
    }
  }
}

TEST(means_of_64_bit_integers_are_rounded_once) {
  check_wide_means<std::int64_t>(Sample::int64, 103);
  check_wide_means<std::uint64_t>(Sample::uint64, 104);
}

// Sums of many more samples than a test could take.
TEST(means_of_128_bit_sums_are_rounded_once) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    Finisher finisher(*kernels, request_of(StateKind::sum, Sample::int64, 1e9), 1);
    Random random(105);
    for (int k = 0; k < 5000; ++k) {
      const std::int64_t count = random.between(1, 1ll << random.between(1, 40));
      const std::int64_t high = random.between(-(1ll << 50), 1ll << 50) >> random.between(0, 50);
      const std::int64_t low = random.between(0, (1ll << 32) - 1);
      finisher.row<std::int64_t>(0)[0] = high;
      finisher.row<std::int64_t>(1)[0] = low;
      const Int128 sum = static_cast<Int128>(high) * (Int128{1} << 32) + low;
      const Doubles found =
          finisher.finish(Statistic::mean, 1, {static_cast<double>(count), nullptr});
      CHECK_EQ(found[0], nearest_quotient(sum, count), kernels->name, high, low, count);
    }
  }
}

namespace {

std::vector<std::int64_t> counts_of_boxes() {
  std::vector<std::int64_t> counts;
  for (std::int64_t count = 1; count < 300; ++count) counts.push_back(count);
  for (std::int64_t count = 512; count <= 65'536; count *= 2) counts.push_back(count);
  for (const std::int64_t count :
       {1'000, 1'331, 4'099, 8'191, 9'000, 32'766, 32'767, 40'001, 91'125, 131'072, 1'030'301,
        1 << 25, 33'554'434, (1 << 30) - 1}) {
    counts.push_back(count);
  }
  return counts;
}

// Means that go straight to the output's dtype are those of a finish and a cast.
template <class T, class S>
void check_short_ways(Sample sample, DType dtype, std::uint64_t seed) {
  constexpr std::int64_t lanes = 1000;
  int ways = 0;
  for (const KernelSet* kernels : available_kernel_sets()) {
    Random random(seed);
    for (const std::int64_t count : counts_of_boxes()) {
      const auto samples = static_cast<double>(count);
      const auto accumulator =
          kernels->make_accumulator(request_of(StateKind::sum, sample, samples));
      if (accumulator->lane_size() != sizeof(S)) continue;
      const State state(*accumulator, lanes);
      for (std::int64_t l = 0; l < lanes; ++l) {
        S& sum = state.lanes().template row<S>(0)[l];
        if constexpr (std::is_floating_point_v<T>) {
          sum = l == 0 ? NAN : l == 1 ? INFINITY : random.uniform(-1e38, 1e38) * samples;
        } else {
          constexpr std::int64_t low = std::numeric_limits<T>::min();
          constexpr std::int64_t high = std::numeric_limits<T>::max();
          const std::int64_t whole = random.between(low, high - 1) * count;
          sum = static_cast<S>(l == 0    ? low * count
                               : l == 1  ? high * count
                               : l <= 20 ? whole + count / 2
                                         : random.between(low * count, high * count));
        }
      }
      std::vector<T> found(lanes);
      if (!accumulator->finish_as(dtype, Statistic::mean, state.lanes(), lanes, samples,
                                  found.data())) {
        continue;
      }
      ++ways;
      Doubles means(lanes);
      accumulator->finish(Statistic::mean, state.lanes(), lanes, {samples, nullptr}, 0,
                          means.data());
      std::vector<T> expected(lanes);
      CHECK(kernels->cast(Natural::float64, dtype)(expected.data(), means.data(), lanes, nullptr));
      for (std::size_t l = 0; l < found.size(); ++l) {
        const bool nan = found[l] != found[l] && expected[l] != expected[l];
        CHECK(nan || found[l] == expected[l], kernels->name, "count", count, "mean", means[l],
              "found", found[l]);
      }
    }
  }
  CHECK(ways > 0, name_of(dtype));
}

}  // namespace

TEST(means_that_go_straight_to_the_dtype_are_the_same) {
  check_short_ways<std::uint8_t, std::uint16_t>(Sample::uint8, DType::uint8, 120);
  check_short_ways<std::uint8_t, std::uint32_t>(Sample::uint8, DType::uint8, 121);
  check_short_ways<std::int8_t, std::int16_t>(Sample::int8, DType::int8, 122);
  check_short_ways<std::int8_t, std::int32_t>(Sample::int8, DType::int8, 123);
  check_short_ways<std::uint16_t, std::uint32_t>(Sample::uint16, DType::uint16, 124);
  check_short_ways<std::int16_t, std::int32_t>(Sample::int16, DType::int16, 125);
  check_short_ways<float, double>(Sample::float32, DType::float32, 126);
  check_short_ways<std::uint8_t, std::uint64_t>(Sample::uint8, DType::uint8, 127);
  check_short_ways<std::int8_t, std::int64_t>(Sample::int8, DType::int8, 128);
  check_short_ways<std::uint16_t, std::uint64_t>(Sample::uint16, DType::uint16, 129);
  check_short_ways<std::int16_t, std::int64_t>(Sample::int16, DType::int16, 130);
}

namespace {

// Windows in the order in which a row of boxes merges them.
void merge_windows(Accumulator& accumulator, Lanes out, Lanes in, std::int64_t lanes,
                   std::int64_t size) {
  const std::int64_t ahead = std::min<std::int64_t>(size, 4);
  if (ahead == 1) {
    accumulator.pick(out, in, lanes, 1, 1);
  } else {
    accumulator.merge_ahead(out, in, lanes, 1, static_cast<int>(ahead), 1);
  }
  for (std::int64_t k = ahead; k < size; ++k) {
    accumulator.merge(out, out, in.from(k), lanes, static_cast<double>(k), 1);
  }
}

void check_windows(const KernelSet& kernels, std::int64_t lanes, std::int64_t size, bool exact) {
  Random random(static_cast<std::uint64_t>(1000 * lanes + size));
  const auto accumulator = kernels.make_accumulator(request_of(StateKind::sum, Sample::float32, 9));
  const State in(*accumulator, lanes + size - 1 + 8);
  for (std::int64_t l = 0; l < lanes + size - 1; ++l) {
    double& sum = in.lanes().row<double>(0)[l];
    sum = exact ? static_cast<double>(random.between(-9, 9)) / 4 : random.uniform(-1e30, 1e30);
    if (!exact && random.one_in(20)) sum = random.one_in(2) ? NAN : INFINITY;
  }
  const State merged(*accumulator, lanes);
  merge_windows(*accumulator, merged.lanes(), in.lanes(), lanes, size);
  const auto count = static_cast<double>(3 * size);
  std::vector<float> expected(static_cast<std::size_t>(lanes));
  CHECK(accumulator->finish_as(DType::float32, Statistic::mean, merged.lanes(), lanes, count,
                               expected.data()));
  std::vector<float> found(static_cast<std::size_t>(lanes) + 1, -1.0F);
  CHECK(accumulator->finish_windows_as(DType::float32, Statistic::mean, in.lanes(),
                                       {lanes, size, exact, count}, found.data()),
        kernels.name, lanes, size);
  for (std::size_t l = 0; l < expected.size(); ++l) {
    const bool nan = found[l] != found[l] && expected[l] != expected[l];
    CHECK(nan || found[l] == expected[l], kernels.name, "lanes", lanes, "size", size, "lane", l);
  }
  CHECK(found.back() == -1.0F, kernels.name, "lanes", lanes, "size", size);
}

}  // namespace

TEST(windows_that_go_straight_to_the_dtype_are_the_same) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t lanes : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 100}) {
      for (std::int64_t size = 1; size <= 40; ++size) {
        check_windows(*kernels, lanes, size, true);
        if (size < smallest_exchanged_window) check_windows(*kernels, lanes, size, false);
      }
    }
  }
}

namespace {

// Whole numbers below 2^53 that are `count` times a float, or what lies half way between two, or
// one more or less.
Doubles sums_near_halves(Random& random, std::int64_t count) {
  Doubles sums;
  while (sums.size() < 3000) {
    const int bits = static_cast<int>(random.between(1, 26));
    const std::int64_t sum = random.between(-(1LL << bits), 1LL << bits) * count;
    for (std::int64_t beside = -1; beside <= 1; ++beside) {
      const auto shift = static_cast<int>(random.between(0, 20));
      const std::int64_t shifted = (sum << shift) + beside;
      if (std::abs(shifted) < 1LL << 53) sums.push_back(static_cast<double>(shifted));
    }
  }
  for (int k = 0; k < 1000; ++k) {
    sums.push_back(static_cast<double>(random.between(1 - (1LL << 53), (1LL << 53) - 1)));
  }
  return sums;
}

}  // namespace

TEST(exact_sums_are_divided_as_a_division_does) {
  constexpr std::int64_t counts[] = {3,     5,     6,       7,         27,         48,
                                     125,   729,   1000,    29791,     30000,      1030301,
                                     65537, 98304, 2146689, (1 << 25), 1 << 20 | 1};
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator =
        kernels->make_accumulator(request_of(StateKind::sum, Sample::float32, 9));
    for (const std::int64_t count : counts) {
      Random random(static_cast<std::uint64_t>(count));
      for (const double unit : {1.0, 0x1p-24, 0x1p-80, 0x1p60}) {
        Doubles sums = sums_near_halves(random, count);
        for (double& sum : sums) sum *= unit;
        sums.push_back(-0.0);
        const auto lanes = static_cast<std::int64_t>(sums.size());
        const State in(*accumulator, lanes + 8);
        std::ranges::copy(sums, in.lanes().row<double>(0));
        std::vector<float> found(sums.size());
        CHECK(accumulator->finish_windows_as(DType::float32, Statistic::mean, in.lanes(),
                                             {lanes, 1, true, static_cast<double>(count)},
                                             found.data()));
        for (std::size_t l = 0; l < sums.size(); ++l) {
          const auto expected = static_cast<float>(sums[l] / static_cast<double>(count));
          CHECK(found[l] == expected, kernels->name, "sum", sums[l], "count", count);
        }
        CHECK(!std::signbit(found.back()), kernels->name, "count", count);
      }
    }
  }
}

TEST(windows_of_several_rows_are_those_of_each) {
  constexpr std::int64_t lanes = 21;
  constexpr std::int64_t pitch = 40;
  constexpr std::int64_t stride = 30;
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t size : {1, 3, 5, 9}) {
      Random random(static_cast<std::uint64_t>(size));
      const auto accumulator =
          kernels->make_accumulator(request_of(StateKind::sum, Sample::float32, 9));
      const State in(*accumulator, 3 * pitch);
      for (std::int64_t l = 0; l < 3 * pitch; ++l) {
        in.lanes().row<double>(0)[l] = static_cast<double>(random.between(-9, 9)) / 4;
      }
      std::vector<float> found(3 * stride, -1.0F);
      std::vector<float> expected(3 * stride, -1.0F);
      const RowWindows windows{lanes, size, true, 3, 3, pitch, stride * 4};
      CHECK(accumulator->finish_windows_as(DType::float32, Statistic::mean, in.lanes(), windows,
                                           found.data()));
      for (std::int64_t row = 0; row < 3; ++row) {
        CHECK(accumulator->finish_windows_as(DType::float32, Statistic::mean,
                                             in.lanes().from(row * pitch), {lanes, size, true, 3},
                                             expected.data() + row * stride));
      }
      CHECK(found == expected, kernels->name, "size", size);
    }
  }
}

TEST(long_windows_that_may_not_be_exchanged_have_no_short_way) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator =
        kernels->make_accumulator(request_of(StateKind::sum, Sample::float32, 9));
    const State in(*accumulator, 64);
    accumulator->clear(in.lanes(), 64);
    std::vector<float> out(8);
    const RowWindows windows{8, smallest_exchanged_window, false, 18};
    CHECK(!accumulator->finish_windows_as(DType::float32, Statistic::mean, in.lanes(), windows,
                                          out.data()),
          kernels->name);
  }
}

TEST(only_means_in_the_dtype_of_the_samples_have_a_short_way) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator =
        kernels->make_accumulator(request_of(StateKind::sum, Sample::uint8, 4));
    const State state(*accumulator, 1);
    double out = 0;
    const auto short_way = [&](DType dtype, Statistic statistic, double count) {
      return accumulator->finish_as(dtype, statistic, state.lanes(), 1, count, &out);
    };
    CHECK(!short_way(DType::uint8, Statistic::sum, 4), kernels->name);
    CHECK(!short_way(DType::uint16, Statistic::mean, 4), kernels->name);
    CHECK(!short_way(DType::float64, Statistic::mean, 4), kernels->name);
    CHECK(!short_way(DType::uint8, Statistic::mean, 1), kernels->name);
    CHECK(!short_way(DType::uint8, Statistic::mean, 0x1p24), kernels->name);
    CHECK(short_way(DType::uint8, Statistic::mean, 3), kernels->name);
  }
}

TEST(extremes_return_to_the_dtype_of_the_samples_without_a_detour) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator =
        kernels->make_accumulator(request_of(StateKind::max, Sample::int32, 4));
    const State state(*accumulator, 1);
    *state.lanes().row<std::int32_t>(0) = -7;
    std::int64_t out = 0;
    const auto short_way = [&](DType dtype, double count) {
      return accumulator->finish_as(dtype, Statistic::max, state.lanes(), 1, count, &out);
    };
    CHECK(!short_way(DType::float32, 4), kernels->name);
    CHECK(!short_way(DType::int64, 4), kernels->name);
    CHECK(!short_way(DType::int32, 0), kernels->name);
    CHECK(short_way(DType::int32, 4), kernels->name);
    CHECK_EQ(static_cast<std::int32_t>(out), -7, kernels->name);
  }
}

}  // namespace boxel::test
