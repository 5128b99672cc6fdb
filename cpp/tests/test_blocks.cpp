// reduce_blocks from end to end against the definitions of the statistics.
#include "boxel/blocks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "block_case.hpp"
#include "check.hpp"
#include "random_cases.hpp"

namespace boxel::test {
namespace {

// The same with windows and statistics that are given; what takes no weights is left out with them.
BlockCase case_with(Random& random, const Extents& shape, const std::vector<Window>& windows,
                    const std::vector<Statistic>& wanted) {
  BlockCase c = random_block_case(random, shape);
  c.windows = windows;
  c.outputs.clear();
  for (const Statistic statistic : wanted) {
    if (c.weights && !info_of(statistic).monoid) continue;
    c.add_output(statistic, random_layout(random, shape.size(), false));
  }
  return c;
}

// One image in C order, one statistic, tiles.
BlockCase plain_case(DType dtype, const Extents& shape, const Extents& sizes, Statistic statistic) {
  BlockCase c(Array(dtype, shape, c_layout(shape.size())));
  for (int axis = 0; axis < shape.size(); ++axis) {
    c.windows.push_back(tiles(shape[axis], sizes[axis]));
  }
  c.kernels = available_kernel_sets().back();
  c.add_output(statistic, c_layout(shape.size()));
  return c;
}

void set_all(Array& array, Number number) {
  for (Index index(array.shape()); index.valid(); index.next()) array.set(index.at(), number);
}

}  // namespace

TEST(blocks_of_random_shapes_windows_layouts_and_masks) {
  Random random(200);
  for (int k = 0; k < 3000; ++k) check_case(random_block_case(random, random_shape(random, 1500)));
}

TEST(blocks_of_long_rows) {
  Random random(201);
  const std::vector<Extents> shapes{extents({50'000}),   extents({3, 20'000}),
                                    extents({9'000, 3}), extents({2, 4'000, 5}),
                                    extents({40, 700}),  extents({3, 2'500, 2, 2})};
  for (int k = 0; k < 60; ++k) {
    const Extents& shape = random.pick(shapes);
    std::vector<Window> windows;
    for (const std::int64_t length : shape) {
      const std::int64_t size =
          random.pick<std::int64_t>({1, 2, 3, 100, 2'049, 4'097, 17'000, length, length / 2});
      windows.push_back(tiles(length, std::clamp<std::int64_t>(size, 1, length)));
    }
    check_case(
        case_with(random, shape, windows, {Statistic::sum, Statistic::mean, Statistic::max}));
  }
}

TEST(blocks_variances_and_medians_of_long_windows) {
  Random random(202);
  for (int k = 0; k < 20; ++k) {
    const Extents shape =
        random.pick({extents({20'000}), extents({6, 3'000}), extents({5'000, 3})});
    std::vector<Window> windows;
    for (const std::int64_t length : shape) {
      windows.push_back(tiles(length, random.pick<std::int64_t>({length, 2, 2'500})));
    }
    check_case(case_with(random, shape, windows, {Statistic::var, Statistic::median}));
  }
}

// Windows over the whole of the last axis, and of another one at times: rows across memory.
TEST(blocks_that_span_the_innermost_axis) {
  Random random(206);
  for (int k = 0; k < 150; ++k) {
    const std::int64_t last = random.pick<std::int64_t>({2, 3, 5, 8, 9, 20, 31, 70});
    const std::int64_t rows = random.pick<std::int64_t>({16, 17, 40, 130, 300});
    Extents shape = extents({rows, last});
    std::vector<Window> windows{tiles(rows, random.pick<std::int64_t>({1, 1, 1, 2, 7, rows})),
                                tiles(last, last)};
    if (rows * last < 2000) {
      const std::int64_t first = random.between(2, 6);
      shape = extents({first, rows, last});
      windows.insert(windows.begin(), tiles(first, random.pick<std::int64_t>({1, 1, 2, first})));
    }
    check_case(case_with(random, shape, windows,
                         random.one_in(5) ? std::vector{Statistic::median} : monoids));
  }
}

TEST(blocks_of_every_statistic_and_dtype_in_every_kernel_set) {
  Random random(203);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const StatisticInfo& info : statistics) {
      for (int code = 0; code <= static_cast<int>(DType::float64); ++code) {
        BlockCase c = plain_case(static_cast<DType>(code), extents({9, 5, 21}), extents({2, 5, 3}),
                                 info.statistic);
        fill_randomly(c.image, random, Values::full);
        c.kernels = kernels;
        check_case(c);
        c.skipna = true;
        c.where = random_truth(random, c.image.shape(), 2);
        check_case(c);
      }
    }
  }
}

TEST(blocks_do_not_depend_on_the_kernel_set) {
  Random random(204);
  for (int k = 0; k < 300; ++k) {
    BlockCase c = random_block_case(random, random_shape(random, 4000));
    reduce_blocks(c.request());
    const std::string expected = c.result();
    for (const KernelSet* kernels : available_kernel_sets()) {
      c.kernels = kernels;
      reduce_blocks(c.request());
      CHECK(c.result() == expected, kernels->name, c.description());
    }
  }
}

TEST(blocks_that_span_do_not_depend_on_the_kernel_set) {
  Random random(207);
  for (const std::int64_t last : {2, 7, 20, 64}) {
    for (int code = 0; code <= static_cast<int>(DType::float64); ++code) {
      BlockCase c = plain_case(static_cast<DType>(code), extents({3, 70, last}),
                               extents({1, 1, last}), Statistic::var);
      fill_randomly(c.image, random, Values::full);
      reduce_blocks(c.request());
      const std::string expected = c.result();
      for (const KernelSet* kernels : available_kernel_sets()) {
        c.kernels = kernels;
        reduce_blocks(c.request());
        CHECK(c.result() == expected, kernels->name, c.description());
      }
    }
  }
}

TEST(blocks_of_nothing_touch_nothing) {
  for (const Extents& shape : {extents({0}), extents({3, 0}), extents({0, 4, 2})}) {
    BlockCase c = plain_case(DType::float32, shape, Extents(shape.size(), 2), Statistic::mean);
    reduce_blocks(c.request());
    CHECK(c.outputs[0].array.gaps_untouched(), text(shape));
  }
  BlockCase none = plain_case(DType::float32, extents({3}), extents({4}), Statistic::mean);
  none.outputs.clear();
  none.windows = {trimmed(3, 4)};
  none.add_output(Statistic::mean, c_layout(1));
  reduce_blocks(none.request());
  CHECK(none.outputs[0].array.gaps_untouched());
}

TEST(blocks_of_a_single_sample_of_a_longer_axis) {
  BlockCase c = plain_case(DType::uint8, extents({5, 7}), extents({1, 1}), Statistic::density);
  Random random(205);
  fill_randomly(c.image, random, Values::small);
  c.outputs.clear();
  c.windows = {{1, 1, 5}, {1, 10, 1}};
  c.add_output(Statistic::density, c_layout(2));
  check_case(c);
}

TEST(blocks_constants_have_exact_means_and_no_variance) {
  Random random(206);
  for (const double constant : {0.1, 1e9 + 0.1, -1e300, 5e-324, 1.0 / 3}) {
    for (const DType dtype : {DType::float64, DType::float32}) {
      for (const Extents& shape : {extents({37, 41}), extents({5, 6, 77}), extents({9'001})}) {
        const Number number{0, dtype == DType::float32 ? static_cast<float>(constant) : constant};
        if (std::isinf(number.real)) continue;
        BlockCase c = plain_case(dtype, shape, Extents(shape.size(), 5), Statistic::mean);
        set_all(c.image, number);
        c.outputs.clear();
        c.add_output(Statistic::mean, DType::float64, c_layout(shape.size()));
        c.add_output(Statistic::var, c_layout(shape.size()));
        reduce_blocks(c.request());
        for (Index block(c.output_shape()); block.valid(); block.next()) {
          CHECK_EQ(c.outputs[0].array.get(block.at()).real, number.real, c.description());
          CHECK_EQ(c.outputs[1].array.get(block.at()).real, 0.0, c.description());
        }
      }
    }
  }
}

TEST(blocks_keep_nan_and_infinities_in_their_boxes) {
  for (const double special : {NAN, INFINITY, -INFINITY}) {
    for (const Statistic statistic : monoids) {
      BlockCase c = plain_case(DType::float32, extents({12, 200}), extents({3, 5}), statistic);
      set_all(c.image, {0, 1});
      c.image.set(extents({7, 123}), {0, special});
      check_case(c);
    }
  }
}

TEST(blocks_sums_of_64_bit_integers_wrap_and_their_means_do_not) {
  for (const DType dtype : {DType::int64, DType::uint64}) {
    BlockCase c = plain_case(dtype, extents({6, 100}), extents({3, 10}), Statistic::sum);
    c.add_output(Statistic::mean, c_layout(2));
    const std::int64_t largest = INT64_MAX;
    set_all(c.image, dtype == DType::int64 ? Number{largest, static_cast<double>(largest)}
                                           : Number{static_cast<Int128>(UINT64_MAX), 0x1p64});
    check_case(c);
    CHECK_EQ(c.outputs[1].array.get(extents({0, 0})).real, dtype == DType::int64 ? 0x1p63 : 0x1p64);
  }
}

TEST(blocks_cast_to_the_dtype_of_the_output) {
  BlockCase c = plain_case(DType::float64, extents({4}), extents({2}), Statistic::mean);
  c.outputs.clear();
  c.add_output(Statistic::mean, DType::uint8, c_layout(1));
  c.add_output(Statistic::sum, DType::float16, c_layout(1));
  c.image.set(extents({0}), {0, 2});
  c.image.set(extents({1}), {0, 3});
  c.image.set(extents({2}), {0, 400});
  c.image.set(extents({3}), {0, 1e5});
  reduce_blocks(c.request());
  CHECK_EQ(c.outputs[0].array.get(extents({0})).real, 2.0);
  CHECK_EQ(c.outputs[0].array.get(extents({1})).real, 255.0);
  CHECK_EQ(c.outputs[1].array.get(extents({0})).real, 5.0);
  CHECK_EQ(c.outputs[1].array.get(extents({1})).real, INFINITY);
}

namespace {

// Without a fill, integers have no place for what is missing.
BlockRequest unfilled(const BlockCase& c) {
  BlockRequest request = c.request();
  for (BlockOutput& output : request.outputs) output.has_fill = false;
  return request;
}

}  // namespace

TEST(missing_values_without_a_fill_are_errors) {
  BlockCase few = plain_case(DType::int16, extents({5}), extents({2}), Statistic::max);
  set_all(few.image, number_of(3));
  few.min_count = 2;
  CHECK_THROWS(reduce_blocks(unfilled(few)), MissingValue, "statistic 'max'");
  CHECK_THROWS(reduce_blocks(unfilled(few)), MissingValue, "int16 cannot hold NaN");
  few.min_count = 1;
  reduce_blocks(unfilled(few));
  few.where = Array(DType::boolean, extents({5}), c_layout(1));
  set_all(*few.where, number_of(0));
  CHECK_THROWS(reduce_blocks(unfilled(few)), MissingValue, "statistic 'max'");

  BlockCase nan = plain_case(DType::float32, extents({4}), extents({2}), Statistic::mean);
  nan.outputs.clear();
  nan.add_output(Statistic::mean, DType::uint8, c_layout(1));
  set_all(nan.image, {0, NAN});
  CHECK_THROWS(reduce_blocks(unfilled(nan)), MissingValue, "uint8");
}

TEST(missing_values_are_no_errors_where_none_is_missing) {
  for (const Statistic statistic :
       {Statistic::count, Statistic::count_nonzero, Statistic::any, Statistic::all}) {
    BlockCase c = plain_case(DType::int16, extents({5}), extents({2}), statistic);
    set_all(c.image, number_of(3));
    c.where = Array(DType::boolean, extents({5}), c_layout(1));
    set_all(*c.where, number_of(0));
    c.min_count = 100;
    reduce_blocks(unfilled(c));
    CHECK_EQ(c.outputs[0].array.get(extents({0})).integer == 0, statistic != Statistic::all);
  }
  BlockCase sum = plain_case(DType::int16, extents({5}), extents({2}), Statistic::sum);
  sum.where = Array(DType::boolean, extents({5}), c_layout(1));
  set_all(sum.image, number_of(3));
  set_all(*sum.where, number_of(0));
  sum.min_count = 0;
  reduce_blocks(unfilled(sum));
  CHECK_EQ(sum.outputs[0].array.get(extents({2})).real, 0.0);
}

}  // namespace boxel::test
