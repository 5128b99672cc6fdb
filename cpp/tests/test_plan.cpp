// Plans: which axes are dropped, merged and ordered, and that every box keeps its samples.
#include "boxel/plan.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "array.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

Window tiles(std::int64_t length, std::int64_t size) {
  return {size, size, (length + size - 1) / size};
}

// Axes of arrays in C order: an image of bytes, an output of one item per box.
std::vector<PlanAxis> c_axes(const Extents& shape, const std::vector<Window>& windows) {
  std::vector<PlanAxis> axes(windows.size());
  std::int64_t image = 1;
  std::int64_t output = 1;
  for (std::size_t axis = axes.size(); axis-- > 0;) {
    axes[axis].length = shape[static_cast<int>(axis)];
    axes[axis].window = windows[axis];
    axes[axis].image = image;
    axes[axis].outputs.push_back(output);
    image *= axes[axis].length;
    output *= windows[axis].outputs;
  }
  return axes;
}

std::vector<PlanAxis> tiled_axes(const Extents& shape, const Extents& sizes) {
  std::vector<Window> windows;
  for (int axis = 0; axis < shape.size(); ++axis)
    windows.push_back(tiles(shape[axis], sizes[axis]));
  return c_axes(shape, windows);
}

Plan planned(const std::vector<PlanAxis>& axes) {
  PlanRequest request;
  request.axes = axes;
  return make_plan(request);
}

// All axes of a plan, from the outermost to the innermost.
std::vector<PlanAxis> axes_of(const Plan& plan) {
  std::vector<PlanAxis> axes = plan.outer;
  axes.push_back(plan.slot);
  axes.insert(axes.end(), plan.row.begin(), plan.row.end());
  return axes;
}

std::vector<std::int64_t> lengths_of(const std::vector<PlanAxis>& axes) {
  std::vector<std::int64_t> lengths;
  for (const PlanAxis& axis : axes) lengths.push_back(axis.length);
  return lengths;
}

std::string lengths_text(const std::vector<PlanAxis>& axes) {
  std::string text;
  for (const std::int64_t length : lengths_of(axes)) text += std::to_string(length) + " ";
  return text;
}

using Lengths = std::vector<std::int64_t>;

// The axes around the row; a slot is the innermost of them.
std::vector<PlanAxis> around_row(const Plan& plan) {
  std::vector<PlanAxis> axes = plan.outer;
  if (plan.slot.length > 1) axes.push_back(plan.slot);
  return axes;
}

void check_lengths(const std::vector<PlanAxis>& axes, const Lengths& expected) {
  CHECK(lengths_of(axes) == expected, "lengths", lengths_text(axes));
}

// The offsets of all samples of each box, by the offset of its output.
using Coverage = std::map<std::int64_t, std::vector<std::int64_t>>;

void cover(const std::vector<PlanAxis>& axes, std::size_t depth, std::int64_t sample,
           std::int64_t output, Coverage& coverage) {
  if (depth == axes.size()) {
    coverage[output].push_back(sample);
    return;
  }
  const PlanAxis& axis = axes[depth];
  for (std::int64_t j = 0; j < axis.window.outputs; ++j) {
    const std::int64_t end = std::min(axis.length, j * axis.window.step + axis.window.size);
    for (std::int64_t p = j * axis.window.step; p < end; ++p) {
      cover(axes, depth + 1, sample + p * axis.image, output + j * axis.outputs[0], coverage);
    }
  }
}

Coverage coverage_of(const std::vector<PlanAxis>& axes) {
  Coverage coverage;
  cover(axes, 0, 0, 0, coverage);
  for (auto& [output, samples] : coverage) std::ranges::sort(samples);
  return coverage;
}

Window random_window(Random& random, std::int64_t length, bool padded) {
  const std::int64_t size = random.pick<std::int64_t>({1, 1, 2, 3, 4, length, length + 2});
  if (random.one_in(4)) {
    const std::int64_t step = random.between(1, 6);
    const std::int64_t most = (length + step - 1) / step;
    if (size == 1 && step == 1) return tiles(length, 1);
    return {size, step, random.between(1, most)};
  }
  if (!padded && random.one_in(4) && size <= length) return {size, size, length / size};
  return tiles(length, size);
}

PlanRequest random_request(Random& random) {
  PlanRequest request;
  request.padded = random.one_in(4);
  const auto axes = static_cast<int>(random.between(0, 5));
  Extents shape;
  Extents outputs;
  std::vector<Window> windows;
  for (int axis = 0; axis < axes; ++axis) {
    shape.push_back(random.pick({1, 1, 2, 3, 4, 5, 7}));
    windows.push_back(random_window(random, shape[axis], request.padded));
    outputs.push_back(windows.back().outputs);
  }
  const Array image(DType::uint16, shape, random_layout(random, axes, true));
  const Array output(DType::uint16, outputs, random_layout(random, axes, false));
  request.axes.resize(static_cast<std::size_t>(axes));
  for (int index = 0; index < axes; ++index) {
    PlanAxis& axis = request.axes[static_cast<std::size_t>(index)];
    axis.length = shape[index];
    axis.window = windows[static_cast<std::size_t>(index)];
    axis.image = image.view().strides[index];
    axis.outputs.push_back(output.view().strides[index]);
    if (random.one_in(3)) axis.where = random.pick({0, 1, 5});
  }
  request.chunk_lanes = random.pick({16, 64, 2048});
  request.chunk_cells = random.pick({0, 0, 1, 10});
  return request;
}

std::string describe(const PlanRequest& request) {
  std::string text = request.padded ? "padded" : "plain";
  for (const PlanAxis& axis : request.axes) {
    const Window& window = axis.window;
    text += " {" + std::to_string(axis.length) + ": size " + std::to_string(window.size) +
            " step " + std::to_string(window.step) + " outputs " + std::to_string(window.outputs) +
            " image " + std::to_string(axis.image) + " output " + std::to_string(axis.outputs[0]) +
            "}";
  }
  return text;
}

void check_units(const Plan& plan, const PlanRequest& request) {
  const std::string text = describe(request);
  const PlanAxis& first = plan.row.front();
  CHECK_EQ(plan.chunks, (first.window.outputs + plan.chunk_outputs - 1) / plan.chunk_outputs, text);
  CHECK_EQ(plan.slot_chunks, (plan.slot.window.outputs + plan.slots - 1) / plan.slots, text);
  CHECK(plan.slots <= std::max<std::int64_t>(1, plan.slot.window.outputs), text);
  CHECK(plan.slots == 1 || (plan.chunks == 1 && plan.band_positions == 0), text);
  std::int64_t lanes = 1;
  std::int64_t outputs = 1;
  for (std::size_t axis = 1; axis < plan.row.size(); ++axis) {
    lanes *= plan.row[axis].length;
    outputs *= plan.row[axis].window.outputs;
  }
  CHECK_EQ(plan.inner_lanes, lanes, text);
  CHECK_EQ(plan.inner_outputs, outputs, text);
  if (plan.chunks > 1 && plan.band_positions == 0 && plan.chunk_outputs > 1) {
    const std::int64_t positions = (plan.chunk_outputs - 1) * first.window.step + first.window.size;
    CHECK(positions * lanes <= request.chunk_lanes, text);
  }
  if (plan.slots > 1) CHECK(plan.slots * lanes * first.length <= request.chunk_lanes, text);
  if (request.chunk_cells && plan.chunk_outputs > 1) {
    CHECK(plan.chunk_outputs * outputs <= request.chunk_cells, text);
  }
}

}  // namespace

TEST(plan_drops_axes_of_length_one) {
  const Plan plan = planned(tiled_axes(extents({1, 90, 1, 80, 1}), extents({1, 3, 1, 4, 1})));
  check_lengths(around_row(plan), {90});
  check_lengths(plan.row, {80});
}

TEST(plan_keeps_a_row_where_all_axes_are_dropped) {
  for (const Extents& shape : {Extents{}, extents({1}), extents({1, 1, 1})}) {
    const Plan plan = planned(tiled_axes(shape, Extents(shape.size(), 1)));
    check_lengths(around_row(plan), {});
    check_lengths(plan.row, {1});
    CHECK_EQ(plan.volume, 1.0);
    CHECK_EQ(plan.samples, 1);
    CHECK_EQ(plan.row.front().outputs.size(), 1);
  }
}

TEST(plan_keeps_an_axis_of_length_one_that_is_padded) {
  PlanRequest request;
  request.axes = tiled_axes(extents({1, 100}), extents({3, 1}));
  request.padded = true;
  const Plan plan = make_plan(request);
  CHECK_EQ(plan.volume, 3.0);
  CHECK(coverage_of(axes_of(plan)) == coverage_of(request.axes));
}

TEST(plan_merges_axes_that_are_not_reduced) {
  const Plan plan = planned(tiled_axes(extents({6, 20, 30}), extents({2, 1, 1})));
  check_lengths(around_row(plan), {6});
  check_lengths(plan.row, {600});
  CHECK_EQ(plan.row.front().image, 1);
  CHECK_EQ(plan.row.front().window.outputs, 600);
}

TEST(plan_merges_axes_that_one_box_spans) {
  const Plan plan = planned(tiled_axes(extents({100, 20, 30}), extents({1, 20, 30})));
  check_lengths(around_row(plan), {100});
  check_lengths(plan.row, {600});
  CHECK_EQ(plan.row.front().window.size, 600);
  CHECK_EQ(plan.row.front().window.outputs, 1);
}

TEST(plan_does_not_merge_tiles_or_what_is_not_contiguous) {
  check_lengths(planned(tiled_axes(extents({80, 100}), extents({2, 2}))).row, {100});

  std::vector<PlanAxis> gap = tiled_axes(extents({80, 100}), extents({1, 1}));
  gap[0].image = 101;
  check_lengths(planned(gap).row, {100});

  std::vector<PlanAxis> gap_in_output = tiled_axes(extents({80, 100}), extents({1, 1}));
  gap_in_output[0].outputs[0] = 101;
  check_lengths(planned(gap_in_output).row, {100});

  std::vector<PlanAxis> broadcast_where = tiled_axes(extents({80, 100}), extents({1, 1}));
  broadcast_where[0].where = 0;
  broadcast_where[1].where = 1;
  check_lengths(planned(broadcast_where).row, {100});
}

TEST(plan_orders_axes_by_stride) {
  // Fortran order: the first axis is the innermost.
  std::vector<PlanAxis> axes = tiled_axes(extents({100, 90, 80}), extents({2, 3, 4}));
  axes[0].image = 1;
  axes[1].image = 100;
  axes[2].image = 9000;
  const Plan plan = planned(axes);
  check_lengths(around_row(plan), {80, 90});
  check_lengths(plan.row, {100});

  std::vector<PlanAxis> backwards = tiled_axes(extents({90, 80}), extents({2, 3}));
  backwards[0].image = -1;
  backwards[1].image = -90;
  check_lengths(planned(backwards).row, {90});
}

TEST(plan_puts_broadcast_axes_outermost) {
  std::vector<PlanAxis> axes = tiled_axes(extents({90, 80, 70}), extents({2, 2, 2}));
  axes[2].image = 0;
  axes[1].image = 1;
  axes[0].image = 80;
  const Plan plan = planned(axes);
  check_lengths(around_row(plan), {70, 90});
  check_lengths(plan.row, {80});
}

TEST(plan_joins_short_axes_into_one_row) {
  const Plan plan = planned(tiled_axes(extents({500, 9, 6, 5}), extents({10, 3, 2, 5})));
  check_lengths(around_row(plan), {500});
  check_lengths(plan.row, {9, 6, 5});
  CHECK_EQ(plan.inner_lanes, 30);
  CHECK_EQ(plan.inner_outputs, 3);
}

TEST(plan_sets_short_rows_side_by_side) {
  const Plan plan = planned(tiled_axes(extents({64, 50, 80}), extents({2, 2, 2})));
  check_lengths(plan.outer, {64});
  CHECK_EQ(plan.slot.length, 50);
  CHECK_EQ(plan.slots, 2048 / 80);
  CHECK_EQ(plan.slot_chunks, 1);
  check_lengths(plan.row, {80});
}

TEST(plan_lets_rows_run_across_windows_that_span_the_innermost_axis) {
  const Plan plan = planned(tiled_axes(extents({300, 20}), extents({1, 20})));
  check_lengths(plan.row, {300});
  check_lengths(around_row(plan), {20});
  CHECK_EQ(plan.row.front().image, 20);
  CHECK(plan.across_positions > 0);
}

TEST(plan_sets_slots_around_windows_that_rows_run_across) {
  std::vector<PlanAxis> axes = tiled_axes(extents({50, 70, 8}), extents({1, 1, 8}));
  axes[0].image += 8;  // not contiguous
  const Plan plan = planned(axes);
  check_lengths(plan.row, {70});
  check_lengths(plan.outer, {8});
  CHECK_EQ(plan.slot.length, 50);
  CHECK(plan.slots > 1);
}

TEST(plan_keeps_long_few_or_gathered_windows_along_the_row) {
  CHECK_EQ(planned(tiled_axes(extents({300, 2000}), extents({1, 2000}))).across_positions, 0);
  CHECK_EQ(planned(tiled_axes(extents({3, 20}), extents({1, 20}))).across_positions, 0);
  CHECK_EQ(planned(tiled_axes(extents({300, 20}), extents({1, 10}))).across_positions, 0);
  PlanRequest request;
  request.axes = tiled_axes(extents({300, 20}), extents({1, 20}));
  request.chunk_cells = 100;
  CHECK_EQ(make_plan(request).across_positions, 0);
}

TEST(plan_gives_large_cells_a_unit_of_their_own) {
  const Plan plan = planned(tiled_axes(extents({4000, 80}), extents({2000, 80})));
  CHECK_EQ(plan.slots, 1);
  check_lengths(plan.outer, {4000});
}

TEST(plan_cuts_long_rows_into_chunks) {
  PlanRequest request;
  request.axes = tiled_axes(extents({10, 10'000}), extents({2, 7}));
  const Plan plan = make_plan(request);
  CHECK_EQ(plan.chunk_outputs, 2048 / 7);
  CHECK_EQ(plan.band_positions, 0);
  CHECK_EQ(plan.chunks, (1429 + 291) / 292);
  request.chunk_cells = 100;
  CHECK_EQ(make_plan(request).chunk_outputs, 100);
}

TEST(plan_reads_long_windows_in_bands) {
  const Plan plan = planned(tiled_axes(extents({10, 10'000}), extents({2, 5'000})));
  CHECK_EQ(plan.chunk_outputs, 1);
  CHECK_EQ(plan.chunks, 2);
  CHECK_EQ(plan.band_positions, 2048);
}

TEST(plan_counts_samples) {
  PlanRequest request;
  request.axes = tiled_axes(extents({10, 3}), extents({4, 5}));
  CHECK_EQ(make_plan(request).volume, 12.0);
  CHECK_EQ(make_plan(request).samples, 30);
  request.padded = true;
  CHECK_EQ(make_plan(request).volume, 20.0);
}

TEST(plan_axis_knows_its_boxes) {
  PlanAxis axis;
  axis.length = 10;
  axis.window = tiles(10, 4);
  CHECK_EQ(axis.start(2), 8);
  CHECK_EQ(axis.extent(1), 4);
  CHECK_EQ(axis.extent(2), 2);
}

TEST(plan_keeps_the_samples_of_every_box) {
  Random random(3);
  for (int k = 0; k < 3000; ++k) {
    const PlanRequest request = random_request(random);
    const Plan plan = make_plan(request);
    CHECK(coverage_of(axes_of(plan)) == coverage_of(request.axes), describe(request));
    check_units(plan, request);
  }
}

TEST(plan_keeps_a_single_sample_of_a_longer_axis) {
  PlanRequest request;
  request.axes = c_axes(extents({5, 7}), {{1, 1, 5}, {1, 10, 1}});
  CHECK(coverage_of(axes_of(make_plan(request))) == coverage_of(request.axes));
}

}  // namespace boxel::test
