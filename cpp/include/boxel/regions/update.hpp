// The region traversal: samples of an image into the states of the regions that labels name.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "boxel/parallel.hpp"
#include "boxel/regions/region_table.hpp"
#include "boxel/view.hpp"

namespace boxel {

struct RegionUpdate {
  View labels;  // bool or integers
  // These have the axes of the labels first, and then those of the channels.
  std::optional<View> image;
  std::optional<View> where;
  std::optional<View> masked;
  std::optional<View> weights;  // checked to be finite and >= 0
  // These have the axes of the labels alone.
  std::optional<View> counted;   // true where a pixel counts
  std::optional<View> left_out;  // true where it does not
  bool is_mask = false;          // the labels are bool, and only region 1 is of interest
  bool skipna = false;
  std::vector<std::int64_t> origin;  // of the labels in the whole image, per axis
  // Where the pixels are a part of a piece, in whole chunks: whether they are its end. They go
  // straight into the table, behind those taken before.
  std::optional<bool> ends_piece;
  int workers = 1;
  Poll poll;
};

// How far apart labels may lie to be found without a hash table: as many slots as pixels do no
// harm.
std::int64_t dense_span_of(const View& labels);

// How an image whose pixels lie one after another is cut: into pieces, each with a table of its
// own, which merge in their order; and these into chunks. Sums of floats follow both.
struct RegionPieces {
  std::int64_t chunk;              // pixels
  std::vector<std::int64_t> ends;  // of the pieces, in pixels
};
RegionPieces region_pieces(std::int64_t pixels, std::int64_t channels, bool is_mask);

// A failed call leaves the table as it was, unless it takes a part of a piece.
void update_regions(RegionTable& table, const RegionUpdate& update);

}  // namespace boxel
