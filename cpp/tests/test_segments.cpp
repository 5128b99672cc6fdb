// Large arrays: pieces and segments shared by workers give the same bits, and the right ones.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "array.hpp"
#include "boxel/blocks.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

// A C-ordered array of one type.
template <class T>
struct Volume {
  std::vector<T> samples;
  Extents shape;

  Volume(const Extents& lengths, std::uint64_t seed)
      : samples(static_cast<std::size_t>(product(lengths))), shape(lengths) {
    Random random(seed);
    for (T& sample : samples) sample = draw(random);
  }

  View view(DType dtype) {
    View view;
    view.data = reinterpret_cast<std::byte*>(samples.data());
    view.dtype = dtype;
    view.shape = shape;
    view.strides = Extents(shape.size(), 0);
    auto stride = static_cast<std::int64_t>(sizeof(T));
    for (int axis = shape.size() - 1; axis >= 0; --axis) {
      view.strides[axis] = stride;
      stride *= shape[axis];
    }
    return view;
  }

 private:
  static T draw(Random& random) {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(1000 + random.uniform(-1, 1));
    } else {
      return static_cast<T>(random.bits());
    }
  }
};

// Means, variances and extremes of the blocks of one image, as float64.
struct Results {
  std::vector<std::vector<double>> values;
  bool operator==(const Results&) const = default;
};

const std::vector<Statistic> wanted{Statistic::sum, Statistic::mean, Statistic::var,
                                    Statistic::min, Statistic::max,  Statistic::density};

struct LargeCase {
  View image;
  std::optional<View> where;
  std::optional<View> weights;
  Extents sizes;
};

// Statistics of the case's blocks; `poll` may interrupt.
Results reduce(const LargeCase& c, int workers, const KernelSet& kernels, const Poll& poll = {}) {
  BlockRequest request;
  request.image = c.image;
  request.where = c.where;
  request.weights = c.weights;
  request.workers = workers;
  request.kernels = &kernels;
  request.poll = poll;
  Extents blocks;
  for (int axis = 0; axis < c.sizes.size(); ++axis) {
    const std::int64_t size = c.sizes[axis];
    blocks.push_back((c.image.shape[axis] + size - 1) / size);
    request.windows.push_back({size, size, blocks[axis]});
  }
  Results results;
  results.values.resize(wanted.size());
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    results.values[k].resize(static_cast<std::size_t>(product(blocks)));
    BlockOutput& output = request.outputs.emplace_back();
    output.statistic = wanted[k];
    output.view.data = reinterpret_cast<std::byte*>(results.values[k].data());
    output.view.dtype = DType::float64;
    output.view.shape = blocks;
    output.view.strides = Extents(blocks.size(), 0);
    std::int64_t stride = 8;
    for (int axis = blocks.size() - 1; axis >= 0; --axis) {
      output.view.strides[axis] = stride;
      stride *= blocks[axis];
    }
    output.has_fill = true;
  }
  reduce_blocks(request);
  return results;
}

void check_workers(const LargeCase& c, const std::string& name) {
  const Results expected = reduce(c, 1, *available_kernel_sets().back());
  for (const int workers : {2, 3, 5, 8}) {
    CHECK(reduce(c, workers, *available_kernel_sets().back()) == expected, name, workers);
  }
  for (const KernelSet* kernels : available_kernel_sets()) {
    CHECK(reduce(c, 2, *kernels) == expected, name, kernels->name);
  }
}

// Every sample in one box: the statistics of all of them by plain loops.
template <class T>
void check_whole(const Volume<T>& volume, const Results& found, const std::string& name) {
  const auto count = static_cast<long double>(volume.samples.size());
  long double sum = 0;
  std::int64_t nonzero = 0;
  for (const T x : volume.samples) {
    sum += x;
    nonzero += x != 0 ? 1 : 0;
  }
  const long double mean = sum / count;
  long double m2 = 0;
  for (const T x : volume.samples) m2 += (x - mean) * (x - mean);
  const auto near = [&](std::size_t k, long double expected, long double relative) {
    const double value = found.values[k][0];
    CHECK(std::fabs(value - expected) <= relative * std::fabs(expected), name,
          info_of(wanted[k]).name, "found", value, "expected", static_cast<double>(expected));
  };
  near(0, sum, std::is_integral_v<T> ? 0 : 1e-13L);
  near(1, mean, 1e-13L);
  near(2, m2 / count, 1e-11L);
  near(3, *std::ranges::min_element(volume.samples), 0);
  near(4, *std::ranges::max_element(volume.samples), 0);
  near(5, nonzero / count, 1e-15L);
}

template <class T>
void check_large(DType dtype, const std::string& name) {
  // Sizes beside the powers of two; one box, a few boxes, and rows that are read in bands.
  for (const Extents& shape :
       {extents({3'300'001}), extents({1'733, 1'901}), extents({131, 157, 163})}) {
    Volume<T> volume(shape, 300);
    LargeCase c{volume.view(dtype), {}, {}, shape};
    check_whole(volume, reduce(c, 3, *available_kernel_sets().back()), name + text(shape));
    check_workers(c, name + " whole " + text(shape));
    c.sizes[0] = shape[0] / 2 - 1;
    check_workers(c, name + " thirds " + text(shape));
  }
}

}  // namespace

TEST(segments_of_large_cells_uint8) { check_large<std::uint8_t>(DType::uint8, "uint8"); }
TEST(segments_of_large_cells_int16) { check_large<std::int16_t>(DType::int16, "int16"); }
TEST(segments_of_large_cells_float32) { check_large<float>(DType::float32, "float32"); }
TEST(segments_of_large_cells_float64) { check_large<double>(DType::float64, "float64"); }

TEST(segments_of_large_cells_with_masks_and_weights) {
  Volume<float> volume(extents({1'733, 1'901}), 301);
  Volume<std::uint8_t> where(volume.shape, 302);
  for (std::uint8_t& sample : where.samples) sample = sample % 3 != 0;
  Volume<float> weights(volume.shape, 303);
  LargeCase c{volume.view(DType::float32), where.view(DType::boolean), {}, volume.shape};
  check_workers(c, "where");
  c.weights = weights.view(DType::float32);
  check_workers(c, "where and weights");
  c.where.reset();
  c.sizes[1] = 700;
  check_workers(c, "weights");
}

TEST(pieces_of_many_small_cells) {
  Volume<std::uint8_t> bytes(extents({2'111, 3'001}), 304);
  check_workers({bytes.view(DType::uint8), {}, {}, extents({8, 8})}, "uint8 8 x 8");
  check_workers({bytes.view(DType::uint8), {}, {}, extents({300, 7})}, "uint8 300 x 7");
  Volume<double> doubles(extents({71, 97, 101}), 305);
  check_workers({doubles.view(DType::float64), {}, {}, extents({2, 3, 2})}, "float64 2 x 3 x 2");
  check_workers({doubles.view(DType::float64), {}, {}, extents({71, 1, 1})}, "float64 columns");
}

TEST(strided_segments_are_those_of_a_copy) {
  Volume<double> volume(extents({1'500, 2, 1'400}), 306);
  View backwards = volume.view(DType::float64);
  backwards.data += backwards.strides[0] * (backwards.shape[0] - 1);
  backwards.strides[0] = -backwards.strides[0];
  Volume<double> copy = volume;
  for (std::int64_t row = 0; row < 1'500; ++row) {
    std::copy_n(volume.samples.begin() + (1'499 - row) * 2'800, 2'800,
                copy.samples.begin() + row * 2'800);
  }
  const KernelSet& kernels = *available_kernel_sets().back();
  for (const Extents& sizes : {extents({1'500, 2, 1'400}), extents({700, 1, 1'400})}) {
    const Results strided = reduce({backwards, {}, {}, sizes}, 2, kernels);
    const Results copied = reduce({copy.view(DType::float64), {}, {}, sizes}, 2, kernels);
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      for (std::size_t box = 0; box < strided.values[k].size(); ++box) {
        const double expected = copied.values[k][box];
        CHECK(std::fabs(strided.values[k][box] - expected) <= 1e-12 * std::fabs(expected),
              info_of(wanted[k]).name, "found", strided.values[k][box], "expected", expected);
      }
    }
  }
}

TEST(large_work_stops_when_the_poll_throws) {
  Volume<float> volume(extents({2'000, 2'000}), 307);
  const KernelSet& kernels = *available_kernel_sets().back();
  const Poll interrupt = [] { throw std::runtime_error("interrupted"); };
  for (const Extents& sizes : {extents({2'000, 2'000}), extents({8, 8})}) {
    // The only worker is sure to poll; of several the caller may find no piece left.
    const LargeCase c{volume.view(DType::float32), {}, {}, sizes};
    CHECK_THROWS(reduce(c, 1, kernels, interrupt), std::runtime_error, "interrupted");
  }
}

TEST(missing_values_of_any_worker_arrive) {
  Volume<std::uint8_t> volume(extents({2'000, 2'000}), 308);
  std::vector<std::uint8_t> out(250 * 250);
  BlockRequest request;
  request.image = volume.view(DType::uint8);
  request.windows = {{8, 8, 250}, {8, 8, 250}};
  request.min_count = 65;
  request.kernels = available_kernel_sets().back();
  BlockOutput& output = request.outputs.emplace_back();
  output.statistic = Statistic::max;
  output.view.data = reinterpret_cast<std::byte*>(out.data());
  output.view.dtype = DType::uint8;
  output.view.shape = extents({250, 250});
  output.view.strides = extents({250, 1});
  for (const int workers : {1, 2, 8}) {
    request.workers = workers;
    CHECK_THROWS(reduce_blocks(request), MissingValue, "uint8 cannot hold NaN");
  }
}

}  // namespace boxel::test
