// Plans of sliding boxes: which parts of a slice one unit holds, and what it reads twice.
#include "boxel/box_plan.hpp"

#include <cstdint>

#include "check.hpp"

namespace boxel::test {
namespace {

constexpr std::int64_t slices = 256;

// Boxes of one size around each sample of a float64 volume, `rows` by `columns` in each slice.
BoxPlan planned(std::int64_t rows, std::int64_t columns, std::int64_t size, Border border,
                int workers = 1, Subtraction subtraction = Subtraction::if_exact) {
  BoxPlanRequest request;
  request.workers = workers;
  request.subtraction = subtraction;
  std::int64_t stride = 8;
  for (const std::int64_t length : {columns, rows, slices}) {
    BoxAxis axis;
    axis.length = length;
    axis.box = {size, -(size / 2), 1, length, border};
    axis.image = stride;
    axis.outputs = Extents(1, stride);
    request.axes.insert(request.axes.begin(), axis);
    stride *= length;
  }
  return make_box_plan(request);
}

// Rows that units read for each row of outputs they make.
double rows_read(const BoxAxis& axis) {
  std::int64_t read = 0;
  std::int64_t made = 0;
  for (std::int64_t tile = 0; tile < axis.tiles(); ++tile) {
    const BoxSpan span(axis, tile);
    CHECK_EQ(span.first_output, made);
    read += span.sources;
    made += span.outputs;
  }
  CHECK_EQ(made, axis.box.outputs);
  return static_cast<double>(read) / static_cast<double>(made);
}

TEST(slices_that_fit_are_read_once_whatever_the_size_of_boxes) {
  for (const Border border : {Border::reflect, Border::wrap, Border::constant, Border::shrink}) {
    for (const std::int64_t size : {3, 9, 31, 33, 63, 101, 129, 255, 256, 1000}) {
      const BoxPlan plan = planned(256, 256, size, border);
      CHECK_EQ(plan.units(), 1, size);
      CHECK_EQ(rows_read(plan.slides.back()), 1.0, size);
    }
  }
}

TEST(larger_slices_are_read_twice_in_part_only) {
  for (const std::int64_t size : {9, 31, 63}) {
    const double read = rows_read(planned(512, 512, size, Border::reflect).slides.back());
    CHECK(read <= 1.4, size, read);
  }
}

TEST(slabs_of_slides_that_merge_are_bounded) {
  const auto held = [](Subtraction subtraction) {
    const BoxPlan plan = planned(4096, 2048, 101, Border::reflect, 1, subtraction);
    return BoxSpan(plan.slides.back(), 1).sources * BoxSpan(plan.row.front(), 0).sources;
  };
  CHECK(held(Subtraction::always) > 2 * held(Subtraction::if_exact));
  CHECK(held(Subtraction::never) <= held(Subtraction::if_exact));
}

TEST(windows_of_rows_are_named_where_nothing_else_merges_lanes) {
  CHECK_EQ(planned(256, 256, 9, Border::reflect).row_window(), 9.0);
  CHECK_EQ(planned(256, 256, 5, Border::reflect).row_window(), 1.0);
  BoxPlan strided = planned(256, 256, 9, Border::reflect);
  strided.row.front().box.stride = 2;
  CHECK_EQ(strided.row_window(), 1.0);
  BoxPlan joined = planned(256, 256, 9, Border::reflect);
  joined.row.push_back(joined.row.front());
  CHECK_EQ(joined.row_window(), 1.0);
}

TEST(each_worker_has_a_unit) {
  for (const std::int64_t size : {3, 31, 33, 63, 101, 129}) {
    const BoxPlan plan = planned(256, 256, size, Border::reflect, 2);
    CHECK(plan.units() >= 2, size);
    for (const BoxAxis& axis : plan.slides) CHECK(rows_read(axis) <= 1.5, size, rows_read(axis));
  }
}

}  // namespace
}  // namespace boxel::test
