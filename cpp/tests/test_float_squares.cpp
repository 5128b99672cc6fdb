// Sums of squares of float32 samples: exact, and the same however they are kept.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
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

constexpr std::int64_t lanes = 37;

using Row = std::vector<float>;

std::unique_ptr<Accumulator> make_squares(const KernelSet& kernels) {
  return kernels.make_accumulator({StateKind::float_squares, Sample::float32, false, 1e3, false});
}

std::vector<double> variances(Accumulator& accumulator, Lanes state, double count) {
  std::vector<double> values(lanes);
  accumulator.finish(Statistic::var, state, lanes, {count, nullptr}, 1, values.data());
  return values;
}

std::vector<double> taken(Accumulator& accumulator, const std::vector<Row>& rows) {
  const State state(accumulator, lanes);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    accumulator.take(state.lanes(), group_of(rows[k]), lanes, static_cast<std::int64_t>(k));
  }
  return variances(accumulator, state.lanes(), static_cast<double>(rows.size()));
}

// Half of them each, merged.
std::vector<double> merged(Accumulator& accumulator, const std::vector<Row>& rows) {
  const State first(accumulator, lanes);
  const State second(accumulator, lanes);
  const std::size_t half = rows.size() / 2;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const State& state = k < half ? first : second;
    accumulator.take(state.lanes(), group_of(rows[k]), lanes,
                     static_cast<std::int64_t>(k < half ? k : k - half));
  }
  accumulator.merge(first.lanes(), first.lanes(), second.lanes(), lanes, 1, 1);
  return variances(accumulator, first.lanes(), static_cast<double>(rows.size()));
}

// Other rows first, which give way to these.
std::vector<double> exchanged(Accumulator& accumulator, const std::vector<Row>& rows,
                              const std::vector<Row>& before) {
  const State state(accumulator, lanes);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    accumulator.take(state.lanes(), group_of(before[k]), lanes, static_cast<std::int64_t>(k));
  }
  for (std::size_t k = 0; k < rows.size(); ++k) {
    accumulator.exchange(state.lanes(), rows[k].data(), before[k].data(), lanes, 0);
  }
  return variances(accumulator, state.lanes(), static_cast<double>(rows.size()));
}

// Integers below 2^24 times a power of two.
Row random_row(Random& random, std::int64_t offset, std::int64_t range, double unit) {
  Row row;
  for (std::int64_t l = 0; l < lanes; ++l) {
    row.push_back(
        static_cast<float>(static_cast<double>(offset + random.between(-range, range)) * unit));
  }
  return row;
}

double exact_variance(const std::vector<Row>& rows, std::int64_t lane, double unit) {
  const auto count = static_cast<std::int64_t>(rows.size());
  Int128 sum = 0;
  Int128 squares = 0;
  for (const Row& row : rows) {
    const double in_units = static_cast<double>(row[static_cast<std::size_t>(lane)]) / unit;
    const auto x = static_cast<std::int64_t>(in_units);
    sum += x;
    squares += static_cast<Int128>(x) * x;
  }
  return nearest_quotient(count * squares - sum * sum, static_cast<Int128>(count) * (count - 1)) *
         unit * unit;
}

}  // namespace

TEST(variances_of_floats_are_exact_however_sums_are_kept) {
  Random random(903);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t offset : {0, 1000, (1 << 24) - 200}) {
      for (const std::int64_t range : {0, 1, 100}) {
        for (const double unit : {1.0, 0x1p-30, 0x1p50}) {
          for (const int count : {2, 5, 9, 16}) {
            std::vector<Row> rows;
            std::vector<Row> before;
            for (int k = 0; k < count; ++k) {
              rows.push_back(random_row(random, offset, range, unit));
              before.push_back(random_row(random, 77, 1000, unit));
            }
            const std::string name = std::string(kernels->name) + " offset " +
                                     std::to_string(offset) + " range " + std::to_string(range) +
                                     " count " + std::to_string(count);
            const auto accumulator = make_squares(*kernels);
            const std::vector<double> expected = taken(*accumulator, rows);
            for (std::int64_t l = 0; l < lanes; ++l) {
              const double exact = exact_variance(rows, l, unit);
              const double found = expected[static_cast<std::size_t>(l)];
              CHECK(std::fabs(found - exact) <= 4.5e-16 * exact, name, found, exact);
            }
            CHECK(merged(*accumulator, rows) == expected, name);
            // Samples that might be finer are split into more parts.
            for (const double finer : {1.0, 0x1p-10, 0x1p-24}) {
              CHECK(accumulator->begin_exchanges({0x1p24 * unit, unit * finer}, 2.0 * count), name);
              CHECK(taken(*accumulator, rows) == expected, name, finer);
              CHECK(merged(*accumulator, rows) == expected, name, finer);
              CHECK(exchanged(*accumulator, rows, before) == expected, name, finer);
              accumulator->end_exchanges();
            }
          }
        }
      }
    }
  }
}

// Multiples of 4 just below 2^26 next to small odd numbers: as large as units allow, and as many.
TEST(the_largest_samples_are_counted_in_units) {
  Random random(905);
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator = make_squares(*kernels);
    std::vector<Row> rows;
    std::vector<Row> before;
    for (int k = 0; k < 500; ++k) {
      Row row;
      for (std::int64_t l = 0; l < lanes; ++l) {
        const std::int64_t large = (1 << 26) - 4 * random.between(1, 3);
        const std::int64_t sample = l % 3 ? large : random.between(-3, 3);
        row.push_back(static_cast<float>(k % 2 ? -sample : sample));
      }
      rows.push_back(row);
      before.push_back(random_row(random, 0, (1 << 24) - 1, 4));
    }
    const std::vector<double> expected = taken(*accumulator, rows);
    for (std::int64_t l = 0; l < lanes; ++l) {
      const double exact = exact_variance(rows, l, 1);
      CHECK(std::fabs(expected[static_cast<std::size_t>(l)] - exact) <= 4.5e-16 * exact, l);
    }
    CHECK(accumulator->begin_exchanges({0x1p26 - 4, 1}, 1000), kernels->name);
    CHECK(taken(*accumulator, rows) == expected, kernels->name);
    CHECK(merged(*accumulator, rows) == expected, kernels->name);
    CHECK(exchanged(*accumulator, rows, before) == expected, kernels->name);
  }
}

// As the zeros beyond a border, which are taken once and stay while samples are split or not.
TEST(zeros_that_were_taken_as_double_doubles_are_zeros_in_any_parts) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator = make_squares(*kernels);
    const State state(*accumulator, lanes);
    const Row zeros(static_cast<std::size_t>(lanes), 0.0F);
    accumulator->take(state.lanes(), group_of(zeros), lanes, 0);
    for (const double finest : {1.0, 0x1p-20, 0x1p-40, 0x1p-60}) {
      CHECK(accumulator->begin_exchanges({4, finest}, 100), kernels->name, finest);
      for (const double variance : variances(*accumulator, state.lanes(), 2)) {
        CHECK_EQ(variance, 0.0, kernels->name, finest);
      }
      accumulator->end_exchanges();
    }
  }
}

TEST(squares_of_floats_refuse_exchanges_that_would_round) {
  const auto accumulator = make_squares(*available_kernel_sets().front());
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(!accumulator->begin_exchanges({infinity, 1}, 10));
  CHECK(!accumulator->begin_exchanges({0x1p100, 0x1p-100}, 10));
  CHECK(!accumulator->may_exchange({1, 1}, 10));
  CHECK(accumulator->begin_exchanges({}, 10));
  CHECK(accumulator->may_exchange({1, 0x1p-4}, 10));
  CHECK(!accumulator->may_exchange({1, 0x1p-60}, 10));
  accumulator->end_exchanges();
  const State state(*accumulator, lanes);
  const Row row(static_cast<std::size_t>(lanes));
  CHECK_THROWS(accumulator->exchange(state.lanes(), row.data(), row.data(), lanes, 0),
               std::logic_error, "only where split");
}

TEST(splits_place_grids_where_no_part_is_rounded) {
  Random random(904);
  const auto accumulator = make_squares(*available_kernel_sets().front());
  for (int k = 0; k < 20000; ++k) {
    const double largest =
        std::ldexp(random.uniform(1, 2), static_cast<int>(random.between(-60, 60)));
    const double finest =
        std::ldexp(1.0, std::ilogb(largest) - static_cast<int>(random.between(0, 70)));
    const double samples = std::ldexp(1.0, static_cast<int>(random.between(1, 27)));
    const double bits = std::log2(largest / finest);
    const double sum_bits = std::log2(samples);
    const bool found = accumulator->begin_exchanges({largest, finest}, samples);
    // Four parts have 212 bits, of which each gives up what its sums need, and two for rounding.
    if (2 * bits + 4 * sum_bits < 200 && bits + 2 * sum_bits < 100) CHECK(found, bits, sum_bits);
    if (2 * bits + 4 * sum_bits > 212 || bits + 2 * sum_bits > 106) CHECK(!found, bits, sum_bits);
  }
}

}  // namespace boxel::test
