// The table of region kernels of one instruction set: labels to slots, and samples into the states
// of their slots. What they compute has the same bits in every table.
#pragma once

#include <cstdint>
#include <string_view>

#include "boxel/accumulator.hpp"
#include "boxel/kernel_set.hpp"

namespace boxel {

// What no label has: pixels that count nowhere go to the first slot, labels that are asked for but
// were never met are read from the second, which stays empty.
inline constexpr std::int32_t no_slot = 0;
inline constexpr std::int32_t empty_slot = 1;
inline constexpr std::int32_t first_slot = 2;

// The least and the greatest of some labels, as bits: two's complement where the labels are signed.
struct LabelRange {
  std::uint64_t low;
  std::uint64_t high;
};

// Samples of some pixels, and the slots of their regions: channel c of pixel p belongs to lane
// slots[p] * lane_stride + first_lane + c.
struct RegionSamples {
  const std::int32_t* slots;
  std::int64_t pixels;
  bool runs;  // slots come in runs: states are held in registers meanwhile
  const void* samples;
  const std::uint8_t* include;  // per sample; null: all count
  bool skip_nan;
  std::int64_t channels;
  std::int64_t lane_stride;
  std::int64_t first_lane;
};

// Samples of pixels of one region that lie in a row, at most block_pixels of them.
struct RegionBlock {
  const void* samples;
  const std::uint8_t* include;  // per sample: 255 or 0, alike for all channels; null: all count
  std::int64_t pixels;
  std::int64_t counted;  // pixels that count
  std::int64_t lane;     // of the first channel
};

// Returns false where it has no way to take the samples; nothing has changed then.
using TakeBlock = bool (*)(StateKind kind, Lanes state, const RegionBlock& block);

inline constexpr std::int64_t block_pixels = 2048;

using TakeRegions = void (*)(Lanes state, const RegionSamples& samples);

// Sums and counts of the pixels of every slot, side by side in one vector: `entries` holds
// packed_bytes for every slot.
// packed_copies tables of `slots` entries follow each other, where there are few slots: neighbours
// go into different ones, so that pixels of one region do not wait for each other.
inline constexpr std::int64_t packed_copies = 4;
struct PackedKernel {
  void (*add)(std::byte* entries, std::int64_t copies, std::int64_t slots,
              const RegionSamples& samples);
  // Moves the entries of the first `used` slots into their states and clears them. `sums` are in
  // two halves where they are sums of integers; `nonzero` are sums of truth values. Both may be
  // null.
  void (*flush)(std::byte* entries, std::int64_t copies, std::int64_t slots, std::int64_t used,
                Lanes* counts, Lanes* sums, Lanes* nonzero);
  std::int64_t entry_bytes;
  std::int64_t most_pixels;  // that entries can hold before they must be flushed
};

struct RegionKernels {
  std::string_view name;
  LabelRange (*label_range)(Sample type, const void* labels, std::int64_t count);
  // slots[p] = labels[p] - base + first_slot, or no_slot where the label is `background` (if any).
  void (*label_slots)(Sample type, const void* labels, std::int64_t count, std::uint64_t base,
                      const std::uint64_t* background, std::int32_t* slots);
  std::int64_t (*changes)(const std::int32_t* slots, std::int64_t count);
  // Null where the accumulator itself has to take the samples, pixel by pixel.
  TakeRegions (*take)(StateKind kind, Sample type);
  // Null where blocks are taken pixel by pixel.
  TakeBlock (*block)(Sample type, std::int64_t channels, bool masked);
  void (*expand_mask)(const std::uint8_t* mask, std::int64_t pixels, std::int64_t channels,
                      std::uint8_t* include);
  std::int64_t (*count_mask)(const std::uint8_t* mask, std::int64_t pixels);
  // Null where sums of such samples are not packed.
  const PackedKernel* (*packed)(Sample type, std::int64_t channels);
};

// The region kernels for the same instruction set.
const RegionKernels& region_kernels(const KernelSet& kernels);

}  // namespace boxel
