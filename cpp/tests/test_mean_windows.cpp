// Windows along rows by scans: those of states that are merged one after the other, whatever stands
// beside them, and wherever rows are cut.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// Each lane of a row holds so many samples.
constexpr std::int64_t held = 3;

struct Case {
  Accumulator& accumulator;
  std::int64_t rows;
  std::int64_t lanes;  // windows of a row
  std::int64_t size;

  std::int64_t row_lanes() const { return lanes + size - 1; }
  std::int64_t pitch() const { return row_lanes() + 8; }
};

using Samples = std::vector<std::vector<double>>;  // of each of the rows taken, in all lanes

Samples random_samples(const Case& c, Random& random, double offset) {
  Samples samples(held, std::vector<double>(static_cast<std::size_t>(c.rows * c.pitch())));
  for (auto& row : samples) {
    for (double& sample : row) sample = offset + random.uniform(-1, 1);
  }
  return samples;
}

State taken(const Case& c, const Samples& samples) {
  State state(c.accumulator, c.rows * c.pitch() + 8);
  for (std::size_t k = 0; k < samples.size(); ++k) {
    c.accumulator.take(state.lanes(), group_of(samples[k]), c.rows * c.pitch(),
                       static_cast<std::int64_t>(k));
  }
  return state;
}

// The results of all rows, one after the other.
std::vector<double> finished(const Case& c, Statistic statistic, Lanes state) {
  std::vector<double> values;
  for (std::int64_t row = 0; row < c.rows; ++row) {
    std::vector<double> found(static_cast<std::size_t>(c.lanes));
    c.accumulator.finish(statistic, state.from(row * c.pitch()), c.lanes,
                         {static_cast<double>(c.size * held), nullptr}, 0, found.data());
    values.insert(values.end(), found.begin(), found.end());
  }
  return values;
}

std::vector<double> scanned(const Case& c, Statistic statistic, Lanes in, std::int64_t first) {
  const State out(c.accumulator, c.rows * c.pitch() + 8);
  c.accumulator.scan_windows(out.lanes(), c.pitch(), in,
                             {c.rows, c.pitch(), c.lanes, c.size, first, held});
  return finished(c, statistic, out.lanes());
}

std::vector<double> one_after_the_other(const Case& c, Statistic statistic, Lanes in) {
  const State out(c.accumulator, c.rows * c.pitch());
  for (std::int64_t row = 0; row < c.rows; ++row) {
    const Lanes windows = out.lanes().from(row * c.pitch());
    const Lanes lanes = in.from(row * c.pitch());
    c.accumulator.pick(windows, lanes, 1, 1, c.lanes);
    for (std::int64_t k = 1; k < c.size; ++k) {
      c.accumulator.merge(windows, windows, lanes.from(k), c.lanes, static_cast<double>(k * held),
                          held);
    }
  }
  return finished(c, statistic, out.lanes());
}

struct Kind {
  StateKind kind;
  Statistic statistic;
};

constexpr Kind kinds[] = {{StateKind::moments, Statistic::var}, {StateKind::mean, Statistic::mean}};

template <class Visit>
void for_each_kind(Visit visit) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const Kind& kind : kinds) {
      const auto accumulator =
          kernels->make_accumulator({kind.kind, Sample::float64, false, 1e3, false});
      visit(*accumulator, kind.statistic, std::string(kernels->name));
    }
  }
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

}  // namespace

TEST(scanned_windows_are_those_of_lanes_that_merge) {
  for_each_kind([](Accumulator& accumulator, Statistic statistic, const std::string& name) {
    Random random(31);
    for (const double offset : {0.0, 1e9}) {
      for (const std::int64_t size : {24, 25, 101}) {
        CHECK(accumulator.scans_windows(size), name);
        for (const std::int64_t lanes : {1, 7, 8, 9, 24, 100, 101, 102, 311}) {
          for (const std::int64_t rows : {1, 2, 3, 4, 5, 7, 8, 9}) {
            const Case c{accumulator, rows, lanes, size};
            const State state = taken(c, random_samples(c, random, offset));
            const auto expected = one_after_the_other(c, statistic, state.lanes());
            for (const std::int64_t first :
                 {std::int64_t{0}, std::int64_t{1}, size - 1, 5 * size}) {
              const auto found = scanned(c, statistic, state.lanes(), first);
              for (std::size_t k = 0; k < found.size(); ++k) {
                const double bound = statistic == Statistic::var ? 2e-14 : 4e-16;
                CHECK(std::fabs(found[k] - expected[k]) <= bound * (1 + std::fabs(expected[k])),
                      name, "size", size, "lanes", lanes, "rows", rows, "at", k);
              }
            }
          }
        }
      }
    }
  });
  for_each_kind([](Accumulator& accumulator, Statistic, const std::string& name) {
    CHECK(!accumulator.scans_windows(9), name);
    CHECK(!accumulator.scans_windows(1 << 20), name);
  });
}

TEST(scanned_windows_do_not_depend_on_where_rows_are_cut) {
  for_each_kind([](Accumulator& accumulator, Statistic statistic, const std::string& name) {
    Random random(32);
    const Case whole{accumulator, 3, 300, 31};
    const State state = taken(whole, random_samples(whole, random, 10));
    for (const std::int64_t position : {std::int64_t{0}, std::int64_t{17}}) {
      const auto expected = scanned(whole, statistic, state.lanes(), position);
      for (const std::int64_t cut : {1, 30, 31, 32, 64, 299}) {
        const Case first{accumulator, 1, cut, 31};
        const Case rest{accumulator, 1, 300 - cut, 31};
        for (std::int64_t row = 0; row < 3; ++row) {
          const Lanes lanes = state.lanes().from(row * whole.pitch());
          auto found = scanned(first, statistic, lanes, position);
          const auto later = scanned(rest, statistic, lanes.from(cut), position + cut);
          found.insert(found.end(), later.begin(), later.end());
          const auto begin = expected.begin() + row * 300;
          CHECK(same_bits(found, {begin, begin + 300}), name, "cut", cut, "row", row);
        }
      }
    }
  });
}

TEST(scanned_windows_of_equal_samples_are_exact) {
  for_each_kind([](Accumulator& accumulator, Statistic statistic, const std::string& name) {
    for (const double sample : {0.0, 0.1, -1e9 / 3, 1e300}) {
      const Case c{accumulator, 2, 90, 29};
      Samples samples(held, std::vector<double>(static_cast<std::size_t>(2 * c.pitch()), sample));
      const State state = taken(c, samples);
      for (const double found : scanned(c, statistic, state.lanes(), 3)) {
        CHECK_EQ(found, statistic == Statistic::var ? 0.0 : sample, name);
      }
    }
  });
}

// A sample that is not finite, or whose differences are not, in one row.
TEST(what_is_not_finite_stays_in_the_windows_that_hold_it) {
  for_each_kind([](Accumulator& accumulator, Statistic statistic, const std::string& name) {
    Random random(33);
    for (const double special : {not_a_number, infinity, -infinity, largest}) {
      for (const std::int64_t lane : {0, 5, 28, 29, 30, 70, 117}) {
        const Case c{accumulator, 5, 90, 29};
        Samples samples = random_samples(c, random, 0);
        const State state = taken(c, samples);
        const auto before = scanned(c, statistic, state.lanes(), 7);
        samples[1][static_cast<std::size_t>(2 * c.pitch() + lane)] = special;
        const State spoiled = taken(c, samples);
        const auto after = scanned(c, statistic, spoiled.lanes(), 7);
        const auto expected = one_after_the_other(c, statistic, spoiled.lanes());
        for (std::int64_t k = 0; k < 5 * 90; ++k) {
          const auto at = static_cast<std::size_t>(k);
          const std::int64_t window = k - 2 * 90;
          const bool holds = window >= 0 && window < 90 && window <= lane && lane < window + 29;
          if (!holds) {
            CHECK(same_bits({after[at]}, {before[at]}), name, special, "lane", lane, "at", k);
          } else if (std::isnan(expected[at])) {
            CHECK(std::isnan(after[at]), name, special, "lane", lane, "at", k);
          } else {
            CHECK(after[at] == expected[at] ||
                      std::fabs(after[at] - expected[at]) <= 1e-14 * std::fabs(expected[at]),
                  name, special, "lane", lane, "at", k, after[at], expected[at]);
          }
        }
      }
    }
  });
}

TEST(a_row_is_appended_to_another_state_as_to_its_own) {
  for_each_kind([](Accumulator& accumulator, Statistic statistic, const std::string& name) {
    Random random(34);
    const Case c{accumulator, 1, 77, 1};
    for (const double special : {0.5, not_a_number, infinity, largest}) {
      const Samples samples = random_samples(c, random, 1e6);
      std::vector<double> row(samples[0]);
      row[40] = special;
      const State state = taken(c, samples);
      const State appended(accumulator, c.pitch());
      const State in_place = taken(c, samples);
      const State expected = taken(c, samples);
      for (std::int64_t count = held; count < 70; ++count) {
        accumulator.append_row(appended.lanes(), in_place.lanes(), group_of(row), c.lanes, count);
        accumulator.append_row(in_place.lanes(), in_place.lanes(), group_of(row), c.lanes, count);
        accumulator.take(expected.lanes(), group_of(row), c.lanes, count);
        const auto found = finished(c, statistic, expected.lanes());
        CHECK(same_bits(finished(c, statistic, appended.lanes()), found), name, count);
        CHECK(same_bits(finished(c, statistic, in_place.lanes()), found), name, count);
      }
    }
  });
}

}  // namespace boxel::test
