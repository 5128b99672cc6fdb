// The order in which pixels are visited: chunks along the innermost axes of memory.
#pragma once

#include <cstdint>
#include <vector>

#include "boxel/regions/update.hpp"
#include "boxel/rows.hpp"

namespace boxel {

// One axis of the labels, or several that lie contiguously in all arrays.
struct PixelAxis {
  std::int64_t length = 1;
  std::int64_t labels = 0;  // byte strides
  std::int64_t image = 0;
  std::int64_t where = 0;
  std::int64_t masked = 0;
  std::int64_t weights = 0;
  std::int64_t counted = 0;
  std::int64_t left_out = 0;
  int axis = 0;  // of the labels, where axes were not merged
};

// Where a chunk begins in each of the arrays, in bytes.
struct PixelPlace {
  std::int64_t labels = 0;
  std::int64_t image = 0;
  std::int64_t where = 0;
  std::int64_t masked = 0;
  std::int64_t weights = 0;
  std::int64_t counted = 0;
  std::int64_t left_out = 0;

  void move(const PixelAxis& axis, std::int64_t positions);
};

struct PixelChunk {
  PixelPlace place;
  std::int64_t positions;  // along the first axis of the row
  std::int64_t pixels;
  std::vector<std::int64_t> index;  // of the first pixel, per axis of the labels; if not merged
};

class PixelPlan {
 public:
  // Chunks have about `chunk_pixels`, or one position of the row where that holds more.
  PixelPlan(const RegionUpdate& update, std::int64_t chunk_pixels, bool merge_axes);

  std::int64_t chunks() const { return chunks_; }
  std::int64_t pixels() const { return pixels_; }
  std::int64_t most_pixels() const { return positions_ * inner_; }
  PixelChunk chunk(std::int64_t index) const;
  // The axis of the labels along which the pixels of a chunk lie, if axes were not merged.
  int row_axis() const { return row_.front().axis; }
  // How the pixels of a chunk lie in an array, and behind each the channels.
  LaneLayout layout(std::int64_t PixelAxis::* stride, const View* channels_of, int skipped) const;

 private:
  std::vector<PixelAxis> outer_;
  std::vector<PixelAxis> row_;  // the first one is cut into chunks
  std::int64_t inner_ = 1;      // pixels of one position of it
  std::int64_t positions_ = 1;  // of a chunk
  std::int64_t row_chunks_ = 1;
  std::int64_t chunks_ = 1;
  std::int64_t pixels_ = 1;
  int axes_ = 0;
};

}  // namespace boxel
