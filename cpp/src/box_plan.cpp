#include "boxel/box_plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "boxel/plan.hpp"

namespace boxel {
namespace {

// The states of a unit's slab: most of a usual second-level cache.
constexpr std::int64_t slab_bytes = 640 * 1024;
// The longest row of lanes. It is read faster in one piece than in pieces that would stay in the
// first-level cache together with the rows of its box.
constexpr std::int64_t row_bytes = 40 * 1024;
// Units for each of several workers, so that none waits long for the others. One worker alone has
// nobody to wait for.
constexpr std::int64_t units_of_worker = 3;
// A unit pays for the samples around its outputs; it should be several times as long as these.
constexpr std::int64_t least_sizes = 5;
// The same of rows in a slab: to read slabs from the third-level cache costs less than to read
// every other row twice.
constexpr std::int64_t least_margins = 4;
// A slide that merges holds as many slabs as its box has slices. No margin is worth more.
constexpr std::int64_t merging_bytes = 72 * 1024 * 1024;

bool contiguous(const BoxAxis& outer, const BoxAxis& inner) {
  if (outer.image != inner.image * inner.length || outer.where != inner.where * inner.length ||
      outer.masked != inner.masked * inner.length) {
    return false;
  }
  for (int k = 0; k < outer.outputs.size(); ++k) {
    if (outer.outputs[k] != inner.outputs[k] * inner.length) return false;
  }
  return true;
}

// Axes that are not filtered, with what their stride skips left out.
BoxAxis simplified(BoxAxis axis) {
  Box& box = axis.box;
  if (box.border == Border::shrink) {
    // What lies farther out than any box reaches into the axis never counts.
    const std::int64_t low = std::max(box.low, 1 - axis.length);
    const std::int64_t high = std::min(box.low + box.size, axis.length);
    box.low = low;
    box.size = high - low;
  }
  if (axis.filtered()) return axis;
  axis.image *= box.stride;
  axis.where *= box.stride;
  axis.masked *= box.stride;
  axis.length = box.outputs;
  box = {1, 0, 1, axis.length, Border::valid};
  return axis;
}

// Broadcast axes (stride 0) go outermost: a row should run along memory.
std::int64_t order_key(const BoxAxis& axis) {
  return axis.image == 0 ? std::numeric_limits<std::int64_t>::max() : std::abs(axis.image);
}

std::vector<BoxAxis> merged(const std::vector<BoxAxis>& axes) {
  std::vector<BoxAxis> result;
  for (const BoxAxis& axis : axes) {
    const bool joins = !result.empty() && !result.back().filtered() && !axis.filtered() &&
                       contiguous(result.back(), axis);
    if (joins) {
      const std::int64_t length = result.back().length * axis.length;
      result.back() = axis;
      result.back().length = result.back().box.outputs = length;
    } else {
      result.push_back(axis);
    }
  }
  return result;
}

void choose_row(BoxPlan& plan, std::vector<BoxAxis> axes) {
  std::int64_t lanes = 1;
  while (!axes.empty() && lanes < shortest_row) {
    lanes *= axes.back().length;
    plan.row.insert(plan.row.begin(), axes.back());
    axes.pop_back();
  }
  for (const BoxAxis& axis : axes) (axis.filtered() ? plan.slides : plan.loops).push_back(axis);
}

// Tiles of even size.
std::int64_t evened(std::int64_t outputs, std::int64_t tile) {
  const std::int64_t tiles = (outputs + tile - 1) / tile;
  return (outputs + tiles - 1) / tiles;
}

// Outputs whose positions fit `lanes`.
std::int64_t outputs_within(const BoxAxis& axis, std::int64_t lanes) {
  return (lanes - axis.box.size) / axis.box.stride + 1;
}

// Outputs that take as many positions as their margins.
std::int64_t margin_of(const BoxAxis& axis) { return (axis.box.size - 1) / axis.box.stride + 1; }

// Outputs of a tile of rows, which are extended by what stands beyond their ends.
std::int64_t row_tile(const BoxAxis& axis, std::int64_t lanes) {
  return evened(axis.box.outputs, std::max(outputs_within(axis, lanes), margin_of(axis)));
}

// Outputs of a tile of which `lanes` samples are a good slab; to save margins it may have `most`.
// What stands beyond borders is none of the samples, or one of the others.
std::int64_t slab_tile(const BoxAxis& axis, std::int64_t lanes, std::int64_t most) {
  const std::int64_t outputs = axis.box.outputs;
  if (axis.length <= lanes) return outputs;
  const std::int64_t margin = std::min(margin_of(axis), outputs);
  const std::int64_t allowed = axis.length <= most ? outputs : outputs_within(axis, most);
  const std::int64_t wanted = std::min(allowed, least_margins * margin);
  return evened(outputs, std::max({outputs_within(axis, lanes), wanted, margin}));
}

std::int64_t most_sources(const BoxAxis& axis) {
  return std::min(axis.positions(axis.tile_outputs), axis.length);
}

void choose_tiles(BoxPlan& plan, const BoxPlanRequest& request) {
  std::int64_t inner = 1;
  std::int64_t inner_sources = 1;
  for (std::size_t k = 1; k < plan.row.size(); ++k) {
    BoxAxis& axis = plan.row[k];
    axis.tile_outputs = axis.box.outputs;
    inner *= axis.positions(axis.box.outputs);
    inner_sources *= axis.length;
  }
  BoxAxis& first = plan.row.front();
  std::int64_t lanes = slab_bytes / request.lane_bytes;
  std::int64_t most_lanes = merging_bytes / request.most_lane_bytes;
  if (!plan.slides.empty()) {
    // A merging slide holds a state for each row of its box, or for some of a long one.
    const std::int64_t size = plan.slides.front().box.size;
    if (request.subtraction == Subtraction::never) lanes /= std::min<std::int64_t>(size, 64) + 2;
    if (request.subtraction != Subtraction::always) {
      most_lanes /= std::min(kept_suffixes(size), merging_bytes) + 2;
    }
  }
  const std::int64_t row_lanes = std::max<std::int64_t>(
      std::min(row_bytes * (plan.slides.empty() ? 1 : 2) / request.lane_bytes, lanes), 128);
  first.tile_outputs = row_tile(first, row_lanes / inner);
  std::int64_t taken = inner_sources * most_sources(first);
  for (std::size_t k = plan.slides.size(); k-- > 1;) {
    BoxAxis& axis = plan.slides[k];
    axis.tile_outputs = slab_tile(axis, lanes / taken, most_lanes / taken);
    taken *= most_sources(axis);
  }
}

// So that there is a unit for each worker, as far as margins leave more than themselves, and some
// more where that is cheap.
void share_outputs(BoxPlan& plan, int workers) {
  if (plan.slides.empty()) return;
  BoxAxis& slide = plan.slides.front();
  slide.tile_outputs = slide.box.outputs;
  const std::int64_t units = plan.units();
  const std::int64_t enough = workers > 1 ? units_of_worker * workers : 1;
  if (units >= enough) return;
  const std::int64_t wanted = (slide.box.outputs * units + enough - 1) / enough;
  const std::int64_t least = least_sizes * slide.box.size / slide.box.stride + 1;
  slide.tile_outputs = evened(slide.box.outputs, std::max(wanted, least));
  BoxAxis& last = plan.slides.back();
  const std::int64_t missing = workers / plan.units();
  if (missing < 2 || plan.slides.size() < 2) return;
  last.tile_outputs =
      evened(last.box.outputs, std::max(last.tile_outputs / missing, margin_of(last)));
}

}  // namespace

std::int64_t BoxPlan::units() const {
  std::int64_t units = row.front().tiles();
  for (const BoxAxis& axis : loops) units *= axis.length;
  for (const BoxAxis& axis : slides) units *= axis.tiles();
  return units;
}

double BoxPlan::lane_volume() const {
  double volume = 1;
  for (const BoxAxis& axis : slides) volume *= static_cast<double>(axis.box.size);
  return volume;
}

double BoxPlan::row_window() const {
  const Box& box = row.front().box;
  const bool alone = row.size() == 1 && box.stride == 1 && box.size >= smallest_exchanged_window;
  return alone ? static_cast<double>(box.size) : 1;
}

BoxPlan make_box_plan(const BoxPlanRequest& request) {
  BoxPlan plan;
  plan.lane_bytes = request.lane_bytes;
  std::vector<BoxAxis> axes;
  for (const BoxAxis& axis : request.axes) {
    const BoxAxis simple = simplified(axis);
    plan.volume *= static_cast<double>(simple.box.size);
    if (simple.length != 1 || simple.filtered()) axes.push_back(simple);
  }
  if (axes.empty()) {
    BoxAxis single;
    single.outputs = Extents(request.output_count, 0);
    axes.push_back(single);
  }
  std::ranges::stable_sort(axes, std::ranges::greater{}, order_key);
  choose_row(plan, merged(axes));
  choose_tiles(plan, request);
  share_outputs(plan, request.workers);
  return plan;
}

BoxSpan::BoxSpan(const BoxAxis& box_axis, std::int64_t tile)
    : axis(&box_axis),
      first_output(tile * box_axis.tile_outputs),
      outputs(std::min(box_axis.tile_outputs, box_axis.box.outputs - first_output)),
      first_position(first_output * box_axis.box.stride),
      positions(box_axis.positions(outputs)),
      first_source(0),
      sources(0) {
  const std::int64_t low = first_position + axis->box.low;
  const std::int64_t high = low + positions;
  std::int64_t first = std::max<std::int64_t>(low, 0);
  std::int64_t end = std::min(high, axis->length);
  // What stands beyond a border repeats after at most two lengths.
  const auto include = [&](std::int64_t position) {
    const std::int64_t place = source_of(position, axis->length, axis->box.border);
    if (place == beyond) return;
    first = std::min(first, place);
    end = std::max(end, place + 1);
  };
  const std::int64_t left = std::min<std::int64_t>(-low, 2 * axis->length);
  for (std::int64_t k = 1; k <= left; ++k) include(-k);
  const std::int64_t right = std::min<std::int64_t>(high - axis->length, 2 * axis->length);
  for (std::int64_t k = 0; k < right; ++k) include(axis->length + k);
  first_source = first;
  sources = end - first;
}

}  // namespace boxel
