// The tile traversal: every statistic of the registry over the blocks of an array.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "boxel/parallel.hpp"
#include "boxel/plan.hpp"
#include "boxel/view.hpp"

namespace boxel {

struct BlockOutput {
  Statistic statistic;
  View view;              // one element per block
  bool has_fill = false;  // else a block without a value is a MissingValue
  // In the output's dtype; casts store there as they do into rows.
  alignas(8) std::array<std::byte, 8> fill{};
};

struct BlockRequest {
  View image;
  std::optional<View> where;    // bool, with the image's shape (broadcast axes have stride 0)
  std::optional<View> masked;   // likewise, true where a sample does not count
  std::optional<View> weights;  // any real dtype, likewise; checked to be finite and >= 0
  std::vector<Window> windows;  // one per axis
  bool padded = false;          // blocks reach past the image, into samples of value cval
  Value cval;
  bool skipna = false;
  std::int64_t min_count = 1;
  double ddof = 0;
  std::vector<BlockOutput> outputs;
  int workers = 1;
  const KernelSet* kernels = nullptr;
  Poll poll;
};

// A block without enough samples, or a NaN, met an output dtype that has no value for it.
class MissingValue : public std::domain_error {
 public:
  MissingValue(Statistic statistic, DType dtype);
};

void reduce_blocks(const BlockRequest& request);

}  // namespace boxel
