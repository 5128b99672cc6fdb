// Sums of x and x^2 of float32 samples, for boxes that slide: the variance comes from n sum(x^2) -
// sum(x)^2, as it does for integers.
//
// The square of a float32 has 48 bits and is a double. Sums are kept in parts whose exact total
// counts: as double-doubles, which merge by Knuth's sum of two (1969); or, where a Grid proves that
// no sum of a part is rounded, in parts that were split at fixed places, as every sample is (x =
// coarse + fine). Such parts are added and given up one by one, without an error. What comes out
// depends on the totals alone, not on how they are kept.
//
// With 106 bits, n sum(x^2) - sum(x)^2 loses nothing that matters: the spread of float32 samples
// cancels at most 48 of them. That of a constant is 0 exactly for up to 2^26 samples.

namespace boxel::BOXEL_KERNELS {

// Where samples and their squares are split: each part lies on a grid of its own, between that of
// the part before and that of the samples. The grids are powers of two; adding and taking off
// 1.5 * 2^52 of them rounds to them.
struct Splits {
  int x_parts = 0;
  int q_parts = 0;
  double x = 0;  // 1.5 * 2^52 grids
  double q[2] = {};

  static constexpr double shift = 0x1.8p52;

  // Whether no sum of `samples` samples on `grid` is rounded in any part.
  bool exact(const Grid& grid, double samples) const {
    const double finest = grid.finest;
    const double largest = grid.largest;
    return parts_exact(x_parts, &x, largest, finest, samples) &&
           parts_exact(q_parts, q, largest * largest, finest * finest, samples);
  }

  // Parts of what is at most `largest` and lies on `finest`.
  static bool parts_exact(int parts, const double* shifts, double largest, double finest,
                          double samples) {
    for (int k = 0; k + 1 < parts; ++k) {
      const double grid = shifts[k] / shift;
      // Rounding can make it larger: by half a grid, which is less than itself again.
      if (!(2 * largest * samples < 0x1p53 * grid)) return false;
      largest = grid / 2;
    }
    return 2 * largest * samples < 0x1p54 * finest;
  }

  // As many bits are left before each grid, and before the samples' own.
  static void place(int parts, double* shifts, double largest, double finest, double samples) {
    if (parts < 2) return;
    // An image that is empty so far says nothing of its samples.
    if (largest == 0) largest = finest = 1;
    const double before = std::log2(2 * samples) - 53;
    const double range = std::log2(largest) - std::log2(finest);
    const double spare = -(range + parts * before) / parts;
    double grid = std::log2(largest);
    for (int k = 0; k + 1 < parts; ++k) {
      grid += before + spare;
      shifts[k] = shift * std::exp2(std::round(grid));
    }
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

class FloatSquares final : public RowsOf<double, 5> {
  // Sums of x in up to two parts, of x^2 in up to three.
  static constexpr int x_row = 0;
  static constexpr int square_row = 2;

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    for (int k = 0; k < group.count; ++k) {
      const auto* row = static_cast<const float*>(group.samples[static_cast<std::size_t>(k)]);
      const bool first = taken + k == 0;
      if (merges()) {
        take_merged(state, row, lanes, first);
      } else {
        with_parts([&]<int X, int Q>()
                       BOXEL_INLINED { take_split<X, Q>(state, row, lanes, splits_, first); });
      }
    }
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double, double) override {
    if (!merges()) {
      return for_used_rows([&](int row) {
        add_row(out.row<double>(row), a.row<double>(row), b.row<double>(row), lanes);
      });
    }
    for (const int row : {x_row, square_row}) {
      double* high = out.row<double>(row);
      double* low = out.row<double>(row + 1);
      const double* a_high = a.row<double>(row);
      const double* a_low = a.row<double>(row + 1);
      const double* b_high = b.row<double>(row);
      const double* b_low = b.row<double>(row + 1);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Parts2 sum = add_parts({a_high[l], a_low[l]}, {b_high[l], b_low[l]});
        high[l] = sum.high;
        low[l] = sum.low;
      }
    }
  }

  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                   double held) override {
    if (merges()) return RowsOf<double, 5>::merge_ahead(out, in, lanes, step, terms, held);
    for_used_rows([&](int row) {
      merge_row_ahead(out.row<double>(row), in.row<double>(row), lanes, step, terms, Add<double>{});
    });
  }

  bool folds_adjacent(int) const override { return false; }
  void fold_adjacent(Lanes, Lanes, std::int64_t, int, double) override {
    throw std::logic_error("sums of squares of floats do not tile");
  }
  void take_constant(Lanes, std::int64_t, Value, double, double) override {
    throw std::logic_error("sums of squares of floats do not tile");
  }

  Subtraction subtraction() const override { return Subtraction::if_exact; }
  bool splits() const override { return true; }

  bool may_exchange(const Grid& grid, double samples) const override {
    return splits_.x_parts > 0 && splits_.exact(grid, samples);
  }

  // In as few parts as leave some bits for samples that come later, or else in the most.
  bool begin_exchanges(const Grid& grid, double samples) override {
    if (try_parts<1, 1>(grid, samples * spare)) return true;
    if (try_parts<1, 2>(grid, samples * spare)) return true;
    if (try_parts<2, 3>(grid, samples)) return true;
    end_exchanges();
    return false;
  }
  void end_exchanges() override { splits_ = {}; }

  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t ahead) override {
    const RowPointers<float, 1> rows(static_cast<const float*>(added));
    const auto* gone = static_cast<const float*>(removed);
    with_parts([&]<int X, int Q>() BOXEL_INLINED {
      const Places<X, Q> places(state);
      const Splits splits = splits_;
      for_strips(rows, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
        const Terms<X, Q> in(rows.rows[0][l], splits);
        const Terms<X, Q> out(gone[l], splits);
        for (int k = 0; k < X; ++k) places.x[k][l] = places.x[k][l] + in.x[k] - out.x[k];
        for (int k = 0; k < Q; ++k) places.q[k][l] = places.q[k][l] + in.q[k] - out.q[k];
      });
    });
  }

  void exchange_states(Lanes out, Lanes from, Lanes added, Lanes removed,
                       std::int64_t lanes) override {
    for_used_rows([&](int row) {
      exchange_row(out.row<double>(row), from.row<double>(row), added.row<double>(row),
                   removed.row<double>(row), lanes);
    });
  }

  void exchange_windows(Lanes out, Lanes in, std::int64_t lanes, std::int64_t size) override {
    for_used_rows([&](int row) {
      BOXEL_KERNELS::exchange_windows(in.row<double>(row), lanes, size,
                                      KeptWindows<double>{out.row<double>(row)});
    });
  }

  Natural natural(Statistic) const override { return Natural::float64; }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    if (merges()) return finish_parts<2, 2>(statistic, state, lanes, counts, ddof, values);
    with_parts([&]<int X, int Q>() BOXEL_INLINED {
      finish_parts<X, Q>(statistic, state, lanes, counts, ddof, values);
    });
  }

 private:
  // Room for samples that are so many times as large, or as fine.
  static constexpr double spare = 0x1p8;

  // Double-doubles, which give up nothing.
  bool merges() const { return splits_.x_parts == 0; }

  template <int X, int Q>
  bool try_parts(const Grid& grid, double samples) {
    Splits splits;
    splits.x_parts = X;
    splits.q_parts = Q;
    Splits::place(X, &splits.x, grid.largest, grid.finest, samples);
    Splits::place(Q, splits.q, grid.largest * grid.largest, grid.finest * grid.finest, samples);
    if (!splits.exact(grid, samples)) return false;
    splits_ = splits;
    return true;
  }

  template <class Body>
  BOXEL_INLINE void with_parts(Body&& body) const {
    if (merges()) throw std::logic_error("sums of squares give up samples only where split");
    if (splits_.x_parts == 2) return body.template operator()<2, 3>();
    if (splits_.q_parts == 2) return body.template operator()<1, 2>();
    body.template operator()<1, 1>();
  }

  template <class Body>
  void for_used_rows(Body&& body) const {
    for (int k = 0; k < splits_.x_parts; ++k) body(x_row + k);
    for (int k = 0; k < splits_.q_parts; ++k) body(square_row + k);
  }

  template <int X, int Q>
  struct Places {
    double* x[X];
    double* q[Q];
    explicit Places(Lanes state) {
      for (int k = 0; k < X; ++k) x[k] = state.row<double>(x_row + k);
      for (int k = 0; k < Q; ++k) q[k] = state.row<double>(square_row + k);
    }
  };

  template <int X, int Q>
  struct Terms {
    double x[X];
    double q[Q];
    BOXEL_INLINE Terms(float sample, const Splits& splits) {
      const auto value = static_cast<double>(sample);
      split<X>(value, &splits.x, x);
      split<Q>(value * value, splits.q, q);
    }
  };

  template <int X, int Q>
  static void take_split(Lanes state, const float* row, std::int64_t lanes, const Splits splits,
                         bool first) {
    const Places<X, Q> places(state);
    if (first) {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Terms<X, Q> terms(row[l], splits);
        for (int k = 0; k < X; ++k) places.x[k][l] = terms.x[k];
        for (int k = 0; k < Q; ++k) places.q[k][l] = terms.q[k];
      }
      return;
    }
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const Terms<X, Q> terms(row[l], splits);
      for (int k = 0; k < X; ++k) places.x[k][l] += terms.x[k];
      for (int k = 0; k < Q; ++k) places.q[k][l] += terms.q[k];
    }
  }

  static void take_merged(Lanes state, const float* row, std::int64_t lanes, bool first) {
    // The part that double-doubles lack: zeros that stand beyond a border are none the less split.
    if (first) std::fill_n(state.row<double>(square_row + 2), lanes, 0.0);
    const Places<2, 2> places(state);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const auto value = static_cast<double>(row[l]);
      const Parts2 x =
          first ? Parts2{value, 0.0} : add_parts({places.x[0][l], places.x[1][l]}, {value, 0.0});
      const Parts2 q = first ? Parts2{value * value, 0.0}
                             : add_parts({places.q[0][l], places.q[1][l]}, {value * value, 0.0});
      places.x[0][l] = x.high;
      places.x[1][l] = x.low;
      places.q[0][l] = q.high;
      places.q[1][l] = q.low;
    }
  }

  // The total of parts, of which each is small against the one before.
  template <int Parts>
  static BOXEL_INLINE Parts2 total(const double* parts) {
    if constexpr (Parts == 1) {
      return {parts[0], 0.0};
    } else if constexpr (Parts == 2) {
      return two_sum(parts[0], parts[1]);
    } else {
      const Parts2 rest = two_sum(parts[1], parts[2]);
      const Parts2 sum = two_sum(parts[0], rest.high);
      return fast_two_sum(sum.high, sum.low + rest.low);
    }
  }

  // n sum(x^2) - sum(x)^2; what is not finite ends as NaN.
  static BOXEL_INLINE double scaled_m2(Parts2 x, Parts2 q, double count) {
    const Parts2 scaled = two_product(count, q.high);
    const Parts2 square = two_product(x.high, x.high);
    const double low = (scaled.low + count * q.low) - (square.low + 2 * x.high * x.low);
    const double m2 = (scaled.high - square.high) + low;
    return m2 < 0 ? 0.0 : m2;
  }

  template <int X, int Q>
  static void finish_parts(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts,
                           double ddof, double* out) {
    const Places<X, Q> places(state);
    const auto scaled = [places](std::int64_t l, double count) BOXEL_INLINED {
      double x[X];
      double q[Q];
      for (int k = 0; k < X; ++k) x[k] = places.x[k][l];
      for (int k = 0; k < Q; ++k) q[k] = places.q[k][l];
      return scaled_m2(total<X>(x), total<Q>(q), count);
    };
    const auto factor = [ddof](double count) BOXEL_INLINED {
      const double freedom = count - ddof;
      return freedom > 0 ? 1.0 / (count * freedom) : not_a_number();
    };
    if (counts.per_lane) {
      for (std::int64_t l = 0; l < lanes; ++l) {
        const auto count = static_cast<double>(counts.per_lane[l]);
        out[l] = scaled(l, count) * factor(count);
      }
    } else {
      const double count = counts.uniform;
      const double by = factor(count);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) out[l] = scaled(l, count) * by;
    }
    if (statistic != Statistic::std) return;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) out[l] = std::sqrt(out[l]);
  }

  Splits splits_;
};

}  // namespace boxel::BOXEL_KERNELS
