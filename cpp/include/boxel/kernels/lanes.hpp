// Loops over lanes, and what every accumulator shares.

// Lanes are independent: no loop carries a value from one lane to the next.
#ifndef BOXEL_EACH_LANE
#define BOXEL_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define BOXEL_EACH_LANE BOXEL_PRAGMA(clang loop vectorize(assume_safety))
#define BOXEL_EACH_LANE_OF_LINE BOXEL_EACH_LANE
#elif defined(__GNUC__)
#define BOXEL_EACH_LANE BOXEL_PRAGMA(GCC ivdep)
// A short loop would be unrolled before it could be vectorised.
#define BOXEL_EACH_LANE_OF_LINE BOXEL_PRAGMA(GCC unroll 1) BOXEL_PRAGMA(GCC ivdep)
#else
#define BOXEL_EACH_LANE
#define BOXEL_EACH_LANE_OF_LINE
#endif
#define BOXEL_INLINE inline __attribute__((always_inline))
// For lambdas, behind their parameters.
#define BOXEL_INLINED __attribute__((always_inline))
// One copy of a long loop for all its callers.
#define BOXEL_SHARED __attribute__((noinline))
#endif

namespace boxel::BOXEL_KERNELS {

// Calls body.template operator()<R>(start) for runs of R rows that make up a group; few distinct R,
// because each is a copy of the loop.
template <class Body>
BOXEL_INLINE void for_row_runs(int count, Body&& body) {
  int start = 0;
  while (count - start >= 8) {
    body.template operator()<8>(start);
    start += 8;
  }
  if (count - start >= 4) {
    body.template operator()<4>(start);
    start += 4;
  }
  switch (count - start) {
    case 3:
      body.template operator()<3>(start);
      break;
    case 2:
      body.template operator()<2>(start);
      break;
    case 1:
      body.template operator()<1>(start);
      break;
    default:
      break;
  }
}

template <class T, int R>
struct RowPointers {
  const T* rows[R];
  RowPointers(const RowGroup& group, int start) {
    for (int k = 0; k < R; ++k) {
      rows[k] = static_cast<const T*>(group.samples[static_cast<std::size_t>(start + k)]);
    }
  }
  explicit RowPointers(const T* only)
    requires(R == 1)
      : rows{only} {}
  RowPointers(const T* first, const T* second)
    requires(R == 2)
      : rows{first, second} {}
  RowPointers(const std::byte* first, const std::int64_t* offsets) {
    for (int k = 0; k < R; ++k) rows[k] = reinterpret_cast<const T*>(first + offsets[k]);
  }

  RowPointers from(std::int64_t lane) const {
    RowPointers result = *this;
    for (int k = 0; k < R; ++k) result.rows[k] += lane;
    return result;
  }
};

// Balanced sum of map(row k at lane), k in [A, B): short chains, small rounding.
template <class G, int A, int B, class T, class Map>
BOXEL_INLINE G sum_rows(const T* const* rows, std::int64_t lane, Map map) {
  if constexpr (B - A == 1) {
    return map(rows[A][lane]);
  } else {
    constexpr int middle = (A + B + 1) / 2;
    return static_cast<G>(sum_rows<G, A, middle>(rows, lane, map) +
                          sum_rows<G, middle, B>(rows, lane, map));
  }
}

// Balanced merge of B adjacent lanes.
template <int A, int B, class S, class Op>
BOXEL_INLINE S merge_adjacent(const S* lanes, Op op) {
  if constexpr (B - A == 1) {
    return lanes[A];
  } else {
    constexpr int middle = (A + B + 1) / 2;
    return op(merge_adjacent<A, middle>(lanes, op), merge_adjacent<middle, B>(lanes, op));
  }
}

template <int B, class S, class Op>
inline void fold_lanes(S* out, const S* in, std::int64_t count, Op op) {
  BOXEL_EACH_LANE
  for (std::int64_t j = 0; j < count; ++j) out[j] = merge_adjacent<0, B>(in + j * B, op);
}

// The sizes for which compilers vectorise the loop over windows of adjacent lanes.
constexpr bool vectorises_adjacent(int size, std::size_t lane_size) {
  if (size == 2 || size == 3 || size == 4) return true;
  return (size == 5 && lane_size >= 4) || (size == 8 && lane_size >= 2);
}

template <class S, class Op>
BOXEL_SHARED void fold_row(S* out, const S* in, std::int64_t count, int size, Op op) {
  switch (size) {
    case 2:
      return fold_lanes<2>(out, in, count, op);
    case 3:
      return fold_lanes<3>(out, in, count, op);
    case 4:
      return fold_lanes<4>(out, in, count, op);
    case 5:
      if constexpr (vectorises_adjacent(5, sizeof(S))) return fold_lanes<5>(out, in, count, op);
      break;
    case 8:
      if constexpr (vectorises_adjacent(8, sizeof(S))) return fold_lanes<8>(out, in, count, op);
      break;
    default:
      break;
  }
  throw std::logic_error("this number of adjacent lanes is not folded at once");
}

template <class S>
struct Add {
  BOXEL_INLINE S operator()(S a, S b) const { return static_cast<S>(a + b); }
};

template <class S>
inline void add_row(S* out, const S* a, const S* b, std::int64_t lanes) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) out[l] = static_cast<S>(a[l] + b[l]);
}

template <class S, std::int64_t Step>
inline void pick_lanes(S* out, const S* in, std::int64_t count) {
  BOXEL_EACH_LANE
  for (std::int64_t j = 0; j < count; ++j) out[j] = in[j * Step];
}

// Calls set(to, from) for each lane of a copy.
template <class Set>
BOXEL_INLINE void for_copied_lanes(const LaneCopy& copy, Set set) {
  // Mirrored margins are the usual case, which vectors reverse.
  if (copy.step == -1) {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < copy.lanes; ++l) set(copy.to + l, copy.from - l);
  } else {
    for (std::int64_t l = 0; l < copy.lanes; ++l) set(copy.to + l, copy.from + l * copy.step);
  }
}

// A few lanes, by vectors: what compilers make of std::copy_n() takes longer to begin than this.
template <class S>
BOXEL_INLINE void copy_few(const S* in, std::int64_t lanes, S* out) {
  constexpr std::int64_t width = BOXEL_VECTOR_BYTES / static_cast<std::int64_t>(sizeof(S));
  typedef S V __attribute__((vector_size(BOXEL_VECTOR_BYTES)));
  std::int64_t l = 0;
  for (; l + width <= lanes; l += width) {
    V v;
    std::memcpy(&v, in + l, sizeof(v));
    std::memcpy(out + l, &v, sizeof(v));
  }
  for (; l < lanes; ++l) out[l] = in[l];
}

// Lane k of the result is lane sizeof...(K) - 1 - k of `v`.
template <class V, int... K>
BOXEL_INLINE V reversed(V v, std::integer_sequence<int, K...>) {
  return __builtin_shufflevector(v, v, (static_cast<int>(sizeof...(K)) - 1 - K)...);
}

// out[l] = last[-l], which do not overlap. In explicit vectors: compilers reverse integers lane by
// lane. Short lanes move within 16 bytes only where shuffles cross no more.
template <class S>
inline void reverse_lanes(S* out, const S* last, std::int64_t lanes) {
  constexpr int bytes = sizeof(S) < 4 ? 16 : BOXEL_VECTOR_BYTES;
  constexpr int width = bytes / static_cast<int>(sizeof(S));
  typedef S V __attribute__((vector_size(bytes)));
  const auto reverse_at = [out, last](std::int64_t l) BOXEL_INLINED {
    V v;
    std::memcpy(&v, last - l - (width - 1), sizeof(v));
    v = reversed(v, std::make_integer_sequence<int, width>{});
    std::memcpy(out + l, &v, sizeof(v));
  };
  if (lanes < width) {
    for (std::int64_t l = 0; l < lanes; ++l) out[l] = last[-l];
    return;
  }
  for (std::int64_t l = 0; l + width <= lanes; l += width) reverse_at(l);
  reverse_at(lanes - width);
}

// Accumulator::copy_lanes() of one row of a state.
template <class S>
inline void copy_row_lanes(S* lanes, std::span<const LaneCopy> copies, std::int64_t count,
                           std::int64_t pitch) {
  for (std::int64_t k = 0; k < count; ++k, lanes += pitch) {
    for (const LaneCopy& copy : copies) {
      if (copy.step == -1) {
        reverse_lanes(lanes + copy.to, lanes + copy.from, copy.lanes);
      } else {
        for_copied_lanes(copy, [lanes](std::int64_t to, std::int64_t from)
                                   BOXEL_INLINED { lanes[to] = lanes[from]; });
      }
    }
  }
}

// A state of `Rows` rows of lanes of one type.
template <class S, int Rows>
class RowsOf : public Accumulator {
 public:
  static constexpr int state_rows = Rows;

  std::size_t lane_size() const override { return sizeof(S); }
  int rows() const override { return Rows; }

  bool folds_adjacent(int size) const override { return vectorises_adjacent(size, sizeof(S)); }

  void pick(Lanes out, Lanes in, std::int64_t count, std::int64_t step,
            std::int64_t inner) override {
    for (int row = 0; row < Rows; ++row) {
      pick_row(out.row<S>(row), in.row<S>(row), count, step, inner);
    }
  }

  void clear(Lanes state, std::int64_t lanes) override {
    for (int row = 0; row < Rows; ++row) std::fill_n(state.row<S>(row), lanes, S{});
  }

  void gather(Lanes out, Lanes in, const std::int64_t* index, std::int64_t count) override {
    for (int row = 0; row < Rows; ++row) {
      S* to = out.row<S>(row);
      const S* from = in.row<S>(row);
      for (std::int64_t k = 0; k < count; ++k) to[k] = from[index[k]];
    }
  }

  void copy_lanes(Lanes first, std::span<const LaneCopy> copies, std::int64_t count,
                  std::int64_t pitch) override {
    for (int row = 0; row < Rows; ++row) copy_row_lanes(first.row<S>(row), copies, count, pitch);
  }

  // In pairs, so that the partners of a merge hold as equally many samples as they can.
  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                   double held) override {
    this->merge(out, in, in.from(step), lanes, held, held);
    for (int term = 2; term < terms; ++term) {
      this->merge(out, out, in.from(term * step), lanes, term * held, held);
    }
  }

 protected:
  static void pick_row(S* out, const S* in, std::int64_t count, std::int64_t step,
                       std::int64_t inner) {
    if (inner == 1) {
      switch (step) {
        case 1:
          return pick_lanes<S, 1>(out, in, count);
        case 2:
          return pick_lanes<S, 2>(out, in, count);
        case 3:
          return pick_lanes<S, 3>(out, in, count);
        case 4:
          return pick_lanes<S, 4>(out, in, count);
        case 8:
          return pick_lanes<S, 8>(out, in, count);
        default:
          for (std::int64_t j = 0; j < count; ++j) out[j] = in[j * step];
          return;
      }
    }
    for (std::int64_t j = 0; j < count; ++j) {
      const S* group = in + j * step * inner;
      for (std::int64_t i = 0; i < inner; ++i) *out++ = group[i];
    }
  }
};

// States of `Rows` that are never tiled or padded: those that stay open, or slide.
template <class Rows>
class Untiled : public Rows {
 public:
  bool folds_adjacent(int) const override { return false; }
  void fold_adjacent(Lanes, Lanes, std::int64_t, int, double) override {
    throw std::logic_error("these states do not tile");
  }
  void take_constant(Lanes, std::int64_t, Value, double, double) override {
    throw std::logic_error("these states are not padded");
  }
};

// Terms of lanes that lie `step` apart, merged two by two.
template <int Terms, class S, class Op>
inline void merge_row_ahead(S* out, const S* in, std::int64_t lanes, std::int64_t step, Op op) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    S merged = op(in[l], in[l + step]);
    if constexpr (Terms == 3) merged = op(merged, in[l + 2 * step]);
    if constexpr (Terms == 4) merged = op(merged, op(in[l + 2 * step], in[l + 3 * step]));
    out[l] = merged;
  }
}

template <class S, class Op>
inline void merge_row_ahead(S* out, const S* in, std::int64_t lanes, std::int64_t step, int terms,
                            Op op) {
  if (terms == 2) return merge_row_ahead<2>(out, in, lanes, step, op);
  if (terms == 3) return merge_row_ahead<3>(out, in, lanes, step, op);
  return merge_row_ahead<4>(out, in, lanes, step, op);
}

}  // namespace boxel::BOXEL_KERNELS
