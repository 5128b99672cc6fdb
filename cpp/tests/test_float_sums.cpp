// Sums of float64 samples: as if rounded once, and the same however they are kept.
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

// More than two strips of lanes, and not a multiple of a vector.
constexpr std::int64_t lanes = 139;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

using Row = std::vector<double>;

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

std::unique_ptr<Accumulator> make_sums(const KernelSet& kernels) {
  return kernels.make_accumulator({StateKind::float_sums, Sample::float64, false, 1e3, false});
}

std::vector<double> finished(Accumulator& accumulator, Statistic statistic, Lanes state,
                             Counts counts) {
  std::vector<double> values(lanes);
  accumulator.finish(statistic, state, lanes, counts, 0, values.data());
  return values;
}

// Sums, means and means with a count for each lane.
std::vector<std::vector<double>> results(Accumulator& accumulator, Lanes state,
                                         std::int64_t count) {
  const std::vector<std::int64_t> counts(lanes, count);
  const Counts uniform{static_cast<double>(count), nullptr};
  return {finished(accumulator, Statistic::sum, state, uniform),
          finished(accumulator, Statistic::mean, state, uniform),
          finished(accumulator, Statistic::mean, state, {0, counts.data()})};
}

void take(Accumulator& accumulator, Lanes state, const std::vector<Row>& rows) {
  for (std::size_t first = 0; first < rows.size(); first += max_group) {
    RowGroup group;
    group.count = static_cast<int>(std::min<std::size_t>(max_group, rows.size() - first));
    for (std::size_t k = 0; k < at(group.count); ++k) {
      group.samples[k] = rows[first + k].data();
    }
    accumulator.take(state, group, lanes, static_cast<std::int64_t>(first));
  }
}

std::vector<std::vector<double>> taken(Accumulator& accumulator, const std::vector<Row>& rows) {
  const State state(accumulator, lanes);
  take(accumulator, state.lanes(), rows);
  return results(accumulator, state.lanes(), static_cast<std::int64_t>(rows.size()));
}

// Half of them each, merged.
std::vector<std::vector<double>> merged(Accumulator& accumulator, const std::vector<Row>& rows) {
  const State first(accumulator, lanes);
  const State second(accumulator, lanes);
  const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
  take(accumulator, first.lanes(), {rows.begin(), middle});
  take(accumulator, second.lanes(), {middle, rows.end()});
  accumulator.merge(first.lanes(), first.lanes(), second.lanes(), lanes, 1, 1);
  return results(accumulator, first.lanes(), static_cast<std::int64_t>(rows.size()));
}

// Other rows first, which give way to these.
std::vector<std::vector<double>> exchanged(Accumulator& accumulator, const std::vector<Row>& rows,
                                           const std::vector<Row>& before) {
  const State state(accumulator, lanes);
  take(accumulator, state.lanes(), before);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    accumulator.exchange(state.lanes(), rows[k].data(), before[k].data(), lanes, 0);
  }
  return results(accumulator, state.lanes(), static_cast<std::int64_t>(rows.size()));
}

// Integers of at most `bits` bits times a power of two.
std::vector<Row> random_rows(Random& random, int count, int bits, double unit) {
  std::vector<Row> rows(at(count), Row(at(lanes)));
  for (Row& row : rows) {
    for (double& sample : row) {
      const std::int64_t limit = std::int64_t{1} << random.between(0, bits);
      sample = static_cast<double>(random.between(-limit, limit)) * unit;
    }
  }
  return rows;
}

std::vector<std::vector<double>> exact_results(const std::vector<Row>& rows, double unit) {
  std::vector<std::vector<double>> expected(3, std::vector<double>(lanes));
  const auto count = static_cast<std::int64_t>(rows.size());
  for (std::int64_t l = 0; l < lanes; ++l) {
    Int128 sum = 0;
    for (const Row& row : rows) sum += static_cast<std::int64_t>(row[at(l)] / unit);
    expected[0][at(l)] = nearest_quotient(sum, 1) * unit;
    expected[1][at(l)] = expected[2][at(l)] = nearest_quotient(sum, count) * unit;
  }
  return expected;
}

}  // namespace

TEST(sums_of_floats_are_rounded_once_however_they_are_kept) {
  Random random(905);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const int bits : {1, 20, 53}) {
      for (const double unit : {1.0, 0x1p-500, 0x1p800}) {
        for (const int count : {2, 3, 7, 9, 12, 27, 216}) {
          const std::vector<Row> rows = random_rows(random, count, bits, unit);
          const std::vector<Row> before = random_rows(random, count, 10, unit);
          const std::string name = std::string(kernels->name) + " bits " + std::to_string(bits) +
                                   " count " + std::to_string(count);
          const auto accumulator = make_sums(*kernels);
          const auto expected = exact_results(rows, unit);
          CHECK(taken(*accumulator, rows) == expected, name, unit);
          CHECK(merged(*accumulator, rows) == expected, name, unit);
          // Samples that might be finer are split into more parts.
          for (const double finer : {1.0, 0x1p-20, 0x1p-40, 0x1p-60}) {
            const Grid grid{0x1p53 * unit, unit * finer};
            CHECK(accumulator->begin_exchanges(grid, 2.0 * count), name, unit, finer);
            CHECK(taken(*accumulator, rows) == expected, name, unit, finer);
            CHECK(merged(*accumulator, rows) == expected, name, unit, finer);
            CHECK(exchanged(*accumulator, rows, before) == expected, name, unit, finer);
            accumulator->end_exchanges();
          }
        }
      }
    }
  }
}

TEST(sums_of_floats_lose_no_sample_beside_larger_ones) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator = make_sums(*kernels);
    for (const Row& samples : {Row{1e16, 1, -1e16, 0.1}, Row{0.1, 1e30, 1, -1e30},
                               Row{1, 1e100, 0.1, -1e100}, Row{-0x1p90, 0.1, 0x1p90, 1}}) {
      std::vector<Row> rows;
      for (const double sample : samples) rows.push_back(Row(at(lanes), sample));
      for (const auto& found : {taken(*accumulator, rows), merged(*accumulator, rows)}) {
        CHECK_EQ(found[0].front(), 1.1, kernels->name);
        CHECK_EQ(found[1].back(), 1.1 / 4, kernels->name);
      }
    }
  }
}

// In one lane only, so that those beside it have to go the same way.
TEST(sums_of_floats_may_be_larger_than_floats) {
  struct Special {
    Row samples;
    double sum;
    double mean;
  };
  const std::vector<Special> specials{
      {{largest, largest, largest}, infinity, largest},
      {{-largest, -largest, -largest}, -infinity, -largest},
      {{largest, largest, -largest}, largest, largest / 3},
      {{largest, largest, -infinity}, -infinity, -infinity},
      {{infinity, 1, -largest}, infinity, infinity},
      {{infinity, 1, -infinity}, not_a_number, not_a_number},
      {{largest, not_a_number, infinity}, not_a_number, not_a_number},
      {{0x1p-1074, 0x1p-1074, 0x1p-1074}, 0x1.8p-1073, 0x1p-1074},
      {{-0.0, -0.0, -0.0}, 0.0, 0.0}};
  const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator = make_sums(*kernels);
    for (const std::int64_t lane : {std::int64_t{0}, std::int64_t{70}, lanes - 1}) {
      for (const Special& special : specials) {
        std::vector<Row> rows;
        for (const double sample : special.samples) {
          rows.emplace_back(at(lanes), 0.1);
          rows.back()[at(lane)] = sample;
        }
        const std::string name = std::string(kernels->name) + " sum " + std::to_string(special.sum);
        for (const auto& found : {taken(*accumulator, rows), merged(*accumulator, rows)}) {
          CHECK(same(found[0][at(lane)], special.sum), name, found[0][at(lane)]);
          CHECK(same(found[1][at(lane)], special.mean), name, found[1][at(lane)]);
          CHECK(same(found[2][at(lane)], special.mean), name, found[2][at(lane)]);
          for (std::int64_t l = 0; l < lanes; ++l) {
            if (l == lane) continue;
            CHECK_EQ(found[0][at(l)], 0.30000000000000004, name, l);
            CHECK_EQ(found[1][at(l)], 0.1, name, l);
            CHECK_EQ(found[2][at(l)], 0.1, name, l);
          }
        }
      }
    }
  }
}

TEST(means_of_no_samples_are_nan) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator = make_sums(*kernels);
    const State state(*accumulator, lanes);
    accumulator->clear(state.lanes(), lanes);
    const std::vector<std::int64_t> counts(lanes, 0);
    for (const double mean :
         finished(*accumulator, Statistic::mean, state.lanes(), {0, counts.data()})) {
      CHECK(std::isnan(mean) && !std::signbit(mean), kernels->name, mean);
    }
  }
}

// As the zeros beyond a border, which are taken once and stay while samples are split or not.
TEST(zeros_that_were_taken_whole_are_zeros_in_any_parts) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    const auto accumulator = make_sums(*kernels);
    const State state(*accumulator, lanes);
    accumulator->take(state.lanes(), group_of(Row(at(lanes), 0.0)), lanes, 0);
    for (const double finest : {1.0, 0x1p-50, 0x1p-90, 0x1p-130}) {
      CHECK(accumulator->begin_exchanges({4, finest}, 100), kernels->name, finest);
      const State sum(*accumulator, lanes);
      accumulator->take(sum.lanes(), group_of(Row(at(lanes), 0.1)), lanes, 0);
      accumulator->merge(sum.lanes(), sum.lanes(), state.lanes(), lanes, 1, 1);
      for (const double value : finished(*accumulator, Statistic::sum, sum.lanes(), {2, nullptr})) {
        CHECK_EQ(value, 0.1, kernels->name, finest);
      }
      accumulator->end_exchanges();
    }
  }
}

TEST(sums_of_floats_refuse_exchanges_that_would_round) {
  const auto accumulator = make_sums(*available_kernel_sets().front());
  CHECK(!accumulator->begin_exchanges({infinity, 1}, 10));
  CHECK(!accumulator->begin_exchanges({largest, 1}, 10));
  CHECK(!accumulator->begin_exchanges({0x1p1000, 0x1p960}, 10));
  CHECK(!accumulator->begin_exchanges({0x1p-960, 0x1p-1000}, 10));
  CHECK(!accumulator->begin_exchanges({0x1p120, 0x1p-120}, 10));
  CHECK(!accumulator->may_exchange({1, 1}, 10));
  CHECK(accumulator->begin_exchanges({}, 10));
  CHECK(accumulator->may_exchange({1, 0x1p-4}, 10));
  CHECK(!accumulator->may_exchange({1, 0x1p-60}, 10));
  accumulator->end_exchanges();
  const State state(*accumulator, lanes);
  const Row row(at(lanes));
  CHECK_THROWS(accumulator->exchange(state.lanes(), row.data(), row.data(), lanes, 0),
               std::logic_error, "only where split");
}

TEST(splits_of_sums_place_grids_where_no_part_is_rounded) {
  Random random(906);
  const auto accumulator = make_sums(*available_kernel_sets().front());
  for (int k = 0; k < 20000; ++k) {
    const double most =
        std::ldexp(random.uniform(1, 2), static_cast<int>(random.between(-500, 500)));
    const double finest =
        std::ldexp(1.0, std::ilogb(most) - static_cast<int>(random.between(0, 220)));
    const double samples = std::ldexp(1.0, static_cast<int>(random.between(1, 30)));
    const double bits = std::log2(most / finest);
    const double sum_bits = std::log2(samples);
    const bool found = accumulator->begin_exchanges({most, finest}, samples);
    // Four parts have 212 bits, of which each gives up what its sums need, and two for rounding.
    if (bits + 4 * sum_bits < 200 && bits + sum_bits < 144) CHECK(found, bits, sum_bits);
    if (bits + 4 * sum_bits > 212 || bits + sum_bits > 146) CHECK(!found, bits, sum_bits);
  }
}

}  // namespace boxel::test
