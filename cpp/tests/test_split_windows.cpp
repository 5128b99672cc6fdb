// Windows along rows of split sums, straight to the results: the bits of windows that are kept,
// finished and cast one after the other.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "random.hpp"
#include "state.hpp"

namespace boxel::test {
namespace {

constexpr std::int64_t rows = 3;
constexpr double ddof = 1;
constexpr double samples = 100;

struct Case {
  Accumulator& accumulator;
  Statistic statistic;
  std::int64_t lanes;
  std::int64_t size;

  std::int64_t pitch() const { return lanes + size + 20; }
};

// Extended rows of one sample in each lane, whole numbers between -limit and limit.
template <class T>
State state_of(const Case& c, Random& random, std::int64_t limit) {
  State state(c.accumulator, rows * c.pitch());
  std::vector<T> row;
  for (std::int64_t l = 0; l < rows * c.pitch(); ++l) {
    row.push_back(static_cast<T>(random.between(-limit, limit)));
  }
  c.accumulator.take(state.lanes(), group_of(row), rows * c.pitch(), 0);
  return state;
}

template <class Out>
std::vector<Out> one_after_the_other(const Case& c, Lanes in) {
  std::vector<Out> results;
  for (std::int64_t row = 0; row < rows; ++row) {
    const State windows(c.accumulator, c.lanes);
    c.accumulator.exchange_windows(windows.lanes(), in.from(row * c.pitch()), c.lanes, c.size);
    std::vector<double> values(static_cast<std::size_t>(c.lanes));
    c.accumulator.finish(c.statistic, windows.lanes(), c.lanes, {samples, nullptr}, ddof,
                         values.data());
    for (const double value : values) results.push_back(static_cast<Out>(value));
    results.push_back(-7);
  }
  return results;
}

template <class Out>
void check_case(const Case& c, DType dtype, Lanes in, const std::string& name) {
  const std::vector<Out> expected = one_after_the_other<Out>(c, in);
  const auto stride = (c.lanes + 1) * static_cast<std::int64_t>(sizeof(Out));
  for (const std::int64_t ahead : {std::int64_t{0}, stride}) {
    std::vector<Out> found(expected.size(), -7);
    const RowWindows windows{c.lanes, c.size, true, samples, rows, c.pitch(), stride, ahead, ddof};
    CHECK(c.accumulator.finish_windows_as(dtype, c.statistic, in, windows, found.data()), name);
    CHECK(std::memcmp(found.data(), expected.data(), found.size() * sizeof(Out)) == 0, name,
          "lanes", c.lanes, "size", c.size);
  }
}

struct Kind {
  StateKind kind;
  Sample sample;
  std::vector<Statistic> statistics;
  std::vector<double> finest;  // for all ways of splitting
};

// `finest`: of the samples that are yet to come, so that sums are split into more parts.
void check_kind(const KernelSet& kernels, const Kind& kind, double finest) {
  const auto accumulator = kernels.make_accumulator({kind.kind, kind.sample, false, 1e3, false});
  CHECK(accumulator->begin_exchanges({0x1p20, finest}, 2 * samples), kernels.name, finest);
  Random random(77);
  for (const Statistic statistic : kind.statistics) {
    for (const std::int64_t lanes : {1, 7, 8, 9, 100, 255, 256, 257, 520, 777}) {
      for (const std::int64_t size : {6, 9, 31}) {
        const Case c{*accumulator, statistic, lanes, size};
        const State state = kind.sample == Sample::float32 ? state_of<float>(c, random, 1 << 20)
                                                           : state_of<double>(c, random, 1 << 20);
        const std::string name = std::string(kernels.name) + " finest " + std::to_string(finest);
        check_case<float>(c, DType::float32, state.lanes(), name);
        check_case<double>(c, DType::float64, state.lanes(), name);
      }
    }
  }
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{{StateKind::float_squares,
                                      Sample::float32,
                                      {Statistic::var, Statistic::std},
                                      {1.0, 0x1p-14, 0x1p-34, 0x1p-48}},
                                     {StateKind::float_sums,
                                      Sample::float64,
                                      {Statistic::sum, Statistic::mean},
                                      {1.0, 0x1p-34, 0x1p-70, 0x1p-90}}};
  return all;
}

}  // namespace

TEST(windows_of_split_sums_go_straight_to_the_results) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const Kind& kind : kinds()) {
      for (const double finest : kind.finest) {
        check_kind(*kernels, kind, finest);
      }
    }
  }
}

// Sums of squares of whole boxes need more than 64 bits here, those of lanes do not.
TEST(windows_in_two_halves_are_those_of_parts) {
  constexpr std::int64_t doublings = 12;
  constexpr double most_window = 40;
  const Grid grid{0x1p24 - 1, 1};
  for (const KernelSet* kernels : available_kernel_sets()) {
    StateRequest request{StateKind::float_squares, Sample::float32, false, 1e6, false};
    const auto parts = kernels->make_accumulator(request);
    request.row_window = most_window;
    const auto halves = kernels->make_accumulator(request);
    for (Accumulator* accumulator : {parts.get(), halves.get()}) {
      CHECK(accumulator->begin_exchanges(grid, 2 * most_window * (1 << doublings)), kernels->name);
    }
    for (const std::int64_t size : {6, 9, 40}) {
      for (const std::int64_t lanes : {1, 8, 100, 300}) {
        std::vector<std::vector<double>> found;
        for (Accumulator* accumulator : {parts.get(), halves.get()}) {
          const Case c{*accumulator, Statistic::var, lanes, size};
          Random random(5);
          // Nearly all are large, so that both halves count.
          const State state = state_of<float>(c, random, (1 << 24) - 1);
          for (int k = 0; k < doublings; ++k) {
            accumulator->merge(state.lanes(), state.lanes(), state.lanes(), rows * c.pitch(), 1, 1);
          }
          check_case<float>(c, DType::float32, state.lanes(), "halves");
          found.push_back(one_after_the_other<double>(c, state.lanes()));
        }
        CHECK(found[0] == found[1], kernels->name, "lanes", lanes, "size", size);
      }
    }
  }
}

TEST(windows_of_sums_that_are_not_split_have_no_short_way) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const Kind& kind : kinds()) {
      const auto accumulator =
          kernels->make_accumulator({kind.kind, kind.sample, false, 1e3, false});
      const State in(*accumulator, 64);
      accumulator->clear(in.lanes(), 64);
      double out[8];
      const auto goes = [&](DType dtype, std::int64_t size, bool exchanges) {
        const RowWindows windows{8, size, exchanges, samples};
        return accumulator->finish_windows_as(dtype, kind.statistics[0], in.lanes(), windows, out);
      };
      CHECK(!goes(DType::float64, 9, true), kernels->name);
      CHECK(accumulator->begin_exchanges({1, 1}, 2 * samples), kernels->name);
      CHECK(goes(DType::float64, 9, true), kernels->name);
      CHECK(!goes(DType::float64, 9, false), kernels->name);
      CHECK(!goes(DType::int32, 9, true), kernels->name);
      CHECK(!goes(DType::float64, smallest_exchanged_window - 1, true), kernels->name);
    }
  }
}

}  // namespace boxel::test
