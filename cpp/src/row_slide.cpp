#include "row_slide.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace boxel {
namespace {

// Calls visit(lane of each index of nested axes) with the innermost axis fastest: at(axis, index)
// is an index's share of the lane, or `beyond`.
template <class At, class Visit>
void visit_nested(const std::vector<std::int64_t>& lengths, At at, Visit visit) {
  const std::size_t axes = lengths.size();
  const std::int64_t total =
      std::accumulate(lengths.begin(), lengths.end(), std::int64_t{1}, std::multiplies{});
  std::vector<std::int64_t> index(axes, 0);
  for (std::int64_t k = 0; k < total; ++k) {
    std::int64_t lane = 0;
    for (std::size_t axis = 0; axis < axes && lane != beyond; ++axis) {
      const std::int64_t share = at(axis, index[axis]);
      lane = share == beyond ? beyond : lane + share;
    }
    visit(lane);
    for (std::size_t axis = axes; axis-- > 0;) {
      if (++index[axis] < lengths[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace

LaneMoves::LaneMoves(std::vector<std::int64_t> sources) : sources_(std::move(sources)) {
  const auto lanes = static_cast<std::int64_t>(sources_.size());
  const auto source = [&](std::int64_t lane) { return sources_[static_cast<std::size_t>(lane)]; };
  for (std::int64_t lane = 0; lane < lanes;) {
    std::int64_t end = lane + 1;
    while (end < lanes && source(end) == source(end - 1) + 1) ++end;
    const bool in_order = end - lane >= shortest_run;
    if (!in_order && !parts_.empty() && !parts_.back().in_order) {
      parts_.back().end = end;
    } else {
      parts_.push_back({end, in_order});
    }
    lane = end;
  }
}

void LaneMoves::apply(Accumulator& accumulator, Lanes out, Lanes in) const {
  std::int64_t lane = 0;
  for (const Part& part : parts_) {
    const std::int64_t* sources = sources_.data() + lane;
    if (part.in_order) {
      accumulator.pick(out.from(lane), in.from(*sources), 1, 1, part.end - lane);
    } else {
      accumulator.gather(out.from(lane), in, sources, part.end - lane);
    }
    lane = part.end;
  }
}

RowGeometry::RowGeometry(const std::vector<BoxSpan>& spans) {
  for (const BoxSpan& span : spans) filtered_ |= span.axis->filtered();
  for (const BoxSpan& span : spans) {
    extended_lanes_ *= span.positions;
    outputs_ *= span.outputs;
  }
  std::int64_t inner = extended_lanes_;
  for (const BoxSpan& span : spans) {
    inner /= span.positions;
    if (span.axis->filtered()) axes_.push_back({span.axis->box.size, inner});
  }
  count(spans);
  if (!filtered_) return;
  extend(spans);
  pick(spans);
}

void RowGeometry::extend(const std::vector<BoxSpan>& spans) {
  std::vector<std::int64_t> lengths;
  std::vector<std::int64_t> inner(spans.size(), 1);
  for (std::size_t k = spans.size(); k-- > 1;) inner[k - 1] = inner[k] * spans[k].sources;
  for (const BoxSpan& span : spans) lengths.push_back(span.positions);
  std::vector<std::int64_t> sources;
  sources.reserve(static_cast<std::size_t>(extended_lanes_));
  const auto at = [&](std::size_t axis, std::int64_t position) {
    const std::int64_t source = spans[axis].source(spans[axis].first_position + position);
    return source == beyond ? beyond : source * inner[axis];
  };
  visit_nested(lengths, at, [&](std::int64_t lane) { sources.push_back(lane); });
  find_body(sources);
  find_copies(sources);
  std::ranges::replace(sources, beyond, 0);
  sources_ = LaneMoves(std::move(sources));
}

void RowGeometry::find_body(const std::vector<std::int64_t>& sources) {
  for (std::int64_t lane = 0; lane < extended_lanes_;) {
    const std::int64_t source = sources[static_cast<std::size_t>(lane)];
    std::int64_t end = lane + 1;
    const std::int64_t step = source == beyond ? 0 : 1;
    while (end < extended_lanes_ &&
           sources[static_cast<std::size_t>(end)] == source + step * (end - lane)) {
      ++end;
    }
    const Body run{lane, source, end - lane};
    if (source == beyond) {
      borders_.push_back(run);
    } else if (run.lanes > body_.lanes) {
      body_ = run;
    }
    lane = end;
  }
}

void RowGeometry::find_copies(const std::vector<std::int64_t>& sources) {
  for (std::int64_t lane = 0; lane < extended_lanes_; ++lane) {
    const bool within = lane >= body_.to && lane < body_.to + body_.lanes;
    const std::int64_t source = sources[static_cast<std::size_t>(lane)];
    if (!within && source != beyond) add_copy(lane - body_.to, source - body_.from);
  }
}

void RowGeometry::add_copy(std::int64_t to, std::int64_t from) {
  if (!copies_.empty()) {
    LaneCopy& last = copies_.back();
    if (last.lanes == 1 && to == last.to + 1) last.step = from - last.from;
    if (to == last.to + last.lanes && from == last.from + last.lanes * last.step) {
      ++last.lanes;
      return;
    }
  }
  copies_.push_back({to, from, 0, 1});
}

void RowGeometry::pick(const std::vector<BoxSpan>& spans) {
  std::vector<std::int64_t> lengths;
  std::vector<std::int64_t> inner(spans.size(), 1);
  for (std::size_t k = spans.size(); k-- > 1;) inner[k - 1] = inner[k] * spans[k].positions;
  for (const BoxSpan& span : spans) lengths.push_back(span.outputs);
  std::vector<std::int64_t> picked;
  picked.reserve(static_cast<std::size_t>(outputs_));
  const auto at = [&](std::size_t axis, std::int64_t output) {
    return output * spans[axis].axis->box.stride * inner[axis];
  };
  visit_nested(lengths, at, [&](std::int64_t lane) { picked.push_back(lane); });
  if (picked.back() != outputs_ - 1) picked_ = LaneMoves(std::move(picked));
}

void RowGeometry::count(const std::vector<BoxSpan>& spans) {
  std::vector<std::int64_t> lengths;
  for (const BoxSpan& span : spans) lengths.push_back(span.outputs);
  counts_.assign(static_cast<std::size_t>(outputs_), 1);
  std::int64_t inner = outputs_;
  for (const BoxSpan& span : spans) {
    inner /= span.outputs;
    for (std::int64_t lane = 0; lane < outputs_; ++lane) {
      const std::int64_t output = span.first_output + lane / inner % span.outputs;
      counts_[static_cast<std::size_t>(lane)] *= span.axis->counted(output);
    }
  }
  for (std::int64_t first = 0, end = 0; first < outputs_; first = end) {
    const std::int64_t count = counts_[static_cast<std::size_t>(first)];
    while (end < outputs_ && counts_[static_cast<std::size_t>(end)] == count) ++end;
    if (end - first > equal_counts_.lanes()) equal_counts_ = {first, end};
  }
}

LaneRows RowSlide::extend(const RowGeometry& geometry, LaneRows rows, bool has_margins,
                          Lanes border) {
  if (!geometry.filtered()) return rows;
  const RowGeometry::Body& body = geometry.body();
  const std::int64_t lanes = geometry.extended_lanes();
  if (body.lanes == lanes) return {rows.first.from(body.from), rows.pitch, rows.count};
  if (!has_margins) {
    const Lanes extended = extended_.reserve(lanes_, lanes);
    geometry.sources().apply(lanes_, extended, rows.first);
    fill_borders(geometry, extended, border);
    return {extended};
  }
  lanes_.copy_lanes(rows.first, geometry.copies(), rows.count, rows.pitch);
  const LaneRows extended{rows.first.from(-body.to), rows.pitch, rows.count};
  for (std::int64_t row = 0; row < rows.count; ++row) {
    fill_borders(geometry, extended.row(row), border);
  }
  return extended;
}

void RowSlide::fill_borders(const RowGeometry& geometry, Lanes extended, Lanes border) {
  for (const RowGeometry::Body& run : geometry.borders()) {
    lanes_.pick(extended.from(run.to), border, run.lanes, 0, 1);
  }
}

Lanes RowSlide::widened(Lanes extended, std::int64_t lanes) {
  if (&lanes_ == &boxes_) return extended;
  const Lanes wide = widened_.reserve(boxes_, lanes);
  boxes_.widen(wide, extended, lanes_.lane_size(), lanes);
  return wide;
}

Lanes RowSlide::slide(const RowGeometry& geometry, Lanes extended, double held, bool exchanges) {
  std::int64_t count = geometry.extended_lanes();
  Lanes lanes = widened(extended, count);
  if (!geometry.filtered()) return lanes;
  for (const RowGeometry::Axis& axis : geometry.axes()) {
    lanes = slide_along(lanes, count, axis, held, exchanges);
    count -= (axis.size - 1) * axis.inner;
    held *= static_cast<double>(axis.size);
  }
  return pick(geometry, lanes);
}

Lanes RowSlide::pick(const RowGeometry& geometry, Lanes windows) {
  if (geometry.picked().empty()) return windows;
  const Lanes picked = picked_.reserve(boxes_, geometry.outputs());
  geometry.picked().apply(boxes_, picked, windows);
  return picked;
}

bool RowSlide::scans(const RowGeometry& geometry) const {
  return &lanes_ == &boxes_ && geometry.axes().size() == 1 && geometry.axes()[0].inner == 1 &&
         boxes_.scans_windows(geometry.axes()[0].size);
}

void RowSlide::scan(const RowGeometry& geometry, LaneRows extended, double held,
                    std::int64_t first) {
  const std::int64_t size = geometry.axes()[0].size;
  const std::int64_t windows = geometry.extended_lanes() - size + 1;
  scanned_pitch_ = row_capacity(boxes_, windows);
  const Lanes out = scanned_.reserve(boxes_, extended.count * scanned_pitch_);
  boxes_.scan_windows(out, scanned_pitch_, extended.first,
                      {extended.count, extended.pitch, windows, size, first, held});
}

Lanes RowSlide::scanned(const RowGeometry& geometry, std::int64_t row) {
  return pick(geometry, scanned_.lanes().from(row * scanned_pitch_));
}

Lanes RowSlide::slide_along(Lanes row, std::int64_t lanes, const RowGeometry::Axis& axis,
                            double held, bool exchanges) {
  const std::int64_t outputs = lanes - (axis.size - 1) * axis.inner;
  // Never where `row` lies, if that is the result of the axis before.
  result_ = 1 - result_;
  const Lanes result = results_[static_cast<std::size_t>(result_)].reserve(boxes_, outputs);
  if (exchanges && axis.inner == 1 && axis.size >= smallest_exchanged_window) {
    boxes_.exchange_windows(result, row, outputs, axis.size);
    return result;
  }

  std::array<Lanes, most_digits>& windows = windows_;
  windows[0] = row;
  std::size_t top = 0;
  std::int64_t power = 1;
  while (power <= axis.size / 4) {
    lanes -= 3 * power * axis.inner;
    const Lanes wider = 4 * power == axis.size ? result : powers_[top].reserve(boxes_, lanes);
    boxes_.merge_ahead(wider, windows[top], lanes, power * axis.inner, 4,
                       static_cast<double>(power) * held);
    windows[++top] = wider;
    power *= 4;
  }

  if (boxes_.overlaps()) return cover(result, outputs, windows[top], power, axis, held);
  Lanes merged = windows[top];
  std::int64_t done = 0;
  for (std::size_t digit = top + 1; digit-- > 0; power /= 4) {
    const std::int64_t times = axis.size / power % 4;
    if (times == 0) continue;
    const double part_held = static_cast<double>(power) * held;
    Lanes part = windows[digit].from(done * axis.inner);
    if (times > 1) {
      const Lanes target = done ? part_.reserve(boxes_, outputs) : result;
      boxes_.merge_ahead(target, part, outputs, power * axis.inner, static_cast<int>(times),
                         part_held);
      part = target;
    }
    if (done) {
      boxes_.merge(result, merged, part, outputs, static_cast<double>(done) * held,
                   static_cast<double>(times) * part_held);
      part = result;
    }
    merged = part;
    done += times * power;
  }
  return merged;
}

// Windows that overlap: as many of the widest as fit, and one that ends with the last sample.
Lanes RowSlide::cover(Lanes result, std::int64_t outputs, Lanes windows, std::int64_t width,
                      const RowGeometry::Axis& axis, double held) {
  const std::int64_t times = axis.size / width;
  const std::int64_t rest = axis.size - times * width;
  Lanes covered = windows;
  if (times > 1) {
    boxes_.merge_ahead(result, windows, outputs, width * axis.inner, static_cast<int>(times), held);
    covered = result;
  }
  if (rest == 0) return covered;
  const Lanes last = windows.from((axis.size - width) * axis.inner);
  boxes_.merge(result, covered, last, outputs, held, held);
  return result;
}

}  // namespace boxel
