#include "boxel/plan.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace boxel {
namespace {

// Rows across memory need some lanes; and windows that are long enough fold in fewer lanes.
constexpr std::int64_t least_across = 16;
constexpr std::int64_t longest_across = 512;
// Positions that are loaded at a time: about 10 KiB, so that they stay in the first-level cache
// beside their transposed rows and the state.
constexpr std::int64_t least_across_tile = 64;
constexpr std::int64_t most_across_tile = 512;

bool contiguous(const PlanAxis& outer, const PlanAxis& inner) {
  return outer.image == inner.image * inner.length && outer.where == inner.where * inner.length &&
         outer.masked == inner.masked * inner.length &&
         outer.weights == inner.weights * inner.length;
}

bool outputs_contiguous(const PlanAxis& outer, const PlanAxis& inner) {
  for (int k = 0; k < outer.outputs.size(); ++k) {
    if (outer.outputs[k] != inner.outputs[k] * inner.window.outputs) return false;
  }
  return true;
}

// One window that holds the axis, with nothing cut off and nothing padded.
bool spanned(const PlanAxis& axis) {
  return axis.window.outputs == 1 && axis.window.size == axis.length;
}

bool merge(PlanAxis& outer, const PlanAxis& inner) {
  if (!contiguous(outer, inner)) return false;
  if (!outer.reduced() && !inner.reduced()) {
    if (!outputs_contiguous(outer, inner)) return false;
    outer.length *= inner.length;
    outer.window.outputs *= inner.window.outputs;
    outer.outputs = inner.outputs;
  } else if (spanned(outer) && spanned(inner)) {
    outer.length *= inner.length;
    outer.window = {outer.length, outer.length, 1};
  } else {
    return false;
  }
  outer.image = inner.image;
  outer.where = inner.where;
  outer.masked = inner.masked;
  outer.weights = inner.weights;
  return true;
}

std::vector<PlanAxis> dropped(const PlanRequest& request) {
  std::vector<PlanAxis> axes;
  for (PlanAxis axis : request.axes) {
    if (axis.window.outputs == 1) {
      // What lies behind a single window is never read.
      axis.length = std::min(axis.length, axis.window.size);
      if (!request.padded) axis.window.size = axis.length;
      axis.window.step = axis.window.size;
    }
    if (axis.length == 1 && axis.window.size == 1 && axis.window.outputs == 1) continue;
    axes.push_back(axis);
  }
  return axes;
}

// Broadcast axes (stride 0) go outermost: a row should run along memory.
std::int64_t order_key(const PlanAxis& axis) {
  return axis.image == 0 ? std::numeric_limits<std::int64_t>::max() : std::abs(axis.image);
}

std::vector<PlanAxis> merged(std::vector<PlanAxis> axes) {
  std::vector<PlanAxis> result;
  for (const PlanAxis& axis : axes) {
    if (result.empty() || !merge(result.back(), axis)) result.push_back(axis);
  }
  return result;
}

// Removes the innermost axes that become outer ones, for rows across memory.
std::vector<PlanAxis> crossed(std::vector<PlanAxis>& axes, const PlanRequest& request) {
  std::vector<PlanAxis> result;
  // What gathers samples is faster along memory.
  while (!request.chunk_cells && axes.size() > 1 && spanned(axes.back()) &&
         axes.back().length <= longest_across && !axes[axes.size() - 2].reduced() &&
         axes[axes.size() - 2].length >= least_across) {
    result.insert(result.begin(), axes.back());
    axes.pop_back();
  }
  return result;
}

void choose_row(Plan& plan, std::vector<PlanAxis> axes, const PlanRequest& request) {
  const std::vector<PlanAxis> inner = crossed(axes, request);
  std::int64_t lanes = axes.back().length;
  plan.row.push_back(axes.back());
  axes.pop_back();
  while (!axes.empty() && lanes < shortest_row) {
    lanes *= axes.back().length;
    plan.row.insert(plan.row.begin(), axes.back());
    axes.pop_back();
  }
  plan.outer = std::move(axes);
  plan.outer.insert(plan.outer.end(), inner.begin(), inner.end());
  if (inner.empty()) return;
  std::int64_t samples = plan.row.front().length ? lanes / plan.row.front().length : 1;
  for (const PlanAxis& axis : inner) samples *= axis.length;
  plan.across_positions = std::clamp(request.chunk_lanes * 5 / 8 / samples / 32 * 32,
                                     least_across_tile, most_across_tile);
}

void choose_chunks(Plan& plan, const PlanRequest& request) {
  for (std::size_t axis = 1; axis < plan.row.size(); ++axis) {
    plan.inner_lanes *= plan.row[axis].length;
    plan.inner_outputs *= plan.row[axis].window.outputs;
  }
  const PlanAxis& first = plan.row.front();
  const std::int64_t positions = std::max<std::int64_t>(1, request.chunk_lanes / plan.inner_lanes);
  if (std::min(first.window.size, first.length) > positions) {
    plan.chunk_outputs = 1;
    plan.band_positions = positions;
  } else {
    plan.chunk_outputs =
        std::max<std::int64_t>(1, (positions - first.window.size) / first.window.step + 1);
    if (request.chunk_cells) {
      const std::int64_t cells =
          request.chunk_cells / std::max<std::int64_t>(1, plan.inner_outputs);
      plan.chunk_outputs = std::clamp<std::int64_t>(cells, 1, plan.chunk_outputs);
    }
  }
  plan.chunks = (first.window.outputs + plan.chunk_outputs - 1) / plan.chunk_outputs;
}

// A cell that is worth cutting into segments fills a unit by itself.
constexpr double largest_slot = 1 << 16;

void choose_slots(Plan& plan, const PlanRequest& request) {
  if (plan.outer.empty() || plan.chunks > 1 || plan.band_positions) return;
  const std::int64_t lanes = plan.row.front().length * plan.inner_lanes;
  const std::int64_t outputs = plan.row.front().window.outputs * plan.inner_outputs;
  std::int64_t slots = request.chunk_lanes / lanes;
  if (request.chunk_cells)
    slots = std::min(slots, request.chunk_cells / std::max<std::int64_t>(1, outputs));
  double rows = 1;
  for (const PlanAxis& axis : plan.outer) rows *= static_cast<double>(axis.window.size);
  if (slots < 2 || rows * static_cast<double>(lanes) > largest_slot) return;
  // Where rows run across memory, the windows that lie in them come behind the slots.
  auto slot = plan.outer.end() - 1;
  if (plan.across_positions) {
    while (slot != plan.outer.begin() && spanned(*slot)) --slot;
    if (spanned(*slot)) return;
  }
  plan.slot = *slot;
  plan.outer.erase(slot);
  plan.slots = std::min(slots, plan.slot.window.outputs);
  plan.slot_chunks = (plan.slot.window.outputs + plan.slots - 1) / plan.slots;
}

}  // namespace

Plan make_plan(const PlanRequest& request) {
  Plan plan;
  std::vector<PlanAxis> axes = dropped(request);
  for (const PlanAxis& axis : request.axes) {
    const std::int64_t held =
        request.padded ? axis.window.size : std::min(axis.window.size, axis.length);
    plan.volume *= static_cast<double>(held);
    plan.samples *= axis.length;
  }
  if (axes.empty()) {
    PlanAxis single;
    single.outputs = Extents(request.output_count, 0);
    axes.push_back(single);
  }
  std::ranges::stable_sort(axes, std::ranges::greater{}, order_key);
  plan.slot.outputs = Extents(request.output_count, 0);
  choose_row(plan, merged(std::move(axes)), request);
  choose_chunks(plan, request);
  // Bands are short rows already.
  if (plan.band_positions) plan.across_positions = 0;
  choose_slots(plan, request);
  return plan;
}

}  // namespace boxel
