// What a traversal knows of a statistic: a state of a few rows of lanes and the operations on it.
// The kernels implement these interfaces once per instruction set; a virtual call is paid per row,
// never per sample.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>

#include "boxel/dtype.hpp"
#include "boxel/memory.hpp"
#include "boxel/registry.hpp"

namespace boxel {

// The type in which loaded rows reach the accumulators. bool rows are uint8, float16 rows float32.
// Masked and weighted work is done in the three widest types only, to keep the kernels few.
enum class Sample : std::uint8_t {
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float32,
  float64,
};

// The type in which a statistic comes out, before the cast to the output's dtype.
enum class Natural : std::uint8_t { int64, uint64, float64 };

// A run of lanes of a state. Two words, so that calls hand it on in registers: one that was just
// written to memory and is copied from there as a whole has to wait until all stores before it are
// done, those of the results among them.
class Lanes {
 public:
  Lanes() = default;
  // Rows are `capacity` lanes apart, each of which takes `lane_size` bytes: 1, 2, 4 or 8.
  explicit Lanes(std::byte* place, std::int64_t capacity, std::size_t lane_size)
      : place_(place),
        shape_(static_cast<std::uint64_t>(capacity) * lane_size * size_limit + lane_size) {}
  template <class T>
  explicit Lanes(T* rows, std::int64_t capacity)
      : Lanes(reinterpret_cast<std::byte*>(rows), capacity, sizeof(T)) {}

  template <class T>
  T* row(int index) const {
    return reinterpret_cast<T*>(place_ + index * static_cast<std::int64_t>(shape_ / size_limit));
  }
  Lanes from(std::int64_t lane) const {
    return at_byte(lane * static_cast<std::int64_t>(shape_ % size_limit));
  }
  // The same in inner loops, which know what a lane holds.
  template <class T>
  Lanes from(std::int64_t lane) const {
    return at_byte(lane * static_cast<std::int64_t>(sizeof(T)));
  }
  bool operator==(const Lanes&) const = default;

 private:
  static constexpr std::uint64_t size_limit = 16;

  Lanes at_byte(std::int64_t byte) const {
    Lanes later = *this;
    later.place_ += byte;
    return later;
  }

  std::byte* place_ = nullptr;
  std::uint64_t shape_ = 0;  // bytes from row to row, and those of a lane in the lowest bits
};

// Rows are taken in groups, so that a group's samples are combined in registers.
inline constexpr int max_group = 8;

// Only the first `count` entries are set; clearing the others for every group would cost as much as
// taking a short one.
struct RowGroup {
  int count;
  std::array<const void*, max_group> samples;
  // In masked work nonzero where a sample counts, else null; and its weight if there are weights.
  std::array<const std::uint8_t*, max_group> include;
  std::array<const double*, max_group> weights;
  std::int64_t ahead = 0;  // as in SlotRows
};

// All rows of slots that lie alike in memory, as samples ready to be read: row k of slot s begins
// at first + s * stride + offsets[k].
struct SlotRows {
  const std::byte* first;
  std::span<const std::int64_t> offsets;
  std::int64_t slots;
  std::int64_t stride;
  std::int64_t lanes;  // of a row
  // Bytes from a sample to what the caches are asked for when it is taken; 0: they are not.
  std::int64_t ahead;
};

// Samples that follow one another at each of some positions, which are `stride` bytes apart. Runs
// are aligned as their samples are.
struct SampleRuns {
  const std::byte* first;
  std::int64_t stride;
  std::int64_t positions;
  std::int64_t length;  // samples of a run
  std::int64_t ahead;   // as in SlotRows

  template <class T>
  const T* run(std::int64_t position) const {
    return reinterpret_cast<const T*>(first + position * stride);
  }
};

// One value in every type it may be asked for (cval).
struct Value {
  double floating = 0;
  std::int64_t integer = 0;  // two's complement bits for uint64 as well
};

// Samples per lane: one number where nothing is masked, else a row of them.
struct Counts {
  double uniform = 0;
  const std::int64_t* per_lane = nullptr;
};

// Windows along rows of lanes: result l holds lanes l, ..., l + size - 1 of its row.
struct RowWindows {
  std::int64_t lanes;  // results of a row
  std::int64_t size;
  bool exchanges;  // lanes may be given up again
  double count;    // samples of a window
  std::int64_t rows = 1;
  std::int64_t pitch = 0;   // lanes from row to row
  std::int64_t stride = 0;  // bytes from the results of a row to those of the next
  std::int64_t ahead = 0;   // and to those that caches may be asked for; 0: to none
  double ddof = 0;
};

// Rows of which the windows are made together, by scans: window l of a row holds its lanes l, ...,
// l + size - 1.
struct WindowRows {
  std::int64_t count;
  std::int64_t pitch;  // lanes from row to row
  std::int64_t lanes;  // windows of a row
  std::int64_t size;
  std::int64_t first;  // where the first window begins along the axis
  double held;         // samples of a lane
};

// Windows of at least so many lanes take fewer operations by exchanges than merged anew.
inline constexpr std::int64_t smallest_exchanged_window = 6;

// Whether a sliding state may give up samples instead of being merged anew.
enum class Subtraction : std::uint8_t {
  never,
  if_exact,  // sums of floats of which a Grid proves that no sum of a box is rounded
  always,    // integers: arithmetic modulo 2^n undoes itself
};

// Finite floats as multiples of a power of two: what a proof that sums are exact needs.
struct Grid {
  double largest = 0;  // the largest magnitude; infinite where a sample is not finite
  double finest = std::numeric_limits<double>::infinity();  // the lowest bit of any sample
  bool negative = false;                                    // whether any has a sign, -0.0 too
  // Whether every sum of at most so many samples is exact in float64.
  bool exact(double samples) const {
    const double sum = largest * samples;
    // Not even where the product was rounded down to the limit.
    return sum <= std::numeric_limits<double>::max() && sum < 0x1p53 * finest;
  }
};

struct LaneRun {  // lanes first, ..., end - 1
  std::int64_t first;
  std::int64_t end;
  std::int64_t lanes() const { return end - first; }
};

// Within a row: lane to + k becomes lane from + k * step.
struct LaneCopy {
  std::int64_t to;
  std::int64_t from;
  std::int64_t step;
  std::int64_t lanes;
};

class Accumulator {
 public:
  virtual ~Accumulator() = default;
  // Bytes of one lane of one row, and the number of rows, of the state.
  virtual std::size_t lane_size() const = 0;
  virtual int rows() const = 0;
  // Those that most samples need: by these, not by what rare ones need, tiles fit into caches.
  virtual int usual_rows() const { return rows(); }
  // Takes a group of rows in; `taken` rows were taken before, 0 begins a new state.
  virtual void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) = 0;
  // Makes `out` of `held`, which may be the same, and the only row of a group more; `taken` rows,
  // at least one, are held.
  virtual void append_row(Lanes out, Lanes held, const RowGroup& group, std::int64_t lanes,
                          std::int64_t taken) {
    if (out != held) pick(out, held, 1, 1, lanes);
    take(out, group, lanes, taken);
  }
  // Takes all rows of each slot into new states and merges `window` adjacent lanes at once, of
  // which the last window of a slot may hold fewer: the same bits as by take(), fold_adjacent() and
  // merge(). Only for the windows that takes_slots() names.
  virtual bool takes_slots(int window) const {
    static_cast<void>(window);
    return false;
  }
  virtual void take_slots(Lanes state, const SlotRows& slots, int window) {
    static_cast<void>(state), static_cast<void>(slots), static_cast<void>(window);
    throw std::logic_error("this state takes groups of rows only");
  }
  // Takes whole runs, one lane each, into new states: the same bits as by take(). At most 2^16
  // samples long, and only where takes_runs().
  virtual bool takes_runs() const { return false; }
  virtual void take_runs(Lanes state, const SampleRuns& runs) {
    static_cast<void>(state), static_cast<void>(runs);
    throw std::logic_error("this state takes groups of rows only");
  }
  // out[l] = a[l] merged with b[l]; na and nb are their samples per lane where nothing is masked.
  // `out` may be `a`, and `b` may lie ahead in the same rows: a lane is read before it is written.
  virtual void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) = 0;
  // out[j * inner + i] = in[j * step * inner + i]; `out` and `in` do not overlap. A step of 0
  // repeats.
  virtual void pick(Lanes out, Lanes in, std::int64_t count, std::int64_t step,
                    std::int64_t inner) = 0;
  // out[j] = in[j * size] merged with the size - 1 lanes after it, which hold `held` samples each;
  // no overlap. Only for sizes that folds_adjacent() names: others are composed of these or
  // doubled.
  virtual bool folds_adjacent(int size) const = 0;
  virtual void fold_adjacent(Lanes out, Lanes in, std::int64_t count, int size, double held) = 0;
  // Takes `times` equal samples into every lane, which held `held` samples.
  virtual void take_constant(Lanes state, std::int64_t lanes, Value value, double times,
                             double held) = 0;
  virtual Natural natural(Statistic statistic) const = 0;
  // Writes the output's own dtype where that is worth a path of its own; false: it is not, and
  // nothing was written. Only where nothing is masked.
  virtual bool finish_as(DType dtype, Statistic statistic, Lanes state, std::int64_t lanes,
                         double count, void* out) {
    static_cast<void>(dtype), static_cast<void>(statistic), static_cast<void>(state);
    static_cast<void>(lanes), static_cast<void>(count), static_cast<void>(out);
    return false;
  }
  // Writes `lanes` values of natural(statistic).
  virtual void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts,
                      double ddof, void* out) = 0;

  // What sliding boxes need besides.

  // Makes lanes that hold no sample, where the state has such a value.
  virtual bool has_empty() const { return true; }
  virtual void clear(Lanes state, std::int64_t lanes) = 0;
  // out[k] = in[index[k]]; no lane that is read is written.
  virtual void gather(Lanes out, Lanes in, const std::int64_t* index, std::int64_t count) = 0;
  // Copies lanes within each of some rows, which are `pitch` lanes apart; no lane that is read is
  // written.
  virtual void copy_lanes(Lanes first, std::span<const LaneCopy> copies, std::int64_t count,
                          std::int64_t pitch) = 0;
  // out[l] = in[l], in[l + step], ... (`terms` of them, 2 to 4) merged; each holds `held` samples
  // where nothing is masked. No overlap.
  virtual void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                           double held) = 0;
  // out[l] = in[l], which is a lane of such a state in integers of `lane_size` bytes, fewer than
  // its own 8.
  virtual void widen(Lanes out, Lanes in, std::size_t lane_size, std::int64_t lanes) {
    static_cast<void>(out), static_cast<void>(in), static_cast<void>(lane_size);
    static_cast<void>(lanes);
    throw std::logic_error("this state has one width of lanes only");
  }
  // Whether a sample that is merged twice counts as one.
  virtual bool overlaps() const { return false; }
  virtual Subtraction subtraction() const { return Subtraction::never; }
  // Where that is if_exact, exchanges are between these two: begin_exchanges() tells whether they
  // are exact for sums of so many samples on `grid`. They stay so as long as may_exchange() says it
  // of all samples that were seen since.
  virtual bool begin_exchanges(const Grid& grid, double samples) {
    return may_exchange(grid, samples);
  }
  virtual void end_exchanges() {}
  virtual bool may_exchange(const Grid& grid, double samples) const { return grid.exact(samples); }
  // Whether states are kept in another way between the two, unless they hold zeros only.
  virtual bool splits() const { return false; }
  // Takes a row of samples in and gives one up; only where subtraction() allows it. `ahead`: bytes
  // from an added sample to what the caches are asked for, or 0.
  virtual void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                        std::int64_t ahead) {
    static_cast<void>(state), static_cast<void>(added), static_cast<void>(removed);
    static_cast<void>(lanes), static_cast<void>(ahead);
    throw std::logic_error("this state gives up no samples");
  }
  // The same with the samples of whole states: out = from + added - removed. `out` may be `from`.
  virtual void exchange_states(Lanes out, Lanes from, Lanes added, Lanes removed,
                               std::int64_t lanes) {
    static_cast<void>(out), static_cast<void>(from), static_cast<void>(added);
    static_cast<void>(removed), static_cast<void>(lanes);
    throw std::logic_error("this state gives up no samples");
  }
  // out[l] = in[l], ..., in[l + size - 1] merged; where exchanges are allowed. A cache line more
  // than these lanes may be read.
  virtual void exchange_windows(Lanes out, Lanes in, std::int64_t lanes, std::int64_t size) {
    static_cast<void>(out), static_cast<void>(in), static_cast<void>(lanes);
    static_cast<void>(size);
    throw std::logic_error("this state gives up no samples");
  }
  // Windows along several rows at once, without exchanges, where that takes less than to merge them
  // from smaller ones: whether it does depends on their size alone. The bits do not depend on where
  // rows are cut. A cache line more than the lanes of a row may be read.
  virtual bool scans_windows(std::int64_t size) const {
    static_cast<void>(size);
    return false;
  }
  virtual void scan_windows(Lanes out, std::int64_t out_pitch, Lanes in, const WindowRows& rows) {
    static_cast<void>(out), static_cast<void>(out_pitch), static_cast<void>(in);
    static_cast<void>(rows);
    throw std::logic_error("this state merges windows from smaller ones");
  }
  // Windows straight to the output's own dtype: the bits are those of merging them and
  // finish_as(). False: that has no short way, and nothing was written. Only where nothing is
  // masked.
  virtual bool finish_windows_as(DType dtype, Statistic statistic, Lanes in,
                                 const RowWindows& windows, void* out) {
    static_cast<void>(dtype), static_cast<void>(statistic), static_cast<void>(in);
    static_cast<void>(windows), static_cast<void>(out);
    return false;
  }
  // Means rounded toward zero, as values of natural(Statistic::sum): where a double does not hold
  // all of them.
  virtual bool finishes_whole() const { return false; }
  virtual void finish_whole(Lanes state, std::int64_t lanes, Counts counts, void* out) {
    static_cast<void>(state), static_cast<void>(lanes), static_cast<void>(counts);
    static_cast<void>(out);
    throw std::logic_error("float64 holds these means");
  }
};

// Adjacent lanes of a row that belong to one cell.
struct CellRun {
  std::int64_t lane;
  std::int64_t lanes;
  std::int64_t cell;
};

// median and mode, from all samples of a box: cell c gathers them in
// storage[c * volume ...], and fill[c] counts them.
class Selector {
 public:
  virtual ~Selector() = default;
  virtual void take(std::byte* storage, std::int64_t volume, std::int64_t* fill,
                    std::span<const CellRun> runs, const RowGroup& group) = 0;
  virtual void take_constant(std::byte* storage, std::int64_t volume, std::int64_t* fill,
                             std::int64_t cell, Value value, std::int64_t times) = 0;
  virtual Natural natural(Statistic statistic) const = 0;
  virtual void finish(Statistic statistic, std::byte* storage, std::int64_t volume,
                      const std::int64_t* fill, std::int64_t cells, void* out) = 0;
  virtual std::size_t sample_size() const = 0;
};

// What kind of state a statistic needs; several statistics can share one.
enum class StateKind : std::uint8_t {
  count,    // samples that count (masked work only)
  nonzero,  // samples that are not zero
  sum,      // exact for integers
  min,
  max,
  mean,              // by differences: stays within [min, max]
  moments,           // mean and M2
  float_sums,        // sums of float64 samples, for boxes that slide
  float_squares,     // sums of x and x^2 of float32 samples, for boxes that slide
  short_squares,     // exact sums of x and x^2 of integers of at most 16 bits, for such boxes, too
  squares,           // the same of at most 32 bits
  wide_squares,      // and of 64 bits
  weighted,          // everything that weights need
  higher_moments,    // mean, M2 and M3, with M4 or not (states that stay open)
  weighted_moments,  // the same, or mean and M2, with weights (states that stay open)
  gathered,          // the samples themselves
};

// The most samples of a box whose sums of squares of floats serve for a variance.
inline constexpr double most_float_squares = 0x1p26;

// Of so many samples of 16 bits 63 bits hold the sum of squares.
inline constexpr double most_short_squares = 0x1p31;

struct StateRequest {
  StateKind kind;
  Sample sample;
  bool masked;
  // The largest number of samples a box can hold: decides how narrow an accumulator may be.
  double volume;
  bool integral_midpoint;  // medians are rounded half to even in integers, not halved in float64
  int order = 2;           // the highest power of deviations that is kept
  // The lanes of a row that a box merges, where that is done by exchange_windows() or
  // finish_windows_as() alone, and lanes are finished then. Else 1.
  double row_window = 1;
};

}  // namespace boxel
