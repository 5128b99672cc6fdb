// Sums in words of 64 bits: exact up to the largest that they are asked to hold.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "exact.hpp"
#include "random.hpp"
#include "state.hpp"

namespace boxel::test {
namespace {

constexpr std::int64_t lanes = 45;
// Three rows, doubled so often.
constexpr int doublings = 20;
constexpr double samples = 2 * 3.0 * (1 << doublings);

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

// Whole numbers of all sizes, with as many bits as a T has.
template <class T>
std::vector<std::vector<T>> random_rows(Random& random, int range_bits) {
  constexpr int mantissa_bits = std::numeric_limits<T>::digits;
  std::vector<std::vector<T>> rows(3, std::vector<T>(at(lanes)));
  for (std::vector<T>& row : rows) {
    for (std::int64_t l = 0; l < lanes; ++l) {
      const std::int64_t most = (std::int64_t{1} << mantissa_bits) - 1;
      // The largest of one sign in some lanes.
      const std::int64_t mantissa = l % 4 == 0 ? most : random.between(-most, most);
      const auto shift = static_cast<int>(
          l % 4 == 0 ? range_bits - mantissa_bits : random.between(0, range_bits - mantissa_bits));
      row[at(l)] = std::ldexp(static_cast<T>(mantissa), shift);
    }
  }
  return rows;
}

template <class T>
void take_doubled(Accumulator& accumulator, Lanes state, const std::vector<std::vector<T>>& rows) {
  for (std::size_t k = 0; k < rows.size(); ++k) {
    accumulator.take(state, group_of(rows[k]), lanes, static_cast<std::int64_t>(k));
  }
  for (int k = 0; k < doublings; ++k) accumulator.merge(state, state, state, lanes, 1, 1);
}

template <class T>
Int128 whole(T sample) {
  int exponent = 0;
  const T mantissa = std::frexp(sample, &exponent);
  constexpr int bits = std::numeric_limits<T>::digits;
  const auto number = static_cast<Int128>(std::ldexp(mantissa, bits));
  return exponent >= bits ? number * (Int128{1} << (exponent - bits))
                          : number / (Int128{1} << (bits - exponent));
}

std::vector<double> finished(Accumulator& accumulator, Statistic statistic, Lanes state,
                             double count) {
  std::vector<double> values(at(lanes));
  accumulator.finish(statistic, state, lanes, {count, nullptr}, 0, values.data());
  return values;
}

// From states of a row each: the second one in the place of the first one, in a state of both.
template <class T>
void check_exchanged_states(Accumulator& accumulator, Statistic statistic,
                            const std::vector<std::vector<T>>& rows, const std::string& name) {
  const State from(accumulator, lanes);
  const State added(accumulator, lanes);
  const State removed(accumulator, lanes);
  const State expected(accumulator, lanes);
  accumulator.take(from.lanes(), group_of(rows[0]), lanes, 0);
  accumulator.take(from.lanes(), group_of(rows[1]), lanes, 1);
  accumulator.take(added.lanes(), group_of(rows[2]), lanes, 0);
  accumulator.take(removed.lanes(), group_of(rows[0]), lanes, 0);
  accumulator.take(expected.lanes(), group_of(rows[1]), lanes, 0);
  accumulator.take(expected.lanes(), group_of(rows[2]), lanes, 1);
  accumulator.exchange_states(from.lanes(), from.lanes(), added.lanes(), removed.lanes(), lanes);
  CHECK(finished(accumulator, statistic, from.lanes(), 2) ==
            finished(accumulator, statistic, expected.lanes(), 2),
        name);
}

// As merge_ahead() has it, from the windows of two and four adjacent lanes.
template <class T>
void check_merged_ahead(Accumulator& accumulator, Statistic statistic,
                        const std::vector<std::vector<T>>& rows, const std::string& name) {
  const State row(accumulator, lanes);
  accumulator.take(row.lanes(), group_of(rows[0]), lanes, 0);
  for (const int terms : {2, 3, 4}) {
    const std::int64_t windows = lanes - terms + 1;
    const State ahead(accumulator, lanes);
    const State merged(accumulator, lanes);
    accumulator.clear(ahead.lanes(), lanes);
    accumulator.clear(merged.lanes(), lanes);
    accumulator.merge_ahead(ahead.lanes(), row.lanes(), windows, 1, terms, 1);
    for (int term = 0; term < terms; ++term) {
      accumulator.merge(merged.lanes(), merged.lanes(), row.lanes().from(term), windows, 1, 1);
    }
    CHECK(finished(accumulator, statistic, ahead.lanes(), terms) ==
              finished(accumulator, statistic, merged.lanes(), terms),
          name, "terms", terms);
  }
}

}  // namespace

TEST(words_hold_the_largest_sums_of_float64) {
  Random random(911);
  for (const KernelSet* kernels : available_kernel_sets()) {
    // As much as words take of boxes with so many samples, and what parts take.
    for (const int range_bits : {53, 64, 70, 80, 81, 85}) {
      const std::string name = std::string(kernels->name) + " bits " + std::to_string(range_bits);
      const auto accumulator =
          kernels->make_accumulator({StateKind::float_sums, Sample::float64, false, 1e6, false});
      const auto rows = random_rows<double>(random, range_bits);
      CHECK(accumulator->begin_exchanges({std::ldexp(1.0, range_bits), 1}, samples), name);
      check_exchanged_states(*accumulator, Statistic::sum, rows, name);
      check_merged_ahead(*accumulator, Statistic::sum, rows, name);
      const State state(*accumulator, lanes);
      take_doubled(*accumulator, state.lanes(), rows);
      const std::vector<double> sums =
          finished(*accumulator, Statistic::sum, state.lanes(), samples / 2);
      for (std::int64_t l = 0; l < lanes; ++l) {
        Int128 sum = 0;
        for (const auto& row : rows) sum += whole(row[at(l)]);
        CHECK_EQ(sums[at(l)], nearest_quotient(sum, 1) * (1 << doublings), name, l);
      }
    }
  }
}

TEST(words_hold_the_largest_sums_of_squares_of_float32) {
  Random random(912);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const int range_bits : {40, 45, 50, 52, 53, 58}) {
      const std::string name = std::string(kernels->name) + " bits " + std::to_string(range_bits);
      const auto accumulator =
          kernels->make_accumulator({StateKind::float_squares, Sample::float32, false, 1e6, false});
      const auto rows = random_rows<float>(random, range_bits);
      CHECK(accumulator->begin_exchanges({std::ldexp(1.0, range_bits), 1}, samples), name);
      check_exchanged_states(*accumulator, Statistic::var, rows, name);
      check_merged_ahead(*accumulator, Statistic::var, rows, name);
      const State state(*accumulator, lanes);
      take_doubled(*accumulator, state.lanes(), rows);
      const std::vector<double> variances =
          finished(*accumulator, Statistic::var, state.lanes(), samples / 2);
      for (std::int64_t l = 0; l < lanes; ++l) {
        Int128 sum = 0;
        Int128 squares = 0;
        for (const auto& row : rows) {
          sum += whole(row[at(l)]);
          squares += whole(row[at(l)]) * whole(row[at(l)]);
        }
        const double exact = nearest_quotient(3 * squares - sum * sum, 9);
        CHECK(std::fabs(variances[at(l)] - exact) <= 4.5e-16 * exact, name, l, variances[at(l)],
              exact);
      }
    }
  }
}

}  // namespace boxel::test
