#include "region_worker.hpp"

#include <algorithm>
#include <numeric>

namespace boxel {
namespace {

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

// Pixels of a run from which on it pays to look for its end.
constexpr std::int64_t long_run = 6;

RowSource source_of(const KernelSet& kernels, const View& view, Sample sample,
                    const LaneLayout& layout) {
  return {{kernels, view, sample, layout}, view.data};
}

View as_bytes(View truth) {
  truth.dtype = DType::uint8;
  return truth;
}

}  // namespace

PixelSources::PixelSources(const RegionUpdate& update, const KernelSet& kernels, Sample sample,
                           bool includes, const PixelPlan& plan)
    : whole_masks(update.is_mask && update.image && !includes &&
                  !(update.skipna && is_floating(update.image->dtype))),
      labels(source_of(kernels, whole_masks ? as_bytes(update.labels) : update.labels,
                       dense_sample(update.labels.dtype),
                       plan.layout(&PixelAxis::labels, nullptr, 0))) {
  const int axes = update.labels.shape.size();
  const auto open = [&](const std::optional<View>& view, std::int64_t PixelAxis::* stride,
                        Sample type, bool channels) -> std::optional<RowSource> {
    if (!view) return std::nullopt;
    return source_of(kernels, *view, type, plan.layout(stride, channels ? &*view : nullptr, axes));
  };
  counted = open(update.counted, &PixelAxis::counted, Sample::uint8, false);
  left_out = open(update.left_out, &PixelAxis::left_out, Sample::uint8, false);
  if (!update.image) return;
  samples.emplace(RowSources{kernels, sample, includes, false,
                             *open(update.image, &PixelAxis::image, sample, true),
                             open(update.where, &PixelAxis::where, Sample::uint8, true),
                             open(update.masked, &PixelAxis::masked, Sample::uint8, true),
                             open(update.weights, &PixelAxis::weights, Sample::float64, true)});
  samples->skip_nan = includes && update.skipna && sample == Sample::float64;
}

RegionWorker::RegionWorker(const RegionUpdate& update, const PixelPlan& plan,
                           const PixelSources& sources, const RegionTable& table)
    : update_(update),
      plan_(plan),
      sources_(sources),
      channels_(table.settings().channels),
      includes_(sources.samples && sources.samples->includes),
      skips_nan_(update.skipna && is_floating(table.settings().dtype)),
      labels_(at(plan.most_pixels()) * sizeof(std::int64_t)),
      pixels_(at(plan.most_pixels())),
      slots_(at(plan.most_pixels())) {
  if (sources.whole_masks) included_.resize(at(plan.most_pixels() * channels_));
  if (sources.samples) scratch_.emplace(*sources.samples, plan.most_pixels() * channels_);
}

const std::int32_t* RegionWorker::load_slots(RegionTable& table, const PixelChunk& chunk) {
  const void* labels = sources_.labels.load(chunk.place.labels, chunk.positions, labels_.data());
  table.assign(dense_sample(update_.labels.dtype), labels, chunk.pixels, slots_.data());
  // Regions without a sample that counts are there all the same.
  if (sources_.counted || sources_.left_out || includes_ || skips_nan_) {
    table.mark_seen(slots_.data(), chunk.pixels);
  }
  if (sources_.counted) {
    const auto* counted = static_cast<const std::uint8_t*>(
        sources_.counted->load(chunk.place.counted, chunk.positions, pixels_.data()));
    for (std::int64_t p = 0; p < chunk.pixels; ++p) slots_[at(p)] *= counted[p] ? 1 : 0;
  }
  if (sources_.left_out) {
    const auto* left_out = static_cast<const std::uint8_t*>(
        sources_.left_out->load(chunk.place.left_out, chunk.positions, pixels_.data()));
    for (std::int64_t p = 0; p < chunk.pixels; ++p) slots_[at(p)] *= left_out[p] ? 0 : 1;
  }
  return slots_.data();
}

void RegionWorker::take(RegionTable& table, std::int64_t index) {
  const PixelChunk chunk = plan_.chunk(index);
  if (chunk.pixels == 0) return;
  if (sources_.whole_masks) {
    return take_masked(table, chunk);
  }
  const Loaded loaded = load(table, chunk);
  table.take(loaded.samples, loaded.wide);
}

void RegionWorker::take_masked(RegionTable& table, const PixelChunk& chunk) {
  const RegionKernels& kernels = region_kernels(*table.settings().kernels);
  const auto* mask = static_cast<const std::uint8_t*>(
      sources_.labels.load(chunk.place.labels, chunk.positions, labels_.data()));
  const std::int64_t counted = kernels.count_mask(mask, chunk.pixels);
  if (counted == 0) return;
  constexpr std::uint8_t label = 1;
  std::int32_t slot = no_slot;
  table.assign(Sample::uint8, &label, 1, &slot);
  RowGroup group{};
  scratch_->load(group, 0, {chunk.place.image}, chunk.positions, chunk.pixels * channels_);
  const auto* samples = static_cast<const std::byte*>(group.samples[0]);
  const bool whole = counted == chunk.pixels;
  if (!whole) kernels.expand_mask(mask, chunk.pixels, channels_, included_.data());
  const auto bytes = static_cast<std::int64_t>(size_of_sample(table.sample())) * channels_;
  for (std::int64_t first = 0; first < chunk.pixels; first += block_pixels) {
    const std::int64_t pixels = std::min(block_pixels, chunk.pixels - first);
    const std::int64_t held =
        pixels == chunk.pixels ? counted : kernels.count_mask(mask + first, pixels);
    if (held == 0) continue;
    table.take_block(slot, samples + first * bytes,
                     whole ? nullptr : included_.data() + first * channels_, pixels, held);
  }
}

RegionWorker::Loaded RegionWorker::load(RegionTable& table, const PixelChunk& chunk) {
  const std::int32_t* slots = load_slots(table, chunk);
  const RegionKernels& kernels = region_kernels(*table.settings().kernels);
  const bool runs = kernels.changes(slots, chunk.pixels) * long_run < chunk.pixels;
  RegionSamples samples{slots,     chunk.pixels, runs, nullptr, nullptr, skips_nan_ && !includes_,
                        channels_, channels_,    0};
  WideSamples wide{nullptr, nullptr};
  if (scratch_) {
    RowGroup group{};
    const RowPlace place{chunk.place.image, chunk.place.where, chunk.place.masked,
                         chunk.place.weights};
    scratch_->load(group, 0, place, chunk.positions, chunk.pixels * channels_);
    samples.samples = group.samples[0];
    if (includes_) samples.include = wide.include = group.include[0];
    if (sources_.samples->weights) wide.weights = group.weights[0];
    samples.skip_nan = skips_nan_ && !sources_.samples->skip_nan;
  } else {
    samples.samples = slots;  // only counted
  }
  return {samples, wide};
}

void RegionWorker::take_places(RegionTable& table, std::int64_t index) {
  PixelChunk chunk = plan_.chunk(index);
  if (chunk.pixels == 0) return;
  const std::int32_t* slots = load_slots(table, chunk);
  for (std::size_t axis = 0; axis < chunk.index.size(); ++axis) {
    if (!update_.origin.empty()) chunk.index[axis] += update_.origin[axis];
  }
  const auto row = static_cast<std::size_t>(plan_.row_axis());
  for (std::int64_t first = 0; first < chunk.pixels;) {
    std::int64_t end = first + 1;
    while (end < chunk.pixels && slots[end] == slots[first]) ++end;
    table.take_run(slots[first], chunk.index.data(), plan_.row_axis(), end - first);
    if (!chunk.index.empty()) chunk.index[row] += end - first;
    first = end;
  }
}

}  // namespace boxel
