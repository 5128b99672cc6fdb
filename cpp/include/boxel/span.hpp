// The open span: statistics of every voxel over samples that arrive a few at a time.
//
// The state of N voxels is a few rows of N lanes, which the caller keeps: it can be copied, saved
// and merged without asking the kernels. Samples are taken in tile by tile, through all that
// arrived, so that a tile's state stays in the cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/kernel_set.hpp"
#include "boxel/view.hpp"

namespace boxel {

// Who knows how many samples a voxel has.
enum class Counting : std::uint8_t {
  uniform,   // one number for all
  counted,   // a number for each
  weighted,  // and weights
};

struct SpanSpec {
  DType dtype = DType::float64;  // that all samples cast to safely
  int moments = 2;               // the highest power of the deviations from the mean, 1 to 4
  bool extremes = false;
  Counting counting = Counting::uniform;
};

// One of the states that a spec asks for.
struct SpanState {
  StateKind kind;
  Sample sample;
  bool masked;
  DType lane;
  std::vector<std::string_view> rows;  // their names, which files keep: equal names mean the same
};

// The first one knows the counts, unless they are uniform.
std::vector<SpanState> span_states(const SpanSpec& spec);

// The rows of a state, `voxels` lanes apart, for each of span_states().
struct SpanMemory {
  std::vector<std::byte*> states;
  std::int64_t voxels = 0;
};

struct SpanSamples {
  View samples;  // the first axis: one sample of all voxels after the other; the others: the voxels
  std::optional<View> where;  // of the same shape, as in BlockRequest
  std::optional<View> masked;
  std::optional<View> weights;  // given if and only if the spec is weighted
  bool skipna = false;
};

// `taken`: the samples that a uniform state holds already; 0 begins a new state of any kind.
void take_into_span(const SpanSpec& spec, const SpanMemory& memory, const SpanSamples& samples,
                    std::int64_t taken, int workers, const KernelSet& kernels);

// Merges `other` into `memory`; `held` and `added` are their samples where counts are uniform.
void merge_spans(const SpanSpec& spec, const SpanMemory& memory, const SpanMemory& other,
                 double held, double added, int workers, const KernelSet& kernels);

// Writes mean, var, std, min, max or count into `out`, which has one axis. Voxels without samples
// are NaN, and a MissingValue where the output cannot hold that.
void finish_span(const SpanSpec& spec, const SpanMemory& memory, Statistic statistic, double count,
                 double ddof, const View& out, int workers, const KernelSet& kernels);

}  // namespace boxel
