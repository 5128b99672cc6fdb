#include "box_job.hpp"

#include <algorithm>

namespace boxel {
namespace {

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

bool any_border(const BoxRequest& request, Border border) {
  return std::ranges::any_of(request.boxes, [=](const Box& box) {
    return box.border == border && (box.size > 1 || box.low != 0);
  });
}

bool is_masked(const BoxRequest& request) {
  return request.where || request.masked || (request.skipna && is_floating(request.image.dtype));
}

std::vector<Statistic> wanted(const BoxRequest& request) {
  std::vector<Statistic> result;
  for (const BlockOutput& output : request.outputs) result.push_back(output.statistic);
  return result;
}

double volume_of(const BoxRequest& request) {
  double volume = 1;
  for (const Box& box : request.boxes) volume *= static_cast<double>(box.size);
  return volume;
}

StatePlan plan_box_states(const BoxRequest& request, bool cut) {
  const DType dtype = request.image.dtype;
  const double volume = volume_of(request);
  const StatePlan plan = plan_states(wanted(request), dtype, is_masked(request), false, volume);
  const auto by_differences = [](StateKind kind) {
    return kind == StateKind::mean || kind == StateKind::moments;
  };
  // Where boxes are cut, means and variances by differences have to count their samples.
  if (!cut || std::ranges::none_of(plan.kinds, by_differences)) return plan;
  return plan_states(wanted(request), dtype, true, false, volume);
}

// Smaller work stays on the caller's thread.
constexpr std::int64_t least_shared_bytes = 2 << 20;

int workers_of(const BoxRequest& request) {
  return image_bytes(request) < least_shared_bytes ? 1 : request.workers;
}

// `narrower` ones take the place of accumulators.
BoxPlanRequest plan_request(const BoxRequest& request, const Accumulators& accumulators,
                            const Accumulators& narrower) {
  BoxPlanRequest plan;
  plan.workers = workers_of(request);
  plan.output_count = static_cast<int>(request.outputs.size());
  plan.lane_bytes = 0;
  plan.most_lane_bytes = 0;
  for (std::size_t k = 0; k < accumulators.size(); ++k) {
    const bool narrow = !narrower.empty() && narrower[k];
    const Accumulator& lanes = narrow ? *narrower[k] : *accumulators[k];
    plan.lane_bytes += static_cast<std::int64_t>(lanes.lane_size()) * lanes.usual_rows();
    plan.most_lane_bytes += static_cast<std::int64_t>(lanes.lane_size()) * lanes.rows();
    plan.subtraction = std::min(plan.subtraction, lanes.subtraction());
  }
  plan.lane_bytes = std::max<std::int64_t>(plan.lane_bytes, 1);
  plan.most_lane_bytes = std::max(plan.most_lane_bytes, plan.lane_bytes);
  for (int axis = 0; axis < request.image.shape.size(); ++axis) {
    BoxAxis planned;
    planned.length = request.image.shape[axis];
    planned.box = request.boxes[at(axis)];
    planned.image = request.image.strides[axis];
    if (request.where) planned.where = request.where->strides[axis];
    if (request.masked) planned.masked = request.masked->strides[axis];
    for (const BlockOutput& output : request.outputs) {
      planned.outputs.push_back(output.view.strides[axis]);
    }
    plan.axes.push_back(planned);
  }
  return plan;
}

std::unique_ptr<Accumulator> make_accumulator(const BoxRequest& request, const StatePlan& states,
                                              std::size_t state, double volume,
                                              double row_window = 1) {
  StateRequest wanted{states.kinds[state], states.sample, states.masked, volume, false};
  wanted.row_window = row_window;
  return request.kernels->make_accumulator(wanted);
}

Accumulators accumulators_of(const BoxRequest& request, const StatePlan& states,
                             double row_window = 1) {
  const double volume = volume_of(request);
  Accumulators accumulators;
  for (std::size_t k = 0; k < states.kinds.size(); ++k) {
    accumulators.push_back(make_accumulator(request, states, k, volume, row_window));
  }
  return accumulators;
}

// As BoxJob::make_narrower(): only integers in the place of the widest. Half of 4 bytes
// saves no more time than it costs to widen rows, and rows that no outer axis has summed would only
// be copied.
Accumulators narrower_than(const Accumulators& accumulators, const BoxRequest& request,
                           const StatePlan& states, const BoxPlan& plan) {
  Accumulators narrower(accumulators.size());
  if (plan.slides.empty() || is_floating(request.image.dtype)) return narrower;
  for (std::size_t k = 0; k < narrower.size(); ++k) {
    if (accumulators[k]->lane_size() < 8) continue;
    auto narrow = make_accumulator(request, states, k, plan.lane_volume());
    if (narrow->lane_size() < 8) narrower[k] = std::move(narrow);
  }
  return narrower;
}

// Which axis the rows lie along is the same for any width of lanes.
BoxPlan plan_boxes(const BoxRequest& request, const StatePlan& states) {
  const Accumulators whole = accumulators_of(request, states);
  BoxPlan plan = make_box_plan(plan_request(request, whole, {}));
  const Accumulators narrower = narrower_than(whole, request, states, plan);
  if (std::ranges::none_of(narrower, [](const auto& kernel) { return kernel != nullptr; })) {
    return plan;
  }
  return make_box_plan(plan_request(request, whole, narrower));
}

LaneLayout row_layout(const BoxPlan& plan, std::int64_t BoxAxis::* stride) {
  LaneLayout layout;
  for (const BoxAxis& axis : plan.row) {
    layout.lengths.push_back(axis.length);
    layout.strides.push_back(axis.*stride);
  }
  return layout;
}

LaneLayout output_layout(const BoxPlan& plan, int output) {
  LaneLayout layout;
  for (const BoxAxis& axis : plan.row) {
    layout.lengths.push_back(axis.box.outputs);
    layout.strides.push_back(axis.outputs[output]);
  }
  return layout;
}

RowSources row_sources(const BoxRequest& request, const StatePlan& states, const BoxPlan& plan) {
  const auto open = [&](const std::optional<View>& view,
                        std::int64_t BoxAxis::* stride) -> std::optional<RowSource> {
    if (!view) return std::nullopt;
    return RowSource{{*request.kernels, *view, Sample::uint8, row_layout(plan, stride)},
                     view->data};
  };
  return {*request.kernels,
          states.sample,
          states.masked,
          request.skipna && states.sample == Sample::float64,
          {{*request.kernels, request.image, states.sample, row_layout(plan, &BoxAxis::image)},
           request.image.data},
          open(request.where, &BoxAxis::where),
          open(request.masked, &BoxAxis::masked),
          {}};
}

}  // namespace

std::int64_t image_bytes(const BoxRequest& request) {
  auto bytes = static_cast<std::int64_t>(size_of(request.image.dtype));
  for (const std::int64_t length : request.image.shape) bytes *= length;
  return bytes;
}

BoxJob::BoxJob(const BoxRequest& box_request)
    : request(box_request),
      workers(workers_of(request)),
      cut(any_border(request, Border::shrink)),
      has_constant_border(any_border(request, Border::constant)),
      states(plan_box_states(request, cut)),
      plan(plan_boxes(request, states)),
      rows(row_sources(request, states, plan)) {
  for (std::size_t k = 0; k < request.outputs.size(); ++k) {
    layouts.push_back(output_layout(plan, static_cast<int>(k)));
  }
}

Accumulators BoxJob::make_accumulators() const {
  return accumulators_of(request, states, plan.row_window());
}

Accumulators BoxJob::make_narrower(const Accumulators& accumulators) const {
  return narrower_than(accumulators, request, states, plan);
}

}  // namespace boxel
