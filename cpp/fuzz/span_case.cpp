#include "span_case.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "boxel/blocks.hpp"
#include "boxel/span.hpp"
#include "check.hpp"
#include "random_cases.hpp"

namespace boxel::test {
namespace {

struct SpanCase {
  SpanSpec spec;
  Array samples;  // the first axis: one sample of all voxels after the other
  std::optional<Array> where;
  std::optional<Array> weights;
  bool skipna = false;
  // The states of two parts are merged: samples before and from `middle` on. Those before come in
  // two calls.
  std::int64_t first = 1;
  std::int64_t middle = 1;
  double ddof = 0;

  std::int64_t count() const { return samples.shape()[0]; }
  Extents voxel_shape() const {
    Extents shape;
    for (int axis = 1; axis < samples.shape().size(); ++axis) {
      shape.push_back(samples.shape()[axis]);
    }
    return shape;
  }
  std::string description() const {
    return check::text(name_of(spec.dtype), text(samples.shape()), "strides",
                       text(samples.view().strides), "moments", spec.moments, "counting",
                       spec.counting, "first", first, "middle", middle, "ddof", ddof);
  }
};

SpanCase random_span(Random& random) {
  Extents shape = extents({random.between(2, 12)});
  for (const std::int64_t length : random_shape(random, 300)) shape.push_back(length);
  SpanSpec spec;
  spec.dtype = random_dtype(random);
  spec.moments = static_cast<int>(random.between(1, 4));
  spec.extremes = random.one_in(2);
  spec.counting = random.pick({Counting::uniform, Counting::counted, Counting::weighted});
  SpanCase c{spec, Array(spec.dtype, shape, random_layout(random, shape.size(), true)), {}, {}};
  c.middle = random.between(1, c.count() - 1);
  c.first = random.between(1, c.middle);
  c.ddof = random.pick<double>({0, 1, 0.5});
  Random contents(static_cast<std::uint64_t>(random.between(0, 0xffff)));
  fill_randomly(c.samples, contents,
                random.pick({Values::small, Values::full, Values::special, Values::offset}));
  if (spec.counting == Counting::uniform) return c;
  if (random.one_in(2)) c.where = random_truth(contents, shape, random.pick({1, 2, 5}));
  c.skipna = random.one_in(2);
  if (spec.counting == Counting::weighted) c.weights = random_weights(contents, shape);
  return c;
}

View part_of(const View& view, std::int64_t begin, std::int64_t end) {
  View part = view;
  part.data += begin * view.strides[0];
  part.shape[0] = end - begin;
  return part;
}

// The states of a spec, in memory of their own.
struct States {
  States(const SpanSpec& spec, std::int64_t voxels) {
    memory.voxels = voxels;
    for (const SpanState& state : span_states(spec)) {
      blocks.emplace_back(
          state.rows.size() * size_of(state.lane) * static_cast<std::size_t>(voxels),
          std::byte{0xff});
    }
    for (auto& block : blocks) memory.states.push_back(block.data());
  }
  std::vector<std::vector<std::byte>> blocks;
  SpanMemory memory;
};

struct Way {
  const KernelSet* kernels;
  int workers;
};

void take(const SpanCase& c, const States& states, std::int64_t begin, std::int64_t end,
          std::int64_t taken, Way way) {
  SpanSamples part;
  part.samples = part_of(c.samples.view(), begin, end);
  if (c.where) part.where = part_of(c.where->view(), begin, end);
  if (c.weights) part.weights = part_of(c.weights->view(), begin, end);
  part.skipna = c.skipna;
  take_into_span(c.spec, states.memory, part, taken, way.workers, *way.kernels);
}

States run(const SpanCase& c, Way way) {
  const std::int64_t voxels = product(c.voxel_shape());
  States states(c.spec, voxels);
  take(c, states, 0, c.first, 0, way);
  take(c, states, c.first, c.middle, c.first, way);
  const States later(c.spec, voxels);
  take(c, later, c.middle, c.count(), 0, way);
  merge_spans(c.spec, states.memory, later.memory, static_cast<double>(c.middle),
              static_cast<double>(c.count() - c.middle), way.workers, *way.kernels);
  return states;
}

template <class T>
bool same_floats(const std::byte* one, const std::byte* other, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    T a;
    T b;
    std::memcpy(&a, one + k * sizeof(T), sizeof(T));
    std::memcpy(&b, other + k * sizeof(T), sizeof(T));
    if (!(std::isnan(a) && std::isnan(b)) && std::memcmp(&a, &b, sizeof(T)) != 0) return false;
  }
  return true;
}

// The same bits, but for those of a NaN.
bool same_states(const SpanSpec& spec, const States& one, const States& other) {
  const std::vector<SpanState> states = span_states(spec);
  for (std::size_t k = 0; k < states.size(); ++k) {
    const std::vector<std::byte>& a = one.blocks[k];
    const std::vector<std::byte>& b = other.blocks[k];
    const DType lane = states[k].lane;
    const bool same = lane == DType::float64 ? same_floats<double>(a.data(), b.data(), a.size() / 8)
                      : lane == DType::float32
                          ? same_floats<float>(a.data(), b.data(), a.size() / 4)
                          : a == b;
    if (!same) return false;
  }
  return true;
}

std::vector<Box> boxes_of(const SpanCase& c) {
  std::vector<Box> boxes(static_cast<std::size_t>(product(c.voxel_shape())));
  std::size_t place = 0;
  for (Index index(c.samples.shape()); index.valid(); index.next()) {
    Box& box = boxes[place++ % boxes.size()];
    const Number sample = c.samples.get(index.at());
    const double weight = c.weights ? c.weights->get(index.at()).real : 1;
    if (c.where && c.where->get(index.at()).integer == 0) continue;
    if (!(weight > 0) || (c.skipna && std::isnan(sample.real))) continue;
    box.add(sample, weight);
  }
  return boxes;
}

// Within the rounding of samples of this magnitude, besides that of the result.
bool near(double found, double expected, double magnitude) {
  if (std::isnan(expected)) return std::isnan(found);
  if (std::isinf(expected)) return found == expected;
  return std::fabs(found - expected) <= 1e-11 * std::fabs(expected) + 0x1p-46 * magnitude;
}

double magnitude_of(const Box& box) {
  double largest = 0;
  for (const Number& sample : box.samples) {
    if (std::isfinite(sample.real)) largest = std::max(largest, std::fabs(sample.real));
  }
  return largest;
}

void check_statistic(const SpanCase& c, const States& states, const std::vector<Box>& boxes,
                     Statistic statistic, DType dtype, const KernelSet& kernels) {
  const auto voxels = static_cast<std::int64_t>(boxes.size());
  const Array out(dtype, extents({voxels}), c_layout(1));
  try {
    finish_span(c.spec, states.memory, statistic, static_cast<double>(c.count()), c.ddof,
                out.view(), 1, kernels);
  } catch (const MissingValue&) {
    CHECK(!is_floating(dtype), c.description());
    CHECK(std::ranges::any_of(boxes, [](const Box& box) { return box.count() == 0; }),
          c.description());
    return;
  }
  // Weights and higher moments take integers as doubles.
  const bool as_floats = c.spec.counting == Counting::weighted || c.spec.moments > 2;
  const bool order = statistic == Statistic::min || statistic == Statistic::max;
  const DType taken = as_floats && !order ? DType::float64 : c.spec.dtype;
  const Rules rules{taken, c.weights.has_value(), false, c.ddof, 1};
  for (std::int64_t voxel = 0; voxel < voxels; ++voxel) {
    const Box& box = boxes[static_cast<std::size_t>(voxel)];
    Expected expected = expected_of(statistic, box, rules);
    if (expected.missing) expected.real = NAN;
    const Number found = out.get(extents({voxel}));
    const bool agree = expected.integral ? found.integer == expected.integer
                                         : near(found.real, expected.real, magnitude_of(box));
    CHECK(agree, info_of(statistic).name, "found", found.real, "expected", expected.real,
          static_cast<std::int64_t>(expected.integer), "voxel", voxel, c.description());
    CHECK(statistic != Statistic::var || !(found.real < 0), c.description());
  }
}

}  // namespace

void check_random_span(Random& random) {
  const SpanCase c = random_span(random);
  const KernelSet& kernels = *available_kernel_sets().front();
  const States states = run(c, {&kernels, 1});
  const std::vector<Box> boxes = boxes_of(c);
  check_statistic(c, states, boxes, Statistic::mean, DType::float64, kernels);
  if (c.spec.moments > 1) {
    check_statistic(c, states, boxes, Statistic::var, DType::float64, kernels);
  }
  if (c.spec.counting != Counting::uniform) {
    check_statistic(c, states, boxes, Statistic::count, DType::int64, kernels);
  }
  if (c.spec.extremes) {
    check_statistic(c, states, boxes, Statistic::min, c.spec.dtype, kernels);
    check_statistic(c, states, boxes, Statistic::max, c.spec.dtype, kernels);
  }
  for (const KernelSet* set : available_kernel_sets()) {
    for (const int workers : {1, 2}) {
      CHECK(same_states(c.spec, run(c, {set, workers}), states), set->name, workers,
            c.description());
    }
  }
}

}  // namespace boxel::test
