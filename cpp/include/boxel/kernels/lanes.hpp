// Loops over lanes, and what every accumulator shares.

// Lanes are independent: no loop carries a value from one lane to the next.
#ifndef BOXEL_EACH_LANE
#define BOXEL_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define BOXEL_EACH_LANE BOXEL_PRAGMA(clang loop vectorize(assume_safety))
#elif defined(__GNUC__)
#define BOXEL_EACH_LANE BOXEL_PRAGMA(GCC ivdep)
#else
#define BOXEL_EACH_LANE
#endif
#define BOXEL_INLINE inline __attribute__((always_inline))
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

template <class S, std::int64_t Step>
inline void pick_lanes(S* out, const S* in, std::int64_t count) {
  BOXEL_EACH_LANE
  for (std::int64_t j = 0; j < count; ++j) out[j] = in[j * Step];
}

// A state of `Rows` rows of lanes of one type.
template <class S, int Rows>
class RowsOf : public Accumulator {
 public:
  std::size_t lane_size() const override { return sizeof(S); }
  int rows() const override { return Rows; }

  void pick(Lanes out, Lanes in, std::int64_t count, std::int64_t step,
            std::int64_t inner) override {
    for (int row = 0; row < Rows; ++row) {
      pick_row(out.row<S>(row), in.row<S>(row), count, step, inner);
    }
  }

 private:
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

}  // namespace boxel::BOXEL_KERNELS
