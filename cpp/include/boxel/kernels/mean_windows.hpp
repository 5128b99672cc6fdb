// Windows of states of means along rows, in as many operations for any size, and without giving up
// a lane: positions are cut into blocks of the windows' size, and a window is the suffix of one
// block and the prefix of the next (van Herk, 1992; Gil and Werman, 1993). Lanes of one row depend
// on each other then, those of several rows do not: rows become the lanes of vectors.

namespace boxel::BOXEL_KERNELS {

// Square i of a W x W matrix of vectors changes places with that which lies as far on the other
// side of the diagonal, of squares of H lanes.
template <int H, class V, int... K>
BOXEL_INLINE void swap_squares(V& upper, V& lower, std::integer_sequence<int, K...>) {
  constexpr int width = sizeof...(K);
  const V a = __builtin_shufflevector(upper, lower, ((K & H) ? width + K - H : K)...);
  const V b = __builtin_shufflevector(upper, lower, ((K & H) ? width + K : K + H)...);
  upper = a;
  lower = b;
}

// Lane k of vector i becomes lane i of vector k.
template <class V, int Width, int H = Width / 2>
BOXEL_INLINE void transpose_vectors(V* vectors) {
  if constexpr (H > 0) {
    for (int i = 0; i < Width; ++i) {
      if (i & H) continue;
      swap_squares<H>(vectors[i], vectors[i + H], std::make_integer_sequence<int, Width>{});
    }
    transpose_vectors<V, Width, H / 2>(vectors);
  }
}

template <bool SecondMoment>
class MeanWindows {
  using V = typename Vector<double>::type;
  static constexpr int width = Vector<double>::lanes;
  static constexpr int state_rows = SecondMoment ? 3 : 2;

 public:
  // Shorter windows take fewer operations by lanes that are merged two by two and four by four, and
  // the blocks of longer ones leave the second-level cache.
  static constexpr std::int64_t smallest = 24;
  static constexpr std::int64_t longest = 2048;

  // Windows of `size` lanes, each of which holds `held` samples.
  MeanWindows(std::int64_t size, double held)
      : size_(size),
        held_(held),
        block_(at(size)),
        suffixes_(at(size)),
        next_(at(size)),
        windows_(at(size)) {
    for (std::int64_t count = 1; count < size; ++count) {
      const auto lanes = static_cast<double>(count);
      const auto others = static_cast<double>(size - count);
      appended_.emplace_back(lanes * held, held);
      joined_.emplace_back(std::max(lanes, others) * held, std::min(lanes, others) * held);
    }
  }

  bool serves(std::int64_t size, double held) const { return size == size_ && held == held_; }

  // Of `lanes` windows of each row, of which the first one begins at `first` along the axis: blocks
  // lie where they lie however a row is cut.
  void put(Lanes out, std::int64_t out_pitch, Lanes in, std::int64_t in_pitch, std::int64_t rows,
           std::int64_t lanes, std::int64_t first) {
    for (std::int64_t row = 0; row < rows; row += width) {
      const int count = static_cast<int>(std::min<std::int64_t>(width, rows - row));
      put_rows({out.from<double>(row * out_pitch), out_pitch, count},
               {in.from<double>(row * in_pitch), in_pitch, count}, lanes, first % size_);
    }
  }

 private:
  // As many as there are; others repeat the last one.
  struct Rows {
    Lanes first;
    std::int64_t pitch;
    int count;

    std::int64_t lane(int k) const { return std::min(k, count - 1) * pitch; }
  };
  // With lanes behind the last position that are written and not read.
  struct alignas(sizeof(V)) Position {
    V rows[state_rows];

    BOXEL_INLINE MeanState<V> state() const {
      if constexpr (SecondMoment) return {{rows[0], rows[1]}, rows[2]};
      return {{rows[0], rows[1]}, V{}};
    }
    BOXEL_INLINE void set(const MeanState<V>& state) {
      rows[0] = state.mean.origin;
      rows[1] = state.mean.offset;
      if constexpr (SecondMoment) rows[2] = state.m2;
    }
  };
  using Positions = std::vector<Position>;

  static std::size_t at(std::int64_t position) {
    return static_cast<std::size_t>(position + width - 1);
  }

  // Positions `first`, ... of rows, and some more.
  static void load(Position* to, const Rows& rows, std::int64_t first, std::int64_t positions) {
    for (int row = 0; row < state_rows; ++row) {
      const double* lanes[width];
      for (int k = 0; k < width; ++k) {
        lanes[k] = rows.first.template row<double>(row) + first + rows.lane(k);
      }
      for (std::int64_t p = 0; p < positions; p += width) {
        V vectors[width];
        for (int k = 0; k < width; ++k) vectors[k] = load_vector(lanes[k] + p);
        transpose_vectors<V, width>(vectors);
        for (int k = 0; k < width; ++k) to[p + k].rows[row] = vectors[k];
      }
    }
  }

  static void store(const Position* from, const Rows& rows, std::int64_t first,
                    std::int64_t positions) {
    for (int row = 0; row < state_rows; ++row) {
      double* lanes[width];
      for (int k = 0; k < width; ++k) {
        lanes[k] = rows.first.template row<double>(row) + first + rows.lane(k);
      }
      const auto transposed = [from, row](std::int64_t p, V* vectors) BOXEL_INLINED {
        for (int k = 0; k < width; ++k) vectors[k] = from[p + k].rows[row];
        transpose_vectors<V, width>(vectors);
      };
      std::int64_t p = 0;
      for (; p + width <= positions; p += width) {
        V vectors[width];
        transposed(p, vectors);
        // The last one there is comes last, so that repeated ones are in its place before.
        for (int k = width; k-- > 0;) std::memcpy(lanes[k] + p, &vectors[k], sizeof(V));
      }
      if (p == positions) continue;
      V vectors[width];
      transposed(p, vectors);
      for (int k = width; k-- > 0;) {
        std::memcpy(lanes[k] + p, &vectors[k],
                    static_cast<std::size_t>(positions - p) * sizeof(double));
      }
    }
  }

  // The first block may begin before the row.
  void put_rows(const Rows& out, const Rows& in, std::int64_t lanes, std::int64_t into) {
    const std::int64_t positions = lanes + size_ - 1;
    load(block_.data() + into, in, 0, size_ - into);
    if (!make_suffixes<false>(into)) make_suffixes<true>(into);
    for (std::int64_t block = -into; block < lanes; block += size_) {
      const LaneRun windows{std::max<std::int64_t>(0, -block), std::min(size_, lanes - block)};
      const std::int64_t next = block + size_;
      if (next < positions) load(block_.data(), in, next, std::min(size_, positions - next));
      const bool goes_on = next < lanes;
      if (!make_windows<false>(windows, goes_on)) make_windows<true>(windows, goes_on);
      store(windows_.data() + windows.first, out, block + windows.first, windows.lanes());
      suffixes_.swap(next_);
    }
  }

  // Of the block, from position `begin` on. Returns whether they are finite: once one is not, all
  // that hold it are not.
  template <bool Careful>
  bool make_suffixes(std::int64_t begin) {
    MeanState<V> suffix{};
    for (std::int64_t k = 0; k < size_ - begin; ++k) {
      const std::int64_t place = size_ - 1 - k;
      suffix = extended<Careful>(suffix, block_[index(place)], k);
      suffixes_[index(place)].set(suffix);
    }
    return !any_negative(sign_of(suffix));
  }

  // Windows that begin in one block, from its suffixes and the prefixes of the next one, of which
  // the suffixes are made beside: so neither waits for the other. Returns whether all are finite.
  template <bool Careful>
  bool make_windows(LaneRun windows, bool goes_on) {
    MeanState<V> prefix{};
    MeanState<V> suffix{};
    typename Vector<std::int64_t>::type signs{};
    const auto make_window = [&](std::int64_t k) BOXEL_INLINED {
      const MeanState<V> window = joined<Careful>(suffixes_[index(k)].state(), prefix, k);
      windows_[index(k)].set(window);
      signs |= sign_of(window);
    };
    const auto make_suffix = [&](std::int64_t k) BOXEL_INLINED {
      const std::int64_t place = size_ - 1 - k;
      suffix = extended<Careful>(suffix, block_[index(place)], k);
      next_[index(place)].set(suffix);
    };
    if (windows.first == 0) windows_[0] = suffixes_[0];
    std::int64_t k = 0;
    for (; k + 1 < windows.end; ++k) {
      prefix = extended<Careful>(prefix, block_[index(k)], k);
      if (k + 1 >= windows.first) make_window(k + 1);
      if (goes_on) make_suffix(k);
    }
    for (; goes_on && k < size_; ++k) make_suffix(k);
    return !any_negative(signs | sign_of(suffix));
  }

  static std::size_t index(std::int64_t position) { return static_cast<std::size_t>(position); }

  static BOXEL_INLINE bool any_negative(typename Vector<std::int64_t>::type signs) {
    std::int64_t sign = 0;
    for (int k = 0; k < width; ++k) sign |= signs[k];
    return sign < 0;
  }

  // A state of `count` lanes, and one more.
  template <bool Careful>
  BOXEL_INLINE MeanState<V> extended(const MeanState<V>& state, const Position& lane,
                                     std::int64_t count) const {
    if (count == 0) return lane.state();
    return merged<Careful>(state, lane.state(), appended_[index(count - 1)]);
  }

  // A suffix, and a prefix of `count` lanes. The side that holds more comes first.
  template <bool Careful>
  BOXEL_INLINE MeanState<V> joined(const MeanState<V>& suffix, const MeanState<V>& prefix,
                                   std::int64_t count) const {
    const MergeWeights& by = joined_[index(count - 1)];
    if (2 * count > size_) return merged<Careful>(prefix, suffix, by);
    return merged<Careful>(suffix, prefix, by);
  }

  template <bool Careful>
  static BOXEL_INLINE MeanState<V> merged(const MeanState<V>& a, const MeanState<V>& b,
                                          const MergeWeights& by) {
    const MeanState<V> near =
        by.moves ? nearly_merged<true>(a, b, by) : nearly_merged<false>(a, b, by);
    if constexpr (!Careful) return near;
    if (!any_negative(sign_of(near))) return near;
    return by.moves ? merged_carefully<true>(near, a, b, by)
                    : merged_carefully<false>(near, a, b, by);
  }

  // In the place of lanes that are not finite.
  template <bool Moves>
  static MeanState<V> merged_carefully(MeanState<V> near, const MeanState<V>& a,
                                       const MeanState<V>& b, const MergeWeights& by) {
    const auto signs = sign_of(near);
    const auto lane_of = [](const MeanState<V>& state, int k) BOXEL_INLINED {
      return MeanState<double>{{state.mean.origin[k], state.mean.offset[k]}, state.m2[k]};
    };
    for (int k = 0; k < width; ++k) {
      const MeanState<double> careful = carefully_merged<Moves>(lane_of(a, k), lane_of(b, k), by);
      if (signs[k] >= 0) continue;
      near.mean.origin[k] = careful.mean.origin;
      near.mean.offset[k] = careful.mean.offset;
      near.m2[k] = careful.m2;
    }
    return near;
  }

  std::int64_t size_;
  double held_;
  std::vector<MergeWeights> appended_;  // to states of 1, 2, ... lanes
  std::vector<MergeWeights> joined_;    // of a prefix of 1, 2, ... lanes and a suffix
  Positions block_;
  Positions suffixes_;
  Positions next_;
  Positions windows_;
};

}  // namespace boxel::BOXEL_KERNELS
