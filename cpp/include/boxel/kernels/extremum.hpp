// Minimum and maximum; NaN wins, as in NumPy.

namespace boxel::BOXEL_KERNELS {

template <bool Largest, class T>
BOXEL_INLINE T extreme(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    const T picked = Largest ? (b > a ? b : a) : (b < a ? b : a);
    return b != b ? b : picked;  // a NaN in `a` loses no comparison and stays
  } else {
    return Largest ? (b > a ? b : a) : (b < a ? b : a);
  }
}

// The same of vectors.
template <bool Largest, class T>
BOXEL_INLINE typename Vector<T>::type extremes(typename Vector<T>::type a,
                                               typename Vector<T>::type b) {
  const auto picked = Largest ? (b > a ? b : a) : (b < a ? b : a);
  if constexpr (std::is_floating_point_v<T>) return b != b ? b : picked;
  return picked;
}

// merge_row_ahead() in vectors: compilers mix up the conditions of nested extremes of lanes.
template <bool Largest, int Terms, class T>
inline void merge_extremes_ahead(T* out, const T* in, std::int64_t lanes, std::int64_t step) {
  constexpr std::int64_t width = Vector<T>::lanes;
  const auto at = [in, step](std::int64_t l, int term)
                      BOXEL_INLINED { return load_vector(in + l + term * step); };
  const auto merge_at = [out, at](std::int64_t l) BOXEL_INLINED {
    auto merged = extremes<Largest, T>(at(l, 0), at(l, 1));
    if constexpr (Terms == 3) merged = extremes<Largest, T>(merged, at(l, 2));
    if constexpr (Terms == 4) {
      merged = extremes<Largest, T>(merged, extremes<Largest, T>(at(l, 2), at(l, 3)));
    }
    std::memcpy(out + l, &merged, sizeof(merged));
  };
  if (lanes < width) {
    return merge_row_ahead<Terms>(out, in, lanes, step,
                                  [](T a, T b) { return extreme<Largest>(a, b); });
  }
  for (std::int64_t l = 0; l + width <= lanes; l += width) merge_at(l);
  merge_at(lanes - width);
}

template <bool Largest, int A, int B, class T>
BOXEL_INLINE T extreme_of_rows(const T* const* rows, std::int64_t lane) {
  if constexpr (B - A == 1) {
    return rows[A][lane];
  } else {
    constexpr int middle = (A + B + 1) / 2;
    return extreme<Largest>(extreme_of_rows<Largest, A, middle>(rows, lane),
                            extreme_of_rows<Largest, middle, B>(rows, lane));
  }
}

template <class T>
constexpr Natural natural_of_sample() {
  if (std::is_floating_point_v<T>) return Natural::float64;
  return std::is_unsigned_v<T> ? Natural::uint64 : Natural::int64;
}

template <class T>
inline void copy_natural(const T* values, std::int64_t lanes, void* out) {
  using N =
      std::conditional_t<std::is_floating_point_v<T>, double,
                         std::conditional_t<std::is_unsigned_v<T>, std::uint64_t, std::int64_t>>;
  std::copy_n(values, lanes, static_cast<N*>(out));
}

template <class T>
BOXEL_INLINE T value_as(Value value) {
  if constexpr (std::is_floating_point_v<T>) return static_cast<T>(value.floating);
  return static_cast<T>(value.integer);
}

// Loses against every value.
template <bool Largest, class T>
constexpr T losing_value() {
  using L = std::numeric_limits<T>;
  if constexpr (std::is_floating_point_v<T>) return Largest ? -L::infinity() : L::infinity();
  return Largest ? L::lowest() : L::max();
}

template <class T, bool Largest>
class Extremum : public SlotTaker<Extremum<T, Largest>, T, T, RowsOf<T, 1>> {
 public:
  template <int R>
  BOXEL_SHARED static void take_rows(Lanes state, const RowPointers<T, R>& rows, std::int64_t lanes,
                                     std::int64_t before, std::int64_t ahead) {
    T* extremes = state.row<T>(0);
    const auto extreme_at = [=](std::int64_t l) BOXEL_INLINED {
      return extreme_of_rows<Largest, 0, R>(rows.rows, l);
    };
    if (before == 0) {
      for_lines(rows, lanes, ahead,
                [=](std::int64_t l, std::int64_t) BOXEL_INLINED { extremes[l] = extreme_at(l); });
    } else {
      for_lines(rows, lanes, ahead, [=](std::int64_t l, std::int64_t) BOXEL_INLINED {
        extremes[l] = extreme<Largest>(extremes[l], extreme_at(l));
      });
    }
  }

  void clear(Lanes state, std::int64_t lanes) override {
    std::fill_n(state.row<T>(0), lanes, losing_value<Largest, T>());
  }

  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                   double) override {
    T* merged = out.row<T>(0);
    const T* row = in.row<T>(0);
    if (terms == 2) return merge_extremes_ahead<Largest, 2>(merged, row, lanes, step);
    if (terms == 3) return merge_extremes_ahead<Largest, 3>(merged, row, lanes, step);
    merge_extremes_ahead<Largest, 4>(merged, row, lanes, step);
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    T* o = out.row<T>(0);
    const T* x = a.row<T>(0);
    const T* y = b.row<T>(0);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) o[l] = extreme<Largest>(x[l], y[l]);
  }

  void fold_adjacent(Lanes out, Lanes in, std::int64_t count, int size, double) override {
    fold_row(out.row<T>(0), in.row<T>(0), count, size,
             [](T a, T b) { return extreme<Largest>(a, b); });
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double, double) override {
    T* extremes = state.row<T>(0);
    const T constant = value_as<T>(value);
    for (std::int64_t l = 0; l < lanes; ++l) extremes[l] = extreme<Largest>(extremes[l], constant);
  }

  bool overlaps() const override { return true; }

  Natural natural(Statistic) const override { return natural_of_sample<T>(); }

  bool finish_as(DType dtype, Statistic, Lanes state, std::int64_t lanes, double count,
                 void* out) override {
    if (dtype != dtype_of_sample<T>() || count < 1) return false;
    std::copy_n(state.row<T>(0), lanes, static_cast<T*>(out));
    return true;
  }

  void finish(Statistic, Lanes state, std::int64_t lanes, Counts, double, void* out) override {
    copy_natural(state.row<T>(0), lanes, out);
  }
};

}  // namespace boxel::BOXEL_KERNELS
