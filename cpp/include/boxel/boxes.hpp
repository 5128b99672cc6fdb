// The slide traversal: the statistics of boxes around every sample of an array.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "boxel/blocks.hpp"
#include "boxel/border.hpp"
#include "boxel/kernel_set.hpp"
#include "boxel/parallel.hpp"
#include "boxel/view.hpp"

namespace boxel {

// The boxes along one axis: output j holds positions [low + j * stride, low + j * stride + size),
// which may lie beyond the border.
struct Box {
  std::int64_t size = 1;
  std::int64_t low = 0;
  std::int64_t stride = 1;
  std::int64_t outputs = 1;
  Border border = Border::reflect;
};

struct BoxRequest {
  View image;
  std::optional<View> where;   // bool, with the image's shape (broadcast axes have stride 0)
  std::optional<View> masked;  // likewise, true where a sample does not count
  std::vector<Box> boxes;      // one per axis
  Value cval;
  bool skipna = false;
  std::int64_t min_count = 1;
  double ddof = 0;
  bool whole_means = false;  // means in integers are rounded toward zero, not half to even
  std::vector<BlockOutput> outputs;
  int workers = 1;
  const KernelSet* kernels = nullptr;
  Poll poll;
};

void filter_boxes(const BoxRequest& request);

}  // namespace boxel
