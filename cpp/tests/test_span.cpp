// The open span: samples that come in parts, merges, every way of counting, on every kernel set.
#include "boxel/span.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "boxel/blocks.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

constexpr std::int64_t rows = 37;
constexpr std::int64_t columns = 61;
constexpr std::int64_t voxels = rows * columns;

// The states of a spec, in memory of their own.
struct Memory {
  explicit Memory(const SpanSpec& spec) {
    span.voxels = voxels;
    for (const SpanState& state : span_states(spec)) {
      // As floats these bits are NaN: what is read before it is written does not stay unseen.
      blocks.emplace_back(state.rows.size() * size_of(state.lane) * voxels, std::byte{0xff});
    }
    for (auto& block : blocks) span.states.push_back(block.data());
  }
  std::vector<std::vector<std::byte>> blocks;
  SpanMemory span;
};

struct Stack {
  std::int64_t count;
  std::vector<double> values;
  std::vector<std::uint8_t> where;
  std::vector<double> weights;
};

Stack make_stack(std::int64_t count, double offset, Random& random) {
  Stack stack{count, {}, {}, {}};
  for (std::int64_t k = 0; k < count * voxels; ++k) {
    stack.values.push_back(offset + std::floor(random.uniform(0, 1) * 200) - 100);
    stack.where.push_back(random.uniform(0, 1) < 0.8 ? 1 : 0);
    stack.weights.push_back(random.uniform(0, 1) + 0.1);
  }
  return stack;
}

template <class T>
View view_of(std::vector<T>& memory, DType dtype, std::int64_t count) {
  View view;
  view.data = reinterpret_cast<std::byte*>(memory.data());
  view.dtype = dtype;
  for (const std::int64_t length : {count, rows, columns}) view.shape.push_back(length);
  const auto item = static_cast<std::int64_t>(sizeof(T));
  for (const std::int64_t lanes : {voxels, columns, std::int64_t{1}}) {
    view.strides.push_back(lanes * item);
  }
  return view;
}

void take(const SpanSpec& spec, const Memory& memory, Stack stack, std::int64_t taken, int workers,
          const KernelSet& kernels) {
  std::vector<std::int16_t> integers(stack.values.begin(), stack.values.end());
  SpanSamples samples;
  samples.samples = spec.dtype == DType::int16 ? view_of(integers, DType::int16, stack.count)
                                               : view_of(stack.values, DType::float64, stack.count);
  if (spec.counting != Counting::uniform) {
    samples.where = view_of(stack.where, DType::boolean, stack.count);
  }
  if (spec.counting == Counting::weighted) {
    samples.weights = view_of(stack.weights, DType::float64, stack.count);
  }
  take_into_span(spec, memory.span, samples, taken, workers, kernels);
}

std::vector<double> finish(const SpanSpec& spec, const Memory& memory, Statistic statistic,
                           double count, const KernelSet& kernels) {
  std::vector<double> values(voxels);
  View out;
  out.data = reinterpret_cast<std::byte*>(values.data());
  out.dtype = DType::float64;
  out.shape.push_back(voxels);
  out.strides.push_back(8);
  finish_span(spec, memory.span, statistic, count, 1.0, out, 2, kernels);
  return values;
}

struct Expected {
  double mean;
  double variance;
  double smallest;
};

// With ddof 1.
Expected expected_of(const SpanSpec& spec, const std::vector<Stack>& stacks, std::int64_t voxel) {
  long double sum = 0, total = 0, squares = 0, count = 0;
  Expected result{NAN, NAN, NAN};
  const auto each = [&](auto&& visit) {
    for (const Stack& stack : stacks) {
      for (std::int64_t k = 0; k < stack.count; ++k) {
        const auto place = static_cast<std::size_t>(k * voxels + voxel);
        if (spec.counting != Counting::uniform && !stack.where[place]) continue;
        visit(stack.values[place],
              spec.counting == Counting::weighted ? stack.weights[place] : 1.0);
      }
    }
  };
  each([&](double x, double w) {
    sum += static_cast<long double>(w) * x, total += w, count += 1;
    squares += static_cast<long double>(w) * w;
    if (!(result.smallest <= x)) result.smallest = x;
  });
  if (count == 0) return result;
  const long double mean = sum / total;
  long double m2 = 0;
  each([&](double x, double w) { m2 += w * (x - mean) * (x - mean); });
  result.mean = static_cast<double>(mean);
  if (count > 1) result.variance = static_cast<double>(m2 / (total - squares / total));
  return result;
}

// Within the rounding of samples of this magnitude, besides that of the result.
bool near(double found, double expected, double magnitude) {
  if (std::isnan(expected)) return std::isnan(found);
  return std::fabs(found - expected) <= 1e-11 * std::fabs(expected) + 0x1p-51 * magnitude;
}

void check_span(const SpanSpec& spec, const KernelSet& kernels) {
  Random random(static_cast<std::uint64_t>(spec.moments));
  const double offset = spec.dtype == DType::int16 ? 1000 : 1e6;
  const std::vector<Stack> stacks{make_stack(3, offset, random), make_stack(11, -offset, random),
                                  make_stack(6, offset / 2, random)};
  const Memory first(spec), second(spec);
  take(spec, first, stacks[0], 0, 1, kernels);
  take(spec, first, stacks[1], 3, 2, kernels);
  take(spec, second, stacks[2], 0, 3, kernels);
  merge_spans(spec, first.span, second.span, 14, 6, 2, kernels);
  const std::vector<double> means = finish(spec, first, Statistic::mean, 20, kernels);
  const std::vector<double> smallest = finish(spec, first, Statistic::min, 20, kernels);
  std::vector<double> variances(voxels, NAN);
  if (spec.moments > 1) variances = finish(spec, first, Statistic::var, 20, kernels);
  for (std::int64_t voxel = 0; voxel < voxels; ++voxel) {
    const Expected expected = expected_of(spec, stacks, voxel);
    const auto at = static_cast<std::size_t>(voxel);
    CHECK(near(means[at], expected.mean, offset), kernels.name, spec.moments, spec.counting,
          means[at], expected.mean);
    CHECK_EQ(smallest[at], expected.smallest, kernels.name, spec.moments, spec.counting);
    if (spec.moments > 1) {
      CHECK(near(variances[at], expected.variance, offset), kernels.name, spec.moments,
            spec.counting, variances[at], expected.variance);
    }
  }
}

}  // namespace

TEST(spans_of_every_spec) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const DType dtype : {DType::float64, DType::int16}) {
      for (int moments = 1; moments <= 4; ++moments) {
        for (const Counting counting : {Counting::uniform, Counting::counted, Counting::weighted}) {
          check_span({dtype, moments, true, counting}, *kernels);
        }
      }
    }
  }
}

TEST(spans_have_the_same_bits_for_every_worker_and_kernel_set) {
  for (const Counting counting : {Counting::uniform, Counting::counted, Counting::weighted}) {
    for (const int moments : {2, 4}) {
      const SpanSpec spec{DType::float64, moments, false, counting};
      Random random(7);
      const Stack stack = make_stack(13, 0.5, random);
      const Memory wanted(spec);
      take(spec, wanted, stack, 0, 1, *available_kernel_sets().front());
      for (const KernelSet* kernels : available_kernel_sets()) {
        for (const int workers : {1, 4}) {
          const Memory found(spec);
          take(spec, found, stack, 0, workers, *kernels);
          CHECK(found.blocks == wanted.blocks, kernels->name, workers, moments);
        }
      }
    }
  }
}

TEST(spans_without_samples_or_voxels_are_left_alone) {
  const SpanSpec spec{DType::float64, 2, false, Counting::uniform};
  const Memory memory(spec);
  const auto before = memory.blocks;
  take(spec, memory, Stack{0, {}, {}, {}}, 0, 2, *available_kernel_sets().front());
  CHECK(memory.blocks == before);
}

TEST(extremes_of_integers_without_samples_have_no_value) {
  const SpanSpec spec{DType::int16, 2, true, Counting::counted};
  const KernelSet& kernels = *available_kernel_sets().front();
  Random random(1);
  Stack stack = make_stack(2, 0, random);
  std::ranges::fill(stack.where, std::uint8_t{0});
  const Memory memory(spec);
  take(spec, memory, stack, 0, 1, kernels);
  std::vector<std::int16_t> values(voxels);
  View out;
  out.data = reinterpret_cast<std::byte*>(values.data());
  out.dtype = DType::int16;
  out.shape.push_back(voxels);
  out.strides.push_back(2);
  CHECK_THROWS(finish_span(spec, memory.span, Statistic::max, 2, 0, out, 1, kernels), MissingValue,
               "max");
}

}  // namespace boxel::test
