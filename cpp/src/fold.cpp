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

class AxisFold {
 public:
  AxisFold(Accumulator& accumulator, const FoldBuffers& buffers, int source,
           const RowAxis& axis, std::int64_t inner)
      : accumulator_(accumulator),
        buffers_(buffers),
        source_(source),
        axis_(axis),
        inner_(inner),
        full_(axis.length < axis.window.size
                  ? 0
                  : std::min(axis.window.outputs,
                             (axis.length - axis.window.size) / axis.window.step + 1)) {}

  // Folds `slabs` slabs, which hold `factor` samples per lane, from slab `first` on.
  void fold_slabs(std::int64_t first, std::int64_t slabs, double factor, int target) {
    const std::int64_t in_lanes = axis_.length * inner_;
    const std::int64_t out_lanes = axis_.window.outputs * inner_;
    if (full_ == 1 && axis_.window.outputs == 1 && inner_ < long_slice &&
        axis_.window.size * inner_ >= 2 * long_slice) {
      for (std::int64_t slab = first; slab < first + slabs; ++slab) {
        halve(slab * in_lanes, slab * out_lanes, factor, target);
      }
      return;
    }
    if (inner_ >= long_slice || full_ == 0) {
      for (std::int64_t slab = first; slab < first + slabs; ++slab) {
        const Lanes in = buffers_[at(source_)].from(slab * in_lanes);
        const Lanes out = buffers_[at(target)].from(slab * out_lanes);
        for (std::int64_t j = 0; j < full_; ++j) slice_window(in, out, j, factor);
        cut_windows(in, out, factor);
      }
      return;
    }
    // Cut windows read their lanes before doubling reuses the source's buffer.
    for (std::int64_t slab = first; slab < first + slabs && full_ < axis_.window.outputs; ++slab) {
      cut_windows(buffers_[at(source_)].from(slab * in_lanes),
                  buffers_[at(target)].from(slab * out_lanes), factor);
    }
    fold_full(first, slabs, factor, target);
  }

 private:
  static std::size_t at(int buffer) { return static_cast<std::size_t>(buffer); }

  void cut_windows(Lanes in, Lanes out, double factor) {
    for (std::int64_t j = full_; j < axis_.window.outputs; ++j) slice_window(in, out, j, factor);
  }

  // Merges the slices of one window in order.
  void slice_window(Lanes in, Lanes out, std::int64_t output, double factor) {
    const Lanes window = in.from(output * axis_.window.step * inner_);
    const Lanes into = out.from(output * inner_);
    const std::int64_t slices = axis_.extent(output);
    if (slices == 1) {
      accumulator_.pick(into, window, 1, 1, inner_);
      return;
    }
    accumulator_.merge(into, window, window.from(inner_), inner_, factor, factor);
    for (std::int64_t s = 2; s < slices; ++s) {
      accumulator_.merge(into, into, window.from(s * inner_), inner_,
                         factor * static_cast<double>(s), factor);
    }
  }

  // A single long window: halves are merged while they are equal, which touches each lane once.
  void halve(std::int64_t first, std::int64_t out_first, double factor, int target) {
    const Lanes lanes = buffers_[at(source_)].from(first);
    std::int64_t size = axis_.window.size;
    while (size % 2 == 0 && size * inner_ > long_slice) {
      size /= 2;
      accumulator_.merge(lanes, lanes, lanes.from(size * inner_), size * inner_, factor, factor);
      factor *= 2;
    }
    const int windows = double_up(first, size * inner_, size, factor, 3 - source_ - target);
    accumulator_.pick(buffers_[at(target)].from(out_first), buffers_[at(windows)].from(first), 1, 1,
                      inner_);
  }

  // `target` holds cut windows already, so doubling works in the source and the third buffer, and
  // the two meet again by picking.
  void fold_full(std::int64_t first, std::int64_t slabs, double factor, int target) {
    const std::int64_t in_lanes = axis_.length * inner_;
    const std::int64_t out_lanes = axis_.window.outputs * inner_;
    const int windows = double_up(first * in_lanes, slabs * in_lanes, axis_.window.size, factor,
                                  3 - source_ - target);
    const Lanes in = buffers_[at(windows)];
    const Lanes out = buffers_[at(target)];
    const std::int64_t step = axis_.window.step;
    if (full_ == axis_.window.outputs && axis_.length == full_ * step) {
      accumulator_.pick(out.from(first * out_lanes), in.from(first * in_lanes), slabs * full_, step,
                        inner_);
      return;
    }
    for (std::int64_t slab = first; slab < first + slabs; ++slab) {
      accumulator_.pick(out.from(slab * out_lanes), in.from(slab * in_lanes), full_, step, inner_);
    }
  }

  // Leaves the window that starts at each lane in one of the two buffers. The sums of the powers of
  // two live in one buffer; what the binary digits compose is merged in place in the other.
  int double_up(std::int64_t first, std::int64_t lanes, std::int64_t size, double factor,
                int spare) {
    if (size == 1) return source_;
    const Lanes powers = buffers_[at(source_)].from(first);
    const Lanes windows = buffers_[at(spare)].from(first);
    std::int64_t covered = 0;
    for (std::int64_t power = 1;; power *= 2) {
      const double held = factor * static_cast<double>(power);
      if (size & power) {
        if (size == power && covered == 0) return source_;
        add_digit(windows, powers, lanes, covered, power, factor);
        covered += power;
      }
      if (power * 2 > size) return spare;
      const std::int64_t reach = lanes - (2 * power - 1) * inner_;
      if (reach > 0) {
        accumulator_.merge(powers, powers, powers.from(power * inner_), reach, held, held);
      }
    }
  }

  void add_digit(Lanes windows, Lanes powers, std::int64_t lanes, std::int64_t covered,
                 std::int64_t power, double factor) {
    const std::int64_t reach = lanes - (covered + power - 1) * inner_;
    if (reach <= 0) return;
    if (covered == 0) {
      accumulator_.pick(windows, powers, 1, 1, reach);
    } else {
      accumulator_.merge(windows, windows, powers.from(covered * inner_), reach,
                         factor * static_cast<double>(covered),
                         factor * static_cast<double>(power));
    }
  }

  Accumulator& accumulator_;
  const FoldBuffers& buffers_;
  int source_;
  const RowAxis& axis_;
  std::int64_t inner_;
  std::int64_t full_;
};

}  // namespace

FoldPlan::FoldPlan(std::vector<RowAxis> axes) : axes_(std::move(axes)), runs_{{1, 1.0}} {
  for (const RowAxis& axis : axes_) {
    slabs_.push_back(runs_);
    runs_ = folded_runs(runs_, axis);
  }
}

int fold(Accumulator& accumulator, const FoldBuffers& buffers, const FoldPlan& plan, double rows) {
  std::int64_t inner = 1;
  for (const RowAxis& axis : plan.axes()) inner *= axis.length;
  int source = 0;
  for (std::size_t index = 0; index < plan.axes().size(); ++index) {
    const RowAxis& axis = plan.axes()[index];
    inner /= axis.length;
    if (axis.window.size == 1 && axis.window.step == 1) continue;
    const int target = (source + 1) % 3;
    AxisFold axis_fold(accumulator, buffers, source, axis, inner);
    std::int64_t slab = 0;
    for (const CountRun& run : plan.slabs(index)) {
      axis_fold.fold_slabs(slab, run.lanes, run.factor * rows, target);
      slab += run.lanes;
    }
    source = target;
  }
  return source;
}

}  // namespace boxel
