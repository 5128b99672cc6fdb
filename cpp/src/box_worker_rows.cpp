// The last step of a worker: rows of windows become results.
#include "box_worker.hpp"

#include <algorithm>

#include "prefetch.hpp"

namespace boxel {

void BoxWorker::locate_outputs() {
  for (std::size_t output = 0; output < places_.size(); ++output) {
    std::int64_t offset = output_offsets_[output];
    for (std::size_t k = 0; k < slides_.size(); ++k) {
      offset += slides_[k].axis->outputs[static_cast<int>(output)] * at_[k];
    }
    places_[output] = job_.request.outputs[output].view.data + offset;
  }
}

// Whether the only state serves the only output, by windows of neighbouring lanes.
bool BoxWorker::is_plain() const {
  return places_.size() == 1 && results_.size() == 1 && !job_.states.masked && !job_.cut &&
         geometry_.slides_once();
}

// Rows of means in float32 may go straight from the sums along the first axis.
RowWay BoxWorker::way_of_narrow_rows() const {
  if (slides_.size() != 2 || !is_plain() || !geometry_.leaves_in_place(row_lanes_)) {
    return RowWay::any;
  }
  const BlockOutput& output = job_.request.outputs[0];
  const DType dtype = output.view.dtype;
  const auto item = static_cast<std::int64_t>(size_of(dtype));
  const bool steps_by_items = std::ranges::all_of(
      slides_, [item](const BoxSpan& span) { return span.axis->outputs[0] % item == 0; });
  const bool straight =
      output.statistic == Statistic::mean && dtype == DType::float32 && steps_by_items &&
      writer_.goes_straight(0, output.view.data + output_offsets_[0], row_.front().outputs);
  if (!straight) return RowWay::any;
  if (SmallRows::serves(*slides_[0].axis, *slides_[1].axis, geometry_)) return RowWay::small;
  return FourRows::serves(geometry_) ? RowWay::fours : RowWay::any;
}

// All rows at an output along the first slide, where 32 bits hold enough.
bool BoxWorker::write_narrow_rows() {
  // No state is kept where nothing but counts is asked for.
  if (row_way_ == RowWay::any || !chains_.front().is_narrow) return false;
  Chain& chain = chains_.front();
  const UnitSlices slices = chain.narrow->first.slices();
  if (row_way_ == RowWay::small && !slices.rows_fit) return false;
  at_[1] = slides_[1].first_output;
  locate_outputs();
  if (row_way_ == RowWay::fours) {
    chain.narrow->fours.write(slices, chain.row, places_[0], output_stride(0));
  } else {
    chain.narrow->small.write(slices, places_[0], output_stride(0));
  }
  return true;
}

// From the lanes of rows straight to their outputs.
bool BoxWorker::write_windows(std::int64_t rows) {
  const Chain& chain = chains_.front();
  if (!is_plain() || chain.narrower_kernel || chain.scans) return false;
  const auto row_bytes =
      geometry_.outputs() * static_cast<std::int64_t>(size_of(job_.request.outputs[0].view.dtype));
  const RowWindows windows{geometry_.outputs(),
                           geometry_.axes().front().size,
                           exchanges(0),
                           job_.plan.volume,
                           rows,
                           extended_[0].pitch,
                           output_stride(0),
                           results_ahead(row_bytes, output_stride(0)),
                           job_.request.ddof};
  return writer_.write_windows(extended_[0].first, windows, row_.front().outputs, 0, places_[0]);
}

// From one to the next of the rows that are written together.
std::int64_t BoxWorker::output_stride(std::size_t output) const {
  return slides_.empty() ? 0 : slides_.back().axis->outputs[static_cast<int>(output)];
}

// All rows of a scan at once, before the first one is written.
void BoxWorker::extend_rows(std::size_t accumulator, std::int64_t rows) {
  Chain& chain = chains_[accumulator];
  const Lanes first = windows_[slides_.size()][accumulator];
  const Lanes border = chain.borders.back().lanes();
  if (!chain.scans) {
    const LaneRows written{first, slides_.empty() ? 0 : chain.made.pitch, rows};
    extended_[accumulator] = chain.row.extend(geometry_, written, has_margins(), border);
  } else if (index_of_rows(chain) == 0) {
    const LaneRows extended = chain.row.extend(geometry_, chain.made, has_margins(), border);
    chain.row.scan(geometry_, extended, job_.plan.lane_volume(), row_.front().first_position);
  }
}

void BoxWorker::write_rows(std::int64_t rows) {
  locate_outputs();
  for (std::size_t a = 0; a < chains_.size(); ++a) extend_rows(a, rows);
  if (write_windows(rows)) return;
  for (std::int64_t row = 0; row < rows; ++row) {
    write_row(row);
    if (!slides_.empty()) ++at_[slides_.size() - 1];
    for (std::size_t output = 0; output < places_.size(); ++output) {
      places_[output] += output_stride(output);
    }
  }
}

void BoxWorker::write_row(std::int64_t row) {
  const double held_by_lane = job_.plan.lane_volume();
  for (std::size_t a = 0; a < chains_.size(); ++a) {
    Chain& chain = chains_[a];
    results_[a] =
        chain.scans ? chain.row.scanned(geometry_, index_of_rows(chain))
                    : chain.row.slide(geometry_, extended_[a].row(row), held_by_lane, exchanges(a));
  }
  const LaneRun whole{0, geometry_.outputs()};
  if (job_.states.masked) {
    accumulators_.front()->finish(Statistic::count, results_.front(), whole.lanes(), {}, 0,
                                  counts_.data());
    write_part(whole, {});
  } else if (job_.cut) {
    write_cut_boxes();
  } else {
    const CountRun run{whole.lanes(), job_.plan.volume};
    write_part(whole, {&run, 1});
  }
}

// Most boxes of a row hold equally many samples, for which there are shorter ways.
void BoxWorker::write_cut_boxes() {
  const std::vector<std::int64_t>& along_row = geometry_.counts();
  const LaneRun equal = geometry_.equal_counts();
  const std::int64_t inner = geometry_.outputs() / row_.front().outputs;
  const bool apart = equal.first % inner == 0 && equal.end % inner == 0;
  std::int64_t within = 1;
  for (std::size_t k = 0; k < slides_.size(); ++k) within *= slides_[k].axis->counted(at_[k]);
  const auto write_unequal = [&](LaneRun part) {
    std::transform(along_row.begin() + part.first, along_row.begin() + part.end,
                   counts_.begin() + part.first,
                   [within](std::int64_t count) { return within * count; });
    write_part(part, {});
  };
  if (!apart) return write_unequal({0, geometry_.outputs()});
  write_unequal({0, equal.first});
  const std::int64_t held = within * along_row[static_cast<std::size_t>(equal.first)];
  const CountRun run{equal.lanes(), static_cast<double>(held)};
  write_part(equal, {&run, 1});
  write_unequal({equal.end, geometry_.outputs()});
}

// Boxes of a row that hold equally many samples, or, without runs, as counts_ says.
void BoxWorker::write_part(LaneRun part, std::span<const CountRun> equal) {
  if (part.lanes() == 0) return;
  const std::int64_t inner = geometry_.outputs() / row_.front().outputs;
  for (std::size_t a = 0; a < results_.size(); ++a) part_[a] = results_[a].from(part.first);
  const ResultWriter::Row results{part_, part.lanes() / inner, part.lanes(), equal,
                                  equal.empty() ? counts_.data() + part.first : nullptr};
  for (std::size_t output = 0; output < places_.size(); ++output) {
    const std::int64_t stride = row_.front().axis->outputs[static_cast<int>(output)];
    writer_.write(results, output, places_[output] + part.first / inner * stride);
  }
}

}  // namespace boxel
