#include "boxel/regions/gather.hpp"

#include <algorithm>
#include <memory>

#include "region_worker.hpp"

namespace boxel {
namespace {

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

constexpr std::int64_t chunk_pixels = 2048;
// Rows of results that are written at a time.
constexpr std::int64_t written_rows = 64;

// The gathered samples of every region and channel, one after another.
struct Storage {
  std::int64_t channels = 1;
  std::vector<std::int64_t> starts;  // by slot and channel; -1 where nothing is gathered
  std::vector<std::int64_t> counts;  // by wanted label and channel
  std::vector<std::int64_t> first;   // likewise: where its samples begin
  Buffer samples;
};

template <class T>
void scatter(const RegionSamples& from, std::vector<std::int64_t>& places, std::byte* storage) {
  T* out = reinterpret_cast<T*>(storage);
  const T* samples = static_cast<const T*>(from.samples);
  for (std::int64_t p = 0; p < from.pixels; ++p) {
    for (std::int64_t c = 0; c < from.channels; ++c) {
      const std::int64_t index = p * from.channels + c;
      std::int64_t& place = places[at(from.slots[p] * from.channels + c)];
      const T sample = samples[index];
      if (place < 0 || (from.include && !from.include[index])) continue;
      if (from.skip_nan && sample != sample) continue;
      out[place++] = sample;
    }
  }
}

void scatter(Sample type, const RegionSamples& from, std::vector<std::int64_t>& places,
             std::byte* storage) {
  if (type == Sample::float32) return scatter<float>(from, places, storage);
  if (type == Sample::float64) return scatter<double>(from, places, storage);
  switch (size_of_sample(type)) {
    case 1:
      return scatter<std::uint8_t>(from, places, storage);
    case 2:
      return scatter<std::uint16_t>(from, places, storage);
    case 4:
      return scatter<std::uint32_t>(from, places, storage);
    default:
      return scatter<std::uint64_t>(from, places, storage);
  }
}

Storage make_storage(const RegionTable& table, const std::vector<WideLabel>& labels,
                     const std::vector<std::int64_t>& counts, std::size_t sample_size) {
  Storage storage;
  storage.channels = table.settings().channels;
  storage.counts = counts;
  storage.starts.assign(at(table.slots() * storage.channels), -1);
  std::int64_t total = 0;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const std::int32_t slot = table.find(labels[row]);
    for (std::int64_t c = 0; c < storage.channels; ++c) {
      const std::size_t lane = at(slot * storage.channels + c);
      // A label that is asked for twice is gathered once.
      if (slot != no_slot && storage.starts[lane] < 0) {
        storage.starts[lane] = total;
        total += counts[row * at(storage.channels) + at(c)];
      }
      storage.first.push_back(slot == no_slot ? 0 : storage.starts[lane]);
    }
  }
  storage.samples.reserve(std::max<std::size_t>(1, at(total)) * sample_size);
  return storage;
}

std::vector<std::int64_t> counts_of(const RegionTable& table,
                                    const std::vector<WideLabel>& labels) {
  const auto rows = static_cast<std::int64_t>(labels.size());
  const std::int64_t channels = table.settings().channels;
  std::vector<std::int64_t> counts(at(rows * channels));
  BlockOutput output{Statistic::count, {}, false, {}};
  output.view.data = reinterpret_cast<std::byte*>(counts.data());
  output.view.dtype = DType::int64;
  for (const std::int64_t length : {rows, channels}) output.view.shape.push_back(length);
  for (const std::int64_t stride : {channels, std::int64_t{1}}) {
    output.view.strides.push_back(stride * static_cast<std::int64_t>(sizeof(std::int64_t)));
  }
  table.write(labels, {output}, 0);
  return counts;
}

class Results {
 public:
  Results(const KernelSet& kernels, Selector& selector, const Storage& storage,
          const BlockOutput& output)
      : selector_(selector),
        storage_(storage),
        output_(output),
        storer_(kernels, output.view, selector.natural(output.statistic),
                {output.view.shape, output.view.strides}) {}

  void write(std::int64_t first, std::int64_t rows) const {
    const std::int64_t lanes = rows * storage_.channels;
    std::vector<std::int64_t> values(at(lanes));
    std::vector<std::int64_t> cast(at(lanes));
    std::vector<std::uint8_t> failed(at(lanes));
    bool fails = false;
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const std::size_t place = at(first * storage_.channels + lane);
      failed[at(lane)] = storage_.counts[place] == 0;
      fails |= failed[at(lane)] != 0;
      if (failed[at(lane)]) continue;
      std::byte* samples =
          storage_.samples.data() + at(storage_.first[place]) * selector_.sample_size();
      selector_.finish(output_.statistic, samples, storage_.counts[place], &storage_.counts[place],
                       1, &values[at(lane)]);
    }
    if (!storer_.store(output_.view.data + first * output_.view.strides[0], values.data(), rows,
                       lanes, fails ? failed.data() : nullptr,
                       output_.has_fill ? output_.fill.data() : nullptr, cast.data())) {
      throw MissingValue(output_.statistic, output_.view.dtype);
    }
  }

 private:
  Selector& selector_;
  const Storage& storage_;
  const BlockOutput& output_;
  RowStorer storer_;
};

}  // namespace

void select_regions(const KernelSet& kernels, const RegionUpdate& update,
                    const std::vector<WideLabel>& labels, const std::vector<BlockOutput>& outputs) {
  if (labels.empty() || outputs.empty()) return;
  RegionSettings settings;
  settings.statistics = {Statistic::count};
  settings.dtype = update.image->dtype;
  settings.channels = outputs.front().view.shape[1];
  settings.kernels = &kernels;
  settings.dense_span = dense_span_of(update.labels);
  if (settings.channels == 0) return;
  RegionTable table(settings);
  update_regions(table, update);
  const Sample sample = table.sample();
  Storage storage = make_storage(table, labels, counts_of(table, labels), size_of_sample(sample));

  const PixelPlan plan(update, chunk_pixels, true);
  const PixelSources sources(update, kernels, sample, update.where || update.masked, plan);
  RegionWorker worker(update, plan, sources, table);
  for (std::int64_t index = 0; index < plan.chunks() && plan.pixels() > 0; ++index) {
    const PixelChunk chunk = plan.chunk(index);
    scatter(sample, worker.load(table, chunk).samples, storage.starts, storage.samples.data());
    if (update.poll && index % 64 == 0) update.poll();
  }

  bool integral_midpoint = false;
  for (const BlockOutput& output : outputs) {
    integral_midpoint |= output.statistic == Statistic::median && !is_floating(output.view.dtype) &&
                         !is_floating(settings.dtype);
  }
  const auto selector = kernels.make_selector(
      {StateKind::gathered, sample, false, static_cast<double>(plan.pixels()), integral_midpoint});
  const auto rows = static_cast<std::int64_t>(labels.size());
  // Labels that are asked for twice share their samples, which a median moves about.
  std::vector<WideLabel> sorted = labels;
  std::ranges::sort(sorted);
  const bool distinct = std::ranges::adjacent_find(sorted) == sorted.end();
  for (const BlockOutput& output : outputs) {
    const Results results(kernels, *selector, storage, output);
    parallel_for((rows + written_rows - 1) / written_rows, distinct ? update.workers : 1,
                 [&](std::int64_t piece, int) {
                   const std::int64_t first = piece * written_rows;
                   results.write(first, std::min(written_rows, rows - first));
                 },
                 update.poll);
  }
}

}  // namespace boxel
