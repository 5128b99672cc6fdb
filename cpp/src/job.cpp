#include "job.hpp"

#include <algorithm>

namespace boxel {
namespace {

// Gathered cells of one unit.
constexpr double gathered_bytes = 256 * 1024;

LaneLayout layout_of(const std::vector<PlanAxis>& row, std::int64_t PlanAxis::* stride) {
  LaneLayout layout;
  for (const PlanAxis& axis : row) {
    layout.lengths.push_back(axis.length);
    layout.strides.push_back(axis.*stride);
  }
  return layout;
}

std::vector<Statistic> wanted(const BlockRequest& request) {
  std::vector<Statistic> result;
  for (const BlockOutput& output : request.outputs) result.push_back(output.statistic);
  return result;
}

bool is_masked(const BlockRequest& request) {
  return request.where || request.masked || request.weights ||
         (request.skipna && is_floating(request.image.dtype));
}

PlanRequest plan_request(const BlockRequest& request, bool gathers) {
  PlanRequest plan;
  plan.output_count = static_cast<int>(request.outputs.size());
  plan.padded = request.padded;
  double volume = 1;
  for (int axis = 0; axis < request.image.shape.size(); ++axis) {
    PlanAxis planned;
    planned.length = request.image.shape[axis];
    planned.window = request.windows[static_cast<std::size_t>(axis)];
    planned.image = request.image.strides[axis];
    if (request.where) planned.where = request.where->strides[axis];
    if (request.masked) planned.masked = request.masked->strides[axis];
    if (request.weights) planned.weights = request.weights->strides[axis];
    for (const BlockOutput& output : request.outputs) {
      planned.outputs.push_back(output.view.strides[axis]);
    }
    plan.axes.push_back(planned);
    volume *= static_cast<double>(std::min(planned.length, planned.window.size));
  }
  const auto item = static_cast<std::int64_t>(size_of(request.image.dtype));
  plan.chunk_lanes = chunk_bytes / (is_masked(request) ? 8 : item);
  if (gathers) {
    plan.chunk_cells =
        std::max<std::int64_t>(1, static_cast<std::int64_t>(gathered_bytes / (volume * 8)));
  }
  return plan;
}

std::int64_t longest_positions(const Plan& plan) {
  if (plan.band_positions) return plan.band_positions;
  const Window& window = plan.row.front().window;
  return std::min(plan.row.front().length, (plan.chunk_outputs - 1) * window.step + window.size);
}

}  // namespace

LaneLayout output_layout(const Plan& plan, int output) {
  LaneLayout layout;
  const auto append = [&](const PlanAxis& axis) {
    layout.lengths.push_back(axis.window.outputs);
    layout.strides.push_back(axis.outputs[output]);
  };
  if (plan.slots > 1) append(plan.slot);
  for (const PlanAxis& axis : plan.row) append(axis);
  return layout;
}

Job::Job(const BlockRequest& block_request)
    : request(block_request),
      states(plan_states(wanted(request), request.image.dtype, is_masked(request),
                         request.weights.has_value())),
      gathers(std::ranges::count(states.kinds, StateKind::gathered) > 0),
      plan(make_plan(plan_request(request, gathers))),
      kernels(*request.kernels),
      rows{kernels,
           states.sample,
           states.masked,
           request.skipna && states.sample == Sample::float64,
           {{kernels, request.image, states.sample, layout_of(plan.row, &PlanAxis::image)},
            request.image.data},
           {},
           {},
           {}},
      lanes(plan.slots * plan.inner_lanes * longest_positions(plan)),
      cells(plan.slots * plan.inner_outputs *
            std::min(plan.chunk_outputs, plan.row.front().window.outputs)) {
  const auto open = [&](const std::optional<View>& view, std::int64_t PlanAxis::* stride,
                        Sample sample) -> std::optional<RowSource> {
    if (!view) return std::nullopt;
    return RowSource{{kernels, *view, sample, layout_of(plan.row, stride)}, view->data};
  };
  rows.where = open(request.where, &PlanAxis::where, Sample::uint8);
  rows.masked = open(request.masked, &PlanAxis::masked, Sample::uint8);
  rows.weights = open(request.weights, &PlanAxis::weights, Sample::float64);
}

std::int64_t Job::units() const {
  std::int64_t units = plan.chunks * plan.slot_chunks;
  for (const PlanAxis& axis : plan.outer) units *= axis.window.outputs;
  return units;
}

std::int64_t Job::scratch_lanes() const {
  const std::int64_t whole = lanes / plan.slots;
  return plan.across_positions ? std::min(whole, plan.across_positions * plan.inner_lanes) : whole;
}

bool Job::reads_in_place() const {
  return !states.masked && rows.image.loader.ready() && reads_aligned();
}

bool Job::reads_aligned() const {
  const auto aligned = [&](std::int64_t bytes) {
    return bytes % static_cast<std::int64_t>(rows.image.loader.alignment()) == 0;
  };
  return reinterpret_cast<std::uintptr_t>(rows.image.data) % rows.image.loader.alignment() == 0 &&
         std::ranges::all_of(request.image.strides, aligned);
}

StateRequest Job::state_request(StateKind kind) const {
  bool integral_midpoint = false;
  for (const BlockOutput& output : request.outputs) {
    integral_midpoint |= output.statistic == Statistic::median && !is_floating(output.view.dtype) &&
                         !is_floating(request.image.dtype);
  }
  return {kind, states.sample, states.masked, plan.volume, integral_midpoint};
}

}  // namespace boxel
