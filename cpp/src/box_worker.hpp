// What each thread of a call of the slide traversal needs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "axis_slide.hpp"
#include "box_job.hpp"
#include "four_rows.hpp"
#include "narrow_slices.hpp"
#include "narrow_slide.hpp"
#include "result_writer.hpp"
#include "row_slide.hpp"
#include "row_sources.hpp"
#include "slices.hpp"
#include "small_rows.hpp"

namespace boxel {

// Long units are left before their end where a worker failed or Ctrl-C was pressed.
struct Interruption {
  std::atomic<bool> stopped = false;
  Poll poll;  // only for the caller's thread
};

// How the rows of a narrow chain become results: as all rows do, or straight from the sums along
// the first axis, by FourRows or SmallRows.
enum class RowWay : std::uint8_t { any, fours, small };

class BoxWorker {
 public:
  BoxWorker(const BoxJob& job, Interruption& interruption, bool polls);

  void run(std::int64_t unit);

 private:
  // As long as 32 bits hold the sums of the first slide: that, and the second one or all rows.
  struct NarrowChain {
    NarrowChain(const UnitSums& kernels, const BoxPlan& plan, Accumulator& accumulator)
        : first(kernels, plan.slides[0], plan.volume),
          slices(kernels),
          second(accumulator, plan.slides[1]),
          fours(kernels, accumulator, plan.volume),
          small(kernels, plan.volume) {}

    NarrowSlide first;
    NarrowSlices slices;
    AxisSlide<NarrowSlices> second;
    FourRows fours;
    SmallRows small;
  };

  // The slides of one accumulator, or of a narrower one in its place.
  struct Chain {
    Chain(const BoxJob& job, StateKind kind, Accumulator& accumulator,
          std::unique_ptr<Accumulator> narrower);
    std::unique_ptr<Accumulator> narrower_kernel;
    Accumulator& kernel;  // of all lanes up to those of rows
    std::optional<NarrowChain> narrow;
    bool is_narrow = false;
    std::optional<AxisSlide<ImageSlices>> first;
    std::vector<AxisSlide<StateSlices>> rest;
    RowSlide row;
    LaneBuffer whole_row;  // where no outer axis is filtered
    // One lane of what lies beyond the border of each axis in turn, and whole slices of it.
    std::vector<LaneBuffer> borders;
    std::vector<LaneBuffer> slices;
    BorderRow border_row;
    LaneBuffer border_sample;
    std::optional<ImageSlices> images;
    std::vector<StateSlices> inputs;
    // Rows that the last slide makes together, of which some are written at a time; all rows of
    // scans, so that they are extended and scanned at once.
    bool scans = false;
    std::int64_t rows_together = 1;
    LaneRows made;
  };

  void locate(std::int64_t unit);
  void prepare_geometry(std::int64_t tile);
  void prepare_slab();
  std::int64_t joined_lanes() const;
  void widen_slab(const BoxSpan& span);
  bool adjoin(const BoxAxis& axis, std::int64_t positions) const;
  void make_border();
  void make_border_states(Chain& chain);
  void make_border_slices(std::size_t accumulator);
  bool refresh_border(std::size_t accumulator);
  bool has_margins() const;
  Margins margins_after(std::size_t slide) const;
  bool gains_by_exchanges() const;
  bool begins_exchanges(const Accumulator& accumulator) const;
  void begin(std::size_t accumulator);
  void begin_first(std::size_t accumulator);
  bool advance_narrow(std::size_t accumulator);
  void slide(std::size_t axis);
  void begin_slide(std::size_t axis);
  void advance(std::size_t accumulator, std::size_t axis);
  double row_volume() const;
  void take_row();
  bool begin_row(std::size_t accumulator, const void* samples);
  void locate_outputs();
  bool is_plain() const;
  RowWay way_of_narrow_rows() const;
  bool begins_narrow(const Chain& chain, const Accumulator& accumulator) const;
  void begin_narrow(Chain& chain);
  bool write_narrow_rows();
  bool write_windows(std::int64_t rows);
  bool exchanges(std::size_t accumulator) const;
  std::int64_t output_stride(std::size_t output) const;
  std::int64_t index_of_rows(const Chain& chain) const;
  template <class Slide>
  Lanes make_rows(Chain& chain, Slide& slide);
  void extend_rows(std::size_t accumulator, std::int64_t rows);
  void write_rows(std::int64_t rows);
  void write_row(std::int64_t row);
  void write_cut_boxes();
  void write_part(LaneRun part, std::span<const CountRun> equal);

  const BoxJob& job_;
  Interruption& interruption_;
  bool polls_;
  Accumulators accumulators_;
  std::vector<Chain> chains_;
  RowScratch scratch_;
  ResultWriter writer_;
  Buffer border_samples_;
  std::vector<std::uint8_t> border_include_;

  // The unit at hand.
  RowPlace place_;
  std::vector<std::int64_t> output_offsets_;  // bytes, of each output
  std::vector<BoxSpan> slides_;
  std::vector<BoxSpan> row_;
  std::vector<SlabRow> slab_;
  std::int64_t row_lanes_ = 0;  // of the image, in one row
  std::int64_t slab_lanes_ = 0;
  std::int64_t rows_at_once_ = 1;  // that are written together, a power of two
  RowWay row_way_ = RowWay::any;
  std::int64_t geometry_tile_ = -1;
  std::int64_t outputs_inside_ = 0;  // of the tile whose geometry it is, if that touches no border
  RowGeometry geometry_;
  std::vector<std::int64_t> at_;             // the output along each slide
  std::vector<std::vector<Lanes>> windows_;  // after each slide, of each accumulator
  std::vector<bool> row_exchanges_;          // where no outer axis is filtered
  std::vector<LaneRows> extended_;
  std::vector<Lanes> results_;
  std::vector<Lanes> part_;  // of the results
  std::vector<std::byte*> places_;
  std::vector<std::int64_t> counts_;
};

}  // namespace boxel
