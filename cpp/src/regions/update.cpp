#include "boxel/regions/update.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "region_worker.hpp"

namespace boxel {
namespace {

// Samples of a chunk: a good part of the first-level cache together with their labels and slots.
constexpr std::int64_t chunk_samples = 8192;
constexpr std::int64_t chunk_pixels = 2048;
// Large images are cut into a fixed number of pieces, each with a table of its own.
constexpr std::int64_t piece_pixels = 1 << 20;
constexpr std::int64_t most_pieces = 8;

// Merges the tables of pieces in the order of the pieces, whatever order they come in.
class OrderedMerge {
 public:
  explicit OrderedMerge(RegionTable& total) : total_(total) {}

  void add(std::int64_t piece, std::unique_ptr<RegionTable> table) {
    const std::lock_guard lock(mutex_);
    waiting_[piece] = std::move(table);
    for (auto next = waiting_.find(merged_); next != waiting_.end();
         next = waiting_.find(++merged_)) {
      total_.merge(*next->second);
      waiting_.erase(next);
    }
  }

 private:
  RegionTable& total_;
  std::mutex mutex_;
  std::map<std::int64_t, std::unique_ptr<RegionTable>> waiting_;
  std::int64_t merged_ = 0;
};

std::int64_t pixels_of_chunk(std::int64_t channels, bool is_mask) {
  return std::max<std::int64_t>(64, std::min(is_mask ? chunk_samples : chunk_pixels,
                                             chunk_samples / std::max<std::int64_t>(1, channels)));
}

std::int64_t pieces_of(std::int64_t pixels) {
  return std::clamp<std::int64_t>(pixels / piece_pixels, 1, most_pieces);
}

std::int64_t pieces_of(const RegionTable& table, const RegionUpdate& update, std::int64_t pixels) {
  if (update.ends_piece) return 1;
  // Where any order gives the same bits, more tables than workers would be a waste.
  return table.exact() ? std::min<std::int64_t>(pieces_of(pixels), update.workers)
                       : pieces_of(pixels);
}

// The chunk where a piece ends.
std::int64_t end_of_piece(std::int64_t piece, std::int64_t pieces, std::int64_t chunks) {
  return chunks * (piece + 1) / pieces;
}

void take_image(RegionTable& total, const RegionUpdate& update) {
  const RegionSettings& settings = total.settings();
  const PixelPlan plan(update, pixels_of_chunk(settings.channels, update.is_mask), true);
  if (plan.pixels() == 0) return;
  const bool includes = update.where || update.masked || update.weights || total.needs_include();
  const PixelSources sources(update, *settings.kernels, total.sample(), includes, plan);
  const std::int64_t pieces = pieces_of(total, update, plan.pixels());
  const auto run = [&](RegionTable& table, std::int64_t first, std::int64_t last,
                       const Poll& poll) {
    RegionWorker worker(update, plan, sources, table);
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      worker.take(table, chunk);
      if (poll && chunk % 64 == 0) poll();
    }
    if (update.ends_piece.value_or(true)) table.settle();
  };
  if (pieces == 1) return run(total, 0, plan.chunks(), update.poll);
  OrderedMerge merge(total);
  parallel_for(
      pieces, update.workers,
      [&](std::int64_t piece, int worker) {
        auto table = std::make_unique<RegionTable>(settings);
        run(*table, end_of_piece(piece - 1, pieces, plan.chunks()),
            end_of_piece(piece, pieces, plan.chunks()), worker == 0 ? update.poll : Poll());
        merge.add(piece, std::move(table));
      },
      update.poll);
}

void take_geometry(RegionTable& total, const RegionUpdate& update) {
  RegionUpdate shapes = update;
  shapes.image = shapes.where = shapes.masked = shapes.weights = std::nullopt;
  const PixelPlan plan(shapes, chunk_pixels, false);
  if (plan.pixels() == 0) return;
  const KernelSet& kernels = *total.settings().kernels;
  const PixelSources sources(shapes, kernels, Sample::uint8, false, plan);
  RegionWorker worker(shapes, plan, sources, total);
  for (std::int64_t chunk = 0; chunk < plan.chunks(); ++chunk) {
    worker.take_places(total, chunk);
    if (update.poll && chunk % 64 == 0) update.poll();
  }
}

void take(RegionTable& table, const RegionUpdate& update) {
  take_image(table, update);
  if (table.settings().geometry_axes > 0) take_geometry(table, update);
}

}  // namespace

std::int64_t dense_span_of(const View& labels) {
  std::int64_t pixels = 1;
  for (const std::int64_t length : labels.shape) pixels *= length;
  return std::clamp<std::int64_t>(pixels, 1 << 16, 1 << 26);
}

RegionPieces region_pieces(std::int64_t pixels, std::int64_t channels, bool is_mask) {
  RegionPieces cut{pixels_of_chunk(channels, is_mask), {}};
  const std::int64_t chunks = (pixels + cut.chunk - 1) / cut.chunk;
  const std::int64_t pieces = pieces_of(pixels);
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    cut.ends.push_back(std::min(pixels, end_of_piece(piece, pieces, chunks) * cut.chunk));
  }
  return cut;
}

void update_regions(RegionTable& table, const RegionUpdate& update) {
  if (update.ends_piece) return take(table, update);
  RegionTable fresh(table.settings());
  take(fresh, update);
  if (table.slots() == first_slot) {
    table = std::move(fresh);
  } else {
    table.merge(fresh);
  }
}

}  // namespace boxel
