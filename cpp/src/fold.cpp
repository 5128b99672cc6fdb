#include "boxel/fold.hpp"

#include <algorithm>
#include <utility>

namespace boxel {
namespace {

// From this many lanes on, merging whole slices beats doubling over all lanes.
constexpr std::int64_t long_slice = 32;

// The runs behind a folded axis: each slab before it becomes one lane for each of its boxes.
std::vector<CountRun> folded_runs(const std::vector<CountRun>& slabs, const RowAxis& axis) {
  std::vector<CountRun> result;
  const auto append = [&](std::int64_t lanes, double factor) {
    if (!result.empty() && result.back().factor == factor) {
      result.back().lanes += lanes;
    } else {
      result.push_back({lanes, factor});
    }
  };
  const std::int64_t outputs = axis.window.outputs;
  std::int64_t whole = 0;
  while (whole < outputs && axis.extent(whole) == axis.window.size) ++whole;
  for (const CountRun& run : slabs) {
    if (whole == outputs) {
      append(run.lanes * outputs, run.factor * static_cast<double>(axis.window.size));
      continue;
    }
    for (std::int64_t slab = 0; slab < run.lanes; ++slab) {
      if (whole) append(whole, run.factor * static_cast<double>(axis.window.size));
      for (std::int64_t j = whole; j < outputs; ++j) {
        append(1, run.factor * static_cast<double>(axis.extent(j)));
      }
    }
  }
  return result;
}

// The first of the factors by which windows of adjacent lanes are folded; 0 if none divides.
int divisor(const Accumulator& accumulator, std::int64_t size) {
  for (const int factor : {8, 5, 4, 3, 2}) {
    if (size % factor == 0 && accumulator.folds_adjacent(factor)) return factor;
  }
  return 0;
}

bool tiles(const RowAxis& axis) { return axis.window.step == axis.window.size; }

// All windows are whole, and every lane belongs to one.
bool tiled(const RowAxis& axis) {
  return tiles(axis) && axis.length == axis.window.outputs * axis.window.size;
}

// One axis, whose slices are `inner` lanes long, folded slab by slab from one buffer to another.
class AxisFold {
 public:
  AxisFold(Accumulator& accumulator, const FoldBuffers& buffers, int source, const RowAxis& axis,
           std::int64_t inner)
      : accumulator_(accumulator),
        source_(buffers[at(source)]),
        target_(buffers[at((source + 1) % 3)]),
        spare_(buffers[at((source + 2) % 3)]),
        axis_(axis),
        inner_(inner),
        in_lanes_(axis.length * inner),
        out_lanes_(axis.window.outputs * inner),
        full_(axis.length < axis.window.size
                  ? 0
                  : std::min(axis.window.outputs,
                             (axis.length - axis.window.size) / axis.window.step + 1)) {}

  // Folds `slabs` slabs whose lanes hold `held` samples each: those that begin at these lanes.
  void fold(std::int64_t in_lane, std::int64_t out_lane, std::int64_t slabs, double held) {
    const bool evenly = full_ == axis_.window.outputs && axis_.length == full_ * axis_.window.step;
    if (inner_ < long_slice && evenly && slabs * full_ > 1) {
      fold_windows(in_lane, out_lane, slabs * full_, slabs * in_lanes_, held);
      return;
    }
    for (std::int64_t slab = 0; slab < slabs; ++slab) {
      fold_slab(in_lane + slab * in_lanes_, out_lane + slab * out_lanes_, held);
    }
  }

 private:
  static std::size_t at(int buffer) { return static_cast<std::size_t>(buffer); }
  void fold_slab(std::int64_t in_lane, std::int64_t out_lane, double held) {
    // Cut windows first: doubling reuses the source.
    for (std::int64_t j = full_; j < axis_.window.outputs; ++j) {
      merge_slices(in_lane, out_lane, j, held);
    }
    if (full_ == 0) return;
    if (inner_ >= long_slice) {
      for (std::int64_t j = 0; j < full_; ++j) merge_slices(in_lane, out_lane, j, held);
    } else if (axis_.window.outputs == 1) {
      halve(in_lane, out_lane, held);
    } else {
      fold_windows(in_lane, out_lane, full_, in_lanes_, held);
    }
  }

  // Merges the slices of one window in order.
  void merge_slices(std::int64_t in_lane, std::int64_t out_lane, std::int64_t output, double held) {
    const Lanes window = source_.from(in_lane + output * axis_.window.step * inner_);
    const Lanes into = target_.from(out_lane + output * inner_);
    const std::int64_t slices = axis_.extent(output);
    if (slices == 1) {
      accumulator_.pick(into, window, 1, 1, inner_);
      return;
    }
    accumulator_.merge(into, window, window.from(inner_), inner_, held, held);
    for (std::int64_t s = 2; s < slices; ++s) {
      accumulator_.merge(into, into, window.from(s * inner_), inner_, held * static_cast<double>(s),
                         held);
    }
  }

  // A single long window: halves are merged while they are equal, which touches each lane once.
  void halve(std::int64_t in_lane, std::int64_t out_lane, double held) {
    const Lanes lanes = source_.from(in_lane);
    std::int64_t size = axis_.window.size;
    while (size % 2 == 0 && size * inner_ > long_slice) {
      size /= 2;
      accumulator_.merge(lanes, lanes, lanes.from(size * inner_), size * inner_, held, held);
      held *= 2;
    }
    const Lanes windows = double_up(in_lane, size * inner_, size, held);
    accumulator_.pick(target_.from(out_lane), windows, 1, 1, inner_);
  }

  // Full windows that start evenly spaced.
  void fold_windows(std::int64_t in_lane, std::int64_t out_lane, std::int64_t windows,
                    std::int64_t lanes, double held) {
    if (inner_ == 1 && tiles(axis_)) {
      fold_adjacent(in_lane, out_lane, windows, held);
      return;
    }
    const Lanes starts = double_up(in_lane, lanes, axis_.window.size, held);
    accumulator_.pick(target_.from(out_lane), starts, windows, axis_.window.step, inner_);
  }

  // A window's size as a product of what folds at once, each pass leaving fewer lanes; a prime
  // factor that is left over is doubled up at last.
  void fold_adjacent(std::int64_t in_lane, std::int64_t out_lane, std::int64_t windows,
                     double held) {
    std::int64_t size = axis_.window.size;
    Lanes in = source_.from(in_lane);
    Lanes next = spare_.from(in_lane);
    for (int factor = divisor(accumulator_, size); factor != 0;
         factor = divisor(accumulator_, size)) {
      size /= factor;
      const bool last = size == 1;
      const Lanes out = last ? target_.from(out_lane) : next;
      accumulator_.fold_adjacent(out, in, windows * size, factor, held);
      if (last) return;
      held *= factor;
      std::swap(in, next);
    }
    const Lanes starts = double_up(in, next, windows * size, size, held);
    accumulator_.pick(target_.from(out_lane), starts, windows, size, 1);
  }

  Lanes double_up(std::int64_t in_lane, std::int64_t lanes, std::int64_t size, double held) {
    return double_up(source_.from(in_lane), spare_.from(in_lane), lanes, size, held);
  }

  // Returns the lanes that hold the windows which start at each lane. The powers of two are summed
  // in place; what the binary digits of the size compose is merged in place in `windows`.
  Lanes double_up(Lanes powers, Lanes windows, std::int64_t lanes, std::int64_t size, double held) {
    if (size == 1) return powers;
    std::int64_t covered = 0;
    for (std::int64_t power = 1;; power *= 2) {
      const double powers_held = held * static_cast<double>(power);
      if (size & power) {
        if (size == power && covered == 0) return powers;
        const std::int64_t reach = lanes - (covered + power - 1) * inner_;
        if (covered == 0) {
          accumulator_.pick(windows, powers, 1, 1, reach);
        } else {
          accumulator_.merge(windows, windows, powers.from(covered * inner_), reach,
                             held * static_cast<double>(covered), powers_held);
        }
        covered += power;
      }
      if (power * 2 > size) return windows;
      const std::int64_t reach = lanes - (2 * power - 1) * inner_;
      accumulator_.merge(powers, powers, powers.from(power * inner_), reach, powers_held,
                         powers_held);
    }
  }

  Accumulator& accumulator_;
  Lanes source_;
  Lanes target_;
  Lanes spare_;
  const RowAxis& axis_;
  std::int64_t inner_;
  std::int64_t in_lanes_;
  std::int64_t out_lanes_;
  std::int64_t full_;
};

bool unchanged(const RowAxis& axis) { return axis.window.size == 1 && axis.window.step == 1; }

// Lanes [first * stride, ...) of each buffer, where slots have this stride before and after an
// axis.
int fold_inner_first(Accumulator& accumulator, const FoldBuffers& buffers, const FoldPlan& plan,
                     std::int64_t first, std::int64_t slots, double held) {
  std::int64_t slabs = slots * plan.lanes();
  std::int64_t before = first * plan.lanes();
  std::int64_t inner = 1;
  int source = 0;
  for (std::size_t index = plan.axes().size(); index-- > 0;) {
    const RowAxis& axis = plan.axes()[index];
    slabs /= axis.length * inner;
    const std::int64_t after = before / axis.length * axis.window.outputs;
    if (!unchanged(axis)) {
      AxisFold(accumulator, buffers, source, axis, inner).fold(before, after, slabs, held);
      source = (source + 1) % 3;
      held *= static_cast<double>(axis.window.size);
    }
    inner *= axis.window.outputs;
    slabs *= inner;
    before = after;
  }
  return source;
}

int fold_outer_first(Accumulator& accumulator, const FoldBuffers& buffers, const FoldPlan& plan,
                     std::int64_t slot, double rows) {
  std::int64_t in_lane = slot * plan.lanes();
  std::int64_t inner = plan.lanes();
  int source = 0;
  for (std::size_t index = 0; index < plan.axes().size(); ++index) {
    const RowAxis& axis = plan.axes()[index];
    const std::int64_t out_start = in_lane / axis.length * axis.window.outputs;
    inner /= axis.length;
    if (unchanged(axis)) continue;
    AxisFold axis_fold(accumulator, buffers, source, axis, inner);
    std::int64_t out_lane = out_start;
    std::int64_t from = in_lane;
    for (const CountRun& run : plan.slabs(index)) {
      axis_fold.fold(from, out_lane, run.lanes, run.factor * rows);
      from += run.lanes * axis.length * inner;
      out_lane += run.lanes * axis.window.outputs * inner;
    }
    source = (source + 1) % 3;
    in_lane = out_start;
  }
  return source;
}

}  // namespace

FoldPlan::FoldPlan(std::vector<RowAxis> axes) : axes_(std::move(axes)), runs_{{1, 1.0}} {
  slabs_.reserve(axes_.size());
  for (std::size_t index = 0; index < axes_.size(); ++index) {
    const RowAxis& axis = axes_[index];
    lanes_ *= axis.length;
    outputs_ *= axis.window.outputs;
    slabs_.push_back(runs_);
    runs_ = folded_runs(runs_, axis);
    if (index > 0 && axis.extent(axis.window.outputs - 1) != axis.window.size) inner_first_ = false;
  }
}

int FoldPlan::adjacent(const Accumulator& accumulator) const {
  const RowAxis& axis = axes_.back();
  // A single window is folded in another order, as are windows behind the last one of a row.
  if (!inner_first_ || !tiles(axis) || axis.window.outputs == 1) return 1;
  const int factor = divisor(accumulator, axis.window.size);
  if (factor == 0 || !accumulator.takes_slots(factor)) return 1;
  const bool cut = axes_.size() == 1 && factor == axis.window.size &&
                   axis.length > (axis.window.outputs - 1) * axis.window.size &&
                   axis.length < axis.window.outputs * axis.window.size;
  return tiled(axis) || cut ? factor : 1;
}

FoldPlan FoldPlan::without(int adjacent) const {
  std::vector<RowAxis> axes = axes_;
  if (adjacent > 1) {
    RowAxis& axis = axes.back();
    axis.window.size /= adjacent;
    axis.window.step = axis.window.size;
    axis.length = axis.window.outputs * axis.window.size;
  }
  return FoldPlan(std::move(axes));
}

int fold(Accumulator& accumulator, const FoldBuffers& buffers, const FoldPlan& plan,
         std::int64_t first, std::int64_t slots, double rows) {
  if (plan.inner_first()) {
    return fold_inner_first(accumulator, buffers, plan, first, slots, rows);
  }
  int result = 0;
  for (std::int64_t slot = first; slot < first + slots; ++slot) {
    result = fold_outer_first(accumulator, buffers, plan, slot, rows);
  }
  return result;
}

}  // namespace boxel
