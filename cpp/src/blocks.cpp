#include "boxel/blocks.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "job.hpp"
#include "unit.hpp"
#include "worker.hpp"

namespace boxel {
namespace {

// Work below this stays on the caller's thread; pieces handed to workers have about this size.
constexpr std::int64_t piece_bytes = 1 << 20;
// Segments whose states are held at the same time.
constexpr std::int64_t segment_wave = 32;

// Scratch for each thread, made by the thread that first needs it.
class Workers {
 public:
  Workers(const Job& job, int count) : job_(job), workers_(static_cast<std::size_t>(count)) {}
  Worker& operator[](int worker) {
    auto& mine = workers_[static_cast<std::size_t>(worker)];
    if (!mine) mine.emplace(job_);
    return *mine;
  }

 private:
  const Job& job_;
  std::vector<std::optional<Worker>> workers_;
};

void run_units(const Job& job, Workers& workers, std::int64_t units, std::int64_t bytes) {
  const std::int64_t per_piece =
      std::max<std::int64_t>(1, piece_bytes / std::max<std::int64_t>(1, bytes / units));
  const std::int64_t pieces = (units + per_piece - 1) / per_piece;
  parallel_for(
      pieces, job.request.workers,
      [&](std::int64_t piece, int worker) {
        Worker& mine = workers[worker];
        const std::int64_t end = std::min(units, (piece + 1) * per_piece);
        for (std::int64_t unit = piece * per_piece; unit < end; ++unit) mine.run(unit);
      },
      job.request.poll);
}

// The segments of one large cell, shared by the workers and merged in order.
void run_segments(const Job& job, Workers& workers, std::int64_t index) {
  const Unit unit(job.plan, index);
  const std::vector<Segment> segments = unit.segments();
  Worker& first = workers[0];
  std::vector<StateBlock> slots;
  for (std::int64_t slot = 0; slot < segment_wave; ++slot) slots.push_back(first.make_states());
  first.begin_total(unit);
  const auto count = static_cast<std::int64_t>(segments.size());
  for (std::int64_t wave = 0; wave < count; wave += segment_wave) {
    const std::int64_t size = std::min(segment_wave, count - wave);
    parallel_for(
        size, job.request.workers,
        [&](std::int64_t slot, int worker) {
          workers[worker].run_segment(unit, segments[static_cast<std::size_t>(wave + slot)],
                                      slots[static_cast<std::size_t>(slot)]);
        },
        job.request.poll);
    for (std::int64_t slot = 0; slot < size; ++slot) {
      first.add_to_total(unit, segments[static_cast<std::size_t>(wave + slot)],
                         slots[static_cast<std::size_t>(slot)]);
    }
  }
  first.finish_total(unit);
}

std::string message(Statistic statistic, DType dtype) {
  std::string text = "statistic '";
  text += info_of(statistic).name;
  text += "' has no value for some block (fewer samples than min_count, or NaN), and ";
  text += name_of(dtype);
  text += " cannot hold NaN; pass fill_value=, or min_count=0 where an empty sum should be 0";
  return text;
}

bool is_empty(const BlockRequest& request) {
  const auto zero = [](std::int64_t length) { return length == 0; };
  return std::ranges::any_of(request.image.shape, zero) ||
         std::ranges::any_of(request.windows,
                             [](const Window& window) { return window.outputs == 0; });
}

}  // namespace

MissingValue::MissingValue(Statistic statistic, DType dtype)
    : std::domain_error(message(statistic, dtype)) {}

void reduce_blocks(const BlockRequest& request) {
  if (is_empty(request)) return;
  const Job job(request);
  const std::int64_t units = job.units();
  const std::int64_t bytes =
      job.plan.samples * static_cast<std::int64_t>(size_of(request.image.dtype));
  Workers workers(job, request.workers);
  if (bytes < 2 * piece_bytes) {
    for (std::int64_t unit = 0; unit < units; ++unit) workers[0].run(unit);
    return;
  }
  // Few cells and each of them large: the workers share the segments of one cell after another.
  constexpr std::int64_t few_units = 16;
  constexpr std::size_t many_segments = 64;
  const std::size_t segments = Unit(job.plan, 0).segments().size();
  if (!job.gathers && segments > 1 && (units < few_units || segments >= many_segments)) {
    for (std::int64_t unit = 0; unit < units; ++unit) run_segments(job, workers, unit);
    return;
  }
  run_units(job, workers, units, bytes);
}

}  // namespace boxel
