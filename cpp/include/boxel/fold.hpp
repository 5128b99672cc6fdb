// Folding the lanes of a row's state into its boxes, axis by axis, for any accumulator.
//
// Windows of lanes are merged by doubling (S2[l] = S1[l] + S1[l + 1], S4[l] = S2[l] + S2[l + 2],
// ..., composed by the binary digits of the size): every pass is a plain loop over all lanes,
// whatever the size, and the lanes at which windows start are picked at the end. Nothing is
// subtracted.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/plan.hpp"

namespace boxel {

// One axis of a row as a chunk sees it.
struct RowAxis {
  std::int64_t length = 1;
  Window window;

  std::int64_t extent(std::int64_t output) const {
    const std::int64_t left = length - output * window.step;
    return left < window.size ? left : window.size;
  }
};

// Equal numbers of samples in consecutive lanes, as a factor of the rows that were taken.
struct CountRun {
  std::int64_t lanes;
  double factor;
};

// How a row of a given geometry folds: worked out once for all chunks alike.
class FoldPlan {
 public:
  FoldPlan() = default;
  explicit FoldPlan(std::vector<RowAxis> axes);

  const std::vector<RowAxis>& axes() const { return axes_; }
  std::int64_t lanes() const { return lanes_; }
  std::int64_t outputs() const { return outputs_; }
  // Samples per output lane, for each row taken: few runs, because only the last box of an axis is
  // cut.
  const std::vector<CountRun>& runs() const { return runs_; }
  // Samples per lane of each slab (index of the axes folded before) when `axis` is folded.
  const std::vector<CountRun>& slabs(std::size_t axis) const { return slabs_[axis]; }
  // Whether the innermost axis can go first, which leaves fewer lanes for the others: only where no
  // axis but the first has cut boxes, so that lanes to be merged hold equally many samples.
  bool inner_first() const { return inner_first_; }

  // How many adjacent lanes fold() would merge first, if they can be merged while rows are taken: 1
  // where none can.
  int adjacent(const Accumulator& accumulator) const;
  // What is left to fold when so many adjacent lanes are merged.
  FoldPlan without(int adjacent) const;

 private:
  std::vector<RowAxis> axes_;
  std::int64_t lanes_ = 1;
  std::int64_t outputs_ = 1;
  std::vector<std::vector<CountRun>> slabs_;
  std::vector<CountRun> runs_;
  bool inner_first_ = true;
};

// Three states to fold in; which one holds the result changes with every pass.
using FoldBuffers = std::array<Lanes, 3>;

// Folds `slots` rows of lanes that lie side by side in buffers[0] from slot `first` on, each of
// which has taken `rows` rows; returns the buffer that holds the results, side by side from the
// same slot on.
int fold(Accumulator& accumulator, const FoldBuffers& buffers, const FoldPlan& plan,
         std::int64_t first, std::int64_t slots, double rows);

}  // namespace boxel
