// median and mode of regions, which need all samples of a region at once: they are gathered region
// by region, in as much memory as the samples that count take in the image.
#pragma once

#include <vector>

#include "boxel/blocks.hpp"
#include "boxel/regions/update.hpp"

namespace boxel {

// One row of outputs per label, as RegionTable::write.
void select_regions(const KernelSet& kernels, const RegionUpdate& update,
                    const std::vector<WideLabel>& labels, const std::vector<BlockOutput>& outputs);

}  // namespace boxel
