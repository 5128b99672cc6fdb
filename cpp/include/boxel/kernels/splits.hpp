// Sums of floats in parts that are split at fixed places, as every sample is (x = coarse + fine):
// each part lies on a grid of its own, between that of the part before and that of the samples.
// Where no sum of a part is rounded, parts are added and given up one by one without an error.

namespace boxel::BOXEL_KERNELS {

// The grids are powers of two; adding and taking off 1.5 * 2^52 of them rounds to them.
template <int Most>
struct Splits {
  int parts = 0;  // 0: nothing is split
  double shifts[Most - 1] = {};

  static constexpr double shift = 0x1.8p52;

  // In `count` parts of which as many bits are left before each grid, and before the samples' own,
  // for sums of `samples` samples.
  static Splits placed(int count, const Grid& grid, double samples) {
    Splits splits;
    splits.parts = count;
    // An image that is empty so far says nothing of its samples.
    const double largest = grid.largest == 0 ? 1 : grid.largest;
    const double finest = grid.largest == 0 ? 1 : grid.finest;
    const double before = std::log2(2 * samples) - 53;
    const double range = std::log2(largest) - std::log2(finest);
    const double spare = -(range + count * before) / count;
    double place = std::log2(largest);
    for (int k = 0; k + 1 < count; ++k) {
      place += before + spare;
      splits.shifts[k] = shift * std::exp2(std::round(place));
    }
    return splits;
  }

  // Whether no sum of `samples` samples on `grid` is rounded in any part.
  bool exact(const Grid& grid, double samples) const {
    double largest = grid.largest;
    for (int k = 0; k + 1 < parts; ++k) {
      const double step = shifts[k] / shift;
      // Rounding can make it larger: by half a step, which is less than itself again.
      if (!(2 * largest * samples < 0x1p53 * step)) return false;
      largest = step / 2;
    }
    return 2 * largest * samples < 0x1p54 * grid.finest;
  }
};

template <int Parts>
BOXEL_INLINE void split(double value, const double* shifts, double* parts) {
  if constexpr (Parts == 1) {
    parts[0] = value;
  } else {
    parts[0] = (value + shifts[0]) - shifts[0];
    split<Parts - 1>(value - parts[0], shifts + 1, parts + 1);
  }
}

// The total of parts, of which each is small against the one before, in three.
template <int Parts>
BOXEL_INLINE Parts3 in_three(const double* parts) {
  // What cancels in the first two leaves all that the last ones hold: each step is exact.
  double terms[Parts];
  for (int k = 0; k < Parts; ++k) terms[k] = parts[k];
  for (int pass = 0; pass < Parts - 2; ++pass) {
    for (int k = Parts - 1; k > 0; --k) {
      const Parts2 sum = two_sum(terms[k - 1], terms[k]);
      terms[k - 1] = sum.high;
      terms[k] = sum.low;
    }
  }
  double rest = terms[Parts - 1];
  for (int k = Parts - 2; k > 1; --k) rest = terms[k] + rest;
  return {terms[0], terms[1], rest};
}

// In two, by in_two() or nearest_in_two() where there are more.
template <int Parts, Parts2 (*InTwo)(Parts3)>
BOXEL_INLINE Parts2 total(const double* parts) {
  if constexpr (Parts == 1) {
    return {parts[0], 0.0};
  } else if constexpr (Parts == 2) {
    return two_sum(parts[0], parts[1]);
  } else {
    return InTwo(in_three<Parts>(parts));
  }
}

// A row of a state whose lanes are added, as S.
template <class S>
struct UsedRow {
  int index;
  BOXEL_INLINE S* of(Lanes state) const { return state.row<S>(index); }

  template <class Visit>
  void for_rows(Visit&& visit) const {
    visit(index);
  }
  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes) const {
    add_row(of(out), of(a), of(b), lanes);
  }
  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms) const {
    merge_row_ahead(of(out), of(in), lanes, step, terms, Add<S>{});
  }
  void exchange(Lanes out, Lanes from, Lanes added, Lanes removed, std::int64_t lanes) const {
    exchange_row(of(out), of(from), of(added), of(removed), lanes);
  }
};

// Windows along such a row: of what counts of its lanes, into another row or its own.
template <class S, class Of = WholeLanes>
struct RowScan {
  UsedRow<S> from;
  UsedRow<S> to;
};

// A state whose rows are parts while samples may be exchanged, as many as needed, and something
// else while states merge. Only boxes that slide have such sums.
// `Sums` defines merges(); for_used_rows(visit), which calls visit(UsedRow<S> or the like) for
// those of the parts; and for_windows(visit), which calls visit(RowScan<S, Of>) for all of their
// windows.
template <class Sums, int Rows>
class SplitSums : public Untiled<RowsOf<double, Rows>> {
 public:
  Subtraction subtraction() const override { return Subtraction::if_exact; }
  bool splits() const override { return true; }
  // What windows in other rows than their own need in the end.
  void settle_windows(Lanes, std::int64_t) const {}
  Natural natural(Statistic) const override { return Natural::float64; }

  void pick(Lanes out, Lanes in, std::int64_t count, std::int64_t step,
            std::int64_t inner) override {
    if (sums().merges()) return RowsOf<double, Rows>::pick(out, in, count, step, inner);
    for_each_row([&](int row) {
      this->pick_row(out.template row<double>(row), in.template row<double>(row), count, step,
                     inner);
    });
  }

  void copy_lanes(Lanes first, std::span<const LaneCopy> copies, std::int64_t count,
                  std::int64_t pitch) override {
    if (sums().merges()) return RowsOf<double, Rows>::copy_lanes(first, copies, count, pitch);
    for_each_row(
        [&](int row) { copy_row_lanes(first.template row<double>(row), copies, count, pitch); });
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    if (sums().merges()) return Sums::merge_whole(out, a, b, lanes);
    sums().for_used_rows([&](auto rows) { rows.merge(out, a, b, lanes); });
  }

  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                   double held) override {
    if (sums().merges()) {
      return RowsOf<double, Rows>::merge_ahead(out, in, lanes, step, terms, held);
    }
    sums().for_used_rows([&](auto rows) { rows.merge_ahead(out, in, lanes, step, terms); });
  }

  void exchange_states(Lanes out, Lanes from, Lanes added, Lanes removed,
                       std::int64_t lanes) override {
    sums().for_used_rows([&](auto rows) { rows.exchange(out, from, added, removed, lanes); });
  }

  void exchange_windows(Lanes out, Lanes in, std::int64_t lanes, std::int64_t size) override {
    sums().for_windows([&]<class S, class Of>(RowScan<S, Of> rows) {
      BOXEL_KERNELS::exchange_windows(rows.from.of(in), lanes, size,
                                      KeptWindows<S>{rows.to.of(out)}, Of{});
    });
    sums().settle_windows(out, lanes);
  }

  // A strip of lanes at a time, whose windows stay in the first-level cache until they are cast.
  bool finish_windows_as(DType dtype, Statistic statistic, Lanes in, const RowWindows& windows,
                         void* out) override {
    if (sums().merges() || !windows.exchanges || windows.size < smallest_exchanged_window) {
      return false;
    }
    if (dtype == DType::float32) {
      finish_windows<float>(statistic, in, windows, out);
      return true;
    }
    if (dtype == DType::float64) {
      finish_windows<double>(statistic, in, windows, out);
      return true;
    }
    return false;
  }

 private:
  static constexpr std::int64_t strip_lanes = 256;

  template <class Out>
  void finish_windows(Statistic statistic, Lanes in, const RowWindows& windows, void* out) {
    auto* place = static_cast<std::byte*>(out);
    for (std::int64_t row = 0; row < windows.rows; ++row) {
      finish_row(statistic, in, windows, reinterpret_cast<Out*>(place));
      in = in.template from<double>(windows.pitch);
      place += windows.stride;
    }
  }

  template <class Out>
  void finish_row(Statistic statistic, Lanes in, const RowWindows& windows, Out* out) {
    alignas(cache_line) double memory[Rows * strip_lanes];
    [[maybe_unused]] alignas(cache_line) double values[strip_lanes];
    const Lanes strip(memory, strip_lanes);
    Scans scans;
    sums().for_windows([&](auto rows) { scans.of(rows) = {rows.from.of(in), windows.size}; });
    for (std::int64_t first = 0; first < windows.lanes; first += strip_lanes) {
      const std::int64_t lanes = std::min(windows.lanes - first, strip_lanes);
      prefetch_results(out + first, lanes, windows.ahead);
      sums().for_windows([&](auto rows) { scans.of(rows).put(rows.to.of(strip), lanes); });
      sums().settle_windows(strip, lanes);
      const Counts counts{windows.count, nullptr};
      if constexpr (std::is_same_v<Out, double>) {
        sums().finish(statistic, strip, lanes, counts, windows.ddof, out + first);
      } else {
        sums().finish(statistic, strip, lanes, counts, windows.ddof, values);
        BOXEL_EACH_LANE
        for (std::int64_t l = 0; l < lanes; ++l) out[first + l] = static_cast<Out>(values[l]);
      }
    }
  }

  // Whatever they are, lanes are moved as doubles.
  template <class Visit>
  void for_each_row(Visit visit) {
    sums().for_used_rows([&](auto rows) { rows.for_rows(visit); });
  }

  // Of all rows, whatever their lanes are.
  class Scans {
   public:
    auto& of(RowScan<double> rows) { return doubles_[rows.from.index]; }
    auto& of(RowScan<std::uint64_t> rows) { return words_[rows.from.index]; }
    auto& of(RowScan<std::uint64_t, HighHalves>) { return high_; }
    auto& of(RowScan<std::uint64_t, LowHalves>) { return low_; }

   private:
    WindowScan<double> doubles_[Rows];
    WindowScan<std::uint64_t> words_[Rows];
    WindowScan<std::uint64_t, HighHalves> high_;
    WindowScan<std::uint64_t, LowHalves> low_;
  };

  Sums& sums() { return static_cast<Sums&>(*this); }
};

}  // namespace boxel::BOXEL_KERNELS
