// Views, extents and the walk over offsets.
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "array.hpp"
#include "boxel/dtype.hpp"
#include "boxel/view.hpp"
#include "check.hpp"

namespace boxel::test {
namespace {

std::vector<std::int64_t> walked(const Extents& shape, const Extents& strides) {
  std::vector<std::int64_t> offsets;
  walk(shape, strides, [&](std::int64_t offset) { offsets.push_back(offset); });
  return offsets;
}

void check_walk(const Extents& shape, const Extents& strides,
                const std::vector<std::int64_t>& expected) {
  CHECK(walked(shape, strides) == expected, "shape", text(shape), "strides", text(strides));
}

}  // namespace

TEST(walk_visits_in_c_order) {
  check_walk(extents({2, 3}), extents({24, 8}), {0, 8, 16, 24, 32, 40});
  check_walk(extents({2, 3}), extents({8, 16}), {0, 16, 32, 8, 24, 40});
}

TEST(walk_takes_negative_and_zero_strides) {
  check_walk(extents({2, 2}), extents({-16, -4}), {0, -4, -16, -20});
  check_walk(extents({2, 3}), extents({0, 8}), {0, 8, 16, 0, 8, 16});
  check_walk(extents({2, 2}), extents({0, 0}), {0, 0, 0, 0});
}

TEST(walk_visits_an_empty_shape_once_and_an_empty_axis_never) {
  check_walk({}, {}, {0});
  check_walk(extents({0}), extents({8}), {});
  check_walk(extents({3, 0, 2}), extents({8, 8, 8}), {});
  check_walk(extents({0, 3}), extents({8, 8}), {});
}

TEST(walk_agrees_with_plain_indices) {
  Random random(2);
  for (int k = 0; k < 300; ++k) {
    Extents shape;
    Extents strides;
    const auto axes = static_cast<int>(random.between(0, 5));
    for (int axis = 0; axis < axes; ++axis) {
      shape.push_back(random.between(0, 4));
      strides.push_back(random.between(-50, 50));
    }
    std::vector<std::int64_t> expected;
    for (Index index(shape); index.valid(); index.next()) {
      std::int64_t offset = 0;
      for (int axis = 0; axis < axes; ++axis) offset += index.at()[axis] * strides[axis];
      expected.push_back(offset);
    }
    check_walk(shape, strides, expected);
  }
}

TEST(extents_hold_64_axes_and_no_more) {
  Extents most(max_axes, 7);
  CHECK_EQ(most.size(), 64);
  CHECK_THROWS(most.push_back(1), std::length_error, "more than 64 axes");
  const Extents copy = most;
  CHECK_EQ(copy.size(), 64);
  CHECK_EQ(copy[63], 7);
}

TEST(dtypes_have_names_sizes_and_types) {
  CHECK_EQ(name_of(DType::boolean), "bool");
  CHECK_EQ(name_of(DType::float16), "float16");
  CHECK_EQ(size_of(DType::boolean), 1);
  CHECK_EQ(size_of(DType::float16), 2);
  CHECK_EQ(size_of(DType::uint32), 4);
  CHECK_EQ(size_of(DType::float64), 8);
  for (int code = 0; code <= static_cast<int>(DType::float64); ++code) {
    const auto dtype = static_cast<DType>(code);
    const bool floating = name_of(dtype).starts_with("float");
    CHECK_EQ(is_floating(dtype), floating, name_of(dtype));
    CHECK_EQ(is_unsigned(dtype), name_of(dtype).starts_with("uint"), name_of(dtype));
  }
  CHECK_THROWS(size_of(static_cast<DType>(99)), std::logic_error, "unknown dtype");
}

}  // namespace boxel::test
