// What one thread needs to take chunks of pixels into a table.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "../row_sources.hpp"
#include "boxel/memory.hpp"
#include "boxel/regions/update.hpp"
#include "pixels.hpp"

namespace boxel {

// Arrays of the same pixels, row by row.
struct PixelSources {
  PixelSources(const RegionUpdate& update, const KernelSet& kernels, Sample sample, bool includes,
               const PixelPlan& plan);

  bool whole_masks;  // the labels are a mask, and nothing else tells which samples count
  RowSource labels;  // bytes that are not 0 where a pixel counts, if so
  std::optional<RowSource> counted;
  std::optional<RowSource> left_out;
  std::optional<RowSources> samples;
};

class RegionWorker {
 public:
  RegionWorker(const RegionUpdate& update, const PixelPlan& plan, const PixelSources& sources,
               const RegionTable& table);

  void take(RegionTable& table, std::int64_t chunk);
  // The samples of a chunk, and room for their regions in the table.
  struct Loaded {
    RegionSamples samples;
    WideSamples wide;
  };
  Loaded load(RegionTable& table, const PixelChunk& chunk);
  // Takes where the pixels lie.
  void take_places(RegionTable& table, std::int64_t chunk);

 private:
  void take_masked(RegionTable& table, const PixelChunk& chunk);
  const std::int32_t* load_slots(RegionTable& table, const PixelChunk& chunk);

  const RegionUpdate& update_;
  const PixelPlan& plan_;
  const PixelSources& sources_;
  std::int64_t channels_;
  bool includes_;
  bool skips_nan_;
  Buffer labels_;
  Buffer pixels_;  // whether they count
  std::vector<std::int32_t> slots_;
  std::vector<std::uint8_t> included_;  // of a mask, per sample
  std::optional<RowScratch> scratch_;
};

}  // namespace boxel
