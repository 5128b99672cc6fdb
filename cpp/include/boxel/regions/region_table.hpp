// What is known of every region: the states of all statistics that are wanted, and where its pixels
// lie. Tables of parts of an image merge into the table of the whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "boxel/blocks.hpp"
#include "boxel/regions/label_map.hpp"
#include "boxel/states.hpp"

namespace boxel {

struct RegionSettings {
  std::vector<Statistic> statistics;
  DType dtype = DType::boolean;  // of the image
  bool weighted = false;
  std::int64_t channels = 1;
  int geometry_axes = 0;  // of the labels, where bounding boxes and centroids are wanted
  std::optional<WideLabel> background;
  std::int64_t dense_span = 1 << 16;  // labels that lie closer together need no hash table
  const KernelSet* kernels = nullptr;
};

// Samples of a chunk of pixels as the accumulators want them, where these take them themselves.
struct WideSamples {
  const std::uint8_t* include;  // per sample
  const double* weights;        // per sample; null where nothing is weighted
};

// The rows of one state, one after another.
struct StateRows {
  std::int64_t lane_size = 0;
  std::int64_t rows = 0;
  std::vector<std::byte> lanes;
};

// Where the pixels of a region lie along an axis.
struct Extent {
  std::int64_t low = INT64_MAX;
  std::int64_t high = INT64_MIN;
  WideLabel sum = 0;  // of coordinates
};

// All that a table knows.
struct RegionRows {
  std::vector<WideLabel> labels;  // ascending
  std::vector<StateRows> states;
  std::vector<std::int64_t> pixels;  // of each region, where geometry is wanted
  std::vector<Extent> extents;       // regions x axes
};

class RegionTable {
 public:
  explicit RegionTable(const RegionSettings& settings);

  const RegionSettings& settings() const { return settings_; }
  const StatePlan& states() const { return plan_; }
  // The type in which samples are taken in.
  Sample sample() const { return sample_; }
  // Whether some state takes its samples from WideSamples.
  bool needs_include() const { return needs_include_; }
  // Whether merging in any order gives the same bits.
  bool exact() const;

  std::int64_t slots() const { return map_.slots(); }
  std::int32_t find(WideLabel label) const { return map_.find(label); }
  // Slots of labels; room is made for them.
  void assign(Sample type, const void* labels, std::int64_t count, std::int32_t* slots);
  // Regions whose pixels do not count are regions all the same.
  void mark_seen(const std::int32_t* slots, std::int64_t count);
  void take(const RegionSamples& samples, const WideSamples& wide);
  // Samples of all channels of pixels of one region; include: as in RegionBlock.
  void take_block(std::int32_t slot, const void* samples, const std::uint8_t* include,
                  std::int64_t pixels, std::int64_t counted);
  // Pixels [first, first + count) along an axis, all with this slot; `at` is where they begin.
  void take_run(std::int32_t slot, const std::int64_t* at, int axis, std::int64_t count);
  // Moves what is packed into the states. Nothing else changes until the next take().
  void settle();

  // Both must have been settled. Throws before anything is changed.
  void merge(const RegionTable& other);

  // The states as plain rows, for a table elsewhere: one lane per region and channel, in the order
  // of labels(). The table must have been settled.
  RegionRows rows() const;
  // Takes over what rows() of a table with the same settings returned; this one must be empty.
  // Throws std::invalid_argument where the rows do not belong to such a table, before any change.
  void restore(const RegionRows& rows);

  // The labels that were met, in order.
  std::vector<WideLabel> labels() const;
  // One row of outputs per label; labels that were never met have no samples.
  void write(const std::vector<WideLabel>& labels, const std::vector<BlockOutput>& outputs,
             double ddof) const;
  // lows, highs: rows of geometry_axes; the highs lie behind the last pixel.
  void write_geometry(const std::vector<WideLabel>& labels, std::int64_t* pixels,
                      std::int64_t* lows, std::int64_t* highs, double* centroids) const;

 private:
  void check_rows(const RegionRows& rows) const;
  void make_room(const std::vector<std::int32_t>& moves);
  void move_states(const std::vector<std::int32_t>& moves, std::int64_t capacity);
  bool takes_packed(StateKind kind) const;
  void take_packed(const RegionSamples& samples);
  void take_some(const RegionSamples& samples, const WideSamples& wide);
  void take_long_runs(const RegionSamples& samples);
  void take_pixel_by_pixel(std::size_t state, const RegionSamples& samples,
                           const WideSamples& wide);
  void merge_states(const RegionTable& other, const std::vector<std::int32_t>& targets);
  void merge_geometry(const RegionTable& other, const std::vector<std::int32_t>& targets);
  bool seen(std::int64_t slot) const;

  RegionSettings settings_;
  const RegionKernels* kernels_;
  StatePlan plan_;
  Sample sample_;
  bool needs_include_ = false;
  LabelMap map_;
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
  std::vector<TakeRegions> takers_;
  TakeBlock blocks_[2];                   // without and with a mask
  std::vector<std::int32_t> same_slots_;  // of a block
  std::vector<Buffer> memory_;
  std::vector<Lanes> lanes_;
  std::int64_t capacity_ = 0;  // slots that they have room for
  std::vector<std::uint8_t> seen_;

  const PackedKernel* packed_ = nullptr;
  Buffer entries_;
  std::int64_t entry_slots_ = 0;
  std::int64_t copies_ = 1;
  std::int64_t packed_pixels_ = 0;

  std::vector<Extent> extents_;  // slots x axes
  std::vector<std::int64_t> pixels_;
};

}  // namespace boxel
