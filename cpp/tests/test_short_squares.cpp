// Sums of squares of short integers: the bits of those in three rows, whatever the width.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "random.hpp"
#include "state.hpp"

namespace boxel::test {
namespace {

constexpr std::int64_t lanes = 71;

template <class T>
using Rows = std::vector<std::vector<T>>;

// Many samples are the lowest or the largest ones.
template <class T>
Rows<T> random_rows(Random& random, int count) {
  constexpr T lowest = std::numeric_limits<T>::min();
  constexpr T largest = std::numeric_limits<T>::max();
  Rows<T> rows;
  for (int k = 0; k < count; ++k) {
    auto& row = rows.emplace_back();
    for (std::int64_t l = 0; l < lanes; ++l) {
      const auto any = static_cast<T>(random.between(lowest, largest));
      row.push_back(random.one_in(2) ? any : random.pick<T>({lowest, largest}));
    }
  }
  return rows;
}

template <class T>
RowGroup all_of(const Rows<T>& rows) {
  RowGroup group;
  group.count = 0;
  for (const auto& row : rows) group.samples[static_cast<std::size_t>(group.count++)] = row.data();
  return group;
}

// Variances after samples were taken, merged, exchanged, and gathered in windows along the row.
template <class T>
std::vector<double> variances(Accumulator& accumulator, const Rows<T>& first, const Rows<T>& second,
                              std::int64_t window, double ddof, Statistic statistic) {
  const State a(accumulator, lanes + 64);
  const State b(accumulator, lanes);
  const State windows(accumulator, lanes);
  accumulator.clear(a.lanes(), lanes + 64);
  accumulator.take(a.lanes(), all_of(first), lanes, 0);
  accumulator.take(a.lanes(), all_of(second), lanes, 4);
  accumulator.take(b.lanes(), all_of(second), lanes, 0);
  accumulator.merge(a.lanes(), a.lanes(), b.lanes(), lanes, 1, 1);
  for (std::size_t k = 0; k < first.size() && k < second.size(); ++k) {
    accumulator.exchange(a.lanes(), second[k].data(), first[k].data(), lanes, 0);
  }
  const std::int64_t count = lanes - window + 1;
  accumulator.exchange_windows(windows.lanes(), a.lanes(), count, window);
  std::vector<double> values(static_cast<std::size_t>(count));
  const double samples = static_cast<double>(window) * static_cast<double>(3 * second.size());
  accumulator.finish(statistic, windows.lanes(), count, {samples, nullptr}, ddof, values.data());
  return values;
}

template <class T>
void check_short_squares(Sample sample) {
  Random random(77);
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto long_squares =
        kernels->make_accumulator({StateKind::squares, sample, false, 1e6, false});
    for (const double volume : {1e3, 1e6}) {
      const auto squares =
          kernels->make_accumulator({StateKind::short_squares, sample, false, volume, false});
      CHECK_EQ(squares->lane_size(), sizeof(T) == 1 && volume < 1e4 ? 4U : 8U);
      for (int round = 0; round < 20; ++round) {
        // As many rows in both: all samples of the first ones are given up.
        const Rows<T> first = random_rows<T>(random, 4);
        const Rows<T> second = random_rows<T>(random, 4);
        for (const std::int64_t window : {6, 9, 33}) {
          for (const Statistic statistic : {Statistic::var, Statistic::std}) {
            for (const double ddof : {0.0, 1.0, 0.5}) {
              CHECK(variances(*squares, first, second, window, ddof, statistic) ==
                        variances(*long_squares, first, second, window, ddof, statistic),
                    kernels->name, volume, window, ddof);
            }
          }
        }
      }
    }
  }
}

// A volume of 255 but for one 0, which is given for another one: 255^2 (n - 1) / n^2.
void check_one_zero(Accumulator& squares, Lanes state, std::int64_t volume) {
  const std::vector<std::uint8_t> row(static_cast<std::size_t>(lanes), 255);
  const std::vector<std::uint8_t> zeros(static_cast<std::size_t>(lanes), 0);
  const Counts counts{static_cast<double>(volume), nullptr};
  std::vector<double> values(static_cast<std::size_t>(lanes));
  squares.finish(Statistic::var, state, lanes, counts, 0, values.data());
  CHECK_EQ(values.back(), 0.0, volume);
  squares.exchange(state, zeros.data(), row.data(), lanes, 0);
  squares.finish(Statistic::var, state, lanes, counts, 0, values.data());
  const auto n = static_cast<double>(volume);
  CHECK_EQ(values.back(), 65025 * (n - 1) / (n * n), volume);
}

// The largest squares of a box: those of the whole volume, in as few bits as hold them.
void check_limit(std::int64_t volume, std::size_t lane_size) {
  const std::vector<std::uint8_t> row(static_cast<std::size_t>(lanes), 255);
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto squares = kernels->make_accumulator(
        {StateKind::short_squares, Sample::uint8, false, static_cast<double>(volume), false});
    CHECK_EQ(squares->lane_size(), lane_size, kernels->name);
    const State state(*squares, lanes);
    const State part(*squares, lanes + 1);
    const State merged(*squares, lanes);
    squares->clear(part.lanes(), lanes + 1);
    for (std::int64_t k = 0; k < volume; ++k) {
      squares->take(state.lanes(), group_of(row), lanes, k);
      // One lane more, whose samples are as many.
      if (k == volume / 2 - 1) {
        squares->pick(part.lanes(), state.lanes(), lanes, 1, 1);
        squares->pick(part.lanes().from(lanes), state.lanes(), 1, 1, 1);
      }
    }
    check_one_zero(*squares, state.lanes(), volume);
    const std::int64_t both = volume / 2 * 2;
    squares->merge(merged.lanes(), part.lanes(), part.lanes(), lanes, 1, 1);
    check_one_zero(*squares, merged.lanes(), both);
    squares->merge_ahead(merged.lanes(), part.lanes(), lanes, 1, 2, 1);
    check_one_zero(*squares, merged.lanes(), both);
  }
}

}  // namespace

TEST(short_squares_have_the_bits_of_long_ones) {
  check_short_squares<std::int8_t>(Sample::int8);
  check_short_squares<std::uint8_t>(Sample::uint8);
  check_short_squares<std::int16_t>(Sample::int16);
  check_short_squares<std::uint16_t>(Sample::uint16);
}

TEST(squares_of_8_bits_fill_32_bits_and_no_more) {
  check_limit(66051, 4);
  check_limit(66052, 8);
}

}  // namespace boxel::test
