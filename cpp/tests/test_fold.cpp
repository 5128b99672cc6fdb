// Folding rows of lanes into boxes, through every kernel set, against loops over the samples.
#include "boxel/fold.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "array.hpp"
#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "random.hpp"
#include "state.hpp"

namespace boxel::test {
namespace {

struct Geometry {
  std::vector<RowAxis> axes;
  std::int64_t first = 0;  // slot at which the fold begins
  std::int64_t slots = 1;
  std::int64_t rows = 1;

  Extents outputs() const {
    Extents result;
    for (const RowAxis& axis : axes) result.push_back(axis.window.outputs);
    return result;
  }
};

std::string describe(const Geometry& geometry) {
  std::string text = "rows " + std::to_string(geometry.rows) + " slots " +
                     std::to_string(geometry.first) + "+" + std::to_string(geometry.slots);
  for (const RowAxis& axis : geometry.axes) {
    text += " {" + std::to_string(axis.length) + ": size " + std::to_string(axis.window.size) +
            " step " + std::to_string(axis.window.step) + " outputs " +
            std::to_string(axis.window.outputs) + "}";
  }
  return text;
}

std::int64_t boxes_to_cover(std::int64_t length, std::int64_t size, std::int64_t step) {
  if (length <= size) return 1;
  return std::min((length - size + step - 1) / step + 1, (length + step - 1) / step);
}

RowAxis random_axis(Random& random, std::int64_t longest) {
  const std::int64_t length = random.between(1, longest);
  const std::int64_t size = std::min(
      length, random.pick<std::int64_t>({1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 30, length}));
  const std::int64_t step = random.one_in(3) ? random.between(1, size + 2) : size;
  std::int64_t outputs = boxes_to_cover(length, size, step);
  if (random.one_in(4)) outputs = std::max<std::int64_t>(1, (length - size) / step + 1);
  // A traversal hands out single boxes with a step of their size.
  if (outputs == 1) return {size == 1 ? 1 : length, {size, size, 1}};
  return {length, {size, step, outputs}};
}

Geometry random_geometry(Random& random) {
  Geometry geometry;
  const std::int64_t axes = random.between(1, 3);
  for (std::int64_t axis = 0; axis < axes; ++axis) {
    const std::int64_t longest = axes == 1 ? 300 : (axis == 0 ? 40 : 12);
    geometry.axes.push_back(random_axis(random, longest));
  }
  geometry.first = random.between(0, 2);
  geometry.slots = random.between(1, 4);
  geometry.rows = random.between(1, 19);
  return geometry;
}

// The lanes of each box of one slot, found one index at a time.
std::vector<std::vector<std::int64_t>> lanes_of_boxes(const Geometry& geometry) {
  std::vector<std::vector<std::int64_t>> boxes;
  for (Index box(geometry.outputs()); box.valid(); box.next()) {
    Extents extent;
    for (std::size_t axis = 0; axis < geometry.axes.size(); ++axis) {
      extent.push_back(geometry.axes[axis].extent(box.at()[static_cast<int>(axis)]));
    }
    std::vector<std::int64_t> lanes;
    for (Index inside(extent); inside.valid(); inside.next()) {
      std::int64_t lane = 0;
      for (std::size_t axis = 0; axis < geometry.axes.size(); ++axis) {
        const auto at = static_cast<int>(axis);
        const RowAxis& row_axis = geometry.axes[axis];
        lane = lane * row_axis.length + box.at()[at] * row_axis.window.step + inside.at()[at];
      }
      lanes.push_back(lane);
    }
    boxes.push_back(lanes);
  }
  return boxes;
}

template <class T>
T random_sample(Random& random) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(random.between(-4000, 4000)) / 8;
  } else {
    return static_cast<T>(random.bits());
  }
}

// Rows of all slots, one slot after another.
template <class T>
Rows random_rows(Random& random, std::int64_t lanes, std::int64_t count) {
  Rows rows;
  rows.lanes = lanes;
  rows.count = count;
  rows.sample_size = sizeof(T);
  const auto samples = static_cast<std::size_t>(lanes * count);
  rows.samples.resize(samples * sizeof(T));
  auto* typed = reinterpret_cast<T*>(rows.samples.data());
  for (std::size_t k = 0; k < samples; ++k) {
    typed[k] = random_sample<T>(random);
    rows.include.push_back(random.one_in(4) ? 0 : 1);
    rows.weights.push_back(1);
  }
  return rows;
}

// Takes the rows of every slot, folds them and finishes `statistic` for every box of every slot.
class Folded {
 public:
  Folded(const KernelSet& kernels, const StateRequest& request, const Geometry& geometry,
         const Rows& rows)
      : geometry_(geometry),
        plan_(geometry.axes),
        accumulator_(kernels.make_accumulator(request)),
        states_{State(*accumulator_, lanes()), State(*accumulator_, lanes()),
                State(*accumulator_, lanes())} {
    const FoldBuffers buffers{states_[0].lanes(), states_[1].lanes(), states_[2].lanes()};
    for (std::int64_t slot = 0; slot < geometry.slots; ++slot) take(buffers[0], rows, slot);
    const int result = boxel::fold(*accumulator_, buffers, plan_, geometry.first, geometry.slots,
                                   static_cast<double>(geometry.rows));
    result_ = buffers[static_cast<std::size_t>(result)];
  }

  const FoldPlan& plan() const { return plan_; }

  template <class N>
  std::vector<N> finish(Statistic statistic, double ddof = 0) {
    const std::int64_t outputs = plan_.outputs();
    std::vector<N> values(static_cast<std::size_t>(geometry_.slots * outputs));
    for (std::int64_t slot = 0; slot < geometry_.slots; ++slot) {
      std::int64_t lane = (geometry_.first + slot) * outputs;
      N* place = values.data() + slot * outputs;
      for (const CountRun& run : plan_.runs()) {
        const double count = run.factor * static_cast<double>(geometry_.rows);
        accumulator_->finish(statistic, result_.from(lane), run.lanes, {count, nullptr}, ddof,
                             place);
        lane += run.lanes;
        place += run.lanes;
      }
    }
    return values;
  }

 private:
  std::int64_t lanes() const { return (geometry_.first + geometry_.slots) * plan_.lanes(); }

  void take(Lanes state, const Rows& rows, std::int64_t slot) {
    for (std::int64_t taken = 0; taken < geometry_.rows; taken += max_group) {
      const auto size = static_cast<int>(std::min<std::int64_t>(max_group, geometry_.rows - taken));
      accumulator_->take(state.from((geometry_.first + slot) * plan_.lanes()),
                         rows.group(slot * geometry_.rows + taken, size), plan_.lanes(), taken);
    }
  }

  const Geometry& geometry_;
  FoldPlan plan_;
  std::unique_ptr<Accumulator> accumulator_;
  std::array<State, 3> states_;
  Lanes result_;
};

double volume_of(const Geometry& geometry) {
  double volume = static_cast<double>(geometry.rows);
  for (const RowAxis& axis : geometry.axes) volume *= static_cast<double>(axis.window.size);
  return volume;
}

// Calls body(samples, output) for each box of each slot; only samples that are included.
template <class T, class Body>
void for_each_box(const Geometry& geometry, const Rows& rows, bool masked, Body&& body) {
  const auto boxes = lanes_of_boxes(geometry);
  for (std::int64_t slot = 0; slot < geometry.slots; ++slot) {
    for (std::size_t box = 0; box < boxes.size(); ++box) {
      std::vector<T> samples;
      for (std::int64_t row = slot * geometry.rows; row < (slot + 1) * geometry.rows; ++row) {
        for (const std::int64_t lane : boxes[box]) {
          const auto at = static_cast<std::size_t>(row * rows.lanes + lane);
          if (!masked || rows.include[at]) samples.push_back(rows.as<T>()[at]);
        }
      }
      body(samples, static_cast<std::size_t>(slot) * boxes.size() + box);
    }
  }
}

// Calls body(kernels, geometry, rows) for many geometries.
template <class T, class Body>
void for_random_folds(std::uint64_t seed, int times, Body&& body) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    Random random(seed);
    for (int k = 0; k < times; ++k) {
      const Geometry geometry = random_geometry(random);
      const std::int64_t lanes = FoldPlan(geometry.axes).lanes();
      body(*kernels, geometry, random_rows<T>(random, lanes, geometry.slots * geometry.rows));
    }
  }
}

constexpr int few = 150;

template <class T, class N>
void check_sums(std::uint64_t seed, Sample sample) {
  for_random_folds<T>(
      seed, few, [&](const KernelSet& kernels, const Geometry& geometry, const Rows& rows) {
        Folded folded(kernels, {StateKind::sum, sample, false, volume_of(geometry), false},
                      geometry, rows);
        const auto found = folded.template finish<N>(Statistic::sum);
        for_each_box<T>(geometry, rows, false, [&](const std::vector<T>& samples, std::size_t box) {
          N expected = 0;
          for (const T x : samples) expected = static_cast<N>(expected + static_cast<N>(x));
          CHECK_EQ(found[box], expected, kernels.name, describe(geometry), "box", box);
        });
      });
}

template <class T, class N>
void check_extremes(std::uint64_t seed, Sample sample) {
  for_random_folds<T>(
      seed, few, [&](const KernelSet& kernels, const Geometry& geometry, const Rows& rows) {
        for (const bool largest : {false, true}) {
          const StateKind kind = largest ? StateKind::max : StateKind::min;
          Folded folded(kernels, {kind, sample, false, volume_of(geometry), false}, geometry, rows);
          const auto found = folded.template finish<N>(largest ? Statistic::max : Statistic::min);
          for_each_box<T>(geometry, rows, false,
                          [&](const std::vector<T>& samples, std::size_t box) {
                            const T expected = largest ? *std::ranges::max_element(samples)
                                                       : *std::ranges::min_element(samples);
                            CHECK_EQ(found[box], static_cast<N>(expected), kernels.name,
                                     describe(geometry), "box", box);
                          });
        }
      });
}

struct Moment {
  double mean;
  double m2;
  double tolerance;
};

// Two passes in a wider type.
template <class T>
Moment moment_of(const std::vector<T>& samples) {
  const auto count = static_cast<long double>(samples.size());
  long double mean = 0;
  for (const T x : samples) mean += x / count;
  long double m2 = 0;
  for (const T x : samples) m2 += (x - mean) * (x - mean);
  return {static_cast<double>(mean), static_cast<double>(m2), 1e-13 * static_cast<double>(m2)};
}

void check_near(double found, double expected, double tolerance, const std::string& context) {
  const bool near = std::fabs(found - expected) <= tolerance;
  CHECK(near || (std::isnan(found) && std::isnan(expected)), "found", found, "expected", expected,
        context);
}

}  // namespace

TEST(fold_sums_are_exact) {
  check_sums<std::uint8_t, std::uint64_t>(10, Sample::uint8);
  check_sums<std::int8_t, std::int64_t>(11, Sample::int8);
  check_sums<std::uint16_t, std::uint64_t>(12, Sample::uint16);
  check_sums<std::int16_t, std::int64_t>(13, Sample::int16);
  check_sums<std::int32_t, std::int64_t>(14, Sample::int32);
  check_sums<std::uint32_t, std::uint64_t>(15, Sample::uint32);
  check_sums<std::uint64_t, std::uint64_t>(16, Sample::uint64);
  // Eighths of small integers: exact in any order.
  check_sums<float, double>(17, Sample::float32);
  check_sums<double, double>(18, Sample::float64);
}

TEST(fold_extremes) {
  check_extremes<std::uint8_t, std::uint64_t>(20, Sample::uint8);
  check_extremes<std::int8_t, std::int64_t>(21, Sample::int8);
  check_extremes<std::int64_t, std::int64_t>(22, Sample::int64);
  check_extremes<std::uint64_t, std::uint64_t>(23, Sample::uint64);
  check_extremes<float, double>(24, Sample::float32);
  check_extremes<double, double>(25, Sample::float64);
}

TEST(fold_counts_nonzero) {
  for_random_folds<std::uint8_t>(
      30, few, [](const KernelSet& kernels, const Geometry& geometry, Rows rows) {
        for (std::byte& sample : rows.samples) {
          if ((sample & std::byte{3}) == std::byte{1}) sample = std::byte{0};
        }
        Folded folded(kernels,
                      {StateKind::nonzero, Sample::uint8, false, volume_of(geometry), false},
                      geometry, rows);
        const auto found = folded.finish<std::int64_t>(Statistic::count_nonzero);
        const auto all = folded.finish<std::int64_t>(Statistic::all);
        const auto any = folded.finish<std::int64_t>(Statistic::any);
        for_each_box<std::uint8_t>(
            geometry, rows, false, [&](const std::vector<std::uint8_t>& samples, std::size_t box) {
              const auto zeros = std::ranges::count(samples, 0);
              const auto nonzeros = static_cast<std::int64_t>(samples.size()) - zeros;
              CHECK_EQ(found[box], nonzeros, kernels.name, describe(geometry), "box", box);
              CHECK_EQ(all[box], zeros == 0 ? 1 : 0, kernels.name, describe(geometry), "box", box);
              CHECK_EQ(any[box], nonzeros > 0 ? 1 : 0, kernels.name, describe(geometry), "box",
                       box);
            });
      });
}

template <class T>
static void check_moments(std::uint64_t seed, Sample sample, double offset) {
  for_random_folds<T>(
      seed, few, [&](const KernelSet& kernels, const Geometry& geometry, Rows rows) {
        auto* typed = reinterpret_cast<T*>(rows.samples.data());
        std::for_each_n(typed, rows.lanes * rows.count, [&](T& x) { x += static_cast<T>(offset); });
        Folded folded(kernels, {StateKind::moments, sample, false, volume_of(geometry), false},
                      geometry, rows);
        const auto means = folded.template finish<double>(Statistic::mean);
        const auto variances = folded.template finish<double>(Statistic::var, 1.0);
        const auto deviations = folded.template finish<double>(Statistic::std);
        for_each_box<T>(geometry, rows, false, [&](const std::vector<T>& samples, std::size_t box) {
          const Moment expected = moment_of(samples);
          const auto count = static_cast<double>(samples.size());
          const std::string context = std::string(kernels.name) + " " + describe(geometry);
          check_near(means[box], expected.mean, 1e-15 * std::fabs(offset) + 1e-12, context);
          const double variance = count > 1 ? expected.m2 / (count - 1) : NAN;
          check_near(variances[box], variance, 1e-12 * variance, context);
          const double deviation = std::sqrt(expected.m2 / count);
          check_near(deviations[box], deviation, 1e-12 * deviation, context);
        });
      });
}

TEST(fold_moments) {
  check_moments<float>(40, Sample::float32, 0);
  check_moments<double>(41, Sample::float64, 0);
}

TEST(fold_moments_at_a_large_offset) { check_moments<double>(42, Sample::float64, 1e9); }

TEST(fold_squares_give_exact_variances) {
  for_random_folds<std::int16_t>(
      50, few, [](const KernelSet& kernels, const Geometry& geometry, const Rows& rows) {
        Folded folded(kernels,
                      {StateKind::squares, Sample::int16, false, volume_of(geometry), false},
                      geometry, rows);
        const auto found = folded.finish<double>(Statistic::var);
        for_each_box<std::int16_t>(
            geometry, rows, false, [&](const std::vector<std::int16_t>& samples, std::size_t box) {
              Int128 sum = 0;
              Int128 squares = 0;
              for (const std::int16_t x : samples) {
                sum += x;
                squares += static_cast<Int128>(x) * x;
              }
              const auto count = static_cast<Int128>(samples.size());
              CHECK_EQ(found[box], nearest_quotient(count * squares - sum * sum, count * count),
                       kernels.name, describe(geometry), "box", box);
            });
      });
}

TEST(fold_masked_counts_and_moments) {
  for_random_folds<double>(
      60, few, [](const KernelSet& kernels, const Geometry& geometry, const Rows& rows) {
        const double volume = volume_of(geometry);
        Folded counts(kernels, {StateKind::count, Sample::float64, true, volume, false}, geometry,
                      rows);
        Folded moments(kernels, {StateKind::moments, Sample::float64, true, volume, false},
                       geometry, rows);
        const auto found = counts.finish<std::int64_t>(Statistic::count);
        const auto means = moments.finish<double>(Statistic::mean);
        const auto variances = moments.finish<double>(Statistic::var);
        for_each_box<double>(
            geometry, rows, true, [&](const std::vector<double>& samples, std::size_t box) {
              const std::string context = std::string(kernels.name) + " " + describe(geometry);
              CHECK_EQ(found[box], samples.size(), context);
              const Moment expected = moment_of(samples);
              const auto count = static_cast<double>(samples.size());
              check_near(means[box], count > 0 ? expected.mean : NAN, 1e-12, context);
              const double variance = count > 0 ? expected.m2 / count : NAN;
              check_near(variances[box], variance, 1e-12 * variance, context);
            });
      });
}

TEST(fold_lets_nan_into_its_boxes_only) {
  for_random_folds<double>(
      70, few, [](const KernelSet& kernels, const Geometry& geometry, Rows rows) {
        auto* typed = reinterpret_cast<double*>(rows.samples.data());
        for (std::int64_t k = 0; k < rows.lanes * rows.count; k += 17) typed[k] = NAN;
        const double volume = volume_of(geometry);
        Folded least(kernels, {StateKind::min, Sample::float64, false, volume, false}, geometry,
                     rows);
        Folded sum(kernels, {StateKind::sum, Sample::float64, false, volume, false}, geometry,
                   rows);
        Folded moments(kernels, {StateKind::moments, Sample::float64, false, volume, false},
                       geometry, rows);
        const auto minima = least.finish<double>(Statistic::min);
        const auto sums = sum.finish<double>(Statistic::sum);
        const auto means = moments.finish<double>(Statistic::mean);
        const auto variances = moments.finish<double>(Statistic::var);
        for_each_box<double>(
            geometry, rows, false, [&](const std::vector<double>& samples, std::size_t box) {
              const bool expected = std::ranges::any_of(samples, [](double x) { return x != x; });
              for (const auto* found : {&minima, &sums, &means, &variances}) {
                CHECK_EQ(std::isnan((*found)[box]), expected, kernels.name, describe(geometry));
              }
            });
      });
}

// As a traversal does where the last slot is cut: its lanes took fewer rows.
TEST(fold_of_the_last_slot_leaves_the_others_alone) {
  Random random(80);
  for (int k = 0; k < 300; ++k) {
    Geometry geometry = random_geometry(random);
    geometry.first = 0;
    geometry.slots = 3;
    geometry.rows = 1;
    const FoldPlan plan(geometry.axes);
    const Rows rows = random_rows<std::int32_t>(random, plan.lanes(), 3);
    const auto accumulator = available_kernel_sets().back()->make_accumulator(
        {StateKind::sum, Sample::int32, false, volume_of(geometry), false});
    const State source(*accumulator, 3 * plan.lanes());
    const State target(*accumulator, 3 * plan.lanes());
    const State spare(*accumulator, 3 * plan.lanes());
    const FoldBuffers buffers{source.lanes(), target.lanes(), spare.lanes()};
    for (std::int64_t slot = 0; slot < 3; ++slot) {
      accumulator->take(buffers[0].from(slot * plan.lanes()), rows.group(slot, 1), plan.lanes(), 0);
    }
    const int first = boxel::fold(*accumulator, buffers, plan, 0, 2, 2);
    const int last = boxel::fold(*accumulator, buffers, plan, 2, 1, 1);
    CHECK_EQ(last, first, describe(geometry));
    const auto* found = buffers[static_cast<std::size_t>(last)].row<std::int64_t>(0);
    for_each_box<std::int32_t>(geometry, rows, false,
                               [&](const std::vector<std::int32_t>& samples, std::size_t box) {
                                 std::int64_t expected = 0;
                                 for (const std::int32_t x : samples) expected += x;
                                 CHECK_EQ(found[box], expected, describe(geometry), "box", box);
                               });
  }
}

TEST(fold_plan_counts_the_samples_of_every_output) {
  Random random(90);
  for (int k = 0; k < 500; ++k) {
    const Geometry geometry = random_geometry(random);
    const FoldPlan plan(geometry.axes);
    const auto boxes = lanes_of_boxes(geometry);
    CHECK_EQ(plan.outputs(), boxes.size(), describe(geometry));
    std::vector<double> factors;
    for (const CountRun& run : plan.runs()) {
      factors.insert(factors.end(), static_cast<std::size_t>(run.lanes), run.factor);
    }
    CHECK_EQ(factors.size(), boxes.size(), describe(geometry));
    for (std::size_t box = 0; box < std::min(boxes.size(), factors.size()); ++box) {
      CHECK_EQ(factors[box], static_cast<double>(boxes[box].size()), describe(geometry));
    }
  }
}

}  // namespace boxel::test
