// Taking rows in: a group at a time, or whole slots, whose adjacent lanes are folded while they are
// in the first-level cache. Both add in the same order.

namespace boxel::BOXEL_KERNELS {

template <class T>
inline constexpr std::int64_t lanes_of_line = static_cast<std::int64_t>(cache_line / sizeof(T));

// Asks for one line of each row, to be read `ahead` bytes later. Into the second-level cache, which
// waits for more lines at a time than the first. The place may lie outside the array: it is not
// read.
template <class T, int R>
BOXEL_INLINE void prefetch_line(const RowPointers<T, R>& rows, std::int64_t lane,
                                std::int64_t ahead) {
  for (int k = 0; k < R; ++k) {
    const auto place = reinterpret_cast<std::uintptr_t>(rows.rows[k] + lane);
    __builtin_prefetch(reinterpret_cast<const void*>(place + static_cast<std::uintptr_t>(ahead)), 0,
                       2);
  }
}

// Asks for the lines of results that are written `ahead` bytes behind these, unless that is 0.
template <class T>
BOXEL_INLINE void prefetch_results(const T* out, std::int64_t lanes, std::int64_t ahead) {
  if (ahead == 0) return;
  const auto place = reinterpret_cast<std::uintptr_t>(out) + static_cast<std::uintptr_t>(ahead);
  for (std::int64_t l = 0; l < lanes; l += lanes_of_line<T>) {
    const auto line = place + static_cast<std::uintptr_t>(l) * sizeof(T);
    __builtin_prefetch(reinterpret_cast<const void*>(line), 1);
  }
}

// Calls body(lane, lane of its line) for all lanes. Lines are asked for one by one: a burst of
// requests fills the queue of misses and stops the loads.
template <class T, int R, class Body>
BOXEL_INLINE void for_lines(const RowPointers<T, R>& rows, std::int64_t lanes, std::int64_t ahead,
                            Body body) {
  constexpr std::int64_t line = lanes_of_line<T>;
  std::int64_t start = 0;
  for (; start + line <= lanes; start += line) {
    if (ahead) prefetch_line(rows, start, ahead);
    BOXEL_EACH_LANE_OF_LINE
    for (std::int64_t l = 0; l < line; ++l) body(start + l, l);
  }
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes - start; ++l) body(start + l, l);
}

// Calls body(lane) for all lanes, where it updates what it reads: compilers would unroll such a
// loop over one line instead of vectorising it. A few lines are asked for at a time.
template <class T, int R, class Body>
BOXEL_INLINE void for_strips(const RowPointers<T, R>& rows, std::int64_t lanes, std::int64_t ahead,
                             Body body) {
  constexpr std::int64_t line = lanes_of_line<T>;
  constexpr std::int64_t strip = 8 * line;
  std::int64_t start = 0;
  for (; start + strip <= lanes; start += strip) {
    for (std::int64_t l = 0; ahead && l < strip; l += line) {
      prefetch_line(rows, start + l, ahead);
    }
    BOXEL_EACH_LANE
    for (std::int64_t l = start; l < start + strip; ++l) body(l);
  }
  BOXEL_EACH_LANE
  for (std::int64_t l = start; l < lanes; ++l) body(l);
}

// What accumulators of samples T inherit that take whole slots. They define
//   take_rows<R>(state, rows, lanes, before, ahead)
// which takes R rows into a state that holds `before` rows, or begins a new one if that is 0, and
// prefetches `ahead` bytes from each sample.
template <class Accumulator, class T, class S, class Base>
class SlotTaker : public Base {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    for_row_runs(group.count, [&]<int R>(int start) {
      const RowPointers<T, R> rows(group, start);
      Accumulator::take_rows(state, rows, lanes, taken + start, group.ahead);
    });
  }

  bool takes_slots(int window) const override {
    return window == 1 || this->folds_adjacent(window);
  }

  void take_slots(Lanes state, const SlotRows& slots, int window) override {
    if (window == 1) return take_part(state, slots, {slots.first, slots.slots, slots.lanes});
    alignas(cache_line) S memory[part_lanes * Rows];
    const Lanes taken(memory, part_lanes);
    const std::int64_t width = width_of_part(slots.lanes, window);
    const std::int64_t height = std::max<std::int64_t>(1, part_lanes / slots.lanes);
    for (std::int64_t slot = 0; slot < slots.slots; slot += height) {
      const std::byte* place = slots.first + slot * slots.stride;
      for (std::int64_t lane = 0; lane < slots.lanes; lane += width) {
        const Part part{place + lane * static_cast<std::int64_t>(sizeof(T)),
                        std::min(height, slots.slots - slot), std::min(width, slots.lanes - lane)};
        take_part(taken, slots, part);
        state = fold_part(state, taken, part, window, static_cast<double>(slots.offsets.size()));
      }
    }
  }

 private:
  // Some lanes of some slots.
  struct Part {
    const std::byte* first;
    std::int64_t slots;
    std::int64_t lanes;
  };

  static constexpr int Rows = Base::state_rows;
  static constexpr std::int64_t part_lanes = static_cast<std::int64_t>(4096 / sizeof(S));
  static_assert(part_lanes >= 8 * lanes_of_line<T>);

  // Rows that fit a part are not cut, longer ones into whole windows and lines.
  static std::int64_t width_of_part(std::int64_t lanes, int window) {
    return lanes <= part_lanes ? lanes : part_lanes - part_lanes % (window * lanes_of_line<T>);
  }

  // Slots of few rows go together, which saves calls; one of more rows is taken whole, because
  // prefetching counts on the order of slots.
  static void take_part(Lanes state, const SlotRows& slots, const Part& part) {
    const auto rows = static_cast<std::int64_t>(slots.offsets.size());
    const std::int64_t together = rows <= 4 || rows == 8 ? part.slots : 1;
    for (std::int64_t slot = 0; slot < part.slots; slot += together) {
      const std::byte* first = part.first + slot * slots.stride;
      for (std::int64_t taken = 0; taken < rows; taken += max_group) {
        take_group(state.from(slot * part.lanes), slots, {first, together, part.lanes}, taken);
      }
    }
  }

  static void take_group(Lanes state, const SlotRows& slots, const Part& part, std::int64_t taken) {
    const auto rows = static_cast<std::int64_t>(slots.offsets.size());
    const auto count = static_cast<int>(std::min<std::int64_t>(max_group, rows - taken));
    for_row_runs(count, [&]<int R>(int start) {
      const std::int64_t* offsets = slots.offsets.data() + taken + start;
      for (std::int64_t slot = 0; slot < part.slots; ++slot) {
        const RowPointers<T, R> pointers(part.first + slot * slots.stride, offsets);
        Accumulator::take_rows(state.from(slot * part.lanes), pointers, part.lanes, taken + start,
                               slots.ahead);
      }
    });
  }

  // Returns where the next part's results go.
  Lanes fold_part(Lanes out, Lanes taken, const Part& part, int window, double held) {
    const std::int64_t windows = part.lanes / window;
    const std::int64_t cut = part.lanes % window;
    if (cut == 0) {
      this->fold_adjacent(out, taken, part.slots * windows, window, held);
      return out.from(part.slots * windows);
    }
    for (std::int64_t slot = 0; slot < part.slots; ++slot) {
      this->fold_adjacent(out, taken, windows, window, held);
      out = out.from(windows);
      taken = taken.from(windows * window);
      merge_cut(out, taken, cut, held);
      out = out.from(1);
      taken = taken.from(cut);
    }
    return out;
  }

  // The lanes of a window that the row's end cuts, merged in order.
  void merge_cut(Lanes out, Lanes taken, std::int64_t lanes, double held) {
    this->pick(out, taken, 1, 1, 1);
    for (std::int64_t l = 1; l < lanes; ++l) {
      this->merge(out, out, taken.from(l), 1, held * static_cast<double>(l), held);
    }
  }
};

}  // namespace boxel::BOXEL_KERNELS
