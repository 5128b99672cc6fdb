#include "boxel/boxes.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "box_worker.hpp"

namespace boxel {
namespace {

// Pieces handed to workers have about this size.
constexpr std::int64_t piece_bytes = 1 << 20;

bool is_empty(const BoxRequest& request) {
  return std::ranges::any_of(request.image.shape, [](std::int64_t n) { return n == 0; }) ||
         std::ranges::any_of(request.boxes, [](const Box& box) { return box.outputs == 0; });
}

}  // namespace

void filter_boxes(const BoxRequest& request) {
  if (is_empty(request)) return;
  const BoxJob job(request);
  const std::int64_t units = job.plan.units();
  const std::int64_t per_piece = std::max<std::int64_t>(
      1, piece_bytes / std::max<std::int64_t>(1, image_bytes(request) / units));
  std::vector<std::optional<BoxWorker>> workers(static_cast<std::size_t>(job.workers));
  Interruption interruption{false, request.poll};
  const auto run = [&](std::int64_t piece, int worker) {
    auto& mine = workers[static_cast<std::size_t>(worker)];
    if (!mine) mine.emplace(job, interruption, worker == 0);
    const std::int64_t end = std::min(units, (piece + 1) * per_piece);
    for (std::int64_t unit = piece * per_piece; unit < end; ++unit) mine->run(unit);
  };
  // Whatever stops the work stops long units before their end.
  const auto stopping = [&](const auto& step) {
    try {
      step();
    } catch (...) {
      interruption.stopped = true;
      throw;
    }
  };
  const Poll poll = [&] {
    if (request.poll) stopping(request.poll);
  };
  parallel_for((units + per_piece - 1) / per_piece, job.workers,
               [&](std::int64_t piece, int worker) { stopping([&] { run(piece, worker); }); },
               poll);
}

}  // namespace boxel
