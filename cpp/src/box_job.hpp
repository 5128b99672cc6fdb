// What a call of the slide traversal works out once.
#pragma once

#include <vector>

#include "boxel/box_plan.hpp"
#include "boxel/boxes.hpp"
#include "boxel/states.hpp"
#include "result_writer.hpp"
#include "row_sources.hpp"

namespace boxel {

std::int64_t image_bytes(const BoxRequest& request);

struct BoxJob {
  explicit BoxJob(const BoxRequest& box_request);

  Accumulators make_accumulators() const;
  // For lanes of rows along which boxes have yet to slide: narrower ones in the place of those of 8
  // bytes that only whole boxes need; null in the place of others.
  Accumulators make_narrower(const Accumulators& accumulators) const;

  const BoxRequest& request;
  int workers;
  bool cut;  // boxes hold fewer samples at the border
  bool has_constant_border;
  StatePlan states;
  BoxPlan plan;
  RowSources rows;
  std::vector<LaneLayout> layouts;  // of the outputs
};

}  // namespace boxel
