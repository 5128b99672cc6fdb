// Runs of samples, taken where they lie: in every kernel set the bits of taking them as rows.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

struct RunCase {
  StateKind kind;
  std::int64_t positions;
  std::int64_t length;
  std::int64_t gap;  // samples between the runs
  bool special;      // some samples are infinite, not a number, or of the largest magnitude
};

template <class T>
T sample_of(Random& random, bool special) {
  constexpr T largest = std::numeric_limits<T>::max();
  if (special && random.between(0, 15) == 0) {
    return random.pick<T>({std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                           std::numeric_limits<T>::quiet_NaN(), largest, -largest, T{0}, -T{0}});
  }
  return static_cast<T>(1e9 + static_cast<double>(random.between(-100000, 100000)) / 64.0);
}

// All NaN are one: which of them comes out depends on the order of the operands.
std::uint64_t bits_of(double value) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

template <class T>
void check_runs(const KernelSet& kernels, Sample sample, const RunCase& c, Random& random) {
  const auto accumulator =
      kernels.make_accumulator({c.kind, sample, false, static_cast<double>(c.length), false});
  CHECK(accumulator->takes_runs());
  // Of exactly the size that may be read, so that a sanitizer sees what is read beyond.
  const std::int64_t pitch = c.length + c.gap;
  const auto count = static_cast<std::size_t>((c.positions - 1) * pitch + c.length);
  const auto samples = std::make_unique<T[]>(count);
  for (std::size_t k = 0; k < count; ++k) samples[k] = sample_of<T>(random, c.special);

  const auto rows = static_cast<std::size_t>(accumulator->rows());
  const auto positions = static_cast<std::size_t>(c.positions);
  std::vector<double> as_runs(rows * positions, -1.0);
  std::vector<double> as_rows(rows * positions, -1.0);
  const auto lanes = [&](std::vector<double>& memory) { return Lanes(memory.data(), c.positions); };
  const auto item = static_cast<std::int64_t>(sizeof(T));
  accumulator->take_runs(
      lanes(as_runs), {reinterpret_cast<const std::byte*>(samples.get()), pitch * item, c.positions,
                       c.length, random.pick<std::int64_t>({0, 4096})});

  std::vector<std::vector<T>> transposed(max_group, std::vector<T>(positions));
  for (std::int64_t taken = 0; taken < c.length; taken += max_group) {
    RowGroup group;
    group.count = static_cast<int>(std::min<std::int64_t>(max_group, c.length - taken));
    for (int k = 0; k < group.count; ++k) {
      std::vector<T>& row = transposed[static_cast<std::size_t>(k)];
      for (std::int64_t p = 0; p < c.positions; ++p) {
        row[static_cast<std::size_t>(p)] = samples[static_cast<std::size_t>(p * pitch + taken + k)];
      }
      group.samples[static_cast<std::size_t>(k)] = row.data();
    }
    accumulator->take(lanes(as_rows), group, c.positions, taken);
  }
  for (std::size_t k = 0; k < as_rows.size(); ++k) {
    CHECK_EQ(bits_of(as_runs[k]), bits_of(as_rows[k]), kernels.name, "kind",
             static_cast<int>(c.kind), "item", item, "positions", c.positions, "length", c.length,
             "lane", k);
  }
}

}  // namespace

TEST(runs_have_the_bits_of_rows) {
  Random random(902);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t positions : {1, 2, 3, 4, 5, 8, 31}) {
      for (std::int64_t length = 1; length <= 41; ++length) {
        for (const bool special : {false, true}) {
          const std::int64_t gap = random.pick<std::int64_t>({0, 0, 1, 40});
          for (const StateKind kind : {StateKind::sum, StateKind::mean, StateKind::moments}) {
            const RunCase c{kind, positions, length, gap, special};
            check_runs<double>(*kernels, Sample::float64, c, random);
            if (kind != StateKind::mean) check_runs<float>(*kernels, Sample::float32, c, random);
          }
        }
      }
    }
  }
}

TEST(many_and_long_runs_have_the_bits_of_rows) {
  Random random(903);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::int64_t positions : {63, 64, 65, 129}) {
      for (const std::int64_t length : {8, 20, 64, 72, 520}) {
        for (const bool special : {false, true}) {
          for (const StateKind kind : {StateKind::sum, StateKind::mean, StateKind::moments}) {
            const RunCase c{kind, positions, length, 1, special};
            check_runs<double>(*kernels, Sample::float64, c, random);
          }
        }
      }
    }
  }
}

TEST(states_that_take_rows_only_refuse_runs) {
  const KernelSet& kernels = *available_kernel_sets().front();
  const auto accumulator =
      kernels.make_accumulator({StateKind::sum, Sample::uint8, false, 1e3, false});
  CHECK(!accumulator->takes_runs());
  CHECK_THROWS(accumulator->take_runs({}, {}), std::logic_error, "rows only");
}

}  // namespace boxel::test
